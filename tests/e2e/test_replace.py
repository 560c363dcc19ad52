"""A new phone for the old one, and a clock put right outside a login."""

import json
import subprocess

import pytest

import configuration
from attempts import log_in
from enrollment import status
from phones import Phone


def replace(somebody, clock, *options, proof=None):
    """Replaces the phone by `twostep replace --json`; returns the new one and what was printed."""
    line = somebody.person.command("twostep", "replace", "--json", *options)
    process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, bufsize=1, cwd="/")
    process.stdin.write((proof or somebody.phone.fresh()) + "\n")
    phone = Phone(json.loads(process.stdout.readline())["uri"], clock)
    out, err = process.communicate(phone.code() + "\n", timeout=60)
    assert process.returncode == 0, (out, err)
    return phone, json.loads(out.splitlines()[0])


def test_given_a_new_phone_then_the_old_one_is_gone_and_the_recovery_codes_stay(
        enrolled, clock, journal):
    old = enrolled.phone
    new, printed = replace(enrolled, clock)
    assert printed == {"label": "phone", "recovery_codes": None, "replaced": "phone"}
    journal.find("replaced", f"user={enrolled.name}", "authenticator=phone")
    clock.advance(60)
    assert not log_in(enrolled, old.code()).accepted
    assert log_in(enrolled, new.fresh()).accepted
    assert log_in(enrolled, enrolled.recovery_codes[0]).accepted
    assert len(status(enrolled.person)["authenticators"]) == 1


def test_given_new_codes_then_the_old_recovery_codes_are_void(enrolled, clock):
    _, printed = replace(enrolled, clock, "--new-codes")
    assert len(printed["recovery_codes"]) == 10
    assert not log_in(enrolled, enrolled.recovery_codes[0]).accepted
    assert log_in(enrolled, printed["recovery_codes"][0]).accepted


def test_given_a_replacement_that_is_not_finished_then_the_old_phone_still_works(enrolled, clock):
    line = enrolled.person.command("twostep", "replace", "--json")
    done = subprocess.run(line, input=enrolled.phone.fresh() + "\n", capture_output=True, text=True,
                          cwd="/", timeout=60)
    assert done.returncode == 1
    new = Phone(json.loads(done.stdout.splitlines()[0])["uri"], clock)
    assert not log_in(enrolled, new.code()).accepted
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


def test_given_no_proof_then_nothing_is_replaced(enrolled):
    done = enrolled.person.run("twostep", "replace", "--json", input=f"{enrolled.phone.wrong()}\n")
    assert done.returncode == 1 and "uri" not in done.stdout
    assert status(enrolled.person)["pending_until"] is None


def test_given_a_host_that_requires_a_phone_then_it_can_still_be_replaced(enrolled, clock):
    configuration.write(policy={"required": True}, totp={"max_authenticators": 1})
    new, _ = replace(enrolled, clock)
    assert log_in(enrolled, new.fresh()).accepted


@pytest.mark.parametrize("offset", [-18, 18])
def test_given_two_codes_outside_a_login_then_the_clock_is_put_right(enrolled, clock, offset):
    clock.advance(3600)
    clock.begin_step()
    phone = enrolled.phone
    first, second = phone.code(offset - 1), phone.code(offset)
    done = enrolled.person.run("twostep", "sync", "--json", input=f"{first}\n{second}\n")
    assert json.loads(done.stdout)["ahead"] == offset, done.stdout
    clock.advance(60)
    assert log_in(enrolled, phone.code(offset)).accepted
    assert status(enrolled.person)["authenticators"][0]["clock_ahead"] == offset * 30
    said = enrolled.person.run("twostep", "status").stdout
    assert f"its clock about 9 minutes {'slow' if offset < 0 else 'fast'}" in " ".join(said.split())


@pytest.mark.parametrize("first, second", [(-18, -18), (-18, -16), (-17, -18), (-40, -39)])
def test_given_codes_that_do_not_follow_each_other_then_nothing_is_put_right(
        enrolled, clock, first, second):
    clock.advance(3600)
    clock.begin_step()
    phone = enrolled.phone
    done = enrolled.person.run("twostep", "sync", "--json",
                               input=f"{phone.code(first)}\n{phone.code(second)}\n")
    assert done.returncode == 1 and "not two codes" in done.stdout
    assert status(enrolled.person)["authenticators"][0]["clock_ahead"] == 0


def test_given_a_range_of_zero_then_no_clock_is_put_right(enrolled, clock):
    configuration.write(totp={"resync_range": "0"})
    clock.advance(3600)
    clock.begin_step()
    phone = enrolled.phone
    done = enrolled.person.run("twostep", "sync", "--json", input=f"{phone.code(-2)}\n{phone.code(-1)}\n")
    assert done.returncode == 1 and "puts no clocks right" in done.stdout
