"""Many logins at the same instant."""

import subprocess

import pytest

import enrollment
import people
from attempts import BUILT, AtThePrompt, log_in, race

ROUNDS = 50
AT_ONCE = 16
# Fifteen of a round's sixteen are failures of that person, and a hundred close the account to
# strangers: a person serves for some rounds only.
ROUNDS_A_PERSON = 5


def crowd(person, answer):
    return [(person, f"192.0.2.{number + 1}", answer) for number in range(AT_ONCE)]


def test_given_one_code_offered_by_sixteen_logins_then_exactly_one_gets_in(enroll_another):
    accepted = []
    for round_number in range(ROUNDS):
        if round_number % ROUNDS_A_PERSON == 0:
            somebody = enroll_another()
        accepted.append(race(*crowd(somebody, somebody.phone.fresh())).count(0))
    assert accepted == [1] * ROUNDS


def test_given_one_recovery_code_offered_by_sixteen_logins_then_exactly_one_gets_in(enroll_another):
    accepted = []
    for round_number in range(ROUNDS):
        number = round_number % ROUNDS_A_PERSON
        if number == 0:
            somebody = enroll_another()
        accepted.append(race(*crowd(somebody, somebody.recovery_codes[number])).count(0))
    assert accepted == [1] * ROUNDS
    assert enrollment.status(somebody.person)["recovery_codes"]["left"] == 10 - ROUNDS_A_PERSON


def test_given_one_code_offered_at_two_services_and_by_the_helper_then_one_gets_in(enroll_another):
    for _ in range(10):
        somebody = enroll_another()
        code = somebody.phone.fresh()
        by_helper = AtThePromptOfTheUser(somebody, code)
        by_root = race(*crowd(somebody, code)[:8])
        assert by_root.count(0) + by_helper.finish() == 1


class AtThePromptOfTheUser:
    """Four logins run by the person, through the helper, beside those that root runs."""

    def __init__(self, somebody, code):
        words = [str(BUILT / "race"), "-s", "cs-code"]
        for _ in range(4):
            words += [somebody.name, "-", code]
        self.process = subprocess.Popen(somebody.person.command(*words), stdout=subprocess.PIPE,
                                        text=True, cwd="/")

    def finish(self):
        return self.process.communicate(timeout=60)[0].split().count("0")


def test_given_sixteen_people_with_their_own_codes_at_once_then_all_get_in(enroll_another):
    everybody = [enroll_another() for _ in range(AT_ONCE)]
    for _ in range(3):
        runners = [(somebody, "-", somebody.phone.fresh()) for somebody in everybody]
        assert race(*runners) == [0] * AT_ONCE


def test_given_a_race_with_the_password_first_then_exactly_one_gets_in(enroll_another):
    somebody = enroll_another()
    runners = crowd(somebody, somebody.phone.fresh())
    results = race(*runners, service="cs-login", password=people.PASSWORD)
    assert results.count(0) == 1


@pytest.mark.parametrize("others", ["right", "wrong", "abandoned"])
def test_given_other_attempts_then_a_person_at_the_prompt_is_not_disturbed(enrolled, others):
    phone = enrolled.phone
    earlier = phone.fresh()
    waiting = AtThePrompt(enrolled, rhost="203.0.113.7")
    for number in range(20):
        if others == "abandoned":
            AtThePrompt(enrolled, rhost="198.51.100.9").abandon()
        elif others == "wrong":
            assert not log_in(enrolled, phone.wrong(number), rhost="198.51.100.9").accepted
        else:
            log_in(enrolled, earlier, rhost="198.51.100.9")
    assert waiting.answer(phone.fresh()).accepted


def test_given_hundreds_at_the_prompt_then_the_next_one_still_gets_in(enrolled):
    waiting = [AtThePrompt(enrolled, rhost="198.51.100.9") for _ in range(200)]
    try:
        assert log_in(enrolled, enrolled.phone.fresh(), rhost="203.0.113.7").accepted
    finally:
        for login in waiting:
            login.abandon()


def test_given_an_account_removed_while_a_person_types_then_the_code_is_refused(enrolled):
    waiting = AtThePrompt(enrolled, rhost="203.0.113.7")
    subprocess.run(["twostep", "admin", "reset", enrolled.name], check=True, capture_output=True)
    assert not waiting.answer(enrolled.phone.fresh()).accepted
