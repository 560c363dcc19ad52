"""`twostep admin apply` where something goes wrong meanwhile: ended, stopped, left alone, no room on the disk."""

import fcntl
import os
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest

import enrollment
import sshd
from rollout import (DROP_IN, JOURNAL, PAM, STOCK, apply, by_password, changes, changes_unconfirmed, kill_at, refused,
                     snapshot, twostep, wait_until, waiting)
from rollout import host  # noqa: F401  (a fixture)


def end_all_who_wait():
    subprocess.run(["pkill", "-9", "-f", "admin revert --unconfirmed"], check=True)


def test_given_an_apply_that_is_killed_half_way_then_it_goes_back_at_once_and_not_after_its_time(host):
    earlier = len(changes())
    for number in range(1, 60):
        kill_at("rename", number, "--confirm-within", "1h")
        made = changes()[earlier:]
        if made and made[-1]["started_after"]:
            break  # It was in force as a whole.
        assert wait_until(lambda: snapshot() == host.before and not changes_unconfirmed()), number
    assert len(made) > 4
    assert twostep("revert", "--yes").returncode == 0 and wait_until(lambda: not waiting())
    assert by_password(host).entered


def test_given_the_waiting_process_is_killed_then_another_waits(host, clock):
    assert apply("sudo").returncode == 0

    def waits():
        lines = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in waiting()}
        return [int(pid) for pid, line in lines.items() if b"--detached" not in line]

    assert wait_until(waits)
    os.kill(waits()[0], signal.SIGKILL)
    clock.advance(91)
    assert wait_until(lambda: snapshot() == host.before)


def test_given_an_old_session_then_its_sudo_proves_nothing_of_sshd(host):
    Path("/etc/sudoers.d/confirm").write_text("%sudo ALL=(ALL:ALL) NOPASSWD: /usr/bin/twostep\n")
    os.chmod("/etc/sudoers.d/confirm", 0o440)
    line = sshd.ssh_line(host, host.person, methods="password", tty=True, command="sh")
    old = pexpect.spawn(line[0], line[1:], timeout=30, encoding="utf-8", echo=False, cwd="/")
    old.expect("assword: ")
    old.sendline(host.person.password)
    old.expect("[$] ")
    assert apply("sshd", "sudo", "--keys", "refuse").returncode == 0
    old.sendline("sudo twostep admin confirm")
    old.expect(r"proves\s+nothing\.\s+In\s+another\s+terminal\s+log\s+in\s+by\s+sshd\s+again,")
    old.close(force=True)
    assert changes()[-1]["state"] == "unconfirmed"


def test_given_a_time_that_is_over_and_nobody_who_waits_then_confirm_takes_it_back(host, clock):
    assert apply("sudo").returncode == 0
    end_all_who_wait()
    clock.advance(91)
    assert wait_until(lambda: "has to go back" in twostep("revert", "--list").stdout)
    late = twostep("confirm")
    assert late.returncode == 1 and "Its time was over" in late.stderr
    assert snapshot() == host.before and changes()[-1]["state"] == "reverted"


def test_given_two_administrators_then_an_open_question_holds_nobody_up_and_the_second_yes_comes_too_late(host):
    question = pexpect.spawn("twostep", ["admin", "apply", "sudo"], timeout=30, encoding="utf-8", cwd="/")
    question.expect("Put this in force")
    assert apply("sudo").returncode == 0
    question.sendline("y")
    question.expect("not confirmed yet")
    question.close(force=True)
    assert len(changes_unconfirmed()) == 1


def test_given_somebody_who_stands_still_in_a_change_then_others_are_told_and_it_still_goes_back(host, clock):
    assert apply("sudo").returncode == 0
    stuck = os.open(JOURNAL, os.O_RDONLY)
    fcntl.flock(stuck, fcntl.LOCK_EX)
    try:
        told = twostep("confirm")
        assert told.returncode == 1 and "Another command is changing logins" in told.stderr
        clock.advance(91)
        assert wait_until(lambda: snapshot() == host.before, 60)
    finally:
        os.close(stuck)


