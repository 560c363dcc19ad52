"""`mode=app_password`, line by line: what it returns, what it leaves to the next line, and what log
and person are told. Where a password counts is in test_app_password_scopes.py."""

import fcntl
import subprocess
import time
from pathlib import Path

import pytest

import app_passwords
import attempts
import configuration
import enrollment
import people
import stacks
from attempts import AUTH_ERR, PERM_DENIED, SERVICE_ERR, SUCCESS, log_in
from test_module import module, panicking, soak  # noqa: F401  pylint: disable=unused-import

SERVICE = "cs-ours"
NO_APP_PASSWORD = ("This login was not accepted. If you have two-step authentication, give an application "
                   "password for this service (twostep app-password create).")
WRONG = "0123-4567-89AB-CDEF-GHJK-MNPQ"
# Refusals of a source that are logged each.
EACH = 10
# What the line below ours returns (PAM_SYSTEM_ERR): whoever gets there was left to it.
LEFT = 4

# Below the pam_twostep line: it records what it finds in PAM_AUTHTOK.
OURS = """\
auth [success=done ignore=ignore default=die] pam_twostep.so mode=app_password {options}
auth [default=die] pam_exec.so quiet expose_authtok /usr/lib/twostep-test/record
account required pam_twostep.so mode=app_password
account required pam_permit.so
session optional pam_twostep.so mode=app_password
session required pam_permit.so
"""
# The same without an end at the pam_twostep line: what it left is recorded whatever it said.
OPEN = OURS.replace("default=die] pam_twostep", "default=ignore] pam_twostep").replace(
    "success=done", "success=ignore")
# An earlier line asks for the password.
SECOND = "auth optional pam_unix.so nodelay\n" + OURS
# The line alone, in each phase.
ALONE = """\
auth [success=done ignore=ignore default=die] pam_twostep.so mode=app_password {options}
auth required pam_deny.so
account required pam_twostep.so mode=app_password {options}
account required pam_permit.so
session required pam_permit.so
"""
RECORDED = Path("/run/twostep-recorded")


@pytest.fixture(autouse=True)
def ours(view):
    script = attempts.BUILT / "record"
    script.write_text(f"#!/bin/sh\ncat >{RECORDED}\nexit 1\n", encoding="utf-8")
    script.chmod(0o755)
    RECORDED.unlink(missing_ok=True)
    stacks.write(SERVICE, OURS)


@pytest.fixture
def laptop(enrolled):
    return app_passwords.create(enrolled, "laptop", SERVICE, "cs-app")


def left():
    """What the line below ours got as the password."""
    return RECORDED.read_bytes().rstrip(b"\0") if RECORDED.exists() else None


def auth(somebody, *answers, service=SERVICE, **options):
    return log_in(somebody, *answers, service=service, phases="a", **options)


def suspend(somebody):
    subprocess.run(["twostep", "admin", "suspend", somebody.name, "--for", "2d"], check=True,
                   capture_output=True)


def test_given_a_right_password_then_it_ends_the_stack_and_says_nothing(enrolled, laptop, journal):
    told = log_in(enrolled, laptop, service=SERVICE, phases="acsox", tty="/dev/pts/9")
    assert told.phases == dict.fromkeys(["auth", "account", "setcred", "open", "close"], SUCCESS)
    assert (told.prompts, told.messages) == (["Password: "], [])
    assert left() is None
    journal.find("accepted", f"user={enrolled.name}", "factor=app-password", "label=laptop")


def test_given_an_interactive_session_line_then_it_shows_what_ours_does_not(enrolled, laptop):
    """That there is something to show: else the test above would prove nothing."""
    stacks.write("cs-notices", OURS.replace("session optional pam_twostep.so mode=app_password",
                                            "session optional pam_twostep.so"))
    assert log_in(enrolled, phases="o", tty="/dev/pts/9", service=SERVICE).messages == []
    assert log_in(enrolled, phases="o", tty="/dev/pts/9", service="cs-notices").messages


