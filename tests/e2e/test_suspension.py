"""`twostep admin suspend` and `resume`: an administrator asks one user for no code, for a time that
ends by itself."""

import json
import subprocess

import pytest

import configuration
import enrollment
import sshd
import stacks
from attempts import log_in
from test_sudo_su_login import allow_sudo

HOUR, DAY = 3600, 86400


def admin(*words, **options):
    return subprocess.run(["twostep", "admin", *words], capture_output=True, text=True, **options)


def suspend(somebody, time, *options):
    done = admin("suspend", somebody.name, "--for", time, *options)
    assert done.returncode == 0, done.stderr
    return done


def is_asked(somebody):
    told = log_in(somebody)
    assert told.asked != told.accepted
    return told.asked


def history(somebody):
    report = json.loads(admin("show", somebody.name, "--json").stdout)
    return [(one["event"], one.get("detail", "")) for one in report["history"]]


def test_given_a_suspension_then_no_code_is_asked_until_it_ends_by_itself(enrolled, clock, journal):
    assert is_asked(enrolled)
    suspend(enrolled, "2h")
    assert not is_asked(enrolled)
    journal.find("not-asked", f"user={enrolled.name}", "rule=suspended")
    clock.advance(2 * HOUR - 60)
    assert not is_asked(enrolled)
    clock.advance(61)
    assert is_asked(enrolled)
    assert enrollment.status(enrolled.person)["suspension"] is None
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


def test_given_a_clock_set_back_then_the_suspension_ends(enrolled, clock):
    suspend(enrolled, "2h")
    clock.set_wrong(-HOUR)
    try:
        assert is_asked(enrolled)
    finally:
        clock.set_wrong(HOUR)


def test_given_a_suspension_then_ssh_asks_for_the_password_alone(enrolled):
    server = sshd.Server(stacks.PASSWORD_AND_CODE)
    try:
        suspend(enrolled, "1h")
        assert not sshd.log_in(server, enrolled.person, "wrong").entered
        login = sshd.log_in(server, enrolled.person, enrolled.person.password)
        assert login.entered
        assert login.prompts == ["Password:"]
        assert admin("resume", enrolled.name).returncode == 0
        login = sshd.log_in(server, enrolled.person, enrolled.person.password, enrolled.phone.fresh())
        assert login.entered
        assert login.prompts == ["Password:", "Verification code:"]
    finally:
        server.stop()


def test_given_a_suspension_then_status_log_and_history_tell_of_it(enrolled, clock, journal):
    done = suspend(enrolled, "12h", "--reason", "phone is lost", "--json")
    suspension = json.loads(done.stdout)["suspension"]
    assert abs(suspension["from"] - clock.now()) < 10
    assert suspension["until"] - suspension["from"] == 12 * HOUR
    assert (suspension["by"], suspension["reason"]) == ("root", "phone is lost")
    assert enrollment.status(enrolled.person)["suspension"] == suspension
    text = " ".join(enrolled.person.run("twostep", "status").stdout.split())
    assert "by root: phone is lost" in text
    journal.find("suspended", f"user={enrolled.name}", "by=administrator", "admin=root",
                 f"until={suspension['until']}", 'reason="phone is lost"')
    assert admin("resume", enrolled.name).returncode == 0
    journal.find("resumed", f"user={enrolled.name}", "by=administrator", "admin=root")
    assert history(enrolled)[-2:] == [("suspended", "by root: phone is lost"), ("resumed", "by root")]
    assert is_asked(enrolled)
    assert "Suspended" not in enrolled.person.run("twostep", "status").stdout


def test_given_sudo_then_the_person_behind_it_answers_for_it(enrolled, neighbor, journal):
    allow_sudo(neighbor, "NOPASSWD: ALL")
    done = neighbor.run("sudo", "-n", "twostep", "admin", "suspend", enrolled.name, "--for", "1h")
    assert done.returncode == 0, done.stderr
    assert enrollment.status(enrolled.person)["suspension"]["by"] == neighbor.name
    journal.find("suspended", f"user={enrolled.name}", f"admin={neighbor.name}")
    neighbor.run("sudo", "-n", "twostep", "admin", "resume", enrolled.name)
    journal.find("resumed", f"user={enrolled.name}", f"admin={neighbor.name}")