@contextmanager
def mounted(*words):
    subprocess.run(["mount", *map(str, words)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", words[-1]], check=True)


@contextmanager
def read_only(folder):
    with mounted("--bind", folder, folder):
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        yield


def test_given_a_disk_that_takes_no_writes_then_nothing_is_changed_and_what_is_changed_goes_back_later(host):
    with read_only(PAM):
        assert "Read-only file system" in refused("sshd", "sudo", "--keys", "refuse")
        assert snapshot() == host.before and not changes_unconfirmed()
    assert apply("sudo").returncode == 0
    with read_only(PAM):
        failed = twostep("revert", "--yes")
        assert failed.returncode == 1 and "Read-only file system" in failed.stderr and "type it again" in failed.stderr
    assert twostep("revert", "--yes").returncode == 0
    assert snapshot() == host.before


@pytest.mark.parametrize("is_confirmed", [False, True])
def test_given_a_disk_that_takes_no_record_then_a_change_is_undone_and_listed_as_undone(host, clock, is_confirmed):
    assert apply("sudo").returncode == 0
    number = str(changes()[-1]["number"])
    if is_confirmed:
        file = JOURNAL / number / "change.json"
        file.write_text(file.read_text().replace('"unconfirmed"', '"confirmed"'))
    with read_only(JOURNAL):
        done = twostep("revert", "--yes")
        assert done.returncode == 0 and f"Change {number} is undone." in done.stdout, done.stdout + done.stderr
        assert "Only the record of that could not be written" in done.stdout and "Nothing was changed" not in done.stdout
        assert snapshot() == host.before
        assert "undone" in twostep("revert", "--list").stdout.splitlines()[-1]
    assert changes()[-1]["state"] == "reverted" and apply("sudo").returncode == 0


def test_given_a_full_disk_then_nothing_is_changed(host):
    texts = {path.name: path.read_bytes() for path in PAM.iterdir() if path.is_file()}
    with mounted("-t", "tmpfs", "-o", "size=1m", "full", PAM):
        for name, text in texts.items():
            (PAM / name).write_bytes(text)
        subprocess.run(["dd", "if=/dev/zero", f"of={PAM}/filled", "bs=4k"], capture_output=True)
        assert "No space left on device" in refused("sudo")
        assert snapshot() == host.before and not changes_unconfirmed()
        assert not list(PAM.glob(".*"))
    JOURNAL.mkdir(mode=0o700, exist_ok=True)
    with mounted("-t", "tmpfs", "-o", "size=4k", "full", JOURNAL):
        (JOURNAL / "filled").write_bytes(b"x" * 4096)
        assert "No space left on device" in refused("sudo")
        assert snapshot() == host.before
    assert wait_until(lambda: not waiting())


def test_given_a_service_file_that_is_a_link_then_the_link_stays(host):
    (PAM / "sudo").rename(PAM / "sudo-real")
    (PAM / "sudo").symlink_to("sudo-real")
    try:
        assert apply("sudo").returncode == 0
        assert (PAM / "sudo").is_symlink() and "pam_twostep" in (PAM / "sudo-real").read_text()
        assert twostep("revert", "--yes").returncode == 0
        assert (PAM / "sudo").is_symlink() and snapshot() == host.before
    finally:
        (PAM / "sudo").unlink()
        (PAM / "sudo-real").rename(PAM / "sudo")


def test_given_su_that_lets_root_in_unasked_then_it_can_be_changed(host, clock):
    enrolled = enrollment.enroll(host.person, clock)
    before = (PAM / "su").read_bytes()
    (PAM / "su").write_text("auth sufficient pam_rootok.so\n" + STOCK)
    try:
        done = apply("su")
        assert done.returncode == 0 and "in another terminal use su" in done.stdout.replace("\n", " "), done.stderr
        su = host.person.command("su", "-c", "twostep admin confirm", host.person.name)
        su = pexpect.spawn(su[0], su[1:], timeout=30, encoding="utf-8", cwd="/")
        su.expect("assword")
        su.sendline(host.person.password)
        su.expect("erification code")
        su.sendline(enrolled.phone.fresh())
        su.expect("sudo before it")
        assert twostep("revert", "--yes").returncode == 0
        assert (PAM / "su").read_text() == "auth sufficient pam_rootok.so\n" + STOCK
    finally:
        (PAM / "su").write_bytes(before)


def test_given_what_is_no_service_then_it_says_so(host):
    assert "no name of a PAM service" in refused("../pam.d/sudo")
    assert "other services include it" in refused("cs-common-auth")
    assert snapshot() == host.before


def test_given_lines_of_sshd_then_the_one_in_the_way_is_named_and_rules_for_some_are_told(host):
    folder = DROP_IN.parent
    (folder / "50-cloud-init.conf").write_text("PasswordAuthentication yes\n")
    (folder / "01-mine.conf").write_text("# mine\nPasswordAuthentication yes\n")
    said = refused("sshd", "--keys", "alone")
    assert "01-mine.conf line 2 goes before" in said and "`PasswordAuthentication yes`" in said
    (folder / "01-mine.conf").write_text("UsePAM no\n")
    assert "01-mine.conf line 1 goes before" in refused("sshd", "--keys", "alone")
    (folder / "01-mine.conf").unlink()
    host.write(host.config + "Match User git\n  AuthenticationMethods publickey\n")
    host.before = snapshot()
    told = twostep("apply", "sshd", "--keys", "with-code", "--dry-run")
    assert told.returncode == 0 and "for those of `Match User git`, without a code" in told.stdout.replace("\n", " ")
    host.write(host.config + "Match User ann\n  KbdInteractiveAuthentication no\n  PasswordAuthentication yes\n"
               "  AuthenticationMethods password\n")
    assert "Match User ann" in refused("sshd", "--keys", "with-code")
    host.write(host.config + "Match User ann\n  NoSuchKeyword yes\n")
    said = refused("sshd", "--keys", "with-code")
    assert "/etc/ssh/sshd_config" in said and "/run/" not in said and "Include line" not in said
    host.write(host.config)
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    try:
        assert f"sudo mkdir {folder}" in refused("sshd", "--keys", "with-code")
    finally:
        folder.mkdir()
    host.before = snapshot()


def test_given_keys_that_an_earlier_change_let_in_alone_then_they_do_not_silently_need_the_password_too(host, clock):
    enrollment.enroll(host.person, clock)
    assert apply("sshd", "--keys", "alone").returncode == 0
    file = JOURNAL / str(changes()[-1]["number"]) / "change.json"
    file.write_text(file.read_text().replace('"unconfirmed"', '"confirmed"'))
    assert "not behind a key; undo the change" in refused("sshd", "--keys", "with-code").replace("\n", " ")
    assert twostep("revert", "--yes").returncode == 0
    assert snapshot() == host.before
