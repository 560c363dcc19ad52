"""Phones whose clock is off, and a host whose own is: what the person reads, what gets in, and what
never does, through a real sshd."""

import pytest

import attempts
import configuration
import sshd
import stacks
from sshd import log_in, make_key

CODE, NEXT = "Verification code:", "Next verification code:"


@pytest.fixture(scope="module")
def server(view):
    server = sshd.Server(stacks.PASSWORD_AND_CODE)
    yield server
    server.stop()


@pytest.fixture
def rested(enrolled, clock):
    """An hour after the enrollment, at the beginning of a step: no code near now was spent."""
    clock.advance(3600)
    clock.begin_step()
    return enrolled


def later(phone, offset, clock, seconds=30):
    """What the phone shows when it is asked again: time has passed by then."""
    def code():
        clock.advance(seconds)
        return phone.code(offset)
    return code


def ask(server, enrolled, *answers, **how):
    return log_in(server, enrolled.person, enrolled.person.password, *answers, **how)


@pytest.mark.parametrize("offset, text", [
    (-18, 'This code was right about 9 minutes ago: the clock of "phone" is slow.'),
    (18, 'This code is right in about 9 minutes: the clock of "phone" is fast.'),
])
def test_given_a_phone_that_is_off_then_two_codes_get_in_and_one_does_the_next_time(
        server, rested, clock, journal, offset, text):
    phone = rested.phone
    first = ask(server, rested, phone.code(offset), later(phone, offset, clock))
    assert first.entered
    assert first.prompts == ["Password:", CODE, NEXT]
    assert text in first.output and "it comes within 30 seconds" in first.output
    journal.find("accepted", f"user={rested.name}", f"resynchronized={offset}")
    clock.advance(60)
    second = ask(server, rested, phone.code(offset))
    assert second.entered and second.prompts == ["Password:", CODE]


def test_given_a_phone_put_right_then_the_next_shell_tells_of_it_once(server, rested, clock):
    phone = rested.phone
    said = sshd.shell_text(server, rested.person, rested.person.password, phone.code(-18),
                           later(phone, -18, clock))
    assert 'The clock of "phone" was off, and two codes put it right' in said
    clock.advance(60)
    said = sshd.shell_text(server, rested.person, rested.person.password, phone.code(-18))
    assert "The clock of" not in said


@pytest.mark.parametrize("apart, seconds, then", [
    (0, 0, "wrong-clock"),      # the same code again
    (1, 30, "wrong-clock"),     # one was left out
    (-3, 120, "wrong-code"),    # the right one, far too late
])
def test_given_a_code_that_does_not_follow_then_ssh_is_refused(
        server, rested, clock, journal, apart, seconds, then):
    phone = rested.phone
    login = ask(server, rested, phone.code(-18), later(phone, -18 + apart, clock, seconds))
    assert not login.entered
    assert login.prompts == ["Password:", CODE, NEXT]
    journal.find("refused", f"user={rested.name}", "reason=wrong-clock", "steps=-18", f"then={then}")
    assert "log in again and type two codes in a row" in login.output


def test_given_somebody_who_saw_the_codes_of_the_last_hour_then_no_pair_of_them_gets_in(
        server, rested, clock):
    phone = rested.phone
    seen = []
    for _ in range(4):
        seen.append(phone.code())
        assert ask(server, rested, seen[-1]).entered
        clock.advance(30)
    # A phone that was slow once: its codes were typed, and nobody went on.
    for _ in range(3):
        seen.append(phone.code(-10))
        assert not ask(server, rested, seen[-1]).entered
        clock.advance(600)
    for seconds in (0, 30, 60):
        for first, second in zip(seen, seen[1:]):
            def typed(second=second, seconds=seconds):
                clock.advance(seconds)
                return second
            clock.advance(3600)  # no wait of the throttle hides the answer
            assert not ask(server, rested, first, typed).entered


def test_given_no_proof_of_the_first_step_then_nobody_is_told_anything(view, rested, clock, journal):
    server = sshd.Server(stacks.PASSWORD_AND_CODE.replace(" after_first_step", ""))
    try:
        login = ask(server, rested, rested.phone.code(-18), later(rested.phone, -18, clock))
        assert not login.entered
        assert login.prompts == ["Password:", CODE]
        assert "clock" not in login.output and "minutes" not in login.output
        journal.find("refused", f"user={rested.name}", "reason=wrong-clock", "steps=-18")
    finally:
        server.stop()
        stacks.write("sshd", stacks.PASSWORD_AND_CODE)


def test_given_a_key_then_two_codes_are_taken_too(view, rested, clock):
    stacks.write("cs-common-auth", stacks.COMMON_AUTH)
    server = sshd.Server(stacks.RECIPE, more="AuthenticationMethods publickey,keyboard-interactive")
    try:
        key = make_key(rested.person)
        login = log_in(server, rested.person, rested.phone.code(-18), later(rested.phone, -18, clock),
                       methods="publickey,keyboard-interactive", key=key)
        assert login.entered
        assert login.prompts == [CODE, NEXT]
    finally:
        server.stop()
        stacks.write("sshd", stacks.PASSWORD_AND_CODE)


@pytest.mark.parametrize("reach, offset, recognised", [
    ("10m", -20, True), ("10m", -21, False), ("30m", 60, True), ("30m", 61, False), ("0", -2, False),
])
def test_given_a_range_then_just_the_codes_inside_it_are_recognised(
        server, rested, journal, reach, offset, recognised):
    configuration.write(totp={"resync_range": reach})
    login = ask(server, rested, rested.phone.code(offset))
    assert not login.entered
    assert (NEXT in login.prompts) is recognised
    journal.find("refused", f"user={rested.name}",
                 f"steps={offset}" if recognised else "reason=wrong-code")


def test_given_a_clock_set_back_then_it_is_named_and_a_recovery_code_gets_in(
        server, rested, clock, journal):
    phone = rested.phone
    assert ask(server, rested, phone.code()).entered
    clock.set_wrong(-7200)
    try:
        login = ask(server, rested, phone.code())
        assert not login.entered
        assert "This host's clock is wrong, and your code may be right." in login.output
        journal.find("refused", f"user={rested.name}", "host_clock=set-back")
        assert ask(server, rested, rested.recovery_codes[0]).entered
    finally:
        clock.set_wrong(7200)


def test_given_a_clock_before_the_release_then_it_is_named(server, rested, clock, journal):
    years = 5 * 365 * 86_400
    clock.set_wrong(-years)
    try:
        assert not ask(server, rested, rested.phone.wrong()).entered
        line = journal.find("refused", f"user={rested.name}", "host_clock=")
        assert "host_clock=set-back" in line or "host_clock=before-release" in line
    finally:
        clock.set_wrong(years)


def test_given_a_screen_locker_then_two_codes_are_taken_too(rested, clock, journal):
    """A process of the user's own asks the service, an exchange for each code."""
    phone = rested.phone
    told = attempts.log_in(rested, phone.code(-18), phone.code(-17), run_as=rested.person)
    assert told.accepted
    assert len(told.prompts) == 2 and told.prompts[1].endswith(NEXT + " "), told.prompts
    assert 'the clock of "phone" is slow' in told.prompts[1]
    # Both came at once, so the phone is half a minute less behind.
    journal.find("twostepd", "accepted", f"user={rested.name}", "resynchronized=-17")
    clock.advance(60)
    told = attempts.log_in(rested, phone.code(-17), run_as=rested.person)
    assert told.accepted and len(told.prompts) == 1, "the host knows the phone's clock now"
