"""The chapter "First host in ten minutes", followed on a clean Debian 12 command by command as it is printed."""

import re
import sys
import time
from pathlib import Path

import pexpect
import pytest

from machine import DEB, PASSWORD, Machine, code

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/docs"))

import pages  # noqa: E402 (the guide is read by the tests of the documents)

PROMPT = "FOLLOWING> "
RECOVERY_CODE = r"\b[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){3}\b"
# How `check` ends on such a host: nothing asks for a code yet, and nothing keeps the clock of the test's machine right.
MAY_END = {"sudo twostep admin check": (0, 1, 4)}


class Alice:
    """She types at two terminals, and has a phone and a sheet of recovery codes."""

    def __init__(self, machine):
        self.machine = machine
        self.secret, self.spent, self.codes, self.shown = None, None, [], ""
        self.wants_recovery_code = False

    def open(self, tty="-tt"):
        """A terminal on the host: ssh with the password, as it is before."""
        terminal = self.machine.ssh(command="bash --norc", tty=tty)
        self.answer(terminal, r"\$ $")
        self.quiet(terminal)
        return terminal

    def desk(self):
        """A terminal on her own computer, which knows the host by its name."""
        line = self.machine.line("bash --norc")
        terminal = pexpect.spawn(line[0], line[1:], timeout=60, encoding="utf-8", dimensions=(60, 120))
        terminal.expect("# $")
        self.quiet(terminal)
        return terminal

    @staticmethod
    def quiet(terminal):
        terminal.setwinsize(60, 120)
        # In two pieces, so that what is typed does not look like the prompt.
        terminal.sendline(f"bind 'set enable-bracketed-paste off'; stty -echo; PS1='{PROMPT[:4]}''{PROMPT[4:]}'")
        terminal.expect_exact(PROMPT)

    def type(self, terminal, command):
        terminal.sendline(command)
        self.shown = self.answer(terminal, re.escape(PROMPT) + "$|" + r"alice@[^\r\n]*\$ $")
        return self.shown

    def status(self, terminal):
        terminal.sendline("echo status=$?")
        terminal.expect(r"status=(\d+)\r")
        status = int(terminal.match[1])
        terminal.expect_exact(PROMPT)
        return status

    def answer(self, terminal, end):
        questions = {
            end: None,
            r"Code shown by the app: $": self.first_code,
            r"Verification code: $": self.second_step,
            r"\[y/N\] $": lambda shown: "y",
            r"\[s\]ave to a file[^\r\n]*: $": lambda shown: "s",
            r"File \[[^\]]*\]: $": lambda shown: "",
            r"[Pp]assword[^\r\n]*: ?$": lambda shown: PASSWORD,
        }
        shown = ""
        while (which := terminal.expect(list(questions), timeout=60)) > 0:
            shown += terminal.before + terminal.after
            terminal.sendline(list(questions.values())[which](shown))
        self.codes = self.codes or re.findall(RECOVERY_CODE, shown)
        return (shown + terminal.before).replace("\r", "")

    def first_code(self, shown):
        key = re.search(r"Key:?\s+((?:[A-Z2-7]{1,4}\s+)+)Kind", shown)[1]
        self.secret = "".join(key.split())
        return self.fresh()

    def second_step(self, shown):
        if self.wants_recovery_code:
            return self.codes[0]
        return self.fresh()

    def fresh(self):
        """A code that was not given before; she waits for it."""
        while self.spent == (shown := code(self.secret)):
            time.sleep(1)
        self.spent = shown
        return shown


@pytest.fixture
def machine():
    machine = Machine()
    machine.keep_service_running()
    machine.add_alice()
    home = machine.root / "home/alice"
    (home / DEB.name).write_bytes(DEB.read_bytes())
    machine.run("chown -R alice: /home/alice && echo '127.0.0.1 localhost host' >/etc/hosts && mkdir -p /root/.ssh "
                "&& printf 'Host host\\n StrictHostKeyChecking no\\n LogLevel ERROR\\n' >/root/.ssh/config")
    machine.start_sshd(settings="")
    yield machine
    machine.close()


def follow(alice, terminals, block):
    terminal = terminals[block.name]
    for command in block.commands():
        if command.startswith("ssh "):
            shown = alice.type(terminal, command)
            alice.quiet(terminal)
        elif command == "exit":
            terminal.sendline(command)
            terminal.expect_exact(PROMPT)
            continue
        else:
            shown = alice.type(terminal, command)
            allowed = MAY_END.get(command, (0,))
            assert alice.status(terminal) in allowed, f"{block.place}: {command}\n{shown}"


def test_the_first_host_is_protected_and_has_a_way_back(machine):
    before = machine.pam()
    alice = Alice(machine)
    terminals = {"1": alice.open(), "2": alice.desk()}
    steps = [block for block in pages.blocks_of(TOP / "docs/first-host.md") if block.kind == "sh terminal"]
    assert len(steps) >= 8
    for number, block in enumerate(steps):
        alice.wants_recovery_code = block.text.startswith("exit")
        if number == len(steps) - 1:
            is_protected(machine, alice)
        follow(alice, terminals, block)
        if block.text.startswith("exit"):
            assert "You have 9 recovery codes left." in alice.shown
    assert machine.pam() == before, "the last step takes it back byte for byte"
    assert len(alice.codes) == 10


def is_protected(machine, alice):
    """ssh and sudo ask for the code, and the password alone does not do."""
    for answer, enters in (("000000", False), (alice.codes[1], True)):
        ssh = machine.ssh(command="echo IN; sudo -k whoami", tty="-tt")
        ssh.expect("[Pp]assword: ")
        ssh.sendline(PASSWORD)
        ssh.expect("Verification code: ")
        ssh.sendline(answer)
        assert (ssh.expect(["IN\r\n", "denied", pexpect.EOF]) == 0) == enters
        if enters:
            ssh.expect("assword for alice: ")
            ssh.sendline(PASSWORD)
            ssh.expect("Verification code: ")
            ssh.sendline(alice.codes[2])
            ssh.expect("root\r\n")
        ssh.close()
