"""Enrolling inside a login: after the password, where the time to enroll is over."""

import re
from pathlib import Path

import pytest

import attempts
import configuration
import enrollment
import people
import qr
import sshd
import stacks
import terminals
from attempts import log_in
from policies import CONTACT, MUST_ENROLL, begin_to_enroll, require
from phones import Phone

POLICY = {"required": True, "after_grace": "enroll", "contact": CONTACT}
KEY = re.compile(r"type this key into the app: ((?:[A-Z2-7]{4} )*[A-Z2-7]{1,4})\s")
CODE_QUESTION, CODES_QUESTION = r"Code shown by the app: $", r"Press Enter when you have them: $"
PASSWORD_QUESTION = r"[Pp]assword[^\r\n]*: $"
RECOVERY_CODE = re.compile(r"\b[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}\b")
SUDOERS = Path("/etc/sudoers.d/twostep-enrollment")


@pytest.fixture(autouse=True)
def policy(view):
    configuration.write(policy=POLICY)


@pytest.fixture(scope="module", autouse=True)
def services(view):
    write_services(stacks.ENROLL)
    yield
    stacks.write("sshd", stacks.PASSWORD_AND_CODE)


def write_services(stack, options=""):
    for service in ("sshd", "sudo", "login", "cs-enroll"):
        stacks.write(service, stack, options)
    stacks.write("su", "auth sufficient pam_rootok.so\n" + stack, options)


@pytest.fixture(scope="module")
def server(view):
    server = sshd.Server(stacks.ENROLL)
    yield server
    server.stop()


@pytest.fixture
def start_server():
    servers = []

    def start(stack, **settings):
        servers.append(sshd.Server(stack, **settings))
        return servers[-1]

    yield start
    for each in servers:
        each.stop()
    stacks.write("sshd", stacks.ENROLL)


class Newcomer:
    """Somebody who enrolls in a login, with a phone that reads what is shown."""

    def __init__(self, clock):
        self.clock = clock
        self.phone = None

    def scan(self, shown):
        """The code of the app that has scanned the drawing."""
        uri = qr.from_terminal(shown)
        assert uri and uri.startswith("otpauth://totp/"), shown
        self.phone = Phone(uri, self.clock)
        assert KEY.search(shown).group(1).replace(" ", "") == self.phone.secret
        return self.phone.code()

    def steps(self):
        return [(CODE_QUESTION, self.scan), (CODES_QUESTION, "")]


@pytest.fixture
def newcomer(clock):
    return Newcomer(clock)


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
        SUDOERS.write_text(f"Defaults timestamp_timeout=0, passwd_tries=1\n{person.name} ALL=(ALL:ALL) ALL\n")
        SUDOERS.chmod(0o440)
        line = person.command("sudo", "-k", "sh", "-c", "echo I-AM $SUDO_USER")
    return terminals.talk(terminals.spawn(line), *steps)


def first_step(person):
    return (PASSWORD_QUESTION, person.password)


def shows_a_key(text):
    return bool(KEY.search(text) or "otpauth" in text or any(block in text for block in "█▀▄") or "##" in text)


def is_enrolled(person):
    return enrollment.status(person)["enrolled"]


# In a login

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


# The pending secret

HOME, ELSEWHERE = "192.0.2.7", "192.0.2.8"


def offered(person, rhost=HOME, service="cs-enroll"):
    """What a login shows that is broken off at the question."""
    write_services(stacks.ENROLL)
    told = log_in(person, person.password, ":fail", service=service, rhost=rhost)
    assert told.phases == {"auth": 0, "account": attempts.PERM_DENIED}
    (shown,) = told.prompts[1:]
    return shown.replace("\\x0a", "\n")


def key_of(shown):
    return KEY.search(shown).group(1)


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


# Who is shown nothing

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


def account_of(person):
    file = enrollment.ACCOUNTS / f"{person.name}.toml"
    return file.read_text() if file.exists() else ""


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
    stack = stacks.RECIPE.replace("pam_twostep.so after_first_step", "pam_twostep.so after_first_step enroll") \
        .replace("account required pam_twostep.so", "account required pam_twostep.so enroll")
    server = start_server(stack, more="AuthenticationMethods publickey,keyboard-interactive keyboard-interactive")
    shown, _ = ssh(server, person, methods="publickey", key=sshd.make_key(person), options=["-vvv"])
    assert sshd.IN not in shown
    assert not shows_a_key_in_debug(shown)
    assert "[pending" not in account_of(person)


def test_given_a_key_then_its_owner_enrolls_without_a_password(start_server, person, newcomer):
    stack = stacks.RECIPE.replace("pam_twostep.so after_first_step", "pam_twostep.so after_first_step enroll") \
        .replace("account required pam_twostep.so", "account required pam_twostep.so enroll")
    server = start_server(stack, more="AuthenticationMethods publickey,keyboard-interactive keyboard-interactive")
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


# The recipe that we ship

RECIPE = Path(__file__).parents[2] / "packaging/pam/sshd-enroll"
METHODS = "publickey,keyboard-interactive keyboard-interactive"


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


# Where no login enrolls

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
