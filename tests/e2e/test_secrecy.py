"""The secret is out of reach for the user it belongs to, and the helper gives nothing away."""

import base64
import grp
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

import attempts
import enrollment
from attempts import AtThePrompt, log_in


STORE = Path("/var/lib/twostep")
ACCOUNTS = STORE / "accounts"
HELPER = "/usr/libexec/twostep/twostep-helper"


def ask(person, request, **options):
    """One request to the helper as the person's own programs send it."""
    text = request if isinstance(request, (str, bytes)) else json.dumps(request)
    options = {"text": isinstance(text, str), **options}
    return person.run(HELPER, input=text, **options)


def answered(done):
    return json.loads(done.stdout)


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
    group = grp.getgrnam("twostep").gr_gid
    expected = {
        "/etc/twostep/seal.key": (0, group, 0o640), STORE: (0, group, 0o750), ACCOUNTS: (0, group, 0o1730),
        "/run/twostep": (0, group, 0o750), "/run/twostep/ledgers": (0, group, 0o1730),
        HELPER: (0, group, 0o2755), enrolled.file: (enrolled.person.uid, group, 0o600),
    }
    assert log_in(enrolled, enrolled.phone.fresh()).accepted
    expected[f"/run/twostep/ledgers/{enrolled.name}"] = (enrolled.person.uid, group, 0o600)
    for path, (uid, gid, mode) in expected.items():
        status = os.stat(path)
        assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (uid, gid, mode), path
    assert grp.getgrnam("twostep").gr_mem == []


def test_given_an_account_file_then_the_secret_is_not_in_it_in_the_clear(enrolled):
    assert_no_secret(enrolled, enrolled.file.read_bytes())
    assert_no_secret(enrolled, Path(f"/run/twostep/ledgers/{enrolled.name}").read_bytes()
                     if Path(f"/run/twostep/ledgers/{enrolled.name}").exists() else b"")


@pytest.mark.parametrize("request_", [
    {"do": "status"}, {"do": "begin", "label": None, "proof": None},
    {"do": "begin", "label": "x", "proof": "123456"}, {"do": "confirm", "code": "123456"},
    {"do": "regenerate_recovery_codes", "proof": "000000"}, {"do": "remove", "label": None, "proof": "1"},
    {"do": "requirement", "service": "sshd"}, {"do": "verify", "service": "sshd", "answers": ["123456"]},
    {"do": "show"}, {"do": "status", "user": "root"}, {"do": "verify", "service": "x" * 9000, "answers": ["1"]},
], ids=lambda request: str(request)[:40])
def test_given_any_request_then_the_helper_never_gives_the_enrolled_secret(enrolled, request_):
    done = ask(enrolled.person, request_)
    assert_no_secret(enrolled, (done.stdout + done.stderr).encode())
    assert answered(done)["result"] in ("status", "refused", "requirement", "verdict")


def waiting_helper(person):
    """A helper that has read nothing yet, held as long as the test looks at it."""
    process = subprocess.Popen(person.command(HELPER), stdin=subprocess.PIPE, cwd="/",
                               stdout=subprocess.PIPE)
    for _ in range(100):
        if os.readlink(f"/proc/{process.pid}/exe").endswith("twostep-helper"):
            break
        time.sleep(0.01)
    return process


@pytest.mark.parametrize("words", [
    ["cat", "/proc/{pid}/mem"], ["cat", "/proc/{pid}/maps"], ["cat", "/proc/{pid}/environ"],
    ["ls", "/proc/{pid}/fd"], ["strace", "-p", "{pid}"], ["gdb", "-p", "{pid}", "-batch"],
    ["sh", "-c", "echo 1 >/proc/{pid}/oom_score_adj"],
], ids=lambda words: " ".join(words))
def test_given_a_running_helper_then_its_user_cannot_look_into_it(enrolled, words):
    process = waiting_helper(enrolled.person)
    try:
        done = enrolled.person.run(*[word.format(pid=process.pid) for word in words], timeout=30)
        said = (done.stdout + done.stderr).lower()
        assert done.returncode != 0 or "not permitted" in said or "denied" in said
        assert "not permitted" in said or "denied" in said
    finally:
        process.kill()
        process.wait()


def test_given_a_helper_that_crashes_then_there_is_no_core_dump(enrolled):
    before = set(Path("/").glob("core*")) | set(enrolled.person.home.glob("core*"))
    process = subprocess.Popen(
        enrolled.person.command("sh", "-c", f"ulimit -c unlimited; cd ~; exec {HELPER}"),
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    for _ in range(100):
        if os.readlink(f"/proc/{process.pid}/exe").endswith("twostep-helper"):
            break
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGABRT)
    process.wait(timeout=10)
    after = set(Path("/").glob("core*")) | set(enrolled.person.home.glob("core*"))
    assert after == before


def test_given_a_program_of_the_user_then_the_secret_never_is_in_its_memory(enrolled):
    waiting = AtThePrompt(enrolled)     # as root, to show that the search would find something
    own = subprocess.Popen(enrolled.person.command(*attempts_words(enrolled)), stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, text=True, cwd="/")
    assert own.stdout.readline().startswith("hidden")
    memory = memory_of(own.pid)
    assert enrolled.name.encode() in memory
    assert_no_secret(enrolled, memory)
    own.stdin.write(enrolled.phone.fresh() + "\n")
    own.stdin.close()
    assert "auth\t0" in own.stdout.read()
    own.wait()
    waiting.abandon()


def attempts_words(somebody):
    return attempts.words(somebody, "-")


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


def inside_the_helper(person, *words):
    """What code running in the helper could do: the person's uid with the group of the store."""
    group = grp.getgrnam("twostep").gr_gid
    line = ["setpriv", f"--reuid={person.uid}", f"--rgid={person.uid}", f"--egid={group}",
            "--clear-groups", "--", *words]
    return subprocess.run(line, capture_output=True, text=True, cwd="/")


def test_given_code_inside_the_helper_then_it_reaches_no_file_of_another(enrolled, enroll_another):
    other = enroll_another()
    assert log_in(other, other.phone.fresh()).accepted
    theirs, ledger = other.file, f"/run/twostep/ledgers/{other.name}"
    kept = theirs.read_bytes()
    mine = enrolled.file
    assert inside_the_helper(enrolled.person, "cat", mine).returncode == 0
    for words in (["cat", theirs], ["rm", "-f", theirs], ["mv", mine, theirs], ["cat", ledger],
                  ["ln", theirs, ACCOUNTS / "mine"], ["chmod", "644", theirs], ["ls", ACCOUNTS],
                  ["rm", "-f", ledger], ["sh", "-c", f"echo x >{theirs}"], ["touch", STORE / "x"],
                  ["touch", "/etc/twostep/x"], ["sh", "-c", "echo x >/etc/twostep/seal.key"]):
        assert inside_the_helper(enrolled.person, *map(str, words)).returncode != 0, words
    assert theirs.read_bytes() == kept
    assert log_in(other, other.phone.fresh()).accepted
