"""The password that a first enrollment may take is the one that PAM knows, whatever module knows it."""

import json
import os
import secrets
import socket
import struct
import subprocess
import time
from pathlib import Path

import pytest

import configuration
import enrollment
import guide
import service

PAM = Path("/etc/pam.d")
FILE = PAM / "twostep-password"
# One password, for all modules; as Debian's common-auth with a module beside pam_unix.
SHARED = """\
auth [success=2 default=ignore] pam_unix.so nullok nodelay
auth [success=1 default=ignore] pam_exec.so quiet expose_authtok {program}
auth requisite pam_deny.so
auth required pam_permit.so
"""
LOCAL = """\
auth [success=1 default=ignore] pam_unix.so nullok nodelay
auth requisite pam_deny.so
auth required pam_permit.so
"""
ACCOUNT = "account required pam_unix.so\n"
ADMITTED = "account required pam_permit.so\n"


@pytest.fixture(autouse=True)
def password_needed(default_configuration):
    """The host asks for the account's password, and the stacks are as they were in the end."""
    files = {file: file.read_text() for file in (FILE, PAM / "common-auth")}
    configuration.write(policy={"enrollment": "password"})
    yield
    for file, text in files.items():
        file.write_text(text)


def program(name, text):
    file = Path("/run/twostep-view") / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def try_to_enroll(person, password):
    """What the command says to this password, without a code to confirm anything."""
    done = person.run("twostep", "enroll", "--json", input=f"{password}\n")
    assert done.returncode == 1 and not enrollment.status(person)["enrolled"]
    first = json.loads(done.stdout.splitlines()[0])
    return "" if "uri" in first else first["error"]["message"]


def is_right(person, password):
    """Whether the password opens the enrollment; else it is refused as a wrong one."""
    message = try_to_enroll(person, password)
    assert message in ("", "This is not the password of your account. Try again."), message
    return not message


def set_shadow(person, *options):
    subprocess.run(["usermod" if options[0] in ("-L", "-U", "-p") else "chage", *options, person.name], check=True)


def lines_of(text):
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_given_an_installation_then_the_service_is_the_one_of_the_guide():
    [block] = guide.pages.all_blocks("pam password")
    assert lines_of(FILE.read_text()) == lines_of(block.text)


def test_given_a_module_that_alone_knows_the_password_then_it_counts(person, clock, journal):
    set_shadow(person, "-p", "!")
    (PAM / "common-auth").write_text(SHARED.format(
        program=program("directory", "[ \"$PAM_USER\" = " + person.name + " ] && [ \"$(tr -d '\\0')\" = 'wide horse' ]")))
    assert not is_right(person, person.password)
    journal.find("enrollment-password-refused", f"user={person.name}")
    assert enrollment.enroll(person, clock, proof="wide horse")


def test_given_a_shared_stack_that_asks_for_codes_too_then_who_must_enroll_can(person, clock):
    configuration.write(policy={"enrollment": "password", "required": True})
    (PAM / "common-auth").write_text(LOCAL + "auth required pam_twostep.so after_first_step\n")
    assert not is_right(person, "wrong")
    assert enrollment.enroll(person, clock, proof=person.password)


def test_given_a_locked_account_then_its_password_is_a_wrong_one(person):
    FILE.write_text(LOCAL + ACCOUNT)
    assert is_right(person, person.password)
    set_shadow(person, "-L")
    assert not is_right(person, person.password)


@pytest.mark.parametrize("options, said", [
    (("-E", "1"), "PAM refuses the account (code 13)"),
    (("-d", "0"), "Your password has expired. Change it first: passwd."),
])
def test_given_an_expired_account_or_password_then_it_is_said(person, journal, options, said):
    FILE.write_text(LOCAL + ACCOUNT)
    set_shadow(person, *options)
    assert said in try_to_enroll(person, person.password)
    journal.find(f"refused user={person.name}", "reason=failed", said)
    assert not is_right(person, "wrong")


def test_given_an_empty_password_then_it_opens_nothing(person):
    FILE.write_text(LOCAL + ACCOUNT)
    set_shadow(person, "-p", "")
    assert not is_right(person, "right horse")


