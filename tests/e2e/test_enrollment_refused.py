"""Logins that enroll nobody: who is shown no key, and what they are told."""

import pytest

import attempts
import configuration
import enrollment
import sshd
import stacks
import terminals
from attempts import log_in
from newcomers import (KEY, PASSWORD_QUESTION, POLICY, account_of, dialog, first_step, is_enrolled, ssh,
                       write_services)
from newcomers import policy, server, services, start_server, newcomer  # noqa: F401  (fixtures)
from policies import MUST_ENROLL, begin_to_enroll, require

HOME = "192.0.2.7"
CRED_ERR = 17
AFTER_A_KEY = stacks.RECIPE.replace("pam_twostep.so after_first_step", "pam_twostep.so after_first_step enroll") \
    .replace("account required pam_twostep.so", "account required pam_twostep.so enroll")
METHODS = "AuthenticationMethods publickey,keyboard-interactive keyboard-interactive"


def shows_a_key(text):
    return bool(KEY.search(text) or "otpauth" in text or any(block in text for block in "█▀▄") or "##" in text)


@pytest.mark.parametrize("program", ["ssh", "su", "sudo", "login", "attempt"])
def test_given_a_wrong_password_then_no_key_is_shown(server, person, neighbor, program):
    write_services(stacks.ENROLL)
    wrong = (PASSWORD_QUESTION, "wrong horse")
    if program == "attempt":
        shown = str(log_in(person, "wrong horse", "123456", service="cs-enroll"))
    elif program == "ssh":
        shown, _ = ssh(server, person, wrong, options=["-vvv"])
    elif program == "login":
        shown = terminals.login(person.name, "wrong horse").output
    else:
        shown, _ = dialog(program, person, neighbor, wrong)
    assert not shows_a_key(shown), shown
    assert "authenticator app" not in shown
    assert not is_enrolled(person)
    assert "[pending" not in account_of(person)


@pytest.mark.parametrize("required", [False, True])
def test_given_a_client_with_a_key_alone_then_it_is_shown_no_key(start_server, person, journal, required):
    option = "require_step" if required else ""
    server = start_server(stacks.ENROLL.replace("enroll {options}\nsession", f"enroll {option}\nsession")
                          .replace("{options}", ""))
    shown, _ = ssh(server, person, methods="publickey", key=sshd.make_key(person), options=["-vvv"])
    assert (f"{sshd.IN} {person.name}" in shown) is not required
    assert not shows_a_key_in_debug(shown)
    assert "[pending" not in account_of(person)
    if required:
        journal.find("refused", f"user={person.name}", "require_step")


def shows_a_key_in_debug(shown):
    """ssh -vvv draws with `#` itself."""
    return bool(KEY.search(shown) or "otpauth" in shown or "authenticator app" in shown
                or any(block in shown for block in "█▀▄"))


def test_given_a_key_then_a_client_that_answers_no_question_is_shown_no_key(start_server, person):
    server = start_server(AFTER_A_KEY, more=METHODS)
    shown, _ = ssh(server, person, methods="publickey", key=sshd.make_key(person), options=["-vvv"])
    assert sshd.IN not in shown
    assert not shows_a_key_in_debug(shown)
    assert "[pending" not in account_of(person)


def test_given_a_key_then_its_owner_enrolls_without_a_password(start_server, person, newcomer):
    server = start_server(AFTER_A_KEY, more=METHODS)
    key = sshd.make_key(person)
    shown, answered = ssh(server, person, *newcomer.steps(), methods="publickey,keyboard-interactive", key=key)
    assert answered == 2
    assert f"{sshd.IN} {person.name}" in shown
    assert "assword:" not in shown


def test_given_the_password_method_then_refused_and_no_text_has_the_key(start_server, person, newcomer, journal):
    server = start_server(stacks.ENROLL.replace("{options}", ""), kbdint="no", password="yes")
    first, answered = ssh(server, person, first_step(person), methods="password", options=["-vvv"])
    assert answered == 1
    assert sshd.IN not in first
    journal.find("refused", f"user={person.name}", "reason=no-answer")
    server = start_server(stacks.ENROLL.replace("{options}", ""))
    shown, _ = ssh(server, person, first_step(person), *newcomer.steps())
    assert f"{sshd.IN} {person.name}" in shown
    assert newcomer.phone.secret[:8] not in first.replace(" ", "")
    assert not shows_a_key_in_debug(first)


@pytest.mark.parametrize("answers", [[], [":fail"], [":null"]], ids=["none", "fails", "null"])
def test_given_a_program_that_cannot_ask_then_refused_with_the_reason(person, journal, answers):
    told = log_in(person, person.password, *answers, service="cs-enroll", rhost=HOME)
    assert told.phases == {"auth": 0, "account": attempts.PERM_DENIED}
    journal.find("refused", f"user={person.name}", "reason=no-answer")
    assert not is_enrolled(person)


def test_given_a_program_that_is_not_root_then_refused_with_the_reason(person, journal):
    told = log_in(person, person.password, "123456", service="cs-enroll", run_as=person)
    assert told.phases == {"auth": attempts.AUTH_ERR}
    assert len(told.prompts) == 1
    journal.find("refused", f"user={person.name}", "reason=must-enroll")


