"""Hardware tokens: devices that count, and devices that bring their own key."""

import base64
import json
import subprocess

import pytest

import syscalls
from attempts import AUTH_ERR, SUCCESS, log_in, race, words
from enrollment import ACCOUNTS, Enrolled, status
from phones import Phone
from test_disks import DISKS, store_on_a_small_disk
from tokens import KEY, Token


def enroll(person, *options, lines):
    """Enrolls a device whose key is on the first line."""
    return person.run("twostep", "enroll", "--json", "--secret-stdin", *options,
                      input="\n".join(lines) + "\n")


@pytest.fixture
def owner(person):
    """A person with a token that counts, and nothing else."""
    token = Token()
    done = enroll(person, "--hotp", "--label", "token", lines=[KEY, token.press()])
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert KEY not in done.stdout
    somebody = Enrolled(person, token, json.loads(done.stdout.splitlines()[1])["recovery_codes"])
    return somebody


def next_counter(somebody):
    line = next(line for line in (ACCOUNTS / f"{somebody.name}.toml").read_text().splitlines()
                if line.startswith("next_counter"))
    return int(line.split("=")[1])


def test_given_a_token_that_counts_then_each_code_logs_in_once_and_in_order(owner, journal):
    token = owner.phone
    first, second = token.press(), token.press()
    assert log_in(owner, first).accepted
    assert not log_in(owner, first).accepted
    assert log_in(owner, second).accepted
    assert not log_in(owner, first).accepted
    journal.find("accepted", f"user={owner.name}", "factor=hotp", "authenticator=token")
    assert status(owner.person)["authenticators"][0]["kind"] == "hotp"


def test_given_lost_presses_then_ten_are_looked_ahead_and_no_more(owner, journal):
    token = owner.phone
    token.press(10)
    assert log_in(owner, token.press()).accepted
    before = next_counter(owner)
    token.press(11)
    assert not log_in(owner, token.press(), service="cs-code").accepted
    journal.find("refused", f"user={owner.name}", "reason=wrong-counter", "steps=11")
    assert next_counter(owner) == before


def test_given_sixteen_logins_with_one_code_then_one_gets_in(owner):
    for _ in range(3):
        code = owner.phone.press()
        results = race(*[(owner, f"192.0.2.{number}", code) for number in range(1, 17)])
        assert results.count(SUCCESS) == 1, results


def test_given_wrong_guesses_then_the_counter_stays(owner):
    before = next_counter(owner)
    for guess in ("000000", "123456", "999999"):
        log_in(owner, guess)
    assert next_counter(owner) == before


def test_given_many_lost_presses_then_two_codes_find_the_token(owner):
    token = owner.phone
    token.press(80)
    done = owner.person.run("twostep", "sync", "--json", input=f"{token.press()}\n{token.press()}\n")
    assert json.loads(done.stdout) == {"label": "token", "kind": "hotp", "ahead": 81}, done.stdout
    assert log_in(owner, token.press()).accepted
    token.press(101)
    done = owner.person.run("twostep", "sync", "--json", input=f"{token.press()}\n{token.press()}\n")
    assert done.returncode == 1


def test_given_a_full_disk_then_a_counter_is_refused_with_the_reason_and_stays(owner, journal):
    options, fill = DISKS["full"]
    with store_on_a_small_disk(options):
        token = owner.phone
        assert log_in(owner, token.press()).accepted
        before = next_counter(owner)
        fill()
        code = token.press()
        assert not log_in(owner, code).accepted
        journal.find("error", f"user={owner.name}", "free some space")
        assert next_counter(owner) == before


def test_given_a_login_killed_at_any_call_then_no_counter_counts_twice(owner, tmp_path):
    token = owner.phone
    calls = syscalls.after(syscalls.trace(words(owner, token.press()), tmp_path / "trace"), "erification code")
    assert len(calls) > 10
    for place in calls:
        code = token.press()
        line = syscalls.with_fault(place, "signal=SIGKILL", words(owner, code))
        done = subprocess.run(line, capture_output=True, text=True, timeout=30)
        again = log_in(owner, code).accepted
        assert not ("auth\t0" in done.stdout.splitlines() and again), place
        assert log_in(owner, token.press()).accepted, place


@pytest.mark.parametrize("key, options, secret", [
    ("gezd gnbv gy3t qojq gezd gnbv gy3t qojq", [], KEY),
    (KEY.upper(), ["--digits", "8", "--algorithm", "SHA256", "--period", "60"], KEY),
])
def test_given_a_key_of_its_own_then_the_device_logs_in(person, clock, key, options, secret):

    base32 = base64.b32encode(bytes.fromhex(secret)).decode()
    given = dict(zip(options[::2], options[1::2]))
    uri = (f"otpauth://totp/x:y?secret={base32}&algorithm={given.get('--algorithm', 'SHA1')}"
           f"&digits={given.get('--digits', 6)}&period={given.get('--period', 30)}")
    phone = Phone(uri, clock)
    done = enroll(person, *options, lines=[key, phone.code()])
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert base32 not in done.stdout
    assert log_in(Enrolled(person, phone), phone.fresh()).accepted


@pytest.mark.parametrize("key, text", [
    ("GEZDGNBVGY3TQOJQ", "too short"), ("hello world", "no key"), ("", "too short"),
])
def test_given_no_safe_key_then_nothing_is_made(person, key, text):
    done = enroll(person, lines=[key, "123456"])
    assert done.returncode == 1 and text in done.stdout
    assert not status(person)["enrolled"]


def test_given_a_token_with_a_slow_clock_then_two_codes_enroll_it(person, clock):

    base32 = base64.b32encode(bytes.fromhex(KEY)).decode()
    phone = Phone(f"otpauth://totp/x:y?secret={base32}", clock)
    clock.begin_step()
    done = enroll(person, lines=[KEY, phone.code(-12), phone.code(-11)])
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert '"reason":"wrong_clock"' in done.stdout
    clock.advance(60)
    assert log_in(Enrolled(person, phone), phone.code(-11)).accepted
    assert status(person)["authenticators"][0]["clock_ahead"] == -330


def test_given_a_login_without_a_code_of_any_device_then_it_is_refused(owner):
    assert log_in(owner, "000000").phases["auth"] == AUTH_ERR
