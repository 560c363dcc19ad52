"""doas asks for the code behind the password, on a terminal; and what its `persist` and `nopass` do to that."""

import re
import subprocess
from pathlib import Path

import pytest

import people
import servers
import terminals

SERVICE = Path("/etc/pam.d/doas")
RULES = Path("/etc/doas.conf")
SHELL = re.compile(r"[$#] $")


@pytest.fixture(autouse=True)
def doas(view, enrolled):
    """As Debian ships it, changed by `admin apply`; and back again. An hour to confirm it is enough for tests that move the clock."""
    servers.require("doas")
    shipped = SERVICE.read_text()
    SERVICE.write_text(shipped.replace("@include common-auth", "@include cs-common-auth"))
    people.set_administrators(enrolled.name)
    rule("permit", enrolled)
    admin("apply", "doas", "--confirm-within", "1h", "--yes")
    yield
    admin("revert", "--all", "--yes")
    SERVICE.write_text(shipped)
    RULES.unlink()


def admin(*words):
    done = subprocess.run(["twostep", "admin", *words], capture_output=True, text=True, timeout=60, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr


def rule(action, *users):
    RULES.write_text("".join(f"{action} {getattr(user, 'person', user).name}\n" for user in users))
    RULES.chmod(0o600)


def run(somebody, *answers, command=("id", "-u")):
    return terminals.answer(getattr(somebody, "person", somebody).command("doas", *command), *answers)


def test_given_password_and_code_then_doas_runs_the_command_and_confirms_the_change(enrolled, journal):
    session = run(enrolled, enrolled.person.password, enrolled.phone.fresh())
    assert session.status == 0 and session.output.split()[-1] == "0"
    assert session.prompts[0].endswith("password:") and session.prompts[1:] == ["Verification code:"]
    journal.find("accepted", f"user={enrolled.name}", "service=doas", "factor=totp")
    session = run(enrolled, enrolled.person.password, enrolled.phone.fresh(), command=("twostep", "admin", "confirm"))
    assert session.status == 0 and "stays" in session.output


def test_given_a_code_that_is_refused_then_doas_says_why_and_asks_no_second_time(enrolled):
    password, spent = enrolled.person.password, enrolled.phone.fresh()
    assert run(enrolled, password, spent).status == 0
    for code, reason in ((enrolled.phone.wrong(), "This code is wrong."), (spent, "was used already"), ("", "not a verification code")):
        session = run(enrolled, password, code, password)
        assert session.status != 0 and len(session.prompts) == 2 and reason in session.output


def test_given_a_wrong_password_then_doas_asks_for_no_code(enrolled):
    session = run(enrolled, "wrong", enrolled.phone.fresh())
    assert session.status != 0 and "Verification code:" not in session.prompts


def test_given_a_user_who_is_not_enrolled_then_doas_asks_for_the_password_alone(enrolled, neighbor):
    rule("permit", enrolled, neighbor)
    session = run(neighbor, neighbor.password)
    assert session.status == 0 and len(session.prompts) == 1


def test_given_nopass_then_doas_asks_for_nothing(enrolled):
    rule("permit nopass", enrolled)
    session = run(enrolled)
    assert session.status == 0 and session.prompts == []


class Terminal:
    """A shell of a user, on a terminal of its own."""

    def __init__(self, person):
        self.program = terminals.spawn(person.command("sh", "-i"))
        self.program.expect(SHELL)

    def asks(self, command, *answers):
        """How many questions one command asks; it must have become root."""
        shown, asked = self.type(command, *answers)
        assert shown.split()[-1] == "0", shown
        return asked

    def type(self, command, *answers):
        """What is shown behind the last question, and how many there were."""
        asked = 0
        self.program.sendline(command)
        while self.program.expect([SHELL, terminals.PROMPT]) == 1:
            self.program.sendline(answers[asked])
            asked += 1
        return self.program.before, asked

    def close(self):
        self.program.close(force=True)


def test_given_persist_then_doas_asks_again_on_another_terminal_and_after_five_minutes(enrolled, clock):
    rule("permit persist", enrolled)
    password, phone = enrolled.person.password, enrolled.phone
    here, elsewhere = (Terminal(enrolled.person) for _ in range(2))
    try:
        assert here.asks("doas id -u", password, phone.fresh()) == 2
        assert here.asks("doas id -u") == 0
        assert elsewhere.asks("doas id -u", password, phone.fresh()) == 2
        for _ in range(2):
            clock.advance(200)
            assert here.asks("doas id -u") == 0, "each use begins the five minutes again"
        clock.advance(310)
        assert here.asks("doas id -u", password, phone.fresh()) == 2
        assert here.asks("doas -L; doas id -u", password, phone.fresh()) == 2
    finally:
        here.close()
        elsewhere.close()


def test_given_persist_then_a_change_asks_when_it_is_over_and_require_step_refuses_it(enrolled):
    admin("revert", "--all", "--yes")
    rule("permit persist", enrolled)
    terminal = Terminal(enrolled.person)
    try:
        assert terminal.asks("doas id -u", enrolled.person.password) == 1
        admin("apply", "doas", "--confirm-within", "1h", "--yes")
        assert terminal.asks("doas id -u") == 0
        SERVICE.write_text(re.sub("^(account.*pam_twostep.so)", r"\1 require_step", SERVICE.read_text(), flags=re.MULTILINE))
        shown, asked = terminal.type("doas id -u")
        assert asked == 0 and "This login needs a verification code" in shown and "Authentication failed" in shown
    finally:
        terminal.close()
