"""Logins through a real sshd: keyboard-interactive, password, key."""

import subprocess
from pathlib import Path

import pytest

import attempts
import enrollment
import sshd
import stacks
from people import Person
from sshd import log_in, make_key


@pytest.fixture(scope="module")
def server(view):
    server = sshd.Server(stacks.PASSWORD_AND_CODE)
    yield server
    server.stop()


@pytest.fixture
def password_server(view):
    """sshd with the `password` method only: it answers every hidden prompt with the password."""
    servers = []

    def start(stack):
        servers.append(sshd.Server(stack, kbdint="no", password="yes"))
        return servers[-1]

    yield start
    for each in servers:
        each.stop()
    stacks.write("sshd", stacks.PASSWORD_AND_CODE)


def test_given_password_and_code_then_ssh_logs_in(server, enrolled, journal):
    login = log_in(server, enrolled.person, enrolled.person.password, enrolled.phone.fresh())
    assert login.entered
    assert login.prompts == ["Password:", "Verification code:"]
    line = journal.find("accepted", f"user={enrolled.name}", "service=sshd")
    assert "rhost=127.0.0.1" in line
    assert "factor=totp" in line


def test_given_a_spent_code_then_ssh_is_refused(server, enrolled):
    code = enrolled.phone.fresh()
    assert log_in(server, enrolled.person, enrolled.person.password, code).entered
    assert not log_in(server, enrolled.person, enrolled.person.password, code).entered


def test_given_an_older_unused_code_after_a_newer_one_then_ssh_is_refused(server, enrolled):
    enrolled.phone.fresh()
    newer = enrolled.phone.fresh()
    older = enrolled.phone.code(-1)
    assert log_in(server, enrolled.person, enrolled.person.password, newer).entered
    assert not log_in(server, enrolled.person, enrolled.person.password, older).entered


REFUSED = {
    "wrong": lambda phone: phone.wrong(),
    "outside the window": lambda phone: phone.code(61),
    "empty": lambda phone: "",
    "5 digits": lambda phone: "12345",
    "7 digits": lambda phone: "1234567",
    "300 characters": lambda phone: "9" * 300,
    "other digits": lambda phone: "١٢٣٤٥٦",
}


@pytest.mark.parametrize("answer", REFUSED.values(), ids=REFUSED.keys())
def test_given_a_bad_answer_then_ssh_is_refused(server, enrolled, answer):
    person = enrolled.person
    login = log_in(server, person, person.password, answer(enrolled.phone))
    assert not login.entered
    assert login.prompts == ["Password:", "Verification code:"]


CODE_BEHIND_A_KEY = "PermitRootLogin prohibit-password\nAuthenticationMethods publickey,keyboard-interactive"


@pytest.fixture
def root(clock):
    """root has an authenticator, for as long as a test takes."""
    yield enrollment.enroll(Person("root", 0, Path("/root")), clock, "--user", "root")
    subprocess.run(["twostep", "admin", "reset", "root"], check=True, capture_output=True)


def test_given_a_user_whose_code_sshd_replaces_then_the_log_says_that_sshd_refuses(root, journal):
    """sshd gives PAM an answer of its own for root then, cut to the length of what was typed."""
    server = sshd.Server(stacks.CODE_ONLY, more=CODE_BEHIND_A_KEY)
    try:
        login = log_in(server, root.person, root.phone.fresh(), key=make_key(root.person),
                       methods="publickey,keyboard-interactive")
    finally:
        server.stop()
        stacks.write("sshd", stacks.PASSWORD_AND_CODE)
    assert not login.entered and login.prompts == ["Verification code:"]
    assert "PermitRootLogin" in journal.find("reason=refused-by-sshd", "user=root")


@pytest.mark.parametrize("setting", ["AllowUsers somebody-else", "AllowGroups nobody-here"])
def test_given_a_user_whom_sshd_does_not_allow_then_the_log_says_that_sshd_refuses(enrolled, journal, setting):
    server = sshd.Server(stacks.CODE_ONLY, more=setting.format(enrolled.name))
    try:
        assert not log_in(server, enrolled.person, enrolled.phone.fresh()).entered
    finally:
        server.stop()
        stacks.write("sshd", stacks.PASSWORD_AND_CODE)
    journal.find("reason=refused-by-sshd", f"user={enrolled.name}")


@pytest.mark.parametrize("between", [" ", "-"])
def test_given_a_code_in_two_groups_then_ssh_logs_in(server, enrolled, between):
    code = enrolled.phone.fresh()
    answer = code[:3] + between + code[3:]
    assert log_in(server, enrolled.person, enrolled.person.password, answer).entered


def test_given_a_wrong_password_then_no_code_is_asked_and_none_is_spent(server, enrolled):
    code = enrolled.phone.fresh()
    login = log_in(server, enrolled.person, "wrong horse", code)
    assert not login.entered
    assert login.prompts == ["Password:"]
    assert log_in(server, enrolled.person, enrolled.person.password, code).entered


def test_given_a_recovery_code_then_ssh_logs_in_once(server, enrolled):
    code = enrolled.recovery_codes[3]
    assert log_in(server, enrolled.person, enrolled.person.password, code).entered
    assert not log_in(server, enrolled.person, enrolled.person.password, code).entered


