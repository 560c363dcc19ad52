"""`[policy] remember`: after a code, the same address is not asked at the same service for a while."""

import pytest

import configuration
import enrollment
import stacks
from attempts import log_in
from newcomers import RECOVERY_CODE
from policies import admin

HOME, ELSEWHERE, PROXY = "192.0.2.7", "192.0.2.8", "192.0.2.9"


@pytest.fixture(autouse=True)
def remembered(enrolled):
    """Each test begins with a code that was passed from HOME."""
    stacks.write("cs-other", stacks.CODE_ONLY)
    configuration.write(policy={"remember": "1h", "proxies": [PROXY]})
    assert pass_the_step(enrolled, rhost=HOME)


def pass_the_step(somebody, **where):
    told = log_in(somebody, somebody.phone.fresh(), **where)
    return told.accepted and told.asked


def is_asked(somebody, **where):
    """By an answer that proves nothing, so that asking changes nothing."""
    told = log_in(somebody, "", **where)
    assert told.accepted != told.asked
    return told.asked


def test_given_the_same_address_and_service_then_no_code_is_asked(enrolled, journal):
    assert not is_asked(enrolled, rhost=HOME)
    journal.find("not-asked", f"user={enrolled.name}", "rule=remembered", f"rhost={HOME}")


def test_given_another_address_service_or_user_then_the_code_is_asked(enrolled, enroll_another):
    assert is_asked(enrolled, rhost=ELSEWHERE)
    assert is_asked(enrolled, rhost=HOME, service="cs-other")
    assert is_asked(enroll_another(), rhost=HOME)


def test_given_the_mapped_form_of_the_address_then_it_is_the_same(enrolled):
    assert not is_asked(enrolled, rhost=f"::ffff:{HOME}")


@pytest.mark.parametrize("where", [{"tty": "/dev/tty1"}, {"tty": "pts/3"}, {"tty": "ssh"}, {},
                                   {"rhost": "host.example"}, {"rhost": PROXY}, {"rhost": f"::ffff:{PROXY}"}],
                         ids=str)
def test_given_a_terminal_a_name_or_a_proxy_then_nothing_is_remembered(enrolled, where):
    assert pass_the_step(enrolled, **where)
    assert is_asked(enrolled, **where)


def test_given_its_time_then_it_ends_and_use_does_not_prolong_it(enrolled, clock):
    clock.advance(3600 - 60)
    assert not is_asked(enrolled, rhost=HOME)
    clock.advance(60)
    assert is_asked(enrolled, rhost=HOME)


def test_given_a_clock_set_back_then_it_does_not_last_longer(enrolled, clock):
    clock.set_wrong(-7200)
    try:
        clock.advance(3600)
        assert is_asked(enrolled, rhost=HOME)
    finally:
        clock.set_wrong(7200)


def test_given_a_recovery_code_then_nothing_is_remembered(enrolled):
    assert log_in(enrolled, enrolled.recovery_codes[0], rhost=ELSEWHERE).accepted
    assert is_asked(enrolled, rhost=ELSEWHERE)
    issued = RECOVERY_CODE.search(admin("recovery-code", enrolled.name).stdout).group(0)
    assert log_in(enrolled, issued, rhost=ELSEWHERE).accepted
    assert is_asked(enrolled, rhost=ELSEWHERE)


def test_given_only_the_auth_phase_then_nothing_is_remembered(enrolled):
    told = log_in(enrolled, enrolled.phone.fresh(), rhost=ELSEWHERE, phases="a")
    assert told.accepted
    assert is_asked(enrolled, rhost=ELSEWHERE)


def test_given_a_wrong_code_then_nothing_is_remembered(enrolled):
    log_in(enrolled, enrolled.phone.wrong(), rhost=ELSEWHERE, keep_going=True)
    assert is_asked(enrolled, rhost=ELSEWHERE)


def test_given_it_is_switched_off_then_what_was_remembered_does_not_count(enrolled):
    configuration.write(policy={"remember": "0"})
    assert is_asked(enrolled, rhost=HOME)


def test_given_no_word_about_it_then_nothing_is_remembered(enrolled):
    configuration.write(policy={})
    assert pass_the_step(enrolled, rhost=ELSEWHERE)
    configuration.write(policy={"remember": "1h"})
    assert is_asked(enrolled, rhost=ELSEWHERE)


def test_given_a_reset_then_the_next_enrollment_is_asked(enrolled, clock):
    admin("reset", enrolled.name)
    again = enrollment.enroll(enrolled.person, clock)
    assert is_asked(again, rhost=HOME)


def test_given_the_authenticator_removed_then_the_other_one_is_asked(enrolled, clock):
    tablet = enrollment.enroll(enrolled.person, clock, "--label", "tablet", proof=enrolled.phone.fresh())
    assert not is_asked(enrolled, rhost=HOME)
    done = enrolled.person.run("twostep", "remove", "phone", input=tablet.phone.fresh() + "\n")
    assert done.returncode == 0, done.stderr
    assert is_asked(enrolled, rhost=HOME)


def test_given_require_step_then_who_is_remembered_enters_without_authentication_too(enrolled):
    stacks.write("cs-code", stacks.CODE_ONLY.replace("account required pam_twostep.so",
                                                     "account required pam_twostep.so require_step"))
    try:
        assert log_in(enrolled, rhost=HOME, phases="c").accepted
        assert not log_in(enrolled, rhost=ELSEWHERE, phases="c").accepted
    finally:
        stacks.write("cs-code", stacks.CODE_ONLY)
