"""Password and code in one answer: it is divided before the password module, and judged behind it."""

import pytest

import configuration
import enrollment
import people
import stacks
from attempts import AUTH_ERR, PERM_DENIED, log_in

FORWARD = "auth requisite pam_twostep.so forward_pass\n"
ASK = "auth required pam_twostep.so after_first_step\n"
REST = ("account required pam_unix.so\naccount required pam_twostep.so\nsession required pam_permit.so\n")
# The password modules of distributions, between the two lines.
AROUND_THE_PASSWORD = {
    "Debian's common-auth": "@include cs-common-auth\n",
    "sufficient and deny, in an include": "auth include cs-password-auth\n",
    "faillock": (
        "auth requisite pam_faillock.so preauth dir=/run/twostep-view/faillock\n"
        "auth [success=1 default=ignore] pam_unix.so nodelay use_first_pass\n"
        "auth [default=die] pam_faillock.so authfail dir=/run/twostep-view/faillock\n"
        "auth required pam_faillock.so authsucc dir=/run/twostep-view/faillock\n"),
    "try_first_pass": "auth [success=ok default=die] pam_unix.so nodelay try_first_pass\n",
}


@pytest.fixture(autouse=True)
def service():
    stacks.write("cs-forward", stacks.FORWARD_PASS)
    stacks.write("cs-password-auth", "auth [success=ok default=die] pam_unix.so nodelay\n")


def enter(somebody, answer, *more, service="cs-forward", **options):
    return log_in(somebody, answer, *more, service=service, **options)


def exempt(*users):
    configuration.write(policy={"exempt_users": [user.name for user in users]})


def test_given_password_and_code_in_one_answer_then_both_are_judged_once(enrolled, neighbor):
    password, phone = enrolled.person.password, enrolled.phone
    code = phone.fresh()
    told = enter(enrolled, password + code)
    assert told.accepted and len(told.prompts) == 1
    assert not enter(enrolled, password + code).accepted
    assert not enter(enrolled, "wrong" + phone.fresh()).accepted
    assert not enter(enrolled, password + phone.wrong()).accepted
    assert not enter(enrolled, phone.fresh()).accepted
    assert not enter(enrolled, ":null").accepted and not enter(enrolled, "").accepted
    assert enter(neighbor, neighbor.password).accepted


def test_given_a_password_alone_then_the_code_is_asked(enrolled):
    told = enter(enrolled, enrolled.person.password, enrolled.phone.fresh())
    assert told.accepted and len(told.prompts) == 2


def test_given_a_recovery_code_behind_the_password_then_it_counts_once(enrolled):
    first, second = enrolled.recovery_codes[:2]
    assert enter(enrolled, enrolled.person.password + first).accepted
    assert not enter(enrolled, enrolled.person.password + first).accepted
    assert enter(enrolled, enrolled.person.password + second.lower()).accepted


@pytest.mark.parametrize("lines", AROUND_THE_PASSWORD.values(), ids=AROUND_THE_PASSWORD.keys())
def test_given_the_lines_of_a_distribution_then_one_answer_is_enough_and_no_stranger_spends_a_code(enrolled, lines):
    stacks.write("cs-forward", FORWARD + lines + ASK + REST)
    code = enrolled.phone.fresh()
    assert not enter(enrolled, "wrong" + code).accepted
    told = enter(enrolled, enrolled.person.password + code)
    assert told.accepted and len(told.prompts) == 1
    assert not enter(enrolled, enrolled.person.password + enrolled.phone.wrong()).accepted


def test_given_150_answers_without_the_password_then_user_and_codes_are_undisturbed(enrolled, journal):
    code = enrolled.phone.fresh()
    for number in range(150):
        answer = "wrong" + (code if number % 2 else enrolled.phone.wrong(number % 7))
        told = enter(enrolled, answer, rhost=f"198.51.{number}.1")
        assert (told.phases, told.messages) == ({"auth": AUTH_ERR}, [])
    told = enter(enrolled, enrolled.person.password + code, rhost="192.0.2.1")
    assert told.accepted and not told.messages
    assert "failures" not in enrolled.file.read_text() or "strangers = 0" in enrolled.file.read_text()
    journal.find("accepted", f"user={enrolled.name}")


