"""`[policy]` as the moment of a test needs it, and the states that people are in under it."""

import subprocess
from datetime import datetime, timezone
from pathlib import Path

import configuration

GROUPS = Path("/etc/group")
DAY = 86_400
CONTACT = "help@example.org"
# What one who must enroll reads, and what everybody reads who has not proved the first step.
MUST_ENROLL = ("This host requires two-step authentication, and you have not enrolled. "
               f"Ask {CONTACT} to enroll you.")
GENERIC = "The second step was not accepted. Try again with the next code."


def moment(seconds):
    """Seconds since 1970 as TOML writes them."""
    return datetime.fromtimestamp(int(seconds), timezone.utc)


def dated(now, *, left, grace=14 * DAY, **more):
    """Everyone must, and has `left` seconds of the time to enroll."""
    return {"required": True, "since": moment(int(now) + left - grace), "grace": f"{grace}s",
            "contact": CONTACT, **more}


def require(clock, *, left, **more):
    configuration.write(policy=dated(clock.now(), left=left, **more))


def admin(*words):
    return subprocess.run(["twostep", "admin", *map(str, words)], check=True, capture_output=True,
                          text=True, timeout=60)


def begin_to_enroll(person):
    """Leaves an authenticator pending."""
    process = subprocess.Popen(person.command("twostep", "enroll", "--json"), cwd="/",
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    shown = process.stdout.readline()
    process.communicate(timeout=30)
    assert "secret" in shown and process.returncode != 0
    return shown


def grace_since(person):
    """The line of the account that says since when a user has time to enroll, if there is one."""
    file = configuration.LAST_GOOD.parent / "accounts" / f"{person.name}.toml"
    lines = file.read_text().splitlines() if file.exists() else []
    return next((line for line in lines if line.startswith("grace_since")), None)


def make_group(name, members=()):
    """A group of the view, with an id of its own."""
    taken = [int(line.split(":")[2]) for line in GROUPS.read_text().splitlines()]
    gid = max(gid for gid in taken if gid < 60_000) + 1
    with GROUPS.open("a") as groups:
        groups.write(f"{name}:x:{gid}:{','.join(members)}\n")
    return name
