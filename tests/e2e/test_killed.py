"""Module and helper killed, or failed by the kernel, at each system call of a login or a change."""

import json
import subprocess

import pytest

import attempts
import configuration
import enrollment
import people
import syscalls
from attempts import log_in, words
from phones import Phone


@pytest.fixture(autouse=True)
def patient_throttle(default_configuration):
    """These tests fail dozens of times from one place."""
    configuration.write(throttle={"failures": 100, "wait": "1s", "max_wait": "1s"})
    log_in("root")


def calls_of(line, tmp_path, marker, **options):
    calls = syscalls.trace(line, tmp_path / "trace", **options)
    return syscalls.after(calls, marker)


PROMPT = "Verification code"    # what `attempt` writes when the module asks


def test_given_a_login_killed_at_any_call_then_the_next_code_gets_in_and_none_twice(
        enrolled, tmp_path):
    places = calls_of(words(enrolled, enrolled.phone.fresh()), tmp_path, PROMPT)
    assert len(places) > 10
    for place in places:
        code = enrolled.phone.fresh()
        line = syscalls.with_fault(place, "signal=SIGKILL", words(enrolled, code))
        done = subprocess.run(line, capture_output=True, text=True, timeout=30)
        again = log_in(enrolled, code).accepted
        told = [out for out in done.stdout.splitlines() if out == "auth\t0"]
        assert not (told and again), place
        assert log_in(enrolled, enrolled.phone.fresh()).accepted, place


def test_given_a_recovery_code_killed_at_any_call_then_it_never_counts_twice(
        enroll_another, tmp_path):
    somebody = enroll_another()
    places = calls_of(words(somebody, somebody.recovery_codes[0]), tmp_path, PROMPT)
    for index, place in enumerate(places):
        if index % 5 == 0:
            somebody = enroll_another()
        code = somebody.recovery_codes[index % 5]
        line = syscalls.with_fault(place, "signal=SIGKILL", words(somebody, code))
        done = subprocess.run(line, capture_output=True, text=True, timeout=30)
        accepted = ["auth\t0" in done.stdout.splitlines(), log_in(somebody, code).accepted,
                    log_in(somebody, code).accepted]
        assert accepted.count(True) <= 1, place
        assert log_in(somebody, somebody.recovery_codes[index % 5 + 5]).accepted, place


ERRORS = ["EIO", "EACCES", "ENOSPC", "ENOMEM", "EMFILE", "EROFS"]


@pytest.mark.parametrize("error", ERRORS)
def test_given_any_call_that_fails_then_a_wrong_code_never_gets_in(enrolled, tmp_path, error):
    line = words(enrolled, enrolled.phone.wrong())
    calls = syscalls.trace(line, tmp_path / "trace")
    start = next(i for i, (_, text) in enumerate(calls) if "pam_twostep" in text)
    ours = [place for place, _ in calls[start:] if place.name not in syscalls.ENDS]
    for place in ours:
        faulty = syscalls.with_fault(place, f"error={error}", line)
        done = subprocess.run(faulty, capture_output=True, text=True, timeout=30)
        assert "auth\t0" not in done.stdout.splitlines(), place
        assert "auth\t25" not in done.stdout.splitlines(), place


@pytest.mark.parametrize("error", ["EIO", "EACCES", "ENOSPC"])
def test_given_any_call_that_fails_then_one_code_never_counts_twice(enrolled, tmp_path, error):
    places = calls_of(words(enrolled, enrolled.phone.fresh()), tmp_path, PROMPT)
    for place in places:
        code = enrolled.phone.fresh()
        faulty = syscalls.with_fault(place, f"error={error}", words(enrolled, code))
        done = subprocess.run(faulty, capture_output=True, text=True, timeout=30)
        first = "auth\t0" in done.stdout.splitlines()
        assert not (first and log_in(enrolled, code).accepted), place


