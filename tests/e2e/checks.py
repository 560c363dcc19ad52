"""A host on which everything is right, and what `twostep admin check` finds once a test has spoiled it."""

import json
import subprocess
from pathlib import Path

import pytest

import enrollment
import people
import service
import stacks
from rollout import COMMON_ACCOUNT

PAM = Path("/etc/pam.d")
SSHD = Path("/etc/ssh/sshd_config")
GOOD_SSHD = ("UsePAM yes\nKbdInteractiveAuthentication yes\nPasswordAuthentication no\nPermitRootLogin no\n"
             "AuthenticationMethods publickey,keyboard-interactive keyboard-interactive\n")
ACCOUNT = "@include cs-common-account\naccount required pam_twostep.so\n"
GOOD = "@include cs-common-auth\nauth requisite pam_twostep.so after_first_step\n" + ACCOUNT
SHARED = "auth sufficient pam_unix.so nodelay\nauth required pam_deny.so\n"


@pytest.fixture(autouse=True)
def host(view):
    """A host on which everything is right."""
    enrollment.forget_accounts()
    kept = {path: path.read_bytes() for path in PAM.iterdir() if path.is_file()}
    ssh = SSHD.read_bytes()
    for path in kept:
        # What other modules' tests have left: services of servers, some of which have caches.
        if b"pam_twostep" in kept[path] and not path.name.startswith("cs-"):
            path.unlink()
    stacks.write("cs-common-account", COMMON_ACCOUNT)
    stacks.write("password-auth", SHARED)
    for service in ("sshd", "sudo", "sudo-i", "login", "su", "su-l"):
        stacks.write(service, GOOD)
    stacks.write("sshd", stacks.RECIPE)
    SSHD.write_text(GOOD_SSHD)
    people.set_administrators()
    yield
    for path in PAM.iterdir():
        if path.is_file() and path not in kept:
            path.unlink()
    for path, text in kept.items():
        path.write_bytes(text)
    SSHD.write_bytes(ssh)


# What is so of every host of these tests: without its socket for root the service does not run.
NOISE = ("clock-unsynchronized", "shared-uid", "users-refused") + ("service-not-running",) * service.IS_ONCE


def found(severities=("error", "warning"), noise=NOISE):
    """The ids of what is so bad, with what each says; what the tests' own services and users are
    found guilty of is left out."""
    out = subprocess.run(["twostep", "admin", "check", "--json"], capture_output=True, text=True, timeout=60, cwd="/")
    lines = [json.loads(line) for line in out.stdout.splitlines()]
    findings = [line for line in lines if line.get("severity") in severities]
    own = [one for one in findings if "cs-" not in one["about"] + one["what"].split(":")[0]]
    return {one["id"]: one for one in own if one["id"] not in noise}, out.returncode


def expect(name, severity, *remedy):
    findings, code = found((severity,), ())
    assert name in findings, findings
    assert findings[name]["severity"] == severity
    assert code == (1 if severity == "error" else code)
    for words in remedy:
        assert words in " ".join(str(value) for value in findings[name].values()), findings[name]


def rehearse(person, *words):
    out = subprocess.run(["twostep", "admin", "check", "--json", "--login", person.name, *words],
                         capture_output=True, text=True, timeout=60, cwd="/")
    return json.loads(out.stdout.splitlines()[0]), out.returncode
