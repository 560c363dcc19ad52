"""Enrolling inside a login: after the password or the key, where the time to enroll is over."""

import subprocess
from pathlib import Path

import pytest

import attempts
import configuration
import enrollment
import sshd
import stacks
import terminals
from attempts import log_in
from newcomers import (CODE_QUESTION, CODES_QUESTION, POLICY, RECOVERY_CODE, dialog, first_step,
                       is_enrolled, key_of, ssh, write_services)
from newcomers import policy, server, services, start_server, newcomer  # noqa: F401  (fixtures)
from policies import begin_to_enroll, require

HOME, ELSEWHERE = "192.0.2.7", "192.0.2.8"
RECIPE = Path(__file__).parents[2] / "packaging/pam/sshd-enroll"
METHODS = "publickey,keyboard-interactive keyboard-interactive"


@pytest.mark.parametrize("letters", ["utf8", "ascii"])
def test_given_ssh_past_the_deadline_then_it_enrolls_and_the_next_login_asks(
        start_server, person, newcomer, journal, letters):
    server = start_server(stacks.ENROLL.replace("{options}", f"qr={letters}"))
    shown, answered = ssh(server, person, first_step(person), *newcomer.steps())
    assert answered == 3, shown
    assert f"{sshd.IN} {person.name}" in shown
    assert ("█" in shown, "##" in shown) == ((True, False) if letters == "utf8" else (False, True))
    codes = RECOVERY_CODE.findall(shown)
    assert len(set(codes)) == 10
    for words in (("not-asked", "rule=must-enroll", "next=enrollment"), ("enrollment-begun",),
                  ("enrolled", "authenticator=phone"), ("accepted", "factor=enrollment")):
        journal.find(f"user={person.name}", *words)
    assert newcomer.phone.secret not in journal.text()
    spent = newcomer.phone.codes(newcomer.phone.last_shown)[0]
    assert not sshd.log_in(server, person, person.password, spent).entered
    login = sshd.log_in(server, person, person.password, newcomer.phone.fresh())
    assert (login.entered, login.prompts) == (True, ["Password:", "Verification code:"])
    assert log_in(person, codes[4]).accepted


@pytest.mark.parametrize("program", ["su", "sudo", "login"])
def test_given_a_terminal_past_the_deadline_then_it_enrolls_and_the_next_login_asks(
        person, neighbor, newcomer, program):
    write_services(stacks.ENROLL)
    shown, _ = dialog(program, person, neighbor, first_step(person), *newcomer.steps())
    assert f"I-AM {person.name}" in shown, shown
    assert len(set(RECOVERY_CODE.findall(shown))) == 10
    code = (r"Verification code: $", lambda shown: newcomer.phone.fresh())
    shown, _ = dialog(program, person, neighbor, first_step(person), code)
    assert f"I-AM {person.name}" in shown, shown


def test_given_two_wrong_codes_then_the_third_may_be_right(server, person, newcomer):
    def wrong(shown):
        newcomer.scan(shown)
        return newcomer.phone.wrong()

    shown, answered = ssh(server, person, first_step(person), (CODE_QUESTION, wrong), (CODE_QUESTION, "12"),
                          (CODE_QUESTION, lambda _: newcomer.phone.code()), (CODES_QUESTION, ""))
    assert answered == 5
    assert shown.count("This code does not fit the new key.") == 2
    assert f"{sshd.IN} {person.name}" in shown


def test_given_three_wrong_codes_then_refused_and_the_secret_opens_nothing(server, person, newcomer, journal):
    def wrong(shown):
        newcomer.scan(shown)
        return newcomer.phone.wrong()

    shown, answered = ssh(server, person, first_step(person), *[(CODE_QUESTION, wrong)] * 3,
                          (CODE_QUESTION, lambda _: newcomer.phone.code()))
    assert answered == 4
    assert sshd.IN not in shown
    assert "You have not enrolled, since no code fitted." in shown
    journal.find("refused", f"user={person.name}", "reason=enrollment-not-confirmed")
    assert not is_enrolled(person)
    # Its code is no second step, neither as a login's answer nor as a proof.
    for service in ("cs-code", "cs-login"):
        answers = [person.password] * (service == "cs-login") + [newcomer.phone.fresh()]
        assert not log_in(person, *answers, service=service).accepted