def test_given_the_account_password_of_an_enrolled_user_then_it_is_refused(enrolled, laptop, journal):
    told = auth(enrolled, enrolled.person.password)
    assert (told.phases["auth"], told.messages) == (AUTH_ERR, [NO_APP_PASSWORD])
    assert left() is None
    journal.find("refused", f"user={enrolled.name}", "reason=not-an-app-password", "remedy=")


def test_given_a_wrong_password_then_it_is_refused(enrolled, laptop, journal):
    told = auth(enrolled, WRONG)
    assert (told.phases["auth"], told.messages) == (AUTH_ERR, [NO_APP_PASSWORD])
    journal.find("refused", f"user={enrolled.name}", "reason=wrong-app-password")
    assert "unlogged" not in journal.text()


def test_given_a_verification_code_then_it_is_refused_and_not_spent(enrolled, laptop):
    code = enrolled.phone.fresh()
    assert auth(enrolled, code).phases["auth"] == AUTH_ERR
    assert auth(enrolled, enrolled.recovery_codes[0]).phases["auth"] == AUTH_ERR
    assert log_in(enrolled, code).accepted
    assert log_in(enrolled, enrolled.recovery_codes[0]).accepted


def test_given_a_user_who_is_not_enrolled_then_the_next_line_decides(neighbor, journal):
    told = auth(neighbor, "any words")
    assert (told.phases["auth"], told.prompts, told.messages) == (LEFT, ["Password: "], [])
    assert left() == b"any words"
    journal.find("not-asked", f"user={neighbor.name}", "rule=not-enrolled")


def test_given_a_required_step_then_a_user_who_is_not_enrolled_is_refused(neighbor, journal):
    configuration.write(policy={"required": True})
    told = auth(neighbor, neighbor.password)
    assert (told.phases["auth"], told.messages) == (AUTH_ERR, [NO_APP_PASSWORD])
    assert left() is None
    journal.find("refused", f"user={neighbor.name}", "reason=must-enroll")


def test_given_a_suspended_user_then_both_passwords_pass_our_line(enrolled, laptop, journal):
    suspend(enrolled)
    assert auth(enrolled, laptop).phases["auth"] == SUCCESS
    assert auth(enrolled, enrolled.person.password).phases["auth"] == LEFT
    assert left() == enrolled.person.password.encode()
    journal.find("not-asked", f"user={enrolled.name}", "rule=suspended")


@pytest.mark.parametrize("required", [False, True])
def test_given_an_unknown_user_then_the_question_comes_all_the_same(view, journal, required):
    configuration.write(policy={"required": required})
    told = auth("nobody-here", "any words")
    assert (told.phases["auth"], told.prompts) == (AUTH_ERR, ["Password: "])
    assert told.messages == [NO_APP_PASSWORD]
    journal.find("refused", "user=nobody-here", f"service={SERVICE}", "reason=unknown-user")


def test_given_any_refusal_then_the_next_line_would_still_find_the_password(enrolled, laptop):
    stacks.write("cs-open", OPEN)
    for somebody, words in ((enrolled, laptop), (enrolled, WRONG), ("nobody-here", "any words")):
        RECORDED.unlink(missing_ok=True)
        told = auth(somebody, words, service="cs-open")
        assert (told.phases["auth"], told.prompts) == (LEFT, ["Password: "])
        assert left() == words.encode()


def test_given_a_password_from_an_earlier_line_then_it_is_taken(enrolled, laptop, neighbor):
    stacks.write("cs-second", SECOND)
    assert not auth(enrolled, laptop, service="cs-second").accepted     # made for another service
    second = app_passwords.create(enrolled, "second", "cs-second")
    told = auth(enrolled, second, "never asked", service="cs-second")
    assert told.phases["auth"] == SUCCESS
    assert told.prompts == ["Password: "]
    assert auth(neighbor, neighbor.password, service="cs-second").prompts == ["Password: "]


