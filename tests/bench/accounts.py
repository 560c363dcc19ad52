"""Twostep's accounts, made by the program that people type.

They are made yesterday, by the shim that moves the clocks of tests: each proof takes a code of its own,
and nobody need wait for it. What is measured afterwards goes by the machine's own clock."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from codes import Device
from stage import TOP

# What the end-to-end tests stand on: people, their phones, the clock.
sys.path.insert(0, str(TOP / "tests/e2e"))

import app_passwords  # noqa: E402
import enrollment  # noqa: E402
import people  # noqa: E402
import service  # noqa: E402
from clock import PRELOAD, Clock  # noqa: E402

DAY = 86_400
SERVICE = "mail"
STATE, RUN = Path("/var/lib/twostep"), Path("/run/twostep")
# Users of an import that leave their ledgers in memory at once.
BATCH = 5000


@dataclass
class User:
    """Somebody who logs in, with all that may be given."""

    name: str
    uid: int
    device: Device
    recovery_code: str
    passwords: list = field(default_factory=list)


def make_yesterday(wanted):
    """Enrolls everyone in `wanted`: a name, and how many authenticators and application passwords."""
    clock = Clock()
    clock.set_wrong(-DAY)
    clock.advance(600)
    service.start()
    made = {name: make_one(name, clock, authenticators, passwords)
            for name, authenticators, passwords in wanted}
    service.stop()
    PRELOAD.unlink()
    reboot()
    return made


def make_one(name, clock, authenticators, passwords):
    """The authenticator that is used is the last one: it is looked at last."""
    person = people.add(name)
    enrolled = enrollment.enroll(person, clock)
    codes = enrolled.recovery_codes
    for number in range(1, authenticators):
        another = enrollment.enroll(person, clock, "--label", f"phone {number}", proof=codes.pop())
        enrolled.phone = another.phone
    made = [app_passwords.create(enrolled, f"client {number}", SERVICE) for number in range(passwords)]
    return User(name, person.uid, Device.of(enrolled.phone.secret), codes[0], made)


def reboot():
    """The ledgers as tmpfiles.d makes them at boot."""
    for ledger in (RUN / "ledgers").iterdir():
        ledger.unlink()
    (RUN / "since").write_text("0\n")


def fill(first, last):
    """Imports so many other users, as from a file of pam_oath."""
    while first < last:
        until = min(first + BATCH, last)
        lines = (f"HOTP/T30/6 user{number} - {number:040x}\n" for number in range(first, until))
        subprocess.run(["twostep", "admin", "import", "oath", "-", "--yes"], input="".join(lines),
                       text=True, check=True, stdout=subprocess.DEVNULL)
        reboot()
        first = until


def count(state):
    return sum(1 for _ in (state / "accounts").iterdir())


def keep_only(state, name):
    """A store of one user."""
    for account in (state / "accounts").iterdir():
        if account.name != f"{name}.toml":
            account.unlink()
    for link in (state / "uids").iterdir():
        if not link.exists():
            link.unlink()
