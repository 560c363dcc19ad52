"""`twostep` as people and programs use it: enrolling, QR codes, recovery codes, removal."""

import json
import re
import stat
import subprocess
from pathlib import Path

import pexpect
import pytest

import configuration
import enrollment
import qr
import terminals
from attempts import log_in
from phones import Phone

CODE_QUESTION = "Code shown by the app: "
CODES_QUESTION = r"\[s\]ave to a file"
RECOVERY_CODE = re.compile(r"\b[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}\b")


def at_a_terminal(person, *words, **options):
    options = {"dimensions": (60, 120), **options}
    return terminals.spawn(person.command("env", "TERM=xterm", "LANG=C.UTF-8", "twostep", *words), **options)


def key_typed_by_hand(shown):
    """The key as the page shows it, in groups of four."""
    groups = re.search(r"Key:?\s+((?:[A-Z2-7]{1,4}\s+)+)Kind", shown).group(1).split()
    assert all(len(group) == 4 for group in groups[:-1])
    return "".join(groups)


def phone_with_key(key, clock):
    return Phone(f"otpauth://totp/x?secret={key}", clock)


@pytest.mark.parametrize("style", ["utf8", "ascii"])
@pytest.mark.parametrize("no_color", [False, True])
def test_given_a_terminal_then_qr_code_svg_and_key_are_the_same(person, clock, style, no_color):
    svg = person.home / "code.svg"
    environment = {**terminals.ENVIRONMENT, **({"NO_COLOR": "1"} if no_color else {})}
    program = terminals.spawn(
        person.command("env", f"NO_COLOR={'1' if no_color else ''}", "TERM=xterm", "LANG=C.UTF-8",
                       "twostep", "enroll", "--qr", style, "--svg", str(svg)),
        dimensions=(100, 200), env=environment)
    program.expect_exact(CODE_QUESTION)
    shown = program.before
    uri = qr.from_terminal(shown)
    assert uri is not None, shown
    assert uri.startswith("otpauth://totp/")
    assert qr.from_svg(svg) == uri
    assert stat.S_IMODE(svg.stat().st_mode) == 0o600
    phone = Phone(uri, clock)
    assert key_typed_by_hand(shown) == phone.secret
    assert ("\x1b[" in shown) is False or not no_color
    program.sendline(phone.code())
    program.expect(CODES_QUESTION)
    program.sendline("c")
    program.expect(pexpect.EOF)
    assert log_in(person, phone.fresh()).accepted


def test_given_json_then_its_uri_is_what_the_svg_says(person, clock):
    svg = person.home / "code.svg"
    somebody = enrollment.enroll(person, clock, "--svg", str(svg))
    assert qr.from_svg(svg) == somebody.phone.uri


def test_given_wrong_codes_then_there_are_three_tries(person, clock):
    program = at_a_terminal(person, "enroll")
    program.expect_exact(CODE_QUESTION)
    phone = phone_with_key(key_typed_by_hand(program.before), clock)
    for number in range(2):
        program.sendline(phone.wrong(number))
        program.expect_exact(CODE_QUESTION)
    program.sendline(phone.code())
    program.expect(CODES_QUESTION)
    program.sendline("c")
    program.expect(pexpect.EOF)
    program.close()
    assert program.exitstatus == 0


def test_given_three_wrong_codes_then_nobody_is_enrolled(person, clock):
    program = at_a_terminal(person, "enroll")
    program.expect_exact(CODE_QUESTION)
    phone = phone_with_key(key_typed_by_hand(program.before), clock)
    for number in range(3):
        program.sendline(phone.wrong(number))
        program.expect([CODE_QUESTION.replace("?", r"\?"), pexpect.EOF])
    program.expect(pexpect.EOF)
    program.close()
    assert program.exitstatus == 1
    assert not enrollment.status(person)["enrolled"]
    assert log_in(person).accepted


def test_given_the_offer_to_save_then_the_codes_are_in_a_private_file(person, clock):
    program = at_a_terminal(person, "enroll")
    program.expect_exact(CODE_QUESTION)
    program.sendline(phone_with_key(key_typed_by_hand(program.before), clock).code())
    program.expect(CODES_QUESTION)
    codes = RECOVERY_CODE.findall(program.before)
    assert len(set(codes)) == 10
    file = person.home / "my-codes.txt"
    program.sendline("s")
    program.expect(r"File \[.*\]: ")
    program.sendline(str(file))
    program.expect(pexpect.EOF)
    assert RECOVERY_CODE.findall(file.read_text()) == codes
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert log_in(person, codes[4]).accepted