def test_given_a_person_who_is_not_enrolled_then_the_password_is_enough(server, person):
    login = log_in(server, person, person.password)
    assert login.entered
    assert login.prompts == ["Password:"]


def test_given_an_unknown_user_then_ssh_is_refused(server, view):
    login = log_in(server, Person("nobody-here", 1, None), "wrong horse", "123456")
    assert not login.entered


def test_given_a_user_whom_sshd_will_refuse_then_its_junk_answer_is_no_guess(enrolled, journal):
    """sshd answers for the client then, so that nobody learns who may log in."""
    server = sshd.Server(stacks.CODE_ONLY.format(options=""), more=f"DenyUsers {enrolled.name}")
    try:
        for _ in range(6):
            assert not log_in(server, enrolled.person, enrolled.phone.fresh()).entered
        journal.find("reason=refused-by-sshd", f"user={enrolled.name}", "service=sshd")
    finally:
        server.stop()
        stacks.write("sshd", stacks.PASSWORD_AND_CODE)
    assert attempts.log_in(enrolled, enrolled.phone.code(), rhost="127.0.0.1").accepted


def test_given_a_terminal_then_the_notices_come_with_the_login(server, enrolled):
    log_in(server, enrolled.person, enrolled.person.password, enrolled.phone.wrong())
    text = sshd.shell_text(server, enrolled.person, enrolled.person.password, enrolled.phone.fresh())
    assert "1 wrong code" in text
    assert "127.0.0.1" in text


def test_given_no_terminal_then_nothing_but_what_the_command_says_is_printed(server, enrolled):
    log_in(server, enrolled.person, enrolled.person.password, enrolled.phone.wrong())
    login = log_in(server, enrolled.person, enrolled.person.password, enrolled.phone.fresh())
    assert login.output.splitlines()[-1] == f"{sshd.IN} {enrolled.name}"
    assert "1 wrong code" not in login.output


def test_given_ssh_askpass_and_no_terminal_then_login_is_accepted(server, enrolled, tmp_path):
    answers = tmp_path / "answers"
    answers.write_text(f"{enrolled.person.password}\n{enrolled.phone.fresh()}\n")
    askpass = tmp_path / "askpass"
    askpass.write_text(f"#!/bin/sh\nhead -n1 {answers}\nsed -i 1d {answers}\n")
    askpass.chmod(0o755)
    line = sshd.ssh_line(server, enrolled.person, methods="keyboard-interactive")
    done = subprocess.run(line, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL,
                          env={"PATH": "/usr/bin:/bin", "SSH_ASKPASS": str(askpass),
                               "SSH_ASKPASS_REQUIRE": "force", "HOME": "/root"})
    assert f"{sshd.IN} {enrolled.name}" in done.stdout, done.stderr


def test_given_the_password_method_then_it_is_refused_with_the_remedy_in_the_log(
        password_server, enrolled, journal):
    server = password_server(stacks.PASSWORD_AND_CODE)
    login = log_in(server, enrolled.person, enrolled.person.password, methods="password")
    assert not login.entered
    line = journal.find("reason=not-a-code", f"user={enrolled.name}", "service=sshd")
    assert "keyboard-interactive" in line
    assert "forward_pass" in line


def test_given_the_password_method_and_forward_pass_then_both_in_one_answer_log_in(
        password_server, enrolled):
    server = password_server(stacks.FORWARD_PASS)
    person, phone = enrolled.person, enrolled.phone
    code = phone.fresh()
    assert log_in(server, person, person.password + code, methods="password").entered
    assert not log_in(server, person, person.password + code, methods="password").entered
    assert not log_in(server, person, "wrong" + phone.fresh(), methods="password").entered
    assert not log_in(server, person, person.password + phone.wrong(), methods="password").entered
    assert not log_in(server, person, person.password, methods="password").entered


def test_given_forward_pass_then_one_who_is_not_asked_logs_in_with_the_password_alone(
        password_server, person):
    server = password_server(stacks.FORWARD_PASS)
    assert log_in(server, person, person.password, methods="password").entered
    assert not log_in(server, person, "wrong horse", methods="password").entered


def test_given_a_key_alone_then_the_account_line_passes_and_require_step_refuses(
        password_server, enrolled, journal):
    key = make_key(enrolled.person)
    server = password_server(stacks.PASSWORD_AND_CODE)
    assert log_in(server, enrolled.person, methods="publickey", key=key).entered
    server = password_server(stacks.REQUIRE_STEP)
    assert not log_in(server, enrolled.person, methods="publickey", key=key).entered
    journal.find("require_step", f"user={enrolled.name}")


def test_given_require_step_then_one_to_whom_the_step_does_not_apply_enters_by_key(
        password_server, neighbor):
    server = password_server(stacks.REQUIRE_STEP)
    assert log_in(server, neighbor, methods="publickey", key=make_key(neighbor)).entered


def test_given_require_step_then_password_and_code_still_enter(enrolled):
    server = sshd.Server(stacks.REQUIRE_STEP)
    try:
        login = log_in(server, enrolled.person, enrolled.person.password, enrolled.phone.fresh())
        assert login.entered
    finally:
        server.stop()
        stacks.write("sshd", stacks.PASSWORD_AND_CODE)
