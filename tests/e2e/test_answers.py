"""What people, programs and attackers answer to the prompt for the code."""

from pathlib import Path

import pytest

import attempts
import configuration
import enrollment
from attempts import AUTH_ERR, log_in

FAKE_OF_SSHD = r"\x08\n\r\x7fINCORRECT"


def test_given_the_code_on_the_phone_then_the_login_is_accepted(enrolled, journal):
    told = log_in(enrolled, enrolled.phone.fresh(), rhost="203.0.113.7")
    assert told.accepted
    assert told.prompts == ["Verification code: "]
    line = journal.find("accepted", f"user={enrolled.name}")
    assert "service=cs-code" in line
    assert "rhost=203.0.113.7" in line
    assert "factor=totp" in line
    assert "authenticator=" in line


def test_given_a_wrong_code_then_the_login_is_refused(enrolled, journal):
    told = log_in(enrolled, enrolled.phone.wrong(), rhost="203.0.113.7")
    assert told.phases == {"auth": AUTH_ERR}
    journal.find("refused", f"user={enrolled.name}", "rhost=203.0.113.7")


def test_given_a_spent_code_then_login_is_refused(enrolled, journal):
    code = enrolled.phone.fresh()
    assert log_in(enrolled, code).accepted
    journal.mark()
    assert log_in(enrolled, code).phases == {"auth": AUTH_ERR}
    journal.find("refused", f"user={enrolled.name}", "reason=spent-code")


def test_given_a_spent_code_then_it_is_refused_at_another_service_too(enrolled):
    code = enrolled.phone.fresh()
    assert log_in(enrolled, code).accepted
    assert not log_in(enrolled, enrolled.person.password, code, service="cs-login").accepted


def test_given_the_code_that_confirmed_the_enrollment_then_login_is_refused(enrolled):
    told = log_in(enrolled, enrolled.phone.codes(enrolled.phone.last_shown)[0])
    assert told.phases == {"auth": AUTH_ERR}


def test_given_an_older_unused_code_after_a_newer_one_then_login_is_refused(enrolled):
    enrolled.phone.fresh()
    newer = enrolled.phone.fresh()
    older = enrolled.phone.code(-1)
    assert log_in(enrolled, newer).accepted
    assert log_in(enrolled, older).phases == {"auth": AUTH_ERR}


@pytest.mark.parametrize("window", [0, 1, 2])
def test_given_a_window_then_just_the_steps_inside_it_are_accepted(enroll_another, clock, window):
    configuration.write(totp={"window": window})
    for offset in (-window - 1, -window, window, window + 1):
        somebody = enroll_another()
        clock.advance(300)
        wait_for_the_middle_of_a_step(clock)
        inside = abs(offset) <= window
        assert log_in(somebody, somebody.phone.code(offset)).accepted is inside, offset


def wait_for_the_middle_of_a_step(clock):
    clock.advance(30 - int(clock.now()) % 30 + 10)


@pytest.mark.parametrize("spelling", ["{0} {1}", "{0}-{1}", " {0}{1} ", "{0}{1}\\n", "{0}{1}\\r\\n"])
def test_given_spaces_or_dashes_in_a_right_code_then_login_is_accepted(enrolled, spelling):
    code = enrolled.phone.fresh()
    assert log_in(enrolled, spelling.format(code[:3], code[3:])).accepted


NOT_CODES = {
    "empty": "",
    "no answer": ":null",
    "blank": "   ",
    "dashes": "---",
    "5 digits": "12345",
    "7 digits": "1234567",
    "300 characters": "1" * 300,
    "100,000 characters": "1" * 100_000,
    "Arabic-Indic digits": "١٢٣٤٥٦",
    "fullwidth digits": "１２３４５６",
    "a letter": "12345a",
    "a sign": "+12345",
    "bytes that are no UTF-8": r"\xff\xfe\x80123",
    "a tab inside": r"123\x09456",
    "an escape": r"\x1b[2J123456",
}


@pytest.mark.parametrize("answer", NOT_CODES.values(), ids=NOT_CODES.keys())
def test_given_what_cannot_be_a_code_then_it_is_refused_free_of_charge(enrolled, journal, answer):
    for _ in range(7):  # more than the throttle would let pass if they counted
        assert log_in(enrolled, answer, rhost="203.0.113.9").phases == {"auth": AUTH_ERR}
    line = journal.find("reason=not-a-code", f"user={enrolled.name}")
    assert "forward_pass" in line  # what to do for an application that cannot ask
    assert "123" not in line.replace(enrolled.name, "")
    assert log_in(enrolled, enrolled.phone.fresh(), rhost="203.0.113.9").accepted


