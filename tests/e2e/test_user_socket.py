"""What programs of users send the service by its open socket: nothing is judged twice, forged, or kept
from the log."""

import json
import struct

import pytest

import app_passwords
import service
from attempts import log_in
from service import ask, is_accepted, verify


def send_raw(person, data):
    done = person.run("/usr/bin/python3", "-B", str(service.CALL), str(service.USER), "raw", input=data, text=False)
    return json.loads(done.stdout)


def frame(text):
    return struct.pack(">I", len(text)) + text


HOSTILE_INPUT = {
    "nothing": b"", "garbage": b"\xff\x00\x1b[31m" * 100, "16 MiB": struct.pack(">I", 16 << 20) + b"x" * 100_000,
    "an empty frame": frame(b""), "no object": frame(b"[]"), "deep": frame(b"[" * 16_000), "half a frame": frame(b"{}")[:5],
    "unknown": frame(b'{"version":1,"request":{"give_me_root":{}}}'), "no version": frame(b'{"request":{"status":{}}}'),
    "unfinished": frame(b'{"version":1,"request":{"status":{}'), "a BOM": frame(b'\xef\xbb\xbf{"version":1,"request":{"status":{}}}'),
    "NUL": frame(b'{"version":1,"request":{"status":{}}}\x00'),
}


@pytest.mark.parametrize("data", HOSTILE_INPUT.values(), ids=HOSTILE_INPUT.keys())
def test_given_hostile_input_then_it_is_refused_or_the_connection_closed_and_the_service_goes_on(enrolled, data):
    response = send_raw(enrolled.person, data)
    assert response is None or response["refused"]["reason"] == "bad_request"
    assert "status" in ask(enrolled.person, {"status": {}})
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


def test_given_a_version_of_requests_to_come_then_the_service_says_which_it_knows(enrolled):
    assert send_raw(enrolled.person, frame(b'{"version":2,"request":{"status":{}}}')) == {"version": {"knows": 1}}


def test_given_fields_that_only_root_may_claim_then_they_change_nothing(enrolled, neighbor, journal):
    forged = {"rhost": "203.0.113.9", "tty": "ssh", "real_uid": 0, "key_accepted": True,
              "options": ["config=/dev/null", "enroll", "after_first_step"]}
    request = service.login(enrolled.person, "i3lock", "000000", **{**forged})
    assert not is_accepted(ask(enrolled.person, request))
    line = journal.find("refused", f"user={enrolled.name}", "service=i3lock", "reason=wrong-code")
    assert "rhost" not in line
    request = service.login(enrolled.person, "i3lock", enrolled.phone.fresh())
    assert not is_accepted(ask(neighbor, request)), "of somebody else's"
    assert is_accepted(ask(enrolled.person, request))


def test_given_guesses_then_each_is_logged(enrolled, journal):
    assert not is_accepted(verify(enrolled.person, "i3lock", "000000"))
    journal.find("refused", f"user={enrolled.name}", "service=i3lock", "reason=wrong-code")
    code = enrolled.phone.fresh()
    assert is_accepted(verify(enrolled.person, "i3lock", code))
    journal.find("accepted", f"user={enrolled.name}", "factor=totp")
    assert code not in journal.text()


def test_given_an_answer_that_is_sent_twice_then_its_verdict_is_repeated_and_logged_as_that(enrolled, journal):
    request = service.login(enrolled.person, "i3lock", enrolled.phone.fresh())
    assert is_accepted(ask(enrolled.person, request)) and is_accepted(ask(enrolled.person, request))
    journal.find("accepted", f"user={enrolled.name}", "repeated=yes")


@pytest.mark.parametrize("name", ["x\naccepted user=root", "a from=root", "\x1b[2J", "x" * 900])
def test_given_a_strange_name_of_a_service_then_the_log_stays_one_line(enrolled, journal, name):
    verify(enrolled.person, name, "000000")
    line = journal.find(f"user={enrolled.name}", "reason=wrong-code")
    assert line.count("user=") == (2 if "user=root" in name else 1) and "\x1b" not in line


def test_given_application_passwords_then_each_is_logged(enrolled, journal):
    def opens(password):
        return is_accepted(verify(enrolled.person, "dovecot", password, options=["mode=app_password"]))

    password = app_passwords.create(enrolled, "laptop", "dovecot")
    assert not opens("0" * 24)
    journal.find("refused", f"user={enrolled.name}", "service=dovecot", "reason=wrong-app-password")
    assert opens(password)
    journal.find("accepted", f"user={enrolled.name}", "service=dovecot", "factor=app-password", "label=laptop")
    assert password not in journal.text()


def test_given_very_many_refused_application_passwords_then_the_log_counts_them(enrolled, clock, journal):
    app_passwords.create(enrolled, "laptop", "dovecot")
    journal.mark()
    for _ in range(13):
        assert not is_accepted(verify(enrolled.person, "dovecot", "0" * 24, options=["mode=app_password"]))
    assert journal.text().count("reason=wrong-app-password") == 10
    clock.advance(60)
    assert not is_accepted(verify(enrolled.person, "dovecot", "0" * 24, options=["mode=app_password"]))
    journal.find("reason=wrong-app-password", "unlogged=3")
