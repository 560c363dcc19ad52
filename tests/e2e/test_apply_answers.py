"""`twostep admin apply` for programs that cannot ask: application passwords, or the code behind the password."""

from pathlib import Path

import pytest

import app_passwords
import enrollment
import people
import stacks
import vsftpd
from attempts import log_in
from rollout import PAM, apply, changes_unconfirmed, refused, twostep
from rollout import host  # noqa: F401  (a fixture)

# As Debian ships it, with a common-auth whose pam_unix does not wait.
VSFTPD = """\
# Standard behaviour for ftpd(8).
auth	required	pam_listfile.so item=user sense=deny file=/etc/ftpusers onerr=succeed

@include cs-common-account
@include common-session
@include cs-common-auth
auth	required	pam_shells.so
"""
# As Fedora does it: the pam_sss line would ask for the password again.
WITH_SSS = """\
auth	required	pam_env.so
auth	[default=1 ignore=ignore success=ok]	pam_localuser.so
auth	sufficient	pam_unix.so nodelay
auth	sufficient	pam_sss.so forward_pass
auth	required	pam_deny.so
"""
GREETER = """\
auth	substack	cs-sss
account	required	pam_unix.so
session	required	pam_permit.so
"""


@pytest.fixture(autouse=True)
def kept():
    """The machine's own services, for the tests that come later."""
    files = [PAM / name for name in ("doas", "polkit-1", "chsh", "vsftpd", "login", "i3lock", "samba")]
    before = {file: file.read_bytes() if file.exists() else None for file in files}
    yield
    twostep("revert", "--all", "--yes")
    for file, text in before.items():
        if text is None:
            file.unlink(missing_ok=True)
        else:
            file.write_bytes(text)


@pytest.fixture
def ftp(host):
    (PAM / "vsftpd").write_text(VSFTPD)
    server = vsftpd.Server(recipe=None)
    yield server
    server.stop()


def flat(text):
    return " ".join(text.split())


def test_given_a_program_that_cannot_ask_then_apply_says_how_it_can_take_a_second_step(host):
    (PAM / "vsftpd").write_text(VSFTPD)
    stacks.write("samba", "auth required pam_unix.so\naccount required pam_unix.so\n")
    said = flat(refused("vsftpd"))
    assert "cannot ask for a code" in said
    assert "admin apply vsftpd --app-passwords" in said and "--one-answer" in said
    for way in ((), ("--one-answer",), ("--app-passwords",)):
        assert "never runs the auth lines" in flat(refused("samba", *way))
    assert "interactive_services" in flat(refused("sudo", "--app-passwords"))
    assert "page on sshd" in flat(refused("sshd", "--one-answer"))
    for words in (("--one-answer", "--app-passwords"), ("--one-answer", "--keys", "alone")):
        assert apply("vsftpd", *words).returncode == 2
    assert (PAM / "vsftpd").read_text() == VSFTPD and not changes_unconfirmed()


def test_given_app_passwords_then_each_program_needs_one_and_who_may_not_come_is_refused_first(ftp, clock):
    done = apply("vsftpd", "--app-passwords")
    assert done.returncode == 0, done.stderr
    assert "Try a login by vsftpd" in flat(done.stdout)
    lines = [line for line in (PAM / "vsftpd").read_text().splitlines() if line.startswith("auth") or "include" in line]
    assert lines.index("auth\trequisite\tpam_shells.so") < next(n for n, line in enumerate(lines) if "mode=app_password" in line)
    alice, guest = enrollment.enroll(people.add(), clock), people.add(shell="/usr/sbin/nologin")
    password = app_passwords.create(alice, "laptop", "vsftpd")
    assert ftp.log_in(alice.person, password).entered
    assert not ftp.log_in(alice.person, alice.person.password).entered
    assert ftp.log_in(people.add(), people.PASSWORD).entered
    shut = enrollment.enroll(guest, clock)
    password = app_passwords.create(shut, "laptop", "vsftpd")
    assert not ftp.log_in(guest, password).entered
    # Nobody gets a session by FTP, so it is confirmed from any.
    assert twostep("confirm").returncode == 0
    assert not changes_unconfirmed()
    assert twostep("check").stdout.count("vsftpd") == 0