@pytest.mark.parametrize("answer", [FAKE_OF_SSHD, r"\x08\n\r\x7fIN", FAKE_OF_SSHD * 3])
def test_given_what_sshd_answers_for_users_it_refuses_then_the_log_says_so_and_nothing_is_charged(
        enrolled, journal, answer):
    for _ in range(7):
        told = log_in(enrolled, enrolled.person.password, answer, service="cs-login", rhost="203.0.113.9")
        assert told.phases == {"auth": AUTH_ERR}
        assert "whatever code is typed" in told.messages[-1]
    line = journal.find("reason=refused-by-sshd", f"user={enrolled.name}")
    assert "PermitRootLogin" in line and "DenyUsers" in line
    assert log_in(enrolled, enrolled.phone.fresh(), rhost="203.0.113.9").accepted


def test_given_digits_of_another_script_with_the_right_values_then_login_is_refused(enrolled):
    arabic = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
    assert not log_in(enrolled, enrolled.phone.fresh().translate(arabic)).accepted


def test_given_a_right_code_with_more_digits_around_it_then_login_is_refused(enrolled):
    code = enrolled.phone.fresh()
    for answer in (code + "0", "0" + code, code[:5], code + code, code + r"\x00", code + "x"):
        if not answer.endswith(r"\x00"):  # a C string ends there, so that one is the code itself
            assert not log_in(enrolled, answer).accepted, answer
    assert log_in(enrolled, code).accepted


def test_given_parts_of_an_accepted_code_then_login_is_refused(enrolled):
    code = enrolled.phone.fresh()
    assert log_in(enrolled, code).accepted
    for answer in [code[:cut] for cut in range(1, 6)] + [code[cut:] for cut in range(1, 6)]:
        assert not log_in(enrolled, answer).accepted, answer
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


def test_given_an_unknown_user_then_nothing_is_stored_of_it(view):
    configuration.write(policy={"required": True})
    for answer in ("123456", "0000-0000-0000-0000", ""):
        assert not log_in("nobody-here", answer).accepted
    stored = [path for top in ("/var/lib/twostep", "/run/twostep") for path in Path(top).rglob("*nobody-here*")]
    assert stored == []


def test_given_a_conversation_that_fails_then_login_is_refused(enrolled):
    told = log_in(enrolled, ":fail")
    assert told.phases["auth"] not in (attempts.SUCCESS, attempts.IGNORE)
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


def test_given_control_bytes_from_outside_then_no_log_line_is_forged(enrolled, journal):
    log_in(enrolled, "x", rhost="203.0.113.7 accepted user=root\naccepted user=root\x1b[2J")
    refused = journal.find("refused", f"user={enrolled.name}")
    assert "\\x0a" not in refused   # how the log shows a control byte that got through
    assert "\\x1b" not in refused
    before, value = refused.split(" rhost=")
    assert "accepted" not in before
    assert value.startswith('"203.0.113.7 accepted')     # a value with spaces is in quotes


def test_given_a_recovery_code_then_login_is_accepted_once(enrolled, journal):
    code = enrolled.recovery_codes[0]
    assert log_in(enrolled, code).accepted
    journal.find("accepted", f"user={enrolled.name}", "factor=recovery-code", "left=9")
    assert log_in(enrolled, code).phases == {"auth": AUTH_ERR}
    used = enrollment.status(enrolled.person)["recovery_codes"]
    assert used["left"] == 9
    assert [use["service"] for use in used["used"]] == ["cs-code"]


def test_given_a_recovery_code_as_people_write_it_then_login_is_accepted(enrolled):
    first, second, third = enrolled.recovery_codes[:3]
    assert log_in(enrolled, first.lower()).accepted
    assert log_in(enrolled, second.replace("-", " ")).accepted
    look_alike = third.replace("-", "").replace("0", "O").replace("1", "l")
    assert log_in(enrolled, look_alike).accepted


def test_given_a_wrong_recovery_code_then_login_is_refused(enrolled):
    wrong = "0000-0000-0000-0000"
    assert log_in(enrolled, wrong).phases == {"auth": AUTH_ERR}
    assert enrollment.status(enrolled.person)["recovery_codes"]["left"] == 10


def test_given_the_recovery_code_of_somebody_else_then_login_is_refused(enrolled, enroll_another):
    other = enroll_another()
    assert not log_in(enrolled, other.recovery_codes[0]).accepted
    assert log_in(other, other.recovery_codes[0]).accepted