def test_given_a_prompt_and_echo_then_the_question_is_that(enrolled, laptop):
    stacks.write(SERVICE, OURS, "[prompt=Mail password: ] echo")
    line = attempts.words(enrolled, laptop, service=SERVICE, phases="a")
    done = subprocess.run(line, capture_output=True, text=True)
    assert "visible\tMail password: " in done.stdout.splitlines()
    assert "auth\t0" in done.stdout.splitlines()
    stacks.write(SERVICE, OURS)
    done = subprocess.run(line, capture_output=True, text=True)
    assert "hidden\tPassword: " in done.stdout.splitlines()


@pytest.mark.parametrize("option", ["nullok", "after_first_step", "qr=utf8"])
def test_given_an_option_that_asks_then_it_is_an_error_that_says_what_to_do(
        enrolled, laptop, neighbor, journal, option):
    stacks.write("cs-options", ALONE, option)
    for who, words in ((enrolled, laptop), (neighbor, neighbor.password)):
        told = log_in(who, words, service="cs-options", keep_going=True)
        assert told.phases == {"auth": SERVICE_ERR, "account": SERVICE_ERR}
        assert told.prompts == []
    journal.find(option.split("=", maxsplit=1)[0], "does not go with mode=app_password", "remove it")


def barred(enrolled, clock):
    """A password for each reason that its owner is told."""
    service = app_passwords.create(enrolled, "mail", "imap")
    network = app_passwords.create(enrolled, "desk", SERVICE, networks=["192.0.2.0/24"])
    expired = app_passwords.create(enrolled, "old", SERVICE, expires="1h")
    clock.advance(3600 + 60)
    return {"mail": (service, "other services"), "desk": (network, "other networks"),
            "old": (expired, "has expired")}


def test_given_a_password_out_of_its_scope_then_its_owner_is_told_exactly(enrolled, clock, journal):
    for label, (password, reason) in barred(enrolled, clock).items():
        told = auth(enrolled, password, rhost="198.51.100.9")
        assert told.phases["auth"] == AUTH_ERR
        (text,) = told.messages
        assert f'Your application password "{label}"' in text and reason in text
        journal.find("refused", "reason=app-password-", f"label={label}")


def test_given_a_key_then_a_refusal_tells_no_more_than_before(enrolled, laptop):
    """SSH_AUTH_INFO_0 proves a first step, but not the one of this line."""
    told = auth(enrolled, WRONG, variables=["SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAAC3\n"])
    assert told.messages == [NO_APP_PASSWORD]


def test_given_pam_silent_then_the_question_comes_without_any_text(enrolled, laptop):
    assert auth(enrolled, laptop, silent=True).accepted
    for words in (WRONG, app_passwords.create(enrolled, "mail", "imap")):
        told = auth(enrolled, words, silent=True)
        assert (told.phases["auth"], told.prompts, told.messages) == (AUTH_ERR, ["Password: "], [])


STRANGE = {"empty": "", "long": "x" * 600, "long digits": "1" * 600, "spaces": " " * 600, "dash": "-" * 24,
           "sshd's own": "\\x08\\n\\r\\x7fINCORRECT", "not UTF-8": "\\xff\\xfe\\xe4" * 8, "escape": "\\x1b[2J",
           "line break": "a\\naccepted user=root"}


@pytest.mark.parametrize("answer", STRANGE.values(), ids=STRANGE.keys())
def test_given_a_strange_answer_then_an_enrolled_user_is_refused_and_another_s_goes_on(
        enrolled, laptop, neighbor, journal, answer):
    told = auth(enrolled, answer)
    assert (told.phases["auth"], told.messages) == (AUTH_ERR, [NO_APP_PASSWORD])
    reason = "refused-by-sshd" if answer == STRANGE["sshd's own"] else "not-an-app-password"
    journal.find("refused", f"user={enrolled.name}", f"reason={reason}")
    assert auth(neighbor, answer).phases["auth"] == LEFT
    raw = answer.encode().decode("unicode_escape").encode("latin-1")
    assert left() == raw[:511]      # as much as pam_exec passes on
    assert "user=root" not in journal.text()


@pytest.mark.parametrize("answer", [":null", ":fail"])
def test_given_nobody_who_answers_then_everyone_is_refused(enrolled, laptop, neighbor, journal, answer):
    for who in (enrolled, neighbor, "nobody-here"):
        told = auth(who, answer)
        assert (told.phases["auth"], told.messages) == (AUTH_ERR, [])
        assert left() is None
    journal.find("refused", f"user={neighbor.name}", "reason=no-answer")


