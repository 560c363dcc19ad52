"""The helper in hostile hands: garbage, a megabyte, no descriptors, no limits left."""

import json
import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest

import enrollment
from attempts import log_in
from test_secrecy import HELPER, STORE, answered, ask, assert_no_secret, waiting_helper


def test_given_root_then_the_helper_sends_it_to_the_admin_commands(view):
    done = subprocess.run([HELPER], input='{"do":"status"}', capture_output=True, text=True)
    assert done.returncode != 0 or answered(done)["result"] == "refused"
    assert "admin" in done.stdout + done.stderr


HOSTILE_INPUT = {
    "nothing": b"", "garbage": b"\xff\x00\x1b[31m" * 100, "a megabyte": b"x" * 1_000_000,
    "a megabyte of JSON": b'{"do":"verify","service":"' + b"s" * 1_000_000 + b'","answers":["1"]}',
    "no object": b"[]", "deep": b"[" * 100_000, "unknown": b'{"do":"give_me_root"}',
    "two": b'{"do":"status"}{"do":"status"}', "unfinished": b'{"do":"status"',
    "more keys": b'{"do":"status","user":"root"}', "a BOM": b'\xef\xbb\xbf{"do":"status"}',
    "NUL": b'{"do":"status"}\x00',
}


@pytest.mark.parametrize("text", HOSTILE_INPUT.values(), ids=HOSTILE_INPUT.keys())
def test_given_hostile_input_then_the_helper_refuses_clearly(enrolled, text):
    done = ask(enrolled.person, text, timeout=20)
    said = json.loads(done.stdout)
    assert said["result"] == "refused"
    assert said["reason"] == "bad_request"
    assert len(said["text"]) > 10
    assert b"\x1b" not in done.stdout
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


HOSTILE_ENVIRONMENT = {
    "LD_PRELOAD": "/tmp/evil.so", "LD_LIBRARY_PATH": "/tmp", "RUST_BACKTRACE": "full",
    "RUST_LOG": "trace", "TMPDIR": "/nowhere", "HOME": "/etc/twostep", "PATH": "/nowhere",
    "LC_ALL": "xx_XX", "TZ": ":/etc/twostep/seal.key", "MALLOC_TRACE": "/tmp/trace",
    "GCONV_PATH": "/tmp", "USER": "root", "LOGNAME": "root", "SUDO_UID": "0",
    "TWOSTEP_CONFIG": "/tmp/x", "GLIBC_TUNABLES": "glibc.malloc.check=3",
}


def test_given_a_hostile_environment_then_the_helper_acts_for_its_real_user_as_ever(enrolled):
    line = ["setpriv", f"--reuid={enrolled.person.uid}", f"--regid={enrolled.person.uid}",
            "--init-groups", "--", HELPER]
    done = subprocess.run(line, input='{"do":"status"}', capture_output=True, text=True, cwd="/",
                          env={**HOSTILE_ENVIRONMENT, "PATH": "/usr/bin"})
    said = answered(done)
    assert (said["result"], said["user"]) == ("status", enrolled.name)
    assert not Path("/tmp/trace").exists()


def closed(*fds):
    def close():
        for fd in fds:
            os.close(fd)
    return close


def limit(what, value):
    return lambda: resource.setrlimit(what, (value, value))


def ignored_signals():
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)


HOSTILE_START = {
    "no stdin": closed(0), "no stdout": closed(1), "no stderr": closed(2), "no fds": closed(0, 1, 2),
    "no stdin and stderr": closed(0, 2), "ulimit -f 0": limit(resource.RLIMIT_FSIZE, 0),
    "ulimit -n 3": limit(resource.RLIMIT_NOFILE, 3), "ulimit -n 6": limit(resource.RLIMIT_NOFILE, 6),
    "ulimit -v": limit(resource.RLIMIT_AS, 8 << 20), "ulimit -t": limit(resource.RLIMIT_CPU, 1),
    "ulimit -s": limit(resource.RLIMIT_STACK, 64 << 10), "signals ignored": ignored_signals,
    "umask": lambda: os.umask(0o777), "umask 0": lambda: os.umask(0),
}


@pytest.mark.parametrize("start", HOSTILE_START.values(), ids=HOSTILE_START.keys())
@pytest.mark.parametrize("words", [(), ("--help",), ("x" * 5_000,)], ids=["plain", "help", "long"])
def test_given_a_hostile_start_then_the_helper_harms_nothing(enrolled, start, words):
    before = enrollment.status(enrolled.person)
    request = json.dumps({"do": "verify", "service": "lock", "answers": [enrolled.phone.wrong()]})
    line = enrolled.person.command(HELPER, *words)
    process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, preexec_fn=start, cwd="/")
    try:
        out, err = process.communicate(request.encode(), timeout=20)
    except BrokenPipeError:
        out, err = b"", b""
    if not words and start is not HOSTILE_START["no fds"]:
        assert out or err   # a verdict or the reason for none
    assert b'"accepted":true' not in out
    assert_no_secret(enrolled, out + err)
    assert enrollment.status(enrolled.person) == before
    assert log_in(enrolled, enrolled.phone.fresh()).accepted
    for name in ("accounts", "."):
        for path in (STORE / name).iterdir():
            assert path.stat().st_mode & 0o007 == 0 or path.name.startswith("config.last-good"), path


def test_given_no_writes_allowed_then_a_right_code_is_refused_with_the_reason(enrolled):
    request = json.dumps({"do": "verify", "service": "lock", "answers": [enrolled.phone.fresh()]})
    line = enrolled.person.command(HELPER)
    first = subprocess.run(line, input=request, capture_output=True, text=True, cwd="/",
                           preexec_fn=limit(resource.RLIMIT_FSIZE, 0))
    again = ask(enrolled.person, request)
    assert answered(first)["result"] == "refused"
    assert answered(again)["accepted"]


def test_given_a_helper_stopped_before_it_reads_then_nobody_waits_for_it(enrolled):
    process = waiting_helper(enrolled.person)
    os.kill(process.pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        assert log_in(enrolled, enrolled.phone.fresh()).accepted
        assert time.monotonic() - begun < 1.5
    finally:
        process.kill()
        process.wait()
