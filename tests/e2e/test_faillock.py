"""pam_faillock around the password, by the guide's lines: wrong passwords lock an account, wrong codes do not."""

import subprocess

import pytest

import stacks
from attempts import log_in
from guide import blocks

STACKS = [block for found in blocks("pam service", "pam one-field").values() for block in found if "pam_faillock.so" in block.text]
REST = "\naccount required pam_unix.so\naccount required pam_twostep.so\nsession required pam_permit.so\n"


def test_given_the_guide_then_both_forms_are_tried():
    assert [block.kind for block in STACKS] == ["pam service", "pam one-field"]


@pytest.fixture(params=STACKS, ids=lambda block: block.kind)
def enter(request):
    text = request.param.text.replace("pam_unix.so", "pam_unix.so nodelay") + REST
    stacks.write("cs-faillock", text.replace("{", "{{").replace("}", "}}"))

    def enter(somebody, password, code):
        answers = (password + code,) if "forward_pass" in text else (password, code)
        return log_in(somebody, *answers, service="cs-faillock")

    return enter


def faillock(somebody, *words):
    done = subprocess.run(["faillock", "--user", somebody.name, *words], capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if line.rstrip().endswith(" V")]


def test_given_more_wrong_codes_than_the_limit_of_passwords_then_the_account_stays_open(enter, enrolled):
    password = enrolled.person.password
    for number in range(4):
        assert not enter(enrolled, password, enrolled.phone.wrong(number)).accepted
        assert faillock(enrolled) == []
    assert enter(enrolled, password, enrolled.phone.fresh()).accepted


def test_given_a_right_password_and_a_wrong_code_then_earlier_wrong_passwords_are_forgotten(enter, enrolled):
    password = enrolled.person.password
    for _ in range(2):
        for _ in range(2):
            assert not enter(enrolled, "wrong", enrolled.phone.wrong()).accepted
        assert len(faillock(enrolled)) == 2
        assert not enter(enrolled, password, enrolled.phone.wrong()).accepted
    assert enter(enrolled, password, enrolled.phone.fresh()).accepted


def test_given_three_wrong_passwords_then_the_account_is_locked_and_the_code_stays_good(enter, enrolled):
    password, code = enrolled.person.password, enrolled.phone.fresh()
    for _ in range(3):
        assert not enter(enrolled, "wrong", code).accepted
    told = enter(enrolled, password, code)
    assert not told.accepted and told.prompts == [] and "locked" in " ".join(told.messages)
    faillock(enrolled, "--reset")
    assert enter(enrolled, password, code).accepted


def test_given_a_locked_account_then_it_opens_with_time(enter, enrolled, clock):
    password = enrolled.person.password
    for _ in range(3):
        assert not enter(enrolled, "wrong", enrolled.phone.wrong()).accepted
    assert not enter(enrolled, password, enrolled.phone.fresh()).accepted
    clock.advance(601)
    assert enter(enrolled, password, enrolled.phone.fresh()).accepted
