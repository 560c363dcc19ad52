"""`recent=10m` on sudo's line: a second step of the same audit session is enough for a while."""

import subprocess
from pathlib import Path

import pexpect
import pytest

import sshd
import stacks
from attempts import log_in
from sshd import make_key

SUDOERS = Path("/etc/sudoers.d/twostep-tests")
SSHD = stacks.PASSWORD_AND_CODE.replace(
    "session required pam_permit.so\n", "session required pam_loginuid.so\nsession required pam_permit.so\n")
RECENT = stacks.PASSWORD_AND_CODE.replace("after_first_step", "after_first_step recent=10m")
# Whether sudo runs a command by the password alone. `sudo -k` has no ticket.
SUDO = "if printf '%s\\n' 'right horse' | sudo -k -S true 2>/dev/null; then echo SPARED; else echo ASKED; fi; "


@pytest.fixture(autouse=True)
def services(view, enrolled):
    stacks.write("sudo", RECENT)
    SUDOERS.write_text(f"{enrolled.name} ALL=(ALL:ALL) ALL\nDefaults:{enrolled.name} passwd_tries=1\n")
    SUDOERS.chmod(0o440)


@pytest.fixture
def server(view):
    server = sshd.Server(SSHD, more="AuthenticationMethods any\n")
    yield server
    server.stop()


def by_code(server, enrolled, command):
    return sshd.log_in(server, enrolled.person, enrolled.person.password, enrolled.phone.fresh(), command=command).output


def in_one_session(enrolled, command):
    """What a command of the user prints in an audit session of its own, which no login opened."""
    user = enrolled.person
    line = ["sh", "-c", 'echo "$1" >/proc/self/loginuid; shift; exec "$@"', "sh", str(user.uid), *user.command("sh", "-c", command)]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, cwd="/").stdout


def test_given_a_login_by_ssh_with_a_code_then_sudo_there_needs_none_and_elsewhere_it_does(server, enrolled, journal):
    shown = by_code(server, enrolled, SUDO + "env | grep TWOSTEP")
    assert "SPARED" in shown and "TWOSTEP" not in shown
    journal.find("not-asked", f"user={enrolled.name}", "service=sudo", "rule=recent")
    assert "ASKED" in in_one_session(enrolled, SUDO)
    key = make_key(enrolled.person)
    assert "ASKED" in sshd.log_in(server, enrolled.person, methods="publickey", key=key, command=SUDO).output


def test_given_the_time_is_over_then_the_code_is_asked_again(server, enrolled, clock):
    marker = enrolled.person.home / "go-on"
    command = SUDO + f"echo WAITS; while [ ! -e {marker} ]; do sleep 0.1; done; " + SUDO
    line = sshd.ssh_line(server, enrolled.person, methods="keyboard-interactive", command=command)
    ssh = pexpect.spawn(line[0], line[1:], timeout=60, encoding="utf-8", echo=False, cwd="/")
    for answer in (enrolled.person.password, enrolled.phone.fresh()):
        ssh.expect(": $")
        ssh.sendline(answer)
    ssh.expect("SPARED\r\nWAITS")
    clock.advance(600)
    marker.touch()
    ssh.expect("ASKED")
    ssh.close()


def test_given_a_code_at_sudo_then_the_next_sudo_of_the_session_needs_none(enrolled):
    code = enrolled.phone.fresh()
    first = f"printf '%s\\n%s\\n' 'right horse' {code} | sudo -k -S true 2>/dev/null && echo IN; "
    assert in_one_session(enrolled, SUDO + first + SUDO).split() == ["ASKED", "IN", "SPARED"]
    assert "ASKED" in in_one_session(enrolled, SUDO)


def test_given_processes_without_an_audit_session_then_each_is_asked(enrolled):
    for _ in range(2):
        code = enrolled.phone.fresh()
        assert log_in(enrolled, enrolled.person.password, code, service="sudo", phases="aco").accepted
        assert not log_in(enrolled, enrolled.person.password, service="sudo", phases="aco").accepted


def test_given_another_account_in_the_session_then_it_is_asked(enrolled, enroll_another):
    other = enroll_another()
    code = enrolled.phone.fresh()
    first = f"printf '%s\\n%s\\n' 'right horse' {code} | sudo -k -S true 2>/dev/null && echo IN; "
    stacks.write("su", RECENT)
    become = f"printf '%s\\n' 'right horse' | su {other.name} -c 'echo BECAME' 2>/dev/null; echo ENDED"
    assert in_one_session(enrolled, first + become).split() == ["IN", "ENDED"]