def test_given_ctrl_c_at_the_recovery_codes_then_the_enrollment_counts(person, newcomer):
    told = log_in_and_enroll(person, newcomer, ":fail")
    assert told.accepted
    assert is_enrolled(person)
    assert log_in(person, newcomer.phone.fresh()).accepted


def log_in_and_enroll(person, newcomer, last_answer, **options):
    """By the pending secret that an earlier try has shown: the answers are given beforehand."""
    newcomer.scan(offered(person, **options))
    return log_in(person, person.password, newcomer.phone.code(), last_answer, service="cs-enroll",
                  **{"rhost": HOME, **options})


def offered(person, rhost=HOME, service="cs-enroll"):
    """What a login shows that is broken off at the question."""
    write_services(stacks.ENROLL)
    told = log_in(person, person.password, ":fail", service=service, rhost=rhost)
    assert told.phases == {"auth": 0, "account": attempts.PERM_DENIED}
    (shown,) = told.prompts[1:]
    return shown.replace("\\x0a", "\n")


def test_given_the_same_address_within_15_minutes_then_the_same_secret_is_shown(person, clock):
    first = key_of(offered(person))
    clock.advance(14 * 60)
    assert key_of(offered(person)) == first
    clock.advance(60)
    assert key_of(offered(person)) != first


def test_given_another_address_or_none_then_another_secret_is_shown(person):
    first = key_of(offered(person))
    assert key_of(offered(person, rhost=ELSEWHERE)) != first
    unknown = key_of(offered(person, rhost=None))
    assert key_of(offered(person, rhost=None)) != unknown


def test_given_a_proxy_then_another_secret_is_shown(person):
    configuration.write(policy={**POLICY, "proxies": [HOME]})
    assert key_of(offered(person)) != key_of(offered(person))


def test_given_a_secret_that_a_session_has_seen_then_another_one_is_shown(person):
    seen = begin_to_enroll(person)
    assert key_of(offered(person)).replace(" ", "") not in seen


def test_given_the_secret_shown_elsewhere_then_only_the_newest_one_enrolls(person, newcomer):
    newcomer.scan(offered(person))
    offered(person, rhost=ELSEWHERE)
    told = log_in(person, person.password, *[newcomer.phone.code()] * 3, service="cs-enroll", rhost=HOME)
    assert told.phases == {"auth": 0, "account": attempts.PERM_DENIED}
    assert not is_enrolled(person)


def test_given_two_logins_at_the_question_then_one_alone_enrolls(person, newcomer, journal):
    words = attempts.words(person, person.password, "-", "-", service="cs-enroll", rhost=HOME)
    first, second = terminals.spawn(words), terminals.spawn(words)
    for login in (first, second):
        login.expect("Code shown by the app: ")
        newcomer.scan(login.before.replace("\\x0a", "\n") + "\n")
    first.sendline(newcomer.phone.code())
    first.expect("Press Enter")
    second.sendline(newcomer.phone.code())
    shown = second.read()
    assert "account\t6" in shown
    assert "error\tThis key is no longer valid. Log in again." in shown
    journal.find("refused", f"user={person.name}", "by=login", "reason=nothing-pending")
    first.sendline("")
    assert "account\t0" in first.read()


def test_given_more_than_15_minutes_at_the_question_then_it_is_said_that_the_key_is_no_good(person, newcomer, clock):
    words = attempts.words(person, person.password, "-", service="cs-enroll", rhost=HOME)
    login = terminals.spawn(words)
    login.expect("Code shown by the app: ")
    newcomer.scan(login.before.replace("\\x0a", "\n") + "\n")
    clock.advance(15 * 60)
    login.sendline(newcomer.phone.code())
    shown = login.read()
    assert "account\t6" in shown and "Log in again." in shown
    assert not is_enrolled(person)


def test_given_password_and_code_in_one_answer_then_the_password_alone_enrolls(person, newcomer):
    stacks.write("cs-forward", stacks.FORWARD_PASS.replace("after_first_step", "after_first_step enroll")
                 .replace("account required pam_twostep.so", "account required pam_twostep.so enroll"))
    wrong = log_in(person, "wrong horse", "123456", service="cs-forward", rhost=HOME)
    assert (wrong.accepted, len(wrong.prompts)) == (False, 1)
    newcomer.scan(offered(person))
    told = log_in(person, person.password, newcomer.phone.code(), "", service="cs-forward", rhost=HOME)
    assert told.accepted
    assert log_in(person, person.password + newcomer.phone.fresh(), service="cs-forward").accepted


