"""People who enroll in a login: what they are shown there, and what they answer."""

import re
from pathlib import Path

import pytest

import configuration
import enrollment
import qr
import sshd
import stacks
import terminals
from phones import Phone
from policies import CONTACT

POLICY = {"required": True, "after_grace": "enroll", "contact": CONTACT}
KEY = re.compile(r"type this key into the app: ((?:[A-Z2-7]{4} )*[A-Z2-7]{1,4})\s")
RECOVERY_CODE = re.compile(r"\b[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}\b")
CODE_QUESTION, CODES_QUESTION = r"Code shown by the app: $", r"Press Enter when you have them: $"
PASSWORD_QUESTION = r"[Pp]assword[^\r\n]*: $"
SUDOERS = Path("/etc/sudoers.d/twostep-newcomers")


class Newcomer:
    """Somebody with a phone that reads what a login shows."""

    def __init__(self, clock):
        self.clock = clock
        self.phone = None

    def scan(self, shown):
        """The code of the app that has scanned the drawing."""
        uri = qr.from_terminal(shown)
        assert uri and uri.startswith("otpauth://totp/"), shown
        self.phone = Phone(uri, self.clock)
        assert key_of(shown).replace(" ", "") == self.phone.secret
        return self.phone.code()

    def steps(self):
        return [(CODE_QUESTION, self.scan), (CODES_QUESTION, "")]


@pytest.fixture(autouse=True)
def policy(view):
    """The time to enroll is over, and a login enrolls."""
    configuration.write(policy=POLICY)


@pytest.fixture(scope="module", autouse=True)
def services(view):
    """Every program enrolls."""
    write_services(stacks.ENROLL)
    yield
    stacks.write("sshd", stacks.PASSWORD_AND_CODE)


@pytest.fixture(scope="module")
def server(view):
    server = sshd.Server(stacks.ENROLL)
    yield server
    server.stop()


@pytest.fixture
def start_server():
    """As many servers as a test needs, each with a stack of its own."""
    servers = []

    def start(stack, **settings):
        servers.append(sshd.Server(stack, **settings))
        return servers[-1]

    yield start
    for each in servers:
        each.stop()
    stacks.write("sshd", stacks.ENROLL)


@pytest.fixture
def newcomer(clock):
    return Newcomer(clock)


def key_of(shown):
    return KEY.search(shown).group(1)


def write_services(stack, options=""):
    for service in ("sshd", "sudo", "login", "cs-enroll"):
        stacks.write(service, stack, options)
    stacks.write("su", "auth sufficient pam_rootok.so\n" + stack, options)


def first_step(person):
    return (PASSWORD_QUESTION, person.password)


def ssh(server, person, *steps, methods="keyboard-interactive", key=None, options=()):
    line = sshd.ssh_line(server, person, methods=methods, key=key)
    line[1:1] = options
    return terminals.talk(terminals.spawn(line), *steps)


def dialog(program, person, neighbor, *steps):
    """The same talk with su, sudo or login."""
    if program == "login":
        shell = (r"[$#] $", "echo I-AM $(id -un); exit")
        return terminals.talk(terminals.spawn(["login", person.name]), *steps, shell)
    if program == "su":
        line = neighbor.command("su", person.name, "-c", "echo I-AM $(id -un)")
    else:
        SUDOERS.write_text(f"Defaults:{person.name} timestamp_timeout=0, passwd_tries=1\n{person.name} ALL=(ALL:ALL) ALL\n")
        SUDOERS.chmod(0o440)
        line = person.command("sudo", "-k", "sh", "-c", "echo I-AM $SUDO_USER")
    return terminals.talk(terminals.spawn(line), *steps)


def is_enrolled(person):
    return enrollment.status(person)["enrolled"]


def account_of(person):
    file = enrollment.ACCOUNTS / f"{person.name}.toml"
    return file.read_text() if file.exists() else ""