@pytest.mark.parametrize("stack, said", [
    (LOCAL.replace("pam_permit.so", "pam_userdb.so db=/nonexistent"), "PAM asks for more than the password"),
    ("auth required pam_userdb.so db=/nonexistent\nauth required pam_userdb.so db=/nonexistent\n", "PAM asks for more than the password"),
    ("auth sufficient pam_rootok.so\n" + LOCAL, "PAM does not ask for it"),
    ("auth required pam_permit.so\n", "PAM does not ask for it"),
    ("auth requisite pam_deny.so\n" + LOCAL, "PAM refuses the account before it asks"),
    ("auth required pam_missing.so\n", "PAM failed (code 28)"),
])
def test_given_a_stack_that_asks_for_anything_but_one_password_then_it_is_refused(person, stack, said):
    FILE.write_text(stack + ADMITTED)
    assert said in try_to_enroll(person, person.password)


def test_given_no_service_file_then_it_is_named_and_no_other_service_is_asked(person):
    FILE.unlink()
    assert "/etc/pam.d/twostep-password is missing. Write it: sudo /usr/libexec/twostep/setup-host." in try_to_enroll(person, person.password)


def test_given_many_wrong_passwords_then_the_account_is_closed_as_at_a_login(person):
    lock = f"pam_faillock.so {{}} deny=2 unlock_time=600 dir=/run/twostep-view/{person.name}"
    FILE.write_text(f"auth requisite {lock.format('preauth silent')}\nauth [success=2 default=ignore] pam_unix.so nodelay\n"
                    f"auth [default=die] {lock.format('authfail')}\nauth requisite pam_deny.so\n"
                    f"auth required pam_permit.so\n" + ADMITTED)
    assert [is_right(person, "wrong"), is_right(person, "wrong")] == [False, False]
    assert "PAM refuses the account before it asks" in try_to_enroll(person, person.password)


def processes():
    """Those that check passwords now."""
    done = subprocess.run(["pgrep", "-f", "^twostepd --password$"], capture_output=True, text=True, check=False)
    return done.stdout.split()


def test_given_a_stack_that_hangs_then_it_is_given_up_and_others_are_served(person, neighbor):
    FILE.write_text(f"auth required pam_exec.so quiet {program('hang', 'exec sleep 50')}\n" + LOCAL + ADMITTED)
    began = time.monotonic()
    waiting = subprocess.Popen(person.command("twostep", "enroll", "--json"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    waiting.stdin.write(f"{person.password}\n")
    waiting.stdin.flush()
    service.wait_for(processes)
    assert enrollment.status(neighbor)["enrolled"] is False and waiting.poll() is None and time.monotonic() - began < 5
    said = waiting.communicate(timeout=30)[0]
    assert "The password was not checked within 10 seconds. Try again, or let an administrator enroll you: " \
        f"twostep enroll --user {person.name}." in said
    assert 9 < time.monotonic() - began < 15
    service.wait_for(lambda: not processes(), seconds=5)


def test_given_a_service_that_ends_then_the_process_ends_with_it(person):
    FILE.write_text(f"auth required pam_exec.so quiet {program('hang', 'exec sleep 50')}\n" + LOCAL + ADMITTED)
    waiting = subprocess.Popen(person.command("twostep", "enroll", "--json"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    waiting.stdin.write(f"{person.password}\n")
    waiting.stdin.flush()
    service.wait_for(processes)
    service.process().kill()
    waiting.communicate(timeout=60)
    service.wait_for(lambda: not processes(), seconds=5)


def answer_to(uid, request):
    """What the process says to a peer of this uid."""
    os.seteuid(uid)
    try:
        ours, theirs = socket.socketpair()
    finally:
        os.seteuid(0)
    with ours, theirs:
        ours.sendall(struct.pack(">I", len(request)) + request)
        done = subprocess.run([service.PROGRAM, "--password"], stdin=theirs, capture_output=True, text=True, timeout=30, check=False)
        theirs.close()
        try:
            answer = ours.recv(4096)[4:]
        except ConnectionResetError:    # it went without reading
            answer = b""
        return done.returncode, done.stderr, answer


def test_given_a_peer_that_is_not_root_or_no_question_then_nothing_is_answered(person):
    FILE.write_text(LOCAL + ADMITTED)
    question = json.dumps({"user": person.name, "password": person.password}).encode()
    assert answer_to(0, question) == (0, "", b'{"Ok":true}')
    code, told, answer = answer_to(person.uid, question)
    assert (code, answer) == (1, b"") and "Only root can run this program" in told
    code, told, answer = answer_to(0, b'{"user":"' + secrets.token_hex(4).encode() + b'"}')
    assert (code, answer) == (1, b"") and "not a request" in told
    by_hand = person.run(service.PROGRAM, "--password", input="")
    assert by_hand.returncode == 1 and "Only root can run this program" in by_hand.stderr