def test_given_answers_without_the_password_then_nobody_learns_who_is_enrolled(enrolled, neighbor):
    newcomer = people.add()
    for answer in ("wrong", "wrong123456", "123456", "wrongabcd-efgh-jkmn-pqrs"):
        told = [enter(somebody, answer) for somebody in (enrolled, neighbor, newcomer)]
        assert len({(one.phases["auth"], tuple(one.prompts), tuple(one.messages)) for one in told}) == 1, answer


def test_given_users_who_are_not_asked_then_the_code_they_are_used_to_type_is_taken_off_and_not_spent(enrolled):
    password, code = enrolled.person.password, enrolled.phone.fresh()
    exempt(enrolled)
    assert enter(enrolled, password).accepted
    assert enter(enrolled, password + code).accepted and enter(enrolled, password + code).accepted
    assert not enter(enrolled, password + enrolled.phone.wrong()).accepted
    exempt()
    assert enter(enrolled, password + code).accepted
    exempt(enrolled)
    assert not enter(enrolled, password + code).accepted


def test_given_ten_looks_at_codes_then_only_the_plain_password_works_until_time_passes(enrolled, clock, journal):
    password, phone = enrolled.person.password, enrolled.phone
    exempt(enrolled)
    for number in range(10):
        assert not enter(enrolled, password + phone.wrong(number)).accepted
    assert not enter(enrolled, password + phone.fresh()).accepted
    journal.find("reason=peeks-used-up", f"user={enrolled.name}")
    assert enter(enrolled, password).accepted
    clock.advance(400)
    # A right code behind the password gives all looks back.
    for _ in range(12):
        assert enter(enrolled, password + phone.fresh()).accepted


def test_given_devices_of_six_and_eight_digits_then_either_code_is_found(enrolled, clock):
    configuration.write(totp={"digits": 8})
    token = enrollment.enroll(enrolled.person, clock, "--label", "token", proof=enrolled.phone.fresh()).phone
    assert token.digits == 8
    for device in (token, enrolled.phone):
        answer = enrolled.person.password + device.fresh()
        assert enter(enrolled, answer).accepted
        answer = enrolled.person.password + device.fresh()
        assert enter(enrolled, answer, run_as=enrolled.person).accepted
    assert not enter(enrolled, "wrong" + token.fresh()).accepted


@pytest.mark.parametrize("password", ["secret99", "20261129", "abcd-efgh-jkmn-pqrs", r"p\xe4ssw\xf6rter"],
                         ids=["digits at its end", "digits alone", "a recovery code", "Latin-1"])
def test_given_an_awkward_password_then_the_code_behind_it_is_found(clock, password):
    typed = password.encode().decode("unicode_escape").encode("latin-1")
    somebody = enrollment.enroll(people.add(password=typed), clock)
    assert enter(somebody, password + somebody.phone.fresh()).accepted
    assert enter(somebody, password + somebody.recovery_codes[0]).accepted
    assert not enter(somebody, "wrong" + somebody.phone.fresh()).accepted


def test_given_an_empty_password_then_nullok_alone_lets_a_code_be_the_whole_answer(enrolled):
    people.empty_password(enrolled.name)
    line = "forward_pass {options}\nauth requisite pam_unix.so nodelay use_first_pass"
    for option, is_in in (("", False), ("nullok", True)):
        stacks.write("cs-forward", stacks.FORWARD_PASS.replace(line, line + " nullok"), options=option)
        told = enter(enrolled, enrolled.phone.fresh())
        assert (told.accepted and len(told.prompts) == 1) == is_in


def test_given_no_line_behind_the_password_then_the_account_phase_refuses_and_check_says_why(enrolled, neighbor, journal):
    stacks.write("cs-forward", FORWARD + "auth required pam_unix.so nodelay use_first_pass\n" + REST)
    for somebody, code in ((enrolled, enrolled.phone.fresh()), (enrolled, ""), (neighbor, "")):
        password = getattr(somebody, "person", somebody).password
        assert enter(somebody, password + code).phases == {"auth": 0, "account": PERM_DENIED}
    journal.find("reason=forwarded-code-not-asked", f"user={enrolled.name}", "service=cs-forward")