def test_given_one_answer_then_the_code_behind_the_password_gets_in(ftp, clock):
    assert apply("vsftpd", "--one-answer").returncode == 0
    alice, neighbor = enrollment.enroll(people.add(), clock), people.add()
    assert ftp.log_in(alice.person, alice.person.password + alice.phone.fresh()).entered
    assert not ftp.log_in(alice.person, alice.person.password).entered
    assert not ftp.log_in(alice.person, "wrong" + alice.phone.fresh()).entered
    assert ftp.log_in(neighbor, neighbor.password).entered
    assert twostep("revert", "--yes").returncode == 0
    assert (PAM / "vsftpd").read_text() == VSFTPD
    assert ftp.log_in(alice.person, alice.person.password).entered


def test_given_recent_then_sudo_gets_it_and_a_door_does_not(host):
    assert apply("sudo", "--recent", "10m").returncode == 0
    for service in ("sudo", "sudo-i"):
        assert "pam_twostep.so after_first_step recent=10m" in (PAM / service).read_text()
    assert twostep("revert", "--yes").returncode == 0
    stacks.write("login", "@include cs-common-auth\naccount required pam_unix.so\n")
    assert "at a door" in flat(refused("login", "--recent", "10m"))
    for time in ("0s", "25h", "soon"):
        assert apply("sudo", "--recent", time).returncode == 2, time


def test_given_modules_that_ask_again_and_jumps_then_one_answer_is_enough_all_the_same(host, clock):
    stacks.write("cs-sss", WITH_SSS)
    stacks.write("cs-greeter", GREETER)
    done = apply("cs-greeter", "--one-answer")
    assert done.returncode == 0, done.stderr
    text = (PAM / "cs-greeter").read_text()
    assert "pam_sss.so forward_pass use_first_pass" in text
    alice = enrollment.enroll(people.add(), clock)
    told = log_in(alice, alice.person.password + alice.phone.fresh(), service="cs-greeter")
    assert told.accepted and len(told.prompts) == 1, (text, told)
    assert not log_in(alice, "wrong" + alice.phone.fresh(), service="cs-greeter").accepted
    # A greeter opens a session: only one that was opened after the change proves it.
    assert twostep("confirm").returncode != 0


def test_given_a_locker_that_takes_the_lines_of_login_then_login_is_not_changed_before_it(host, clock):
    stacks.write("login", "@include cs-common-auth\naccount required pam_unix.so\n")
    stacks.write("i3lock", "auth include login\n")
    said = flat(refused("login"))
    assert "i3lock takes the lines of login" in said and "admin apply i3lock --one-answer" in said
    stacks.write("i3lock", "@include cs-common-auth\n")
    assert apply("i3lock", "--one-answer").returncode == 0
    assert twostep("confirm").returncode == 0
    alice, neighbor = enrollment.enroll(people.add(), clock), people.add()
    assert log_in(alice, alice.person.password + alice.phone.fresh(), service="i3lock", phases="as", run_as=alice.person).accepted
    assert not log_in(alice, alice.person.password, service="i3lock", phases="as", run_as=alice.person).accepted
    assert log_in(neighbor, neighbor.password, service="i3lock", phases="as", run_as=neighbor).accepted
    assert apply("login").returncode == 0
    assert "i3lock" not in twostep("check").stdout


def test_given_a_line_below_the_password_that_an_application_password_would_pass_by_then_nothing_is_changed(host):
    for lines in ("auth required pam_exec.so quiet /usr/local/bin/may-come\n",
                  "auth [success=1 default=ignore] pam_succeed_if.so user ingroup nogroup\nauth requisite pam_deny.so\n"):
        stacks.write("cs-ftp", "@include cs-common-auth\n" + lines + "account required pam_unix.so\n")
        assert "move it above the password by hand" in flat(refused("cs-ftp", "--app-passwords"))
    for service in ("doas", "polkit-1", "chsh"):
        stacks.write(service, "@include cs-common-auth\naccount required pam_unix.so\n")
        assert "interactive_services" in flat(refused(service, "--app-passwords")), service
