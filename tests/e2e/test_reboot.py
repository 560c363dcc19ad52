"""Reboots, wiped and broken ledgers, clocks that were wrong."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import configuration
import enrollment
import service
from attempts import log_in
from test_disks import make_read_only, store_on_a_small_disk

RUN = Path("/run/twostep")
LEDGERS = RUN / "ledgers"
PERIOD = 30


@pytest.fixture(autouse=True)
def settled(clock):
    """The next test begins on a host that has been up for a while."""
    yield
    service.stop()
    shutil.rmtree(RUN, ignore_errors=True)
    make_ledgers(clock)
    service.start()
    clock.advance(600)


def make_ledgers(clock):
    """What the boot does. The script takes the time since boot from the kernel, so it is told the
    one that the programs of the view see."""
    subprocess.run(["/usr/libexec/twostep/setup-host"], check=True, capture_output=True)
    (RUN / "since").write_text(f"{clock.uptime()}\n")


def reboot(clock, down=0):
    """/run is empty, the time since boot begins again, and the wall clock went on."""
    service.stop()
    shutil.rmtree(RUN)
    clock.reboot()
    clock.set_wrong(down)
    service.start()


def seconds_until_a_code_gets_in(somebody, clock, limit):
    """Tries what the phone shows every 5 s, as often as a person would."""
    configuration.write(throttle={"failures": 100, "wait": "1s", "max_wait": "1s"})
    for waited in range(0, limit + 1, 5):
        if log_in(somebody, somebody.phone.code()).accepted:
            return waited
        clock.advance(5)
    return None


def wipe_the_ledgers():
    """The sockets stay."""
    shutil.rmtree(LEDGERS)
    (RUN / "since").unlink()


@pytest.mark.parametrize("wipe", [lambda: shutil.rmtree(RUN), wipe_the_ledgers], ids=["with the sockets", "ledgers"])
def test_given_a_wiped_run_then_a_spent_code_stays_spent(enrolled, wipe):
    phone = enrolled.phone
    for offset in (-1, 0, 1):
        code = phone.codes(phone.step() + offset)[0]
        log_in(enrolled, code)
        wipe()
        assert not log_in(enrolled, code).accepted, offset


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_given_a_read_only_disk_and_a_wiped_run_then_a_spent_code_stays_spent(
        enrolled, clock, offset):
    """Nothing but the floor can know it then."""
    clock.advance(90)
    wait_for_the_middle_of_a_step(clock)
    code = enrolled.phone.codes(enrolled.phone.step() + offset)[0]
    with store_on_a_small_disk("size=16m"):
        make_read_only()
        assert log_in(enrolled, code).accepted
        shutil.rmtree(RUN)
        assert not log_in(enrolled, code).accepted
        assert seconds_until_a_code_gets_in(enrolled, clock, 3 * PERIOD) is not None


def wait_for_the_middle_of_a_step(clock):
    clock.advance(PERIOD - int(clock.now()) % PERIOD + 10)


def test_given_a_wiped_run_then_a_right_code_works_within_the_windows_time(enrolled, clock):
    assert log_in(enrolled, enrolled.phone.fresh()).accepted
    shutil.rmtree(RUN)
    waited = seconds_until_a_code_gets_in(enrolled, clock, 3 * PERIOD)
    assert waited is not None


def test_given_a_reboot_then_a_spent_code_stays_spent_and_a_new_one_works(enrolled, clock):
    code = enrolled.phone.fresh()
    assert log_in(enrolled, code).accepted
    reboot(clock)
    assert not log_in(enrolled, code).accepted
    assert seconds_until_a_code_gets_in(enrolled, clock, 3 * PERIOD) is not None


@pytest.mark.parametrize("hours", [-10, -1, 1, 10, 24 * 365])
def test_given_a_clock_that_was_hours_wrong_at_boot_then_a_right_code_works_when_it_is_put_right(
        enrolled, clock, hours):
    code = enrolled.phone.fresh()
    assert log_in(enrolled, code).accepted
    reboot(clock, down=hours * 3600)
    log_in(enrolled, enrolled.phone.wrong())            # somebody tries while the clock is wrong
    clock.set_wrong(-hours * 3600)
    assert not log_in(enrolled, code).accepted
    assert seconds_until_a_code_gets_in(enrolled, clock, 3 * PERIOD) is not None


def test_given_a_clock_set_back_then_a_spent_code_stays_spent(enrolled, clock):
    codes = [enrolled.phone.fresh() for _ in range(5)]
    for code in codes:
        log_in(enrolled, code)
    for back in (30, 60, 90):
        clock.set_wrong(-back)
        for code in codes:
            assert not log_in(enrolled, code).accepted, back
        clock.set_wrong(back)


def test_given_a_clock_set_back_and_a_wiped_run_then_a_code_spent_before_stays_spent(
        enrolled, clock):
    """The elapsed time since the ledgers were made does not believe the wall clock."""
    spent = enrolled.phone.fresh()
    assert log_in(enrolled, spent).accepted
    clock.advance(300)
    shutil.rmtree(RUN)
    make_ledgers(clock)
    clock.set_wrong(-300)
    for _ in range(4):
        assert not log_in(enrolled, spent).accepted
        clock.advance(10)


GARBAGE = {
    "empty": b"",
    "short": b"\x01",
    "zeros": bytes(4096),
    "ones": b"\xff" * 4096,
    "text": b"these are no numbers\n" * 200,
    "huge": b"\x5a" * 1_000_000,
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
def test_given_a_ledger_of_garbage_then_a_spent_code_stays_spent_and_a_new_one_works(
        enrolled, clock, garbage):
    phone = enrolled.phone
    code = phone.fresh()
    assert log_in(enrolled, code).accepted
    ahead = phone.codes(phone.step() + 1)[0]
    assert log_in(enrolled, ahead).accepted
    (LEDGERS / enrolled.name).write_bytes(garbage)
    assert not log_in(enrolled, code).accepted
    assert not log_in(enrolled, ahead).accepted
    assert seconds_until_a_code_gets_in(enrolled, clock, 3 * PERIOD) is not None
    assert (LEDGERS / enrolled.name).stat().st_size < 100_000


def test_given_a_bit_flipped_anywhere_in_the_ledger_then_a_spent_code_never_gets_in(enrolled):
    code = enrolled.phone.fresh()
    assert log_in(enrolled, code).accepted
    good = (LEDGERS / enrolled.name).read_bytes()
    configuration.write(throttle={"failures": 100, "wait": "1s", "max_wait": "1s"})
    for position in range(0, len(good), max(1, len(good) // 64)):
        broken = bytearray(good)
        broken[position] ^= 0x40
        (LEDGERS / enrolled.name).write_bytes(broken)
        assert not log_in(enrolled, code, rhost=f"192.0.2.{position % 250}").accepted, position


LEFT_BEHIND = {
    "a directory": lambda path: path.mkdir(),
    "a FIFO": os.mkfifo,
    "a symbolic link": lambda path: path.symlink_to("/etc/shadow"),
    "a dangling link": lambda path: path.symlink_to("/nowhere"),
    "a file of somebody else": lambda path: (path.write_text(""), os.chown(path, 12345, 12345)),
    "a readable file": lambda path: (path.write_text(""), path.chmod(0o644)),
    "a hard link": lambda path: os.link(LEDGERS.parent / "since", path),
}


@pytest.mark.parametrize("leave", LEFT_BEHIND.values(), ids=LEFT_BEHIND.keys())
def test_given_something_else_in_place_of_the_ledger_then_nothing_spent_is_accepted(
        enrolled, leave):
    code = enrolled.phone.fresh()
    assert log_in(enrolled, code).accepted
    ledger = LEDGERS / enrolled.name
    ledger.unlink()
    leave(ledger)
    told = log_in(enrolled, code)
    assert told.phases["auth"] in (3, 7)
    shadow = Path("/etc/shadow").read_text()
    assert enrolled.name in shadow  # nothing was written through the link


def test_given_a_reboot_then_recovery_codes_stay_spent(enrolled, clock):
    code = enrolled.recovery_codes[0]
    assert log_in(enrolled, code).accepted
    reboot(clock)
    clock.advance(120)
    assert not log_in(enrolled, code).accepted
    assert enrollment.status(enrolled.person)["recovery_codes"]["left"] == 9


def test_given_a_reboot_then_users_are_served_before_any_login_by_root(
        enrolled, enroll_another, clock):
    reboot(clock)
    assert enrollment.status(enrolled.person)["enrolled"]
    somebody = enroll_another()
    assert log_in(somebody, somebody.phone.fresh(), run_as=somebody.person).accepted