CHANGES = {
    "regenerate": ["twostep", "recovery-codes", "regenerate", "--json"],
    "remove": ["twostep", "remove", "--json"],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_given_a_helper_killed_at_any_call_then_the_account_is_the_old_or_the_new(
        enroll_another, tmp_path, change):
    somebody = enroll_another()
    calls = syscalls.trace(somebody.person.command(HELPER), tmp_path / "trace", text=True,
                           input=request_of(somebody, change))
    for place in writes_of_the_helper(calls):
        somebody = enroll_another()
        run_helper(somebody, change, place)
        state = enrollment.status(somebody.person)
        if state["enrolled"]:
            assert log_in(somebody, somebody.phone.fresh()).accepted, place
        else:
            assert change[1] == "remove", place
            assert log_in(somebody).accepted, place


HELPER = "/usr/libexec/twostep/twostep-helper"
WRITES = {"openat", "write", "pwrite64", "fsync", "fdatasync", "rename", "renameat", "renameat2", "unlinkat",
          "flock", "ftruncate", "fchmod", "futimens", "utimensat", "close"}


def request_of(somebody, change):
    proof = somebody.phone.fresh()
    if change[1] == "remove":
        return json.dumps({"do": "remove", "label": None, "proof": proof})
    return json.dumps({"do": "regenerate_recovery_codes", "proof": proof})


def writes_of_the_helper(calls):
    """The calls by which the helper changes something, and those right before and after. strace runs
    as root, so the setgid bit counts as it does for the user."""
    start = max(i for i, (_, text) in enumerate(calls) if "execve(" in text)
    writes = [place for place, _ in calls[start + 1:] if place.name in WRITES]
    assert any(place.name.startswith("rename") for place in writes)
    return writes


def run_helper(somebody, change, place):
    line = syscalls.with_fault(place, "signal=SIGKILL", somebody.person.command(HELPER))
    return subprocess.run(line, input=request_of(somebody, change), capture_output=True, text=True,
                          timeout=30)


def test_given_an_enrollment_killed_at_any_call_then_it_can_be_finished_or_is(
        clock, tmp_path):
    somebody = pending(clock)
    calls = syscalls.trace(somebody.person.command(HELPER), tmp_path / "trace", text=True,
                           input=confirmation(somebody))
    for place in writes_of_the_helper(calls):
        somebody = pending(clock)
        line = syscalls.with_fault(place, "signal=SIGKILL", somebody.person.command(HELPER))
        subprocess.run(line, input=confirmation(somebody), capture_output=True, text=True, timeout=30)
        if not enrollment.status(somebody.person)["enrolled"]:
            somebody.phone.fresh()
            again = somebody.person.run(HELPER, input=confirmation(somebody))
            assert json.loads(again.stdout)["result"] == "confirmed", place
        assert log_in(somebody, somebody.phone.fresh()).accepted, place


def pending(clock):
    """A person with an authenticator that waits for its confirmation."""
    person = people.add()
    begun = json.loads(person.run(HELPER, input='{"do":"begin","label":null,"proof":null}').stdout)
    return enrollment.Enrolled(person, Phone(begun["uri"], clock))


def confirmation(somebody):
    return json.dumps({"do": "confirm", "code": somebody.phone.code()})


def test_given_a_session_opened_while_calls_fail_then_it_always_opens(enrolled, tmp_path):
    line = words(enrolled, phases="o", tty="/dev/pts/9")
    calls = syscalls.trace(line, tmp_path / "trace")
    start = next(i for i, (_, text) in enumerate(calls) if "/etc/twostep/config.toml" in text)
    end = next(i for i, (_, text) in enumerate(calls) if i > start and "NETLINK_AUDIT" in text)
    ours = [place for place, _ in calls[start:end] if place.name != "write"]
    assert len(ours) > 10
    for place in ours:
        done = subprocess.run(syscalls.with_fault(place, "error=EIO", line), capture_output=True,
                              text=True, timeout=30)
        assert f"open\t{attempts.SUCCESS}" in done.stdout.splitlines(), place
