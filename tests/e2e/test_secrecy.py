"""The secret is out of reach for the user it belongs to, and the service gives nothing away."""

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest

import attempts
import enrollment
import service
from attempts import log_in


STORE = Path("/var/lib/twostep")
ACCOUNTS = STORE / "accounts"


def secrets_of(somebody):
    """Everything that must not be found anywhere, in each form in which it could be."""
    key = somebody.phone.secret
    raw = base64.b32decode(key + "=" * (-len(key) % 8))
    return [key.encode(), key.lower().encode(), raw, raw.hex().encode(), base64.b64encode(raw),
            *[code.encode() for code in somebody.recovery_codes],
            *[code.replace("-", "").encode() for code in somebody.recovery_codes]]


def assert_no_secret(somebody, data):
    for secret in secrets_of(somebody):
        assert secret not in data


@pytest.mark.parametrize("words", [
    ["cat", "{account}"], ["cat", "/etc/twostep/seal.key"], ["ls", str(ACCOUNTS)], ["ls", str(STORE)],
    ["cp", "{account}", "/tmp/copy"], ["ln", "{account}", "/tmp/link"], ["mv", "{account}", "/tmp/x"],
    ["chmod", "644", "{account}"], ["tail", "-c1", "{ledger}"], ["ls", "/run/twostep/ledgers"],
    ["cat", "/proc/self/root{account}"],
], ids=lambda words: " ".join(words)[:40])
def test_given_the_users_own_shell_then_no_file_of_twostep_opens(enrolled, words):
    place = {"account": enrolled.file,
             "ledger": f"/run/twostep/ledgers/{enrolled.name}"}
    done = enrolled.person.run(*[word.format(**place) for word in words])
    assert done.returncode != 0
    assert "ermission denied" in done.stderr or "not permitted" in done.stderr
    assert_no_secret(enrolled, (done.stdout + done.stderr).encode())


def test_given_the_files_then_owner_and_mode_are_as_the_design_says(enrolled):
    assert log_in(enrolled, enrolled.phone.fresh()).accepted
    expected = {
        "/etc/twostep/seal.key": 0o600, STORE: 0o700, ACCOUNTS: 0o700, enrolled.file: 0o600,
        "/run/twostep": 0o755, "/run/twostep/ledgers": 0o700, f"/run/twostep/ledgers/{enrolled.name}": 0o600,
        service.PROGRAM: 0o755, service.ADMIN: 0o600, service.USER: 0o666,
    }
    if not service.IS_ONCE:
        expected[service.LOGIN] = 0o600
    for path, mode in expected.items():
        status = os.stat(path)
        assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (0, 0, mode), path


def test_given_an_account_file_then_the_secret_is_not_in_it_in_the_clear(enrolled):
    assert_no_secret(enrolled, enrolled.file.read_bytes())
    assert_no_secret(enrolled, Path(f"/run/twostep/ledgers/{enrolled.name}").read_bytes()
                     if Path(f"/run/twostep/ledgers/{enrolled.name}").exists() else b"")


@pytest.mark.parametrize("request_", [
    {"status": {}}, {"begin": {"label": None, "proof": None}}, {"begin": {"label": "x", "proof": "123456"}},
    {"confirm": {"code": "123456"}}, {"regenerate_recovery_codes": {"proof": "000000"}},
    {"remove": {"label": None, "proof": "1"}}, {"show": {}}, {"status": {"user": "root"}},
], ids=lambda request: str(request)[:40])
def test_given_any_request_then_the_service_never_gives_the_enrolled_secret(enrolled, request_):
    response = service.ask(enrolled.person, request_)
    assert_no_secret(enrolled, json.dumps(response).encode())
    assert set(response) <= {"status", "refused"}


@pytest.mark.parametrize("words", [
    ["cat", "/proc/{pid}/mem"], ["cat", "/proc/{pid}/maps"], ["cat", "/proc/{pid}/environ"],
    ["ls", "/proc/{pid}/fd"], ["strace", "-p", "{pid}"], ["gdb", "-p", "{pid}", "-batch"],
    ["sh", "-c", "echo 1 >/proc/{pid}/oom_score_adj"],
], ids=lambda words: " ".join(words))
def test_given_the_running_service_then_a_user_cannot_look_into_it(enrolled, words):
    done = enrolled.person.run(*[word.format(pid=service.process().pid) for word in words], timeout=30)
    said = (done.stdout + done.stderr).lower()
    assert "not permitted" in said or "denied" in said
    assert "status" in service.ask(enrolled.person, {"status": {}})


def test_given_the_service_then_it_leaves_no_core_dump(enrolled):
    limits = Path(f"/proc/{service.process().pid}/limits").read_text()
    (line,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert line.split()[4:6] == ["0", "0"], line


@pytest.mark.parametrize("is_root", [True, False], ids=["root", "the user"])
def test_given_a_program_that_asks_then_the_secret_never_is_in_its_memory(enrolled, is_root):
    words = attempts.words(enrolled, "-")
    program = subprocess.Popen(words if is_root else enrolled.person.command(*words), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True, cwd="/")
    assert program.stdout.readline().startswith("hidden")
    memory = memory_of(program.pid)
    assert enrolled.name.encode() in memory
    assert_no_secret(enrolled, memory)
    program.stdin.write(enrolled.phone.fresh() + "\n")
    program.stdin.close()
    assert "auth\t0" in program.stdout.read()
    program.wait()


def memory_of(pid):
    chunks = []
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb") as mem:
        for line in maps:
            bounds, mode = line.split()[:2]
            start, end = (int(part, 16) for part in bounds.split("-"))
            if "r" in mode and "[v" not in line:
                mem.seek(start)
                chunks.append(mem.read(end - start))
    return b"".join(chunks)


def test_given_everything_that_happens_then_no_secret_is_in_the_log(enrolled, journal, clock):
    phone = enrolled.phone
    codes = [phone.fresh(), phone.wrong()]
    for code in codes:
        log_in(enrolled, code)
        log_in(enrolled, code, run_as=enrolled.person)
    log_in(enrolled, enrolled.recovery_codes[0])
    log_in(enrolled, "not-" + codes[0])
    enrollment.enroll(enrolled.person, clock, "--label", "tablet", proof=phone.fresh())
    text = journal.text()
    assert text
    assert_no_secret(enrolled, text.encode())
    for code in codes:
        assert code not in text
