"""Module and helper killed, or failed by the kernel, at each system call of a login or a change."""

import json
import subprocess

import pytest

import attempts
import configuration
import enrollment
import syscalls
from attempts import log_in, words


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
    calls = helper_calls(somebody, change, tmp_path)
    writes = [place for place in calls
              if place.name in {"openat", "write", "pwrite64", "fsync", "fdatasync", "rename",
                                "renameat", "renameat2", "unlinkat", "flock", "ftruncate", "fchmod",
                                "close"}]
    assert any(place.name.startswith("rename") for place in writes)
    for place in writes:
        somebody = enroll_another()
        run_helper(somebody, change, place)
        state = enrollment.status(somebody.person)
        if state["enrolled"]:
            assert log_in(somebody, somebody.phone.fresh()).accepted, place
        else:
            assert change[1] == "remove", place
            assert log_in(somebody).accepted, place


HELPER = "/usr/libexec/twostep/twostep-helper"


def request_of(somebody, change):
    proof = somebody.phone.fresh()
    if change[1] == "remove":
        return json.dumps({"do": "remove", "label": None, "proof": proof})
    return json.dumps({"do": "regenerate_recovery_codes", "proof": proof})


def as_the_helper_runs(somebody):
    """strace runs as root, so the setgid bit counts as it does for the user."""
    return somebody.person.command(HELPER)


def helper_calls(somebody, change, tmp_path):
    calls = syscalls.trace(as_the_helper_runs(somebody), tmp_path / "trace", text=True,
                           input=request_of(somebody, change))
    start = max(i for i, (_, text) in enumerate(calls) if "execve(" in text)
    return [place for place, _ in calls[start + 1:] if place.name not in syscalls.ENDS]


def run_helper(somebody, change, place):
    line = syscalls.with_fault(place, "signal=SIGKILL", as_the_helper_runs(somebody))
    return subprocess.run(line, input=request_of(somebody, change), capture_output=True, text=True,
                          timeout=30)


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