@pytest.mark.parametrize("named", ["", "nobody-here", "alice\nadmin=eve", "x" * 5000])
def test_given_a_sudo_user_who_is_none_then_root_answers_for_it(enrolled, named):
    environment = {"PATH": "/usr/bin:/bin", "SUDO_USER": named}
    done = admin("suspend", enrolled.name, "--for", "1h", env=environment)
    assert done.returncode == 0, done.stderr
    assert enrollment.status(enrolled.person)["suspension"]["by"] == "root"


def test_given_a_time_longer_than_the_host_allows_then_it_is_refused(enrolled):
    for setting, allowed, too_long in ((None, "7d", "169h"), ("90m", "90m", "91m")):
        if setting:
            configuration.write(policy={"max_suspension": setting})
        done = admin("suspend", enrolled.name, "--for", too_long)
        assert done.returncode == 1
        assert "max_suspension" in done.stderr
        assert is_asked(enrolled)
        suspend(enrolled, allowed)
        assert not is_asked(enrolled)
        assert admin("resume", enrolled.name).returncode == 0


def test_given_a_second_suspension_then_it_counts_from_now(enrolled, clock):
    suspend(enrolled, "1h")
    clock.advance(HOUR - 60)
    suspend(enrolled, "1h")
    clock.advance(120)
    assert not is_asked(enrolled)
    suspend(enrolled, "1m")
    clock.advance(61)
    assert is_asked(enrolled)


@pytest.mark.parametrize("reason", ["two\nlines", "\x1b[2J", "x" * 201])
def test_given_a_reason_that_is_no_line_then_it_is_refused(enrolled, reason):
    assert admin("suspend", enrolled.name, "--for", "1h", "--reason", reason).returncode == 1
    assert is_asked(enrolled)


@pytest.mark.parametrize("words", [[], ["--for", "0s"], ["--for", "1"], ["--for", "ever"],
                                   ["--for", "-1h"]], ids=" ".join)
def test_given_no_time_then_it_is_wrong_usage(enrolled, words):
    assert admin("suspend", enrolled.name, *words).returncode == 2
    assert is_asked(enrolled)


def test_given_nobody_suspended_or_no_such_user_then_it_is_said(enrolled):
    done = admin("resume", enrolled.name)
    assert (done.returncode, "not suspended" in done.stderr) == (1, True)
    for words in (["suspend", "nobody-here", "--for", "1h"], ["resume", "nobody-here"]):
        done = admin(*words)
        assert (done.returncode, "nobody-here" in done.stderr) == (1, True)


def test_given_a_user_then_nobody_is_suspended_by_them(enrolled, neighbor):
    for somebody, words in ((neighbor, ["suspend", enrolled.name, "--for", "1h"]),
                            (enrolled.person, ["suspend", enrolled.name, "--for", "1h"]),
                            (enrolled.person, ["resume", enrolled.name])):
        done = somebody.run("twostep", "admin", *words)
        assert (done.returncode, "Only root" in done.stderr) == (1, True)
    assert is_asked(enrolled)


def test_given_a_required_second_step_then_a_suspension_lets_one_in_who_has_not_enrolled(neighbor):
    configuration.write(policy={"required": True})
    assert not log_in(neighbor, "123456").accepted
    suspend(neighbor, "1h")
    assert log_in(neighbor).accepted
    assert admin("resume", neighbor.name).returncode == 0
    assert not log_in(neighbor, "123456").accepted


def test_given_a_suspension_then_a_change_still_needs_a_proof(enrolled):
    """It is for logins. A process of the user still cannot weaken the second step."""
    suspend(enrolled, "1h")
    for words in (["recovery-codes", "regenerate"], ["remove"], ["enroll"],
                  ["app-password", "create", "laptop", "--service", "dovecot"]):
        assert enrolled.person.run("twostep", *words, "--json", input="\n").returncode == 1, words
    assert enrollment.status(enrolled.person)["authenticators"] != []


def test_given_a_reset_then_the_suspension_stays_as_long_as_it_was_said(enrolled, clock):
    suspend(enrolled, "1h")
    assert admin("reset", enrolled.name).returncode == 0
    anew = enrollment.enroll(enrolled.person, clock)
    assert not is_asked(anew)
    clock.advance(HOUR)
    assert is_asked(anew)