@pytest.mark.parametrize("first", ["password", "key"])
def test_given_the_recipe_then_ssh_enrolls_after_the_password_or_the_key(start_server, person, newcomer, first):
    server = start_server(RECIPE.read_text(), more=f"AuthenticationMethods {METHODS}")
    key, steps = (None, [first_step(person)]) if first == "password" else (sshd.make_key(person), [])
    methods = "keyboard-interactive" if key is None else "publickey,keyboard-interactive"
    shown, _ = ssh(server, person, *steps, *newcomer.steps(), methods=methods, key=key)
    assert f"{sshd.IN} {person.name}" in shown, shown
    again = [person.password] * (first == "password")
    login = sshd.log_in(server, person, *again, newcomer.phone.fresh(), methods=methods, key=key)
    assert login.entered


def test_given_the_recipe_and_sshd_that_lets_a_key_be_enough_then_refused_from_the_deadline_on(
        start_server, person, clock):
    server = start_server(RECIPE.read_text())
    key = sshd.make_key(person)
    require(clock, left=60, after_grace="enroll")
    assert sshd.log_in(server, person, methods="publickey", key=key).entered
    configuration.write(policy=POLICY)
    assert not sshd.log_in(server, person, methods="publickey", key=key).entered


def test_given_enrollment_takes_the_password_then_a_key_does_not_enroll_and_the_password_does(
        start_server, person, newcomer, journal):
    configuration.write(policy={**POLICY, "enrollment": "password"})
    server = start_server(RECIPE.read_text(), more=f"AuthenticationMethods {METHODS}")
    shown, answered = ssh(server, person, *newcomer.steps(), methods="publickey,keyboard-interactive",
                          key=sshd.make_key(person))
    assert (answered, sshd.IN in shown) == (0, False)
    journal.find("refused", f"user={person.name}", "reason=must-enroll")
    shown, _ = ssh(server, person, first_step(person), *newcomer.steps())
    assert f"{sshd.IN} {person.name}" in shown


def expire_password(person):
    subprocess.run(["chage", "-d", "0", person.name], check=True)


def test_given_a_password_that_has_expired_then_ssh_enrolls_and_then_has_it_changed(start_server, person, newcomer):
    server = start_server(RECIPE.read_text(), more=f"AuthenticationMethods {METHODS}")
    expire_password(person)
    new = "wrong horse, battery"
    shown, answered = ssh(server, person, first_step(person), *newcomer.steps(), (r"[Cc]urrent[^\r\n]*: $", person.password),
                          (r"New[^\r\n]*: $", new), (r"[Rr]etype[^\r\n]*: $", new))
    assert (answered, f"{sshd.IN} {person.name}" in shown) == (6, True), shown
    assert is_enrolled(person)


@pytest.mark.parametrize("recipe", ["sudo", "login"])
def test_given_a_password_that_has_expired_then_the_account_line_of_the_recipe_still_acts(person, newcomer, recipe):
    text = (stacks.RECIPES / recipe).read_text()
    service = stacks.write(f"cs-expired-{recipe}", text.replace("pam_twostep.so after_first_step", "pam_twostep.so after_first_step enroll")
                           .replace("account    required     pam_twostep.so", "account required pam_twostep.so enroll"))
    expire_password(person)
    answers = (person.password, ":fail")
    told = log_in(person, *answers, service=service, rhost=HOME)
    assert told.phases == {"auth": 0, "account": attempts.PERM_DENIED}
    newcomer.scan(told.prompts[1].replace("\\x0a", "\n"))
    told = log_in(person, person.password, newcomer.phone.code(), "", service=service, rhost=HOME)
    assert told.phases == {"auth": 0, "account": attempts.NEW_AUTHTOK_REQD}
    assert is_enrolled(person)


def test_given_a_password_that_has_expired_then_require_step_still_refuses_who_passed_none(person, clock):
    enrolled = enrollment.enroll(person, clock)
    service = stacks.write("cs-expired", "auth required pam_permit.so\naccount required pam_twostep.so require_step\n"
                                         "@include common-account\n")
    expire_password(person)
    assert log_in(enrolled, service=service).phases == {"auth": 0, "account": attempts.PERM_DENIED}
