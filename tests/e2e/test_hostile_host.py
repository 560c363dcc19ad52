"""Hosts without /proc, /dev/log or half of their folders, programs that are interrupted all the time, and
processes that only believe that they are root."""

import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from attempts import SUCCESS, log_in
from fault_scenarios import IGNORED, SERVICE, write_services

ROOT = Path("/run/twostep-view/root")
FOLDERS = ("bin", "etc", "home", "lib", "lib64", "run/twostep", "run/twostep-clock", "sbin", "tmp", "usr", "var")


@pytest.fixture(scope="module", autouse=True)
def services(view):
    write_services()


@contextmanager
def smaller_root(*without):
    """The root folder with these folders only, and without what `without` names."""
    mounted = []
    try:
        for name in FOLDERS:
            folder = Path("/") / name
            if folder.exists() and name not in without:
                place = ROOT / name
                place.mkdir(parents=True, exist_ok=True)
                subprocess.run(["mount", "--bind", folder, place], check=True)
                mounted.append(place)
        yield ["chroot", str(ROOT)]
    finally:
        for place in reversed(mounted):
            subprocess.run(["umount", "--lazy", place], check=True)


def test_given_a_chroot_without_proc_and_dev_then_each_code_counts_once_as_ever(enrolled):
    with smaller_root() as chroot:
        code = enrolled.phone.fresh()
        assert not log_in(enrolled, enrolled.phone.wrong(), prefix=chroot).accepted
        assert log_in(enrolled, code, prefix=chroot).accepted
        assert not log_in(enrolled, code, prefix=chroot).accepted
    assert not log_in(enrolled, code).accepted
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


@pytest.mark.parametrize("without", ["var", "run/twostep"])
def test_given_a_chroot_without_the_store_then_nobody_gets_in_by_a_used_code(enrolled, without):
    code = enrolled.phone.fresh()
    assert log_in(enrolled, code).accepted
    with smaller_root(without) as chroot:
        for somebody in (enrolled, enrolled):
            phases = log_in(somebody, code, service=SERVICE, prefix=chroot).phases
            assert phases["auth"] not in (SUCCESS, IGNORED["auth"])
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


@contextmanager
def no_syslog():
    Path("/dev/log").rename("/dev/log-away")
    try:
        yield
    finally:
        Path("/dev/log-away").rename("/dev/log")


def test_given_nobody_at_dev_log_then_each_code_counts_once_as_ever(enrolled):
    with no_syslog():
        code = enrolled.phone.fresh()
        assert log_in(enrolled, code).accepted
        assert not log_in(enrolled, code).accepted
        assert log_in(enrolled, enrolled.phone.fresh(), run_as=enrolled.person).accepted
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


def test_given_no_proc_then_each_code_counts_once_as_ever(enrolled):
    without = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs nothing /proc && exec "$@"', "sh"]
    code = enrolled.phone.fresh()
    assert log_in(enrolled, code, prefix=without).accepted
    assert not log_in(enrolled, code, prefix=without).accepted
    line = [*without, *enrolled.person.command("twostep", "status")]
    subprocess.run(line, capture_output=True, timeout=30, cwd="/", check=True)


@pytest.mark.parametrize("pause", [200, 1000, 5000])
def test_given_an_alarm_again_and_again_then_each_code_counts_once_as_ever(enrolled, pause):
    """Its handler interrupts whatever waits: EINTR, where the kernel has it."""
    for run_as in (None, enrolled.person):
        code = enrolled.phone.fresh()
        assert log_in(enrolled, code, alarms=pause, run_as=run_as).accepted
        assert not log_in(enrolled, code, alarms=pause, run_as=run_as).accepted
        assert not log_in(enrolled, enrolled.phone.wrong(), alarms=pause, run_as=run_as).accepted


def test_given_alarms_while_the_lock_is_waited_for_then_the_login_still_waits(enrolled):
    ledger = f"/run/twostep/ledgers/{enrolled.name}"
    assert log_in(enrolled, enrolled.phone.fresh()).accepted
    holder = subprocess.Popen(["flock", "--exclusive", ledger, "sleep", "0.5"])
    try:
        assert log_in(enrolled, enrolled.phone.fresh(), alarms=1000).accepted
    finally:
        holder.wait(timeout=30)


def test_given_a_process_that_is_root_in_its_own_namespace_alone_then_nothing_is_ignored(enrolled):
    """It takes itself for root, and the kernel does not let it near the store."""
    line = enrolled.person.command("unshare", "--user", "--map-root-user", "--mount")
    for answer in (enrolled.phone.fresh(), enrolled.phone.wrong()):
        phases = log_in(enrolled, answer, service=SERVICE, prefix=line).phases
        assert phases["auth"] not in (SUCCESS, IGNORED["auth"])
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


def test_given_a_folder_that_is_gone_then_each_code_counts_once_as_ever(enrolled):
    gone = ["sh", "-c", 'mkdir /tmp/gone && cd /tmp/gone && rmdir /tmp/gone && exec "$@"', "sh"]
    code = enrolled.phone.fresh()
    assert log_in(enrolled, code, prefix=gone).accepted
    assert not log_in(enrolled, code, prefix=gone).accepted


@pytest.mark.parametrize("mask", ["000", "777"])
def test_given_a_umask_then_files_are_as_closed_as_ever(enrolled, mask):
    ledger = Path(f"/run/twostep/ledgers/{enrolled.name}")
    ledger.unlink(missing_ok=True)
    enrolled.phone.clock.advance(120)
    prefix = ["sh", "-c", f'umask {mask} && exec "$@"', "sh"]
    assert log_in(enrolled, enrolled.recovery_codes[0], prefix=prefix).accepted
    assert log_in(enrolled, enrolled.phone.fresh(), prefix=prefix).accepted
    assert [path.stat().st_mode & 0o7777 for path in (ledger, enrolled.file)] == [0o600, 0o600]