@pytest.mark.parametrize("policy", [{"after_grace": "deny"}, {"enrollment": "invite"}], ids=str)
def test_given_another_policy_then_refused_with_whom_to_ask(person, journal, policy):
    configuration.write(policy={**POLICY, **policy})
    told = log_in(person, person.password, "123456", service="cs-enroll", rhost=HOME)
    assert told.phases == {"auth": attempts.AUTH_ERR}
    assert (told.prompts, told.messages) == (["Password: "], [MUST_ENROLL])
    journal.find("refused", f"user={person.name}", "reason=must-enroll")


def test_given_an_auth_line_without_enroll_then_refused_with_whom_to_ask(person):
    told = log_in(person, person.password, "123456", service="cs-login", rhost=HOME)
    assert told.phases == {"auth": attempts.AUTH_ERR}
    assert (told.prompts, told.messages) == (["Password: "], [MUST_ENROLL])


def test_given_an_auth_line_that_knows_of_no_first_step_then_nobody_is_shown_a_key_unless_a_key_was_accepted(
        person, journal):
    """Were there none, anyone could enroll."""
    stacks.write("cs-undeclared", stacks.ENROLL.replace("after_first_step enroll", "enroll"))
    stacks.write("cs-nothing-before", stacks.CODE_ONLY.replace("{options}", "enroll").replace(
        "account required pam_twostep.so", "account required pam_twostep.so enroll"))
    for service, answers in (("cs-undeclared", [person.password]), ("cs-nothing-before", [])):
        told = log_in(person, *answers, "123456", service=service, rhost=HOME)
        assert told.phases == {"auth": attempts.AUTH_ERR}
        assert len(told.prompts) == len(answers)
        journal.find("refused", f"user={person.name}", f"service={service}", "reason=must-enroll")
        assert "[pending" not in account_of(person)
    key = "SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA"
    told = log_in(person, ":fail", service="cs-nothing-before", rhost=HOME, variables=[key])
    assert told.phases == {"auth": attempts.SUCCESS, "account": attempts.PERM_DENIED}
    assert shows_a_key(told.prompts[0])


def test_given_an_owed_enrollment_and_another_user_by_then_then_no_credentials_are_set(person, neighbor):
    """sudo goes on to the user whom the command runs as before it sets credentials."""
    told = log_in(person, person.password, service="cs-enroll", phases="as", rhost=HOME, next_user=neighbor)
    assert told.phases == {"auth": attempts.SUCCESS, "setcred": CRED_ERR}


def test_given_sshds_other_process_then_credentials_are_set_for_who_owes_no_enrollment_alone(person, clock):
    """It did not authenticate, so that only the account says who owes one; one that cannot be read says it of all."""
    def set_credentials():
        return log_in(person, service="cs-enroll", phases="s", tty="ssh").phases["setcred"]

    assert set_credentials() == CRED_ERR
    begin_to_enroll(person)
    file = enrollment.ACCOUNTS / f"{person.name}.toml"
    kept = file.read_bytes()
    file.write_bytes(b"garbage")
    assert set_credentials() == CRED_ERR
    file.write_bytes(kept)
    require(clock, left=3600, after_grace="enroll")
    assert set_credentials() == attempts.SUCCESS
    configuration.write(policy=POLICY)
    enrollment.enroll(person, clock)
    assert set_credentials() == attempts.SUCCESS


def test_given_time_left_then_no_login_enrolls(person, clock):
    require(clock, left=3600, after_grace="enroll")
    told = log_in(person, person.password, service="cs-enroll", rhost=HOME)
    assert told.accepted and len(told.prompts) == 1
    (said,) = told.messages
    assert "after that a login makes you enroll" in said


MISTAKES = {"no enroll": stacks.ENROLL_ON_THE_AUTH_LINE_ALONE, "no line": stacks.ENROLL_WITHOUT_AN_ACCOUNT_LINE}


# sudo goes on whatever pam_setcred says, and nothing else of ours runs there without an account line.
@pytest.mark.parametrize("program, mistake", [
    (program, mistake) for program in ("su", "sudo", "login", "ssh") for mistake in MISTAKES
    if (program, mistake) != ("sudo", "no line")])
def test_given_an_account_line_without_enroll_or_none_then_refused_with_the_reason(
        server, person, neighbor, journal, program, mistake):
    write_services(MISTAKES[mistake])
    try:
        if program == "ssh":
            shown, _ = ssh(server, person, first_step(person))
        else:
            shown, _ = dialog(program, person, neighbor, first_step(person))
    finally:
        write_services(stacks.ENROLL)
    assert sshd.IN not in shown and "I-AM" not in shown.replace("echo I-AM", ""), shown
    assert not shows_a_key(shown)
    if mistake == "no line":
        journal.find(f"user={person.name}", "enrollment-owed")
    else:
        journal.find("refused", f"user={person.name}", "reason=must-enroll", "give the account line enroll too")
        # sudo wants no words from an account phase.
        assert (MUST_ENROLL in shown) is (program != "sudo")
