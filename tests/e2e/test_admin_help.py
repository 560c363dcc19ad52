"""Helping a user: unlock, a recovery code to read out, an invitation, and what `show` tells."""

import datetime
import json
import re

import pexpect
import pytest

import configuration
import enrollment
import terminals
from attempts import log_in
from phones import Phone
from test_admin_report import HOME, admin, lock, right

CODE = re.compile(r"^  ([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3})$", re.MULTILINE)


def told(*words):
    return json.loads(right(*words, "--json"))


def test_given_wrong_codes_then_unlock_makes_codes_count_again(enrolled, clock, journal):
    configuration.write(throttle={"cap": 3, "wait": "1s", "max_wait": "1s"})
    lock(enrolled, clock)
    clock.advance(60)
    assert not log_in(enrolled, enrolled.phone.fresh(), rhost=HOME).accepted
    assert told("unlock", enrolled.name) == {"user": enrolled.name, "unlocked": True}
    assert log_in(enrolled, enrolled.phone.fresh(), rhost=HOME).accepted
    journal.find("unlocked", f"user={enrolled.name}", "admin=root")
    assert enrolled.name in right("unlock", enrolled.name)


def test_given_a_recovery_code_that_was_read_out_then_it_counts_once(enrolled, neighbor, journal):
    text = right("recovery-code", enrolled.name, sudo_user=neighbor.name)
    [code] = CODE.findall(text)
    assert "until" in text
    assert log_in(enrolled, code).accepted
    assert not log_in(enrolled, code).accepted
    assert log_in(enrolled, enrolled.phone.fresh()).accepted
    line = journal.find("recovery-code-issued", f"user={enrolled.name}")
    assert f"admin={neighbor.name}" in line and code not in journal.text()


def test_given_a_recovery_code_then_its_time_is_a_day_and_an_earlier_one_is_void(enrolled, clock):
    earlier = told("recovery-code", enrolled.name)["recovery_code"]
    later = told("recovery-code", enrolled.name)
    assert abs(later["expires_at"] - clock.now() - 86400) < 60
    assert not log_in(enrolled, earlier).accepted
    clock.advance(86401)
    assert not log_in(enrolled, later["recovery_code"]).accepted
    assert log_in(enrolled, enrolled.recovery_codes[0]).accepted


