"""Who merely passes by a stack of ours, at the deadline: cron, su by root, sudo with a ticket,
and what opens a session without authenticating."""

import subprocess
import time
from pathlib import Path

import pytest

import configuration
import stacks
from attempts import SUCCESS, log_in
from policies import CONTACT, DAY, grace_since, require

SUDOERS = Path("/etc/sudoers.d/zz-twostep-passers-by")
STACKS = {"code": stacks.PASSWORD_AND_CODE, "enroll": stacks.ENROLL}
# What runs a user's services: no auth lines, and the account line that it includes from elsewhere.
USER_MANAGER = """\
account required pam_unix.so
account required pam_twostep.so {options}
session required pam_permit.so
session optional pam_twostep.so
"""


@pytest.fixture(params=STACKS)
def services(view, request):
    stack = STACKS[request.param]
    stacks.write("su", "auth sufficient pam_rootok.so\n" + stack)
    stacks.write("sudo", stack)
    stacks.write("cron", stack)
    stacks.write("systemd-user", USER_MANAGER, "enroll" if request.param == "enroll" else "")
    return request.param


@pytest.fixture
def deadline(person, clock, journal):
    """Makes it the moment from which the person, who was here before, must have enrolled."""
    require(clock, left=DAY, after_grace="enroll")
    assert log_in(person, person.password, service="cs-login").accepted

    def come():
        configuration.write(policy={"required": True, "after_grace": "enroll", "grace": "0", "contact": CONTACT})
        assert not log_in(person, person.password, service="cs-login").accepted
        journal.find("refused", f"user={person.name}", "service=cs-login")
        journal.mark()

    return come


def allow_sudo(person, rule, timeout):
    SUDOERS.write_text(f"Defaults:{person.name} timestamp_timeout={timeout}, passwd_tries=1\n{person.name} ALL=(ALL:ALL) {rule}\n")
    SUDOERS.chmod(0o440)


def test_given_the_deadline_then_su_by_root_passes(services, person, deadline, journal):
    deadline()
    done = subprocess.run(["su", person.name, "-c", "id -un"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=30)
    assert (done.stdout.strip(), done.stderr) == (person.name, "")
    assert person.name not in journal.text()


def test_given_the_deadline_then_sudo_without_a_password_passes(services, person, deadline):
    allow_sudo(person, "NOPASSWD: ALL", 0)
    deadline()
    done = person.run("sudo", "-n", "id", "-u")
    assert (done.stdout.strip(), done.stderr) == ("0", "")


def test_given_a_ticket_from_before_the_deadline_then_sudo_passes_after_it(services, person, deadline):
    allow_sudo(person, "ALL", 15)
    come = person.home / "come"
    # One process holds the ticket: sudo without a terminal gives it to its parent.
    script = f"sudo -S id -u && while [ ! -e {come} ]; do sleep 0.05; done; sudo -n id -u"
    shell = subprocess.Popen(person.command("sh", "-c", script), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, cwd="/")
    shell.stdin.write(person.password + "\n")
    shell.stdin.flush()
    assert shell.stdout.readline() == "0\n"
    deadline()
    come.touch()
    out, err = shell.communicate(timeout=30)
    assert out == "0\n", err


def test_given_the_deadline_then_a_cron_job_runs(services, person, deadline):
    deadline()
    ran, jobs = person.home / "cron-ran", Path("/etc/cron.d/twostep-passers-by")
    jobs.write_text(f"@reboot {person.name} id -un >{ran}\n")
    jobs.chmod(0o644)
    Path("/run/crond.reboot").unlink(missing_ok=True)
    cron = subprocess.Popen(["cron", "-f"])
    try:
        assert eventually(lambda: ran.exists() and ran.read_text().strip() == person.name)
    finally:
        cron.terminate()
        cron.wait(timeout=10)
        jobs.unlink()


def eventually(condition):
    for _ in range(200):
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_given_the_deadline_then_a_user_manager_and_the_like_start(services, person, deadline, journal):
    deadline()
    began = grace_since(person)
    assert log_in(person, service="systemd-user", phases="cox").accepted
    for phases in ("csox", "cs", "o", "x"):
        for tty in (None, "/dev/tty1", "cron"):
            told = log_in(person, service="cron", phases=phases, tty=tty)
            assert set(told.phases.values()) == {SUCCESS}, told
            assert (told.prompts, told.messages) == ([], [])
    assert "user=" not in journal.text()
    assert grace_since(person) == began


def test_given_the_deadline_then_credentials_are_set_in_sshd_for_who_came_without_our_auth_phase(person, deadline):
    """By a key alone. The account line says that this stack has one."""
    stacks.write("cs-enroll", stacks.ENROLL)
    deadline()
    told = log_in(person, service="cs-enroll", phases="cs", tty="ssh")
    assert told.phases == {"account": SUCCESS, "setcred": SUCCESS}
    assert (told.prompts, told.messages) == ([], [])