@pytest.mark.parametrize("options", ["mode=app_password", "", "mode=app_password require_step", "require_step"])
def test_given_the_hand_over_then_each_account_line_understands_it(
        enrolled, laptop, neighbor, options):
    text = OURS.replace("account required pam_twostep.so mode=app_password",
                        f"account [default=die success=ok ignore=ignore] pam_twostep.so {options}")
    stacks.write(SERVICE, text.replace("[default=die] pam_exec.so", "required pam_permit.so"))
    assert log_in(enrolled, laptop, service=SERVICE).phases["account"] == SUCCESS
    assert log_in(neighbor, "any words", service=SERVICE).phases["account"] == SUCCESS
    configuration.write(policy={"required": True})
    told = log_in(neighbor, "any words", service=SERVICE, keep_going=True)
    assert told.phases == {"auth": AUTH_ERR, "account": PERM_DENIED}


def test_given_our_account_line_then_a_refusal_there_tells_what_helps(neighbor, enrolled, laptop, journal):
    stacks.write(SERVICE, OURS.replace("account required pam_twostep.so mode=app_password",
                                       "account required pam_twostep.so mode=app_password require_step"))
    told = log_in(enrolled, service=SERVICE, phases="c")
    assert (told.phases, told.messages) == ({"account": PERM_DENIED}, [NO_APP_PASSWORD])
    journal.find("refused", f"user={enrolled.name}", "reason=no-second-step", "option=require_step")
    assert log_in(neighbor, service=SERVICE, phases="c").accepted
    configuration.write(policy={"required": True})
    told = log_in(neighbor, "any words", service=SERVICE, keep_going=True)
    assert told.messages == [NO_APP_PASSWORD] * 2


def test_given_a_refusal_that_the_stack_overlooks_then_the_account_line_refuses(enrolled, laptop):
    told = log_in(enrolled, WRONG, service=SERVICE, keep_going=True)
    assert told.phases == {"auth": AUTH_ERR, "account": PERM_DENIED}


def test_given_no_auth_phase_then_the_account_line_acts_on_nobody(enrolled, laptop):
    assert log_in(enrolled, service=SERVICE, phases="cso").accepted


def test_given_a_process_of_the_user_then_the_password_is_judged_too(enrolled, laptop, neighbor, journal):
    assert auth(enrolled, laptop, run_as=enrolled.person).phases["auth"] == SUCCESS
    journal.find("accepted", f"user={enrolled.name}", "factor=app-password", "label=laptop")
    for words in (enrolled.person.password, WRONG, "x" * 600, "\\xff" * 24):
        told = auth(enrolled, words, run_as=enrolled.person)
        assert (told.phases["auth"], told.messages) == (AUTH_ERR, [NO_APP_PASSWORD])
    assert auth(neighbor, "any words", run_as=neighbor).phases["auth"] == LEFT
    suspend(enrolled)
    assert auth(enrolled, "any words", run_as=enrolled.person).phases["auth"] == LEFT


def test_given_a_process_of_another_user_then_everyone_is_refused(enrolled, laptop, neighbor, journal):
    for who, words in ((enrolled, laptop), (enrolled, WRONG), (people.add(), "any words")):
        told = auth(who, words, run_as=neighbor)
        assert (told.phases["auth"], told.prompts) == (AUTH_ERR, ["Password: "])
        assert told.messages == [NO_APP_PASSWORD]
    journal.find("refused", f"user={enrolled.name}", "reason=not-the-process-owner")


def test_given_a_busy_account_then_a_wrong_password_does_not_wait_for_it(enrolled, laptop):
    """Whoever gives wrong passwords must not stand in the way of a code, nor wait for one."""
    with open(f"/run/twostep/ledgers/{enrolled.name}", "rb") as ledger:
        fcntl.flock(ledger, fcntl.LOCK_EX)
        start = time.monotonic()
        for words in (WRONG, enrolled.person.password):
            assert auth(enrolled, words).phases["auth"] == AUTH_ERR
        assert time.monotonic() - start < 1