def test_given_a_user_without_an_authenticator_then_there_is_no_recovery_code(person):
    done = admin("recovery-code", person.name, "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["reason"] == "no_authenticator"
    assert "twostep enroll" in done.stderr


@pytest.mark.parametrize("words", [
    ["show"], ["unlock"], ["recovery-code"], ["reset"], ["resume"], ["app-passwords"],
    ["suspend", "--for", "1d"], ["enroll", "--invite"]], ids=lambda words: words[0])
def test_given_a_user_who_is_not_there_then_the_name_is_said_and_how_to_check_it(view, words):
    done = admin(*words, "no-such-user")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("twostep: There is no user called no-such-user. "
                           "Check the name with `getent passwd no-such-user`.\n")


def test_given_another_time_zone_then_minutes_are_told_in_it_and_with_its_name(person, clock):
    environment = {**terminals.ENVIRONMENT, "TZ": "XYZ-3"}
    text = " ".join(right("suspend", person.name, "--for", "1h", env=environment).split())
    said = re.search(r"until (\d{4}-\d\d-\d\d \d\d:\d\d) XYZ\.", text)[1]
    said = datetime.datetime.strptime(said + " +0300", "%Y-%m-%d %H:%M %z")
    assert abs(said.timestamp() - clock.now() - 3600) < 120


def test_given_a_narrow_terminal_then_an_error_is_broken_between_words(view):
    program = terminals.spawn(["twostep", "admin", "show", "no-such-user"], dimensions=(24, 40))
    program.expect(pexpect.EOF)
    assert len(program.before.splitlines()) > 1
    assert all(len(line) <= 40 for line in program.before.splitlines()), program.before


def enrolls(person, clock, code):
    """Whether `twostep enroll` takes this enrollment code."""
    done = person.run("twostep", "enroll", "--json", input=f"{code}\n")
    return "otpauth://" in done.stdout


def test_given_an_invitation_then_its_code_enrolls_once_in_its_time(person, clock, journal):
    configuration.write(policy={"enrollment": "invite"})
    invited = told("enroll", person.name, "--invite", "--for", "2h")
    assert abs(invited["expires_at"] - clock.now() - 7200) < 60
    assert not enrolls(person, clock, "0000-0000-0000-0000")
    somebody = enrollment.enroll(person, clock, proof=invited["enrollment_code"])
    assert log_in(somebody, somebody.phone.fresh()).accepted
    journal.find("invited", f"user={person.name}", "admin=root")
    assert invited["enrollment_code"] not in journal.text()
    right("reset", person.name)
    assert not enrolls(person, clock, invited["enrollment_code"])


def test_given_an_invitation_then_it_ends_by_itself_after_the_time_that_was_given(person, clock):
    configuration.write(policy={"enrollment": "invite"})
    code = told("enroll", person.name, "--invite", "--for", "2h")["enrollment_code"]
    assert told("show", person.name)["invited_until"] is not None
    clock.advance(7300)
    assert told("show", person.name)["invited_until"] is None
    assert not enrolls(person, clock, code)
    default = told("enroll", person.name, "--invite")
    assert abs(default["expires_at"] - clock.now() - 3 * 86400) < 60
    assert enrolls(person, clock, default["enrollment_code"])


def test_given_an_invitation_then_people_read_the_code_and_whether_it_is_asked_for(person):
    text = right("enroll", person.name, "--invite")
    assert CODE.search(text) and "does not ask for it" in " ".join(text.split())
    configuration.write(policy={"enrollment": "invite"})
    assert "does not ask for it" not in " ".join(right("enroll", person.name, "--invite").split())


def test_given_an_impossible_invitation_then_it_is_refused(person, enrolled):
    assert admin("enroll", person.name, "--invite", "--for", "31d").returncode == 1
    assert admin("enroll", enrolled.name, "--invite").returncode == 1
    assert admin("enroll", person.name).returncode == 2


def test_given_show_then_grace_invitation_suspension_and_history_are_told_and_no_code(person, neighbor, clock):
    configuration.write(policy={"enrollment": "invite"})
    code = told("enroll", person.name, "--invite", "--for", "1d")["enrollment_code"]
    right("suspend", person.name, "--for", "2h", "--reason", "phone lost", sudo_user=neighbor.name)
    shown = told("show", person.name)
    assert abs(shown["invited_until"] - clock.now() - 86400) < 60
    assert [one["event"] for one in shown["history"]][-2:] == ["invited", "suspended"]
    assert (shown["status"]["suspension"]["by"], shown["overdue"]) == (neighbor.name, False)
    text = " ".join(right("show", person.name).split())
    for part in ("Invited to enroll by a code, until", "no code is asked until", "phone lost", "invited by root"):
        assert part in text, part
    assert code not in text and code not in json.dumps(shown)
    right("resume", person.name)
    right("require", "--all", "--within", "3d", "--yes", "--force")
    shown = told("show", person.name)
    assert abs(shown["status"]["enroll_by"] - clock.now() - 3 * 86400) < 60
    assert "enroll until" in right("show", person.name)
    right("require", "--all", "--within", "0", "--yes", "--force")
    clock.advance(2)
    assert told("show", person.name)["overdue"]
    assert "Time to enroll is over" in " ".join(right("show", person.name).split())
    configuration.write(policy={"exempt_users": [person.name]})
    assert told("show", person.name)["exempt"] == "exempt-user"


def test_given_a_reset_then_it_is_told_what_becomes_of_the_user(enrolled, clock):
    configuration.write(policy={"required": True, "grace": "2d", "enrollment": "invite"})
    text = " ".join(right("reset", enrolled.name).split())
    assert f"{enrolled.name} has until " in text and "--invite" in text
    assert log_in(enrolled).accepted
    clock.advance(60)
    assert abs(told("reset", enrolled.name)["enroll_by"] - clock.now() - 2 * 86400) < 60
    configuration.write(policy={"required": True, "grace": "0"})
    text = " ".join(right("reset", enrolled.name).split())
    assert "the next login of " in text and f"twostep enroll --user {enrolled.name}" in text
    assert not log_in(enrolled, "123456").accepted


def test_given_whoever_is_not_root_then_no_help_is_given(person, enrolled):
    for words in (["unlock"], ["recovery-code"], ["enroll", "--invite"]):
        done = person.run("twostep", "admin", *words, enrolled.name)
        assert done.returncode == 1 and "sudo" in done.stderr
        done = admin(*words, "nobody-here")
        assert done.returncode == 1 and "nobody-here" in done.stderr


def test_given_status_then_the_user_reads_until_when_to_enroll(person, clock):
    right("require", "--all", "--within", "3d", "--yes", "--force")
    status = enrollment.status(person)
    assert status["required"] and abs(status["enroll_by"] - clock.now() - 3 * 86400) < 60
    text = person.run("twostep", "status").stdout
    assert "enroll until" in text and "twostep enroll" in text
    somebody = enrollment.enroll(person, clock)
    assert isinstance(somebody.phone, Phone)
    assert "enroll until" not in person.run("twostep", "status").stdout
