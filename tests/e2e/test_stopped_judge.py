"""A judge that stands still with the lock of an account, and those who come after it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

import judges
import service
import stacks
import syscalls
from attempts import AUTH_ERR, SERVICE_ERR, log_in, race

AT_ONCE = 8
STRANGER, VICTIM = "203.0.113.7", "203.0.113.9"


def answered(somebody, code):
    return service.login(somebody, "cs-code", code, rhost=STRANGER)


def places(somebody, folder):
    """Where `twostepd --once` may stop that judges a right code and has the lock: before its name is in the
    ledger, while it is, and after that. A call at which it stops is made."""
    calls = judges.calls_of_once(answered(somebody, somebody.phone.fresh()), folder / "trace")
    calls = [place for place, _ in calls if place.name not in syscalls.ENDS | syscalls.UNSTEADY]
    begin, *_, end = (index for index, place in enumerate(calls) if place.name == "flock")
    locked = calls[begin:end]
    named, *_, unnamed = (index for index, place in enumerate(locked) if place.name == "pwrite64")
    return {"before": locked[:named], "while": locked[named:unnamed], "after": locked[unnamed:]}


def locked(somebody, code, folder):
    """A judge that stands still and has the lock."""
    return judges.Standing(answered(somebody, code), places(somebody, folder)["while"][0], folder / f"locked-{code}")


def test_given_a_judge_stopped_at_any_call_then_its_code_counts_once_and_the_next_one_gets_in(
        enroll_another, clock, tmp_path):
    named = places(enroll_another(), tmp_path)["while"]
    assert len(named) > 8
    for start in range(0, len(named), AT_ONCE):
        batch = [(place, enroll_another()) for place in named[start:start + AT_ONCE]]
        clock.advance(90)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            told = list(pool.map(lambda pair: counts(*pair, tmp_path), batch))
        assert [pair for pair in told if pair[1] not in (0, 1)] == []
        clock.advance(90)
        for place, victim in batch:
            assert log_in(victim, victim.phone.code(), rhost=VICTIM).accepted, place


@pytest.mark.parametrize("when", ["before", "after"])
def test_given_a_judge_stopped_while_its_name_is_not_in_the_ledger_then_the_next_code_gets_in(
        enrolled, enroll_another, tmp_path, when):
    place = places(enroll_another(), tmp_path)[when][0]
    standing = judges.Standing(answered(enrolled, enrolled.phone.fresh()), place, tmp_path / "standing")
    try:
        assert log_in(enrolled, enrolled.phone.fresh(), rhost=VICTIM, timeout=15).accepted
    finally:
        standing.end()


def counts(place, victim, folder):
    """How often a code counts whose judge stops there, is waited for, and goes on if it still can."""
    code = victim.phone.codes(victim.phone.step())[0]
    standing = judges.Standing(answered(victim, code), place, folder / f"{place}-{victim.name}")
    taken = log_in(victim, code, rhost=VICTIM).accepted
    entered = service.is_accepted(standing.go_on() or {})
    again = log_in(victim, code, rhost=VICTIM).accepted
    return place, taken + entered + again


def test_given_a_judge_that_stands_still_then_nobody_else_is_delayed_by_it_and_no_spent_code_comes_back(
        enrolled, enroll_another, tmp_path):
    spent = enrolled.phone.fresh()
    other = enroll_another()
    assert log_in(enrolled, spent, rhost=VICTIM).accepted
    standing = locked(enrolled, enrolled.phone.fresh(), tmp_path)
    assert log_in(other, other.phone.fresh()).accepted
    assert standing.is_stopped()
    assert not log_in(enrolled, spent, rhost=VICTIM).accepted
    assert log_in(enrolled, enrolled.phone.fresh(), rhost=VICTIM).accepted
    standing.end()


def test_given_many_waiting_for_one_that_stands_still_then_the_right_code_gets_in_and_none_fails(
        enrolled, clock, tmp_path):
    for rounds in range(3):
        clock.advance(90)
        standing = locked(enrolled, f"00000{rounds}", tmp_path)
        code = enrolled.phone.fresh()
        strangers = [(enrolled, f"198.51.100.{10 * rounds + number}", "111111") for number in range(7)]
        right, *wrong = race((enrolled, VICTIM, code), *strangers)
        assert right == 0
        assert SERVICE_ERR not in wrong
        standing.end()


@pytest.mark.parametrize("size", [0, 1, 20, 100, 300, 4095, 100_000])
def test_given_a_small_limit_of_the_file_size_then_nothing_is_torn(enrolled, size):
    attempt = log_in(enrolled, "000000", rhost=STRANGER, prefix=["prlimit", f"--fsize={size}"])
    assert not attempt.accepted
    assert log_in(enrolled, enrolled.phone.fresh(), rhost=VICTIM).accepted


@pytest.mark.parametrize("size", [0, 1, 20, 60, 100, 4095])
def test_given_a_small_limit_of_the_file_size_then_a_wrong_application_password_is_refused(
        enrolled, journal, size):
    way = stacks.write("cs-app-limited", stacks.APP_PASSWORD)
    told = log_in(enrolled, "0" * 24, service=way, prefix=["prlimit", f"--fsize={size}"])
    if service.IS_ONCE:     # it stands behind the same limit
        assert told.phases == {"auth": SERVICE_ERR} and "ulimit -f" in told.messages[0]
    else:
        assert told.phases == {"auth": AUTH_ERR}
        journal.find("refused", f"user={enrolled.name}", "reason=wrong-app-password")