def test_given_the_code_of_somebody_else_then_login_is_refused(enrolled, enroll_another):
    other = enroll_another()
    code = other.phone.fresh()
    assert not log_in(enrolled, code).accepted
    assert log_in(other, code).accepted


def test_given_all_recovery_codes_are_used_then_the_phone_still_logs_in(enrolled):
    for code in enrolled.recovery_codes:
        assert log_in(enrolled, code).accepted
    assert enrollment.status(enrolled.person)["recovery_codes"]["left"] == 0
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


KINDS = [(algorithm, digits, period)
         for algorithm in ("SHA1", "SHA256", "SHA512") for digits in (6, 7, 8) for period in (30, 60)]


@pytest.mark.parametrize("algorithm, digits, period", KINDS)
def test_given_any_kind_of_authenticator_then_codes_of_oathtool_are_accepted(
        enroll_another, algorithm, digits, period):
    configuration.write(totp={"algorithm": algorithm, "digits": digits, "period": period})
    somebody = enroll_another()
    phone = somebody.phone
    assert (phone.algorithm, phone.digits, phone.period) == (algorithm, digits, period)
    for _ in range(3):
        code = phone.fresh()
        assert len(code) == digits
        assert log_in(somebody, code).accepted
        assert not log_in(somebody, code).accepted


@pytest.mark.parametrize("year", [2038, 2106, 2603])
def test_given_a_far_year_then_codes_of_oathtool_are_accepted(enroll_another, clock, year):
    there = (year - 1970) * 31_556_952 - int(clock.now())   # seconds of a Gregorian year
    clock.set_wrong(there)
    try:
        somebody = enroll_another()
        code = somebody.phone.fresh()
        assert log_in(somebody, code).accepted
        assert not log_in(somebody, code).accepted
    finally:
        clock.set_wrong(-there)


def test_given_a_changed_configuration_then_an_enrolled_phone_keeps_its_parameters(enrolled):
    configuration.write(totp={"algorithm": "SHA512", "digits": 8, "period": 60})
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


def test_given_a_person_who_is_not_enrolled_then_no_code_is_asked(person):
    told = log_in(person)
    assert told.accepted
    assert not told.asked


def test_given_the_second_step_is_required_then_one_who_is_not_enrolled_is_refused(
        person, journal):
    configuration.write(policy={"required": True, "contact": "help@example.org"})
    told = log_in(person, "123456", service="cs-login")
    assert not told.accepted
    told = log_in(person, person.password, "123456", service="cs-login")
    assert told.phases == {"auth": AUTH_ERR}
    assert any("help@example.org" in message for message in told.messages + told.prompts)
    assert "twostep enroll" in journal.find("refused", f"user={person.name}")


def test_given_no_first_step_then_nothing_tells_one_refusal_from_another(
        enrolled, enroll_another):
    """Who reaches the prompt without a password learns neither who exists nor what was wrong."""
    configuration.write(policy={"required": True, "contact": "help@example.org"},
                        throttle={"failures": 1, "wait": "10m"})
    spent = enrolled.phone.codes(enrolled.phone.last_shown)[0]
    waiting = enroll_another()
    log_in(waiting, waiting.phone.wrong())
    refusals = [log_in(enrolled, spent), log_in(enrolled, "12345"),
                log_in(enrolled, enrolled.phone.wrong()), log_in(waiting, waiting.phone.fresh()),
                log_in("nobody-here", "123456")]
    said = [(told.prompts, told.messages, told.phases) for told in refusals]
    assert said == [said[0]] * len(said)


def test_given_the_password_then_a_refusal_says_what_happened(enrolled):
    spent = enrolled.phone.codes(enrolled.phone.last_shown)[0]
    said = [log_in(enrolled, enrolled.person.password, answer, service="cs-login").messages
            for answer in (spent, "12345", enrolled.phone.wrong())]
    assert len({message for (message,) in said}) == 3


def test_given_an_unknown_user_then_it_is_refused_as_an_enrolled_one_would_be(view, journal):
    assert log_in("nobody-here", "123456").phases == {"auth": AUTH_ERR}
    journal.find("user=nobody-here")


def test_given_the_second_step_is_required_then_an_unknown_user_is_asked_and_refused(view):
    configuration.write(policy={"required": True})
    told = log_in("nobody-here", "123456")
    assert told.phases == {"auth": AUTH_ERR}
    assert told.asked


def test_given_the_second_step_is_not_required_then_an_unknown_user_is_not_asked(view):
    told = log_in("nobody-here", "123456")
    assert told.phases == {"auth": AUTH_ERR}
    assert not told.asked
