"""Ansible, which cannot answer a question: over a connection that somebody opened by hand with one code, and
as a user whose key is enough."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import configuration
import people
import sshd
import stacks
from guide import blocks
from terminals import answer

HOST = "host.example.org"
HOSTS = Path("/etc/hosts")


def block_of(kind, name=""):
    (block,) = [block for found in blocks(kind).values() for block in found if block.name == name]
    return block.text + "\n"


SETTINGS, CLIENT, ANSIBLE = block_of("conf sshd", "automation"), block_of("conf ssh"), block_of("ini ansible")
LINES = block_of("pam sshd", "key-or-password").replace("common-auth", "cs-common-auth")
REST = """\
account required pam_unix.so
account required pam_twostep.so require_step
session required pam_loginuid.so
session required pam_permit.so
session optional pam_twostep.so
"""


@pytest.fixture(scope="module")
def server(view):
    kept = HOSTS.read_text()
    HOSTS.write_text(f"{kept}127.0.0.1 {HOST}\n")
    subprocess.run(["groupadd", "--system", "--force", "automation"], check=True)
    server = sshd.Server(LINES + REST, more=SETTINGS)
    yield server
    server.stop()
    HOSTS.write_text(kept)
    stacks.write("sshd", stacks.PASSWORD_AND_CODE)


class Client:
    """Somebody's computer: ssh with the guide's configuration, and Ansible."""

    def __init__(self, server, person, restriction=""):
        self.person = person
        key = sshd.make_key(person)
        self._put(".ssh/authorized_keys", restriction + key.with_suffix(".pub").read_text())
        self._put(".ssh/id", key.read_text())
        self._put(".ssh/config", f"{CLIENT}    Port {server.port}\n    IdentityFile ~/.ssh/id\n"
                                 "    StrictHostKeyChecking no\n    UserKnownHostsFile /dev/null\n    LogLevel ERROR\n")
        self._put(".ansible.cfg", ANSIBLE)

    def _put(self, name, text):
        file = self.person.home / name
        file.write_text(text)
        file.chmod(0o600)
        os.chown(file, self.person.uid, self.person.uid)

    def line(self, *words):
        return self.person.command("env", "LANG=C.UTF-8", *words)

    def ssh(self, *words):
        """ssh without a person: whether it got in."""
        return subprocess.run(self.line("ssh", "-o", "BatchMode=yes", *words), capture_output=True, timeout=60, cwd="/").returncode == 0

    def open(self, *answers):
        """ssh with a person at the terminal, who leaves the connection open."""
        return answer(self.line("ssh", HOST, "true"), *answers)

    def close(self):
        assert self.ssh("-O", "exit", HOST)

    def plays(self, *options):
        """Whether Ansible does something on the host, which takes it several connections."""
        done = subprocess.run(self.line("ansible", "all", "--inventory", f"{HOST},", "--module-name", "ping", *options),
                              capture_output=True, text=True, timeout=300, cwd="/")
        refused = "UNREACHABLE", "sudo password", "privilege escalation"
        assert '"pong"' in done.stdout or any(word in done.stdout for word in refused), done.stdout + done.stderr
        return done.returncode == 0


@pytest.fixture(autouse=True)
def installed():
    assert shutil.which("ansible", path="/usr/bin"), "install what packaging/test-packages lists"


def test_given_a_connection_opened_with_one_code_then_ansible_uses_it_until_it_is_closed(server, enrolled, journal):
    client = Client(server, enrolled.person)
    assert not client.plays() and not client.ssh(HOST, "true")
    opened = client.open(enrolled.phone.fresh())
    assert opened.status == 0 and [prompt.split(") ")[1] for prompt in opened.prompts] == ["Verification code:"], opened
    journal.mark()
    assert client.plays() and client.ssh(HOST, "true") and client.plays()
    assert enrolled.name not in journal.text(), "nobody logged in again"
    client.close()
    assert not client.plays()


def test_given_a_wrong_code_then_no_connection_is_left_open(server, enrolled):
    client = Client(server, enrolled.person)
    client.open(enrolled.phone.wrong())
    assert not client.ssh("-O", "check", HOST) and not client.plays()


@pytest.fixture
def deploy():
    """A user for jobs, who has no password."""
    person = people.add()
    people.lock_password(person.name)
    people.add_to_group(person.name, "automation")
    return person


def test_given_a_user_of_the_group_then_a_key_from_the_right_address_is_enough(server, deploy):
    configuration.write(policy={"required": True, "exempt_groups": ["automation"]})
    client = Client(server, deploy, 'from="127.0.0.1" ')
    assert client.plays()
    elsewhere = Client(server, deploy, 'from="192.0.2.10" ')
    assert not elsewhere.plays()


def test_given_a_required_second_step_and_no_exemption_then_the_key_of_the_group_is_refused(server, deploy, journal):
    configuration.write(policy={"required": True})
    assert not Client(server, deploy).plays()
    journal.find("refused", f"user={deploy.name}")


def test_given_a_user_outside_the_group_then_a_key_alone_is_not_enough(server, person, enrolled):
    configuration.write(policy={"exempt_groups": ["automation"]})
    assert not Client(server, person).plays() and not Client(server, enrolled.person).plays()


@pytest.fixture
def sudo(view):
    """sudo's lines, and its rule for somebody."""
    file, rules = Path("/etc/pam.d/sudo"), Path("/etc/sudoers.d/automation")
    before = file.read_text()

    def rule(person, what, stack=stacks.PASSWORD_AND_CODE):
        stacks.write("sudo", stack)
        rules.write_text(f"{person.name} ALL=(root) {what}\n")
        rules.chmod(0o440)

    yield rule
    file.write_text(before)
    rules.unlink()


def test_given_become_then_only_a_rule_without_a_password_or_a_recent_code_lets_the_job_go_on(server, enrolled, sudo):
    client = Client(server, enrolled.person)
    assert client.open(enrolled.phone.fresh()).status == 0
    as_root = ("--become", "--extra-vars", json.dumps({"ansible_become_password": enrolled.person.password}))
    sudo(enrolled, "ALL")
    assert not client.plays(*as_root)
    sudo(enrolled, "ALL", stacks.PASSWORD_AND_CODE.replace("after_first_step", "after_first_step recent=10m"))
    assert client.plays(*as_root)
    sudo(enrolled, "NOPASSWD: ALL")
    assert client.plays("--become")
    client.close()
