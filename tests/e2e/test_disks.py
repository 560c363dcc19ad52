"""Disks that are full, without inodes or read-only: a verification code still logs in, and whatever
cannot be recorded is refused."""

import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from attempts import log_in
from enrollment import ACCOUNTS
from policies import grace_since, require

STORE = Path("/var/lib/twostep")
LEDGERS = Path("/run/twostep/ledgers")


@contextmanager
def small_disk(place, options):
    """The folder as a file system of its own, with what is in it now."""
    kept, mode = Path("/var/twostep-kept"), place.stat().st_mode & 0o7777
    shutil.rmtree(kept, ignore_errors=True)
    subprocess.run(["cp", "-a", place, kept], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode={mode:o},{options}", "small", place], check=True)
    try:
        subprocess.run(["cp", "-a", f"{kept}/.", place], check=True)
        yield
    finally:
        subprocess.run(["umount", place], check=True)
        shutil.rmtree(kept)


def store_on_a_small_disk(options):
    return small_disk(STORE, options)


def fill_the_disk(place=STORE):
    with open(place / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 4096)
        except OSError:
            pass


def use_up_the_inodes():
    try:
        for number in range(100_000):
            (STORE / f"filler-{number}").touch()
    except OSError:
        pass


def make_read_only():
    subprocess.run(["mount", "-o", "remount,ro", STORE], check=True)


# Each has room for the accounts of all tests that ran before.
DISKS = {"full": ("size=64m", fill_the_disk), "without inodes": ("size=64m,nr_inodes=8000", use_up_the_inodes),
         "read-only": ("size=64m", make_read_only)}


@pytest.mark.parametrize("options, damage", DISKS.values(), ids=DISKS.keys())
def test_given_a_disk_that_takes_no_writes_then_a_verification_code_still_logs_in(
        enrolled, options, damage, journal):
    before = enrolled.file.read_bytes()
    with store_on_a_small_disk(options):
        damage()
        code = enrolled.phone.fresh()
        assert log_in(enrolled, code, rhost="203.0.113.7").accepted
        assert not log_in(enrolled, code, rhost="203.0.113.7").accepted
        assert log_in(enrolled, enrolled.phone.fresh(), run_as=enrolled.person).accepted
        refused = log_in(enrolled, enrolled.recovery_codes[0])
        assert not refused.accepted     # it could not be recorded as used
        line = journal.find("error", f"user={enrolled.name}", enrolled.file.name)
        assert "free some space" in line or "mount it writable" in line
        for number in range(25):        # failures are counted, and that does not fail either
            log_in(enrolled, enrolled.phone.wrong(number), rhost=f"192.0.2.{number + 1}")
        assert log_in(enrolled, enrolled.phone.fresh(), rhost="203.0.113.7").accepted
        assert enrolled.file.read_bytes() == before
    assert log_in(enrolled, enrolled.recovery_codes[0]).accepted


@pytest.mark.parametrize("options, damage", DISKS.values(), ids=DISKS.keys())
def test_given_a_disk_that_takes_no_writes_then_a_users_time_to_enroll_begins_at_a_later_login(
        person, clock, options, damage):
    require(clock, left=-1)
    with store_on_a_small_disk(options):
        damage()
        assert log_in(person).accepted and not grace_since(person)
    assert log_in(person).accepted and grace_since(person)


def test_given_a_full_run_then_a_code_is_recorded_in_the_ledger_that_is_there(enrolled):
    code = enrolled.phone.fresh()
    with small_disk(LEDGERS, "size=16m"):
        fill_the_disk(LEDGERS)
        assert log_in(enrolled, code).accepted
        assert not log_in(enrolled, code).accepted


def test_given_a_full_run_and_no_ledger_then_no_code_is_accepted_without_a_record(
        enrolled, journal):
    code = enrolled.phone.fresh()
    (LEDGERS / enrolled.name).unlink()
    with small_disk(LEDGERS, "size=16m"):
        fill_the_disk(LEDGERS)
        assert [log_in(enrolled, code).accepted for _ in range(3)].count(True) <= 1
    journal.find(f"user={enrolled.name}", "/run/twostep/ledgers")


@pytest.mark.parametrize("options, damage", DISKS.values(), ids=DISKS.keys())
def test_given_a_disk_that_takes_no_writes_then_an_enrollment_changes_nothing(
        enrolled, options, damage):
    with store_on_a_small_disk(options):
        damage()
        done = enrolled.person.run("twostep", "recovery-codes", "regenerate", "--json",
                                   input=enrolled.phone.fresh() + "\n")
        assert done.returncode == 1
        assert "space" in done.stderr or "writable" in done.stderr
    assert log_in(enrolled, enrolled.recovery_codes[0]).accepted
    assert list(ACCOUNTS.glob("*tmp*")) == []