def test_given_save_codes_then_the_file_is_private_and_never_overwritten(person, clock):
    file = person.home / "codes.txt"
    somebody = enrollment.enroll(person, clock, "--save-codes", str(file))
    assert RECOVERY_CODE.findall(file.read_text()) == somebody.recovery_codes
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    done = person.run("twostep", "recovery-codes", "regenerate", "--json", "--save", str(file),
                      input=somebody.phone.fresh() + "\n")
    assert done.returncode == 1
    assert "exists" in done.stderr
    assert log_in(somebody, somebody.recovery_codes[0]).accepted


def test_given_json_then_each_answer_is_one_line(person, clock):
    process = subprocess.Popen(person.command("twostep", "enroll", "--json"), text=True, bufsize=1,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/")
    first = json.loads(process.stdout.readline())
    assert set(first) >= {"uri", "secret", "expires_at"}
    assert Phone(first["uri"], clock).secret == first["secret"]
    assert 14 * 60 <= first["expires_at"] - clock.now() <= 15 * 60 + 1
    out, _ = process.communicate(Phone(first["uri"], clock).code() + "\n")
    (second,) = out.splitlines()
    codes = json.loads(second)["recovery_codes"]
    assert len(codes) == 10
    assert all(RECOVERY_CODE.fullmatch(code) for code in codes)


def test_given_no_terminal_and_no_json_then_codes_come_from_standard_input(person, clock):
    process = subprocess.Popen(person.command("twostep", "enroll"), text=True, bufsize=1,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/",
                               start_new_session=True)
    first = json.loads(process.stdout.readline())
    out, _ = process.communicate(Phone(first["uri"], clock).code() + "\n")
    assert json.loads(out)["recovery_codes"]


def test_given_a_wrong_confirmation_then_the_authenticator_is_inert(person, clock):
    done = person.run("twostep", "enroll", "--json", input="000000\n")
    assert done.returncode == 1
    uri = json.loads(done.stdout.splitlines()[0])["uri"]
    assert not enrollment.status(person)["enrolled"]
    assert log_in(person, Phone(uri, clock).fresh()).accepted   # nobody asks for it
    configuration.write(policy={"required": True})
    assert not log_in(person, Phone(uri, clock).fresh()).accepted


def test_given_fifteen_minutes_without_confirmation_then_it_is_too_late(person, clock):
    process = subprocess.Popen(person.command("twostep", "enroll", "--json"), text=True, bufsize=1,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, cwd="/")
    phone = Phone(json.loads(process.stdout.readline())["uri"], clock)
    clock.advance(15 * 60 + 1)
    _, err = process.communicate(phone.code() + "\n")
    assert process.returncode == 1
    assert "twostep enroll" in err
    assert not enrollment.status(person)["enrolled"]


HOSTILE_ISSUERS = ["Example & Sons", "a/b?c#d", "100%", "ünïcode ☃", 'q"uote', "plus+plus", "a=b&secret=AAAA"]


@pytest.mark.parametrize("issuer", HOSTILE_ISSUERS)
def test_given_any_issuer_then_the_uri_says_just_that(enroll_another, issuer):
    configuration.write(totp={"issuer": issuer})
    somebody = enroll_another()
    assert somebody.phone.issuer == issuer
    assert somebody.phone.label.startswith(f"{issuer}:{somebody.name}")
    assert re.fullmatch(r"[A-Za-z0-9\-._~:/?=&%@]+", somebody.phone.uri)
    assert log_in(somebody, somebody.phone.fresh()).accepted


@pytest.mark.parametrize("name", ["al ice", "a&b=c", "a%b?x", "ünï", "a#b", "a+b", "a@b.example"])
def test_given_any_user_name_then_the_uri_says_just_that(enroll_another, name):
    svg = Path("/run/twostep-svg")
    svg.mkdir(exist_ok=True, mode=0o777)
    svg.chmod(0o1777)
    file = svg / f"{abs(hash(name))}.svg"
    somebody = enroll_another("--svg", str(file), name=name + "'")
    assert somebody.phone.label.split(":", 1)[1].startswith(name + "'")
    assert qr.from_svg(file) == somebody.phone.uri


def test_given_a_narrow_terminal_then_the_key_can_be_typed(person, clock):
    program = at_a_terminal(person, "enroll", dimensions=(24, 30))
    program.expect_exact(CODE_QUESTION)
    phone = phone_with_key(key_typed_by_hand(program.before), clock)
    assert "columns" in program.before
    program.sendline(phone.code())
    program.expect(CODES_QUESTION)
    program.close(force=True)


def test_given_a_terminal_without_utf8_then_the_qr_code_is_readable_too(person):
    program = terminals.spawn(person.command("env", "LANG=C", "LC_ALL=C", "TERM=vt100", "twostep",
                                             "enroll"), dimensions=(100, 200))
    program.expect_exact(CODE_QUESTION)
    assert program.before.isascii()
    assert qr.from_terminal(program.before).startswith("otpauth://totp/")
    program.close(force=True)
