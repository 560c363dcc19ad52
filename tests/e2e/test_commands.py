"""The other commands of `twostep`: status, recovery codes, removal, what root may do."""

import json
import subprocess
from pathlib import Path

import pexpect
import pytest

import configuration
import enrollment
import service
from attempts import log_in
from phones import Phone
from test_enroll import CODES_QUESTION, at_a_terminal


def test_given_status_then_it_tells_what_is_enrolled_and_nothing_secret(enrolled):
    status = enrollment.status(enrolled.person)
    assert (status["user"], status["enrolled"], status["required"]) == (enrolled.name, True, False)
    assert [one["digits"] for one in status["authenticators"]] == [6]
    assert status["recovery_codes"]["left"] == 10
    text = enrolled.person.run("twostep", "status").stdout
    assert "10" in text
    for secret in (enrolled.phone.secret, *enrolled.recovery_codes):
        assert secret not in text + json.dumps(status)


def test_given_no_command_then_it_is_status(person):
    assert person.run("twostep").stdout == person.run("twostep", "status").stdout


@pytest.mark.parametrize("kind", ["code", "recovery code"])
def test_given_regenerate_then_only_the_new_recovery_codes_count(enrolled, kind):
    proof = enrolled.phone.fresh() if kind == "code" else enrolled.recovery_codes[9]
    done = enrolled.person.run("twostep", "recovery-codes", "regenerate", "--json",
                               input=proof + "\n")
    assert done.returncode == 0, done.stderr
    new = json.loads(done.stdout)["recovery_codes"]
    assert len(set(new) - set(enrolled.recovery_codes)) == 10
    assert not log_in(enrolled, enrolled.recovery_codes[0]).accepted
    assert log_in(enrolled, new[0]).accepted
    assert not log_in(enrolled, proof).accepted     # the proof is used up


CHANGES = {
    "enroll": ["enroll", "--json"], "regenerate": ["recovery-codes", "regenerate", "--json"],
    "remove": ["remove", "--json"],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_given_an_enrolled_account_then_no_change_comes_without_a_proof(enrolled, change):
    before = enrollment.status(enrolled.person)
    spent = enrolled.phone.codes(enrolled.phone.last_shown)[0]
    for proof in ("", "\n", enrolled.phone.wrong() + "\n", spent + "\n", "0000-0000-0000-0000\n"):
        done = enrolled.person.run("twostep", *change, input=proof)
        assert done.returncode == 1, proof
        assert "secret" not in done.stdout
        assert "recovery_codes" not in done.stdout
    assert enrollment.status(enrolled.person) == before
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


def test_given_a_second_phone_then_both_log_in_and_either_can_be_removed(enrolled, clock):
    second = enrollment.enroll(enrolled.person, clock, "--label", "tablet",
                               proof=enrolled.phone.fresh())
    assert second.recovery_codes == []
    assert log_in(enrolled, enrolled.phone.fresh()).accepted
    assert log_in(enrolled, second.phone.fresh()).accepted
    done = enrolled.person.run("twostep", "remove", "tablet", "--json",
                               input=second.phone.fresh() + "\n")
    assert done.returncode == 0, done.stderr
    assert not log_in(enrolled, second.phone.fresh()).accepted
    assert log_in(enrolled, enrolled.phone.fresh()).accepted
    assert log_in(enrolled, enrolled.recovery_codes[0]).accepted


def test_given_the_last_phone_is_removed_then_its_recovery_codes_are_gone_too(enrolled):
    done = enrolled.person.run("twostep", "remove", "--json", input=enrolled.phone.fresh() + "\n")
    assert done.returncode == 0, done.stderr
    assert log_in(enrolled).accepted
    assert not enrollment.status(enrolled.person)["enrolled"]
    configuration.write(policy={"required": True})
    assert not log_in(enrolled, enrolled.recovery_codes[0]).accepted


def test_given_the_second_step_is_required_then_the_last_phone_stays(enrolled):
    configuration.write(policy={"required": True})
    enrolled.person.run("twostep", "remove", "--json", input=enrolled.phone.fresh() + "\n")
    if not enrollment.status(enrolled.person)["enrolled"]:
        assert not log_in(enrolled, "123456").accepted


def test_given_root_then_it_enrolls_resets_and_shows_a_user(person, clock):
    process = subprocess.Popen(["twostep", "enroll", "--json", "--user", person.name], text=True,
                               bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    phone = Phone(json.loads(process.stdout.readline())["uri"], clock)
    process.communicate(phone.code() + "\n")
    assert log_in(person, phone.fresh()).accepted
    assert log_in(person, phone.fresh(), run_as=person).accepted    # the file is the user's
    shown = subprocess.run(["twostep", "admin", "show", person.name, "--json"], check=True,
                           capture_output=True, text=True).stdout
    report = json.loads(shown)
    assert report["status"]["enrolled"]
    assert report["uid"] == person.uid
    assert phone.secret not in shown
    subprocess.run(["twostep", "admin", "reset", person.name], check=True, capture_output=True)
    assert not enrollment.status(person)["enrolled"]
    assert log_in(person).accepted


def test_given_an_unknown_user_then_root_is_told_so(view):
    for words in (["admin", "show"], ["admin", "reset"], ["enroll", "--json", "--user"]):
        done = subprocess.run(["twostep", *words, "nobody-here"], capture_output=True, text=True)
        assert done.returncode == 1, words
        assert "nobody-here" in done.stderr


def test_given_a_user_then_the_commands_of_root_are_refused(enrolled, neighbor):
    for words in (["admin", "show", enrolled.name], ["admin", "reset", enrolled.name],
                  ["enroll", "--json", "--user", enrolled.name]):
        done = neighbor.run("twostep", *words, input="")
        assert done.returncode in (1, 2), words
        assert done.stderr
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


def test_given_a_proof_at_the_terminal_then_it_is_not_shown(enrolled):
    code = enrolled.phone.fresh()
    program = at_a_terminal(enrolled.person, "recovery-codes", "regenerate", echo=True)
    program.expect("recovery code: ")
    program.sendline(code)
    program.expect(CODES_QUESTION)
    assert code not in program.before
    program.sendline("c")
    program.expect(pexpect.EOF)


def test_given_wrong_usage_then_the_exit_status_is_two(person):
    for words in (["enrol"], ["remove", "--bogus"], ["recovery-codes"], ["enroll", "--qr", "color"]):
        assert person.run("twostep", *words).returncode == 2, words


def test_given_a_host_that_is_not_set_up_then_the_exit_status_is_three(person):
    away = service.USER.with_suffix(".away")
    service.USER.rename(away)
    try:
        done = person.run("twostep", "status")
        assert done.returncode == 3
        assert "does not run" in done.stderr and "systemctl start" in done.stderr
    finally:
        away.rename(service.USER)


def test_given_a_full_output_then_no_code_is_lost_silently(person):
    process = subprocess.Popen(person.command("sh", "-c", "twostep enroll --json >/dev/full"),
                               stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/")
    _, err = process.communicate("123456\n", timeout=30)
    assert process.returncode != 0
    assert err
    assert not enrollment.status(person)["enrolled"]
