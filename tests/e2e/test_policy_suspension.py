"""`twostep admin suspend`: nobody is asked for a while, and it ends by itself."""

import subprocess

import configuration
from attempts import log_in
from policies import admin


def is_asked(somebody):
    told = log_in(somebody, somebody.phone.fresh())
    assert told.accepted
    return told.asked


def is_spared(somebody):
    return not log_in(somebody, somebody.phone.wrong()).asked


def test_given_a_suspension_of_two_seconds_then_it_ends_by_itself(enrolled, clock, journal):
    # Its seconds are whole ones, so a second of it may be over at once.
    clock.advance(1)
    admin("suspend", enrolled.name, "--for", "2s", "--reason", "lost phone")
    line = journal.find("suspended", f"user={enrolled.name}")
    assert 'reason="lost phone"' in line
    assert is_spared(enrolled)
    journal.find("not-asked", f"user={enrolled.name}", "rule=suspended")
    clock.advance(2)
    assert is_asked(enrolled)


def test_given_a_suspension_then_it_holds_until_its_end(enrolled, clock):
    admin("suspend", enrolled.name, "--for", "1h")
    clock.advance(3600 - 60)
    assert is_spared(enrolled)
    clock.advance(60)
    assert is_asked(enrolled)


def test_given_a_clock_set_back_then_the_suspension_is_over_and_does_not_last_longer(enrolled, clock):
    admin("suspend", enrolled.name, "--for", "1h")
    assert is_spared(enrolled)
    clock.set_wrong(-7200)
    try:
        assert log_in(enrolled, enrolled.phone.wrong()).asked
    finally:
        clock.set_wrong(7200)
    clock.advance(3600)
    assert is_asked(enrolled)


def test_given_a_suspension_then_the_password_is_still_asked(enrolled):
    admin("suspend", enrolled.name, "--for", "1h")
    assert not log_in(enrolled, "wrong horse", service="cs-login").accepted
    told = log_in(enrolled, enrolled.person.password, service="cs-login")
    assert told.accepted and told.prompts == ["Password: "]


def test_given_a_suspension_then_nobody_else_is_spared_and_resume_ends_it(enrolled, enroll_another):
    other = enroll_another()
    admin("suspend", enrolled.name, "--for", "1h")
    assert is_asked(other)
    admin("resume", enrolled.name)
    assert is_asked(enrolled)


def test_given_one_who_is_not_enrolled_then_a_suspension_lets_in_past_the_deadline(person, clock):
    configuration.write(policy={"required": True})
    assert not log_in(person).accepted
    admin("suspend", person.name, "--for", "2d")
    assert log_in(person).accepted
    clock.advance(2 * 86_400)
    assert not log_in(person).accepted


def test_given_max_suspension_then_no_longer_one_is_made(enrolled):
    configuration.write(policy={"max_suspension": "1h"})
    done = subprocess.run(["twostep", "admin", "suspend", enrolled.name, "--for", "61m"],
                          capture_output=True, text=True)
    assert done.returncode == 1
    assert "max_suspension" in done.stderr
    assert is_asked(enrolled)
    admin("suspend", enrolled.name, "--for", "60m")
    assert is_spared(enrolled)
