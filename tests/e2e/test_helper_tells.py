"""What is asked of the helper itself, past the module, is logged and cannot forge what is shown."""

import json

import pytest

import app_passwords

HELPER = "/usr/libexec/twostep/twostep-helper"


def verify(person, service, answer):
    request = {"do": "verify", "service": service, "answers": [answer]}
    return json.loads(person.run(HELPER, input=json.dumps(request)).stdout)


def test_given_guesses_through_the_helper_then_each_is_logged(enrolled, journal):
    assert not verify(enrolled.person, "i3lock", "000000")["accepted"]
    journal.find("refused", f"user={enrolled.name}", "service=i3lock", "reason=wrong-code")
    code = enrolled.phone.fresh()
    assert verify(enrolled.person, "i3lock", code)["accepted"]
    journal.find("accepted", f"user={enrolled.name}", "factor=totp")
    assert code not in journal.text()


@pytest.mark.parametrize("service", ["", "x" * 65, "a\nfrom=root", "\x1b[2J", "\x7f" * 16])
def test_given_a_service_that_is_none_then_nothing_is_judged(enrolled, service):
    answer = verify(enrolled.person, service, enrolled.recovery_codes[0])
    assert (answer["result"], answer["reason"]) == ("refused", "bad_request")
    assert verify(enrolled.person, "i3lock", enrolled.recovery_codes[0])["accepted"]


def verify_app_password(person, service, password):
    request = {"do": "verify_app_password", "service": service, "password": password}
    return json.loads(person.run(HELPER, input=json.dumps(request)).stdout)


def test_given_application_passwords_through_the_helper_then_each_is_logged_by_it(enrolled, journal):
    password = app_passwords.create(enrolled, "laptop", "dovecot")
    assert not verify_app_password(enrolled.person, "dovecot", "0" * 24)["accepted"]
    line = journal.find("refused", f"user={enrolled.name}", "service=dovecot", "reason=wrong-app-password")
    assert line.startswith("authpriv.notice twostep-helper[")
    assert verify_app_password(enrolled.person, "dovecot", password)["accepted"]
    line = journal.find("accepted", f"user={enrolled.name}", "service=dovecot", "factor=app-password", "label=laptop")
    assert line.startswith("authpriv.notice twostep-helper[")
    assert password not in journal.text()


def test_given_very_many_refused_application_passwords_through_the_helper_then_the_log_counts_them(
        enrolled, clock, journal):
    app_passwords.create(enrolled, "laptop", "dovecot")
    journal.mark()
    for _ in range(13):
        assert not verify_app_password(enrolled.person, "dovecot", "0" * 24)["accepted"]
    assert journal.text().count("reason=wrong-app-password") == 10
    clock.advance(60)
    assert not verify_app_password(enrolled.person, "dovecot", "0" * 24)["accepted"]
    journal.find("reason=wrong-app-password", "unlogged=3")