def test_given_a_broken_configuration_then_only_who_has_the_password_reads_it(
        enrolled, laptop, neighbor, journal):
    configuration.write_text("nonsense\n")
    assert auth(neighbor, neighbor.password).messages == []
    assert auth(enrolled, WRONG).messages == [NO_APP_PASSWORD]
    (text,) = auth(enrolled, laptop).messages
    assert str(configuration.FILE) in text
    journal.find("configuration", "error=")


def test_given_a_broken_configuration_then_a_storm_of_wrong_passwords_fills_no_log(
        enrolled, laptop, journal):
    configuration.write_text("nonsense\n")
    for _ in range(EACH + 3):
        assert auth(enrolled, WRONG).phases["auth"] == AUTH_ERR
    for word in ("refused", "configuration"):
        assert journal.text().count(f": {word} ") == EACH


def test_given_an_account_that_cannot_be_read_then_it_is_an_error_and_never_ignored(enrolled, laptop):
    enrolled.file.chmod(0o640)
    for words in (laptop, WRONG, enrolled.person.password):
        told = auth(enrolled, words)
        assert told.phases["auth"] == SERVICE_ERR
        assert told.prompts == ["Password: "]


def test_given_a_panic_then_the_login_is_refused_and_the_program_lives(
        panicking, enrolled, laptop, neighbor, journal):  # noqa: F811
    stacks.write("cs-panic-app", ALONE.replace("pam_twostep.so", "pam_twostep_panic.so"))
    for who, words in ((enrolled, laptop), (neighbor, neighbor.password)):
        told = auth(who, words, service="cs-panic-app")
        assert (told.phases["auth"], told.user) == (SERVICE_ERR, who.name)
    journal.find("panic")
    assert laptop not in journal.text()


@pytest.fixture
def house(enrolled, laptop, neighbor, clock):
    """Those whom one worker of a mail server has to do with, in turn: a name, a right and a wrong
    password each."""
    other = enrollment.enroll(people.add(), clock)
    tablet = app_passwords.create(other, "tablet", "cs-app")
    return [(enrolled, laptop, tablet), (other, tablet, laptop),
            (neighbor, neighbor.password, "wrong horse")]


def worker(house, column, rounds, *options, **more):
    """The passwords of a column, given by one process for one user after the other."""
    others = [word for who, *_ in house[1:] for word in ("-u", who.name)]
    words = [row[column] for row in house] * rounds
    return soak(house[0][0], words, *others, *options, service="cs-app", **more)


def test_given_one_worker_for_many_users_then_each_login_stands_alone(house):
    assert worker(house, 1, 5)["accepted"] == 15
    assert worker(house, 2, 5)["accepted"] == 0
    mixed = [(who, right if number % 2 else wrong) for number, (who, right, wrong) in enumerate(house)]
    assert worker(mixed, 1, 5)["accepted"] == 5


def test_given_thousands_of_logins_in_one_process_then_nothing_is_left_behind(house):
    (one, right, _), (other, _, wrong), _ = house
    told = worker([(one, right), (other, wrong)], 1, 2000, "-w", "1000")
    assert (told["accepted"], told["logins"]) == (2000, 4000)
    assert (told["fds"], told["threads"], told["changed"]) == (0, 0, [])
    assert told["heap"] < 20_000        # bytes: a leak of 8 would be seen
    assert told["resident"] < 1024      # KiB


def test_given_valgrind_then_no_memory_is_lost_or_misread(house, tmp_path):
    for column in (1, 2):
        report = tmp_path / f"valgrind{column}"
        worker(house, column, 2, "-w", "1",
               prefix=["valgrind", "--leak-check=full", "--show-leak-kinds=definite,indirect",
                       "--errors-for-leak-kinds=definite,indirect", "--keep-debuginfo=yes",
                       f"--log-file={report}"])
        text = report.read_text()
        assert "pam_twostep" not in text, text
        assert "ERROR SUMMARY: 0 errors" in text, text
