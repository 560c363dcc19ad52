"""A first enrollment that takes the account's password, or an administrator's code."""

import json
import subprocess
from pathlib import Path

import pexpect
import pytest

import configuration
import enrollment
import service
from attempts import log_in
from phones import Phone
from policies import admin
from test_admin_report import right
from test_enroll import CODE_QUESTION, at_a_terminal, key_typed_by_hand, phone_with_key

PASSWORD_QUESTION = "Password of your account: "
INVITE_QUESTION = "Enrollment code from your administrator: "


def permit(kind, person):
    """Has the host ask for a permit; the right one and its question."""
    configuration.write(policy={"enrollment": kind})
    if kind == "password":
        return person.password, PASSWORD_QUESTION
    return json.loads(right("enroll", person.name, "--invite", "--json"))["enrollment_code"], INVITE_QUESTION


KINDS = pytest.mark.parametrize("kind", ["password", "invite"])


@KINDS
def test_given_a_pipe_then_the_permit_is_the_line_before_the_code(person, clock, kind):
    right_one, _ = permit(kind, person)
    somebody = enrollment.enroll(person, clock, proof=right_one)
    assert log_in(somebody, somebody.phone.fresh()).accepted


@KINDS
@pytest.mark.parametrize("wrong", ["", "\n", "wrong\n", "0000-0000-0000-0000\n"])
def test_given_no_permit_or_a_wrong_one_then_nothing_is_enrolled(person, kind, wrong):
    permit(kind, person)
    done = person.run("twostep", "enroll", "--json", input=wrong)
    assert done.returncode == 1
    assert "otpauth" not in done.stdout
    assert json.loads(done.stdout)["error"]["reason"] in ("not_accepted", "no_input")
    assert not enrollment.status(person)["enrolled"]


@KINDS
def test_given_a_terminal_then_it_is_asked_hidden_and_three_times(person, clock, kind):
    right_one, question = permit(kind, person)
    program = at_a_terminal(person, "enroll", "--qr", "none", echo=True)
    shown = ""
    for given in ("wrong", "wrong again", right_one):
        program.expect_exact(question)
        shown += program.before
        program.sendline(given)
    program.expect_exact(CODE_QUESTION)
    shown += program.before
    assert right_one not in shown and "wrong again" not in shown
    phone = phone_with_key(key_typed_by_hand(program.before), clock)
    program.sendline(phone.code())
    program.expect(r"\[s\]ave")
    program.sendline("c")
    program.expect(pexpect.EOF)
    assert log_in(person, phone.fresh()).accepted


@KINDS
def test_given_three_wrong_permits_then_the_command_ends(person, kind, journal):
    _, question = permit(kind, person)
    program = at_a_terminal(person, "enroll")
    for _ in range(3):
        program.expect_exact(question)
        program.sendline("wrong")
    program.expect(pexpect.EOF)
    program.close()
    assert program.exitstatus == 1
    journal.find(f"user={person.name}", "enrollment-")


def test_given_a_wrong_enrollment_code_then_it_is_said_whom_to_ask(person):
    configuration.write(policy={"enrollment": "invite", "contact": "help@example.org"})
    done = person.run("twostep", "enroll", "--json", input="0000-0000-0000-0000\n")
    assert done.returncode == 1
    assert "Ask help@example.org to give you another one." in done.stderr


@KINDS
def test_given_root_then_no_permit_is_needed(person, clock, kind):
    configuration.write(policy={"enrollment": kind})
    process = subprocess.Popen(["twostep", "enroll", "--json", "--user", person.name], text=True,
                               bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    phone = Phone(json.loads(process.stdout.readline())["uri"], clock)
    process.communicate(phone.code() + "\n")
    assert log_in(person, phone.fresh()).accepted


@KINDS
def test_given_one_who_has_enrolled_then_another_phone_takes_a_proof_and_no_permit(enrolled, clock, kind):
    configuration.write(policy={"enrollment": kind})
    tablet = enrollment.enroll(enrolled.person, clock, "--label", "tablet", proof=enrolled.phone.fresh())
    assert log_in(enrolled, tablet.phone.fresh()).accepted


def test_given_an_open_host_then_none_is_asked(person, clock):
    configuration.write(policy={"enrollment": "open"})
    enrollment.enroll(person, clock)
    assert enrollment.status(person)["enrolled"]


BEGINS = """
import json, sys, time
import call
while True:
    response = call.call(sys.argv[1], {"begin": {}})
    reason = response.get("refused", {}).get("reason")
    if reason not in ("proof_required", "busy"):
        print(json.dumps(response), flush=True)
        break
"""


@KINDS
def test_given_a_program_that_begins_while_the_account_is_reset_then_it_still_takes_the_permit(enroll_another, kind):
    """What the account was like a moment before must not count."""
    for _ in range(8):
        configuration.write(policy={"enrollment": "open"})
        somebody = enroll_another()
        configuration.write(policy={"enrollment": kind})
        line = somebody.person.command("env", f"PYTHONPATH={Path(__file__).parent}", "/usr/bin/python3", "-B", "-c", BEGINS,
                                       str(service.USER))
        begins = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, cwd="/")
        service.wait_for(lambda: begins.poll() is not None or cpu_ticks(begins.pid) > 30)
        admin("reset", somebody.name)
        response = json.loads(begins.communicate(timeout=60)[0])
        assert response.get("refused", {}).get("reason") == f"{kind}_required", response


def cpu_ticks(pid):
    """What a process has used of a processor (proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
