"""The resident service of the view.

With TWOSTEP_JUDGE=once it has no socket for root's logins, so root's programs do without it: each of their
logins is judged by `twostepd --once`."""

import json
import os
import secrets
import socket
import subprocess
import time
from pathlib import Path

CALL = Path(__file__).with_name("call.py")

PROGRAM = "/usr/libexec/twostep/twostepd"
RUN = Path("/run/twostep")
LOGIN, ADMIN, USER = (RUN / f"{name}.sock" for name in ("login", "admin", "user"))
IS_ONCE = os.environ.get("TWOSTEP_JUDGE") == "once"

_running = None


def start(*prefix):
    """Starts it, and waits until it listens."""
    global _running
    _running = subprocess.Popen([*prefix, PROGRAM, "--listen"], stdin=subprocess.DEVNULL, cwd="/")
    wait_for(lambda: all(map(listens, (LOGIN, ADMIN, USER))))
    if IS_ONCE:
        LOGIN.unlink()


def stop():
    global _running
    if _running:
        _running.terminate()
        _running.wait(timeout=30)
        _running = None


def restart():
    stop()
    start()


def ensure():
    """Starts it again where a test has ended it, or has removed its sockets."""
    if not _running or _running.poll() is not None or not (IS_ONCE or listens(LOGIN)) or not listens(USER):
        restart()


def process():
    """The running service."""
    return _running


def listens(path):
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def wait_for(is_so, seconds=30):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.01)


def ask(person, request):
    """What the service answers a program that runs as this person."""
    done = person.run("/usr/bin/python3", "-B", str(CALL), str(USER), input=json.dumps(request))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def login(person, service, *answers, options=(), attempt=None, **fields):
    """The request of a login, for an answer of which the person's own program knows the rest."""
    return {"login": {"phase": "auth", "attempt": attempt or secrets.token_hex(16), "user": person.name,
                      "service": service, "options": list(options), "answers": list(answers), **fields}}


def verify(person, service, *answers, options=(), attempt=None):
    """What the service says of the answers that were given to a program of the person's own."""
    return ask(person, login(person, service, *answers, options=options, attempt=attempt))


def is_accepted(response):
    return response.get("done", {}).get("outcome") == "accepted"
