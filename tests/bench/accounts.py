"""Twostep's accounts, made by the program that people type.

They are made yesterday, by the shim that moves the clocks of tests: each proof takes a code of its own,
and nobody need wait for it. What is measured afterwards goes by the machine's own clock."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from codes import Device
from stage import TOP

# What the end-to-end tests stand on: people, their phones, the clock, the service.
sys.path.insert(0, str(TOP / "tests/e2e"))

import app_passwords  # noqa: E402
import enrollment  # noqa: E402
import people  # noqa: E402
import service  # noqa: E402
from clock import PRELOAD, Clock  # noqa: E402

DAY = 86_400
MAIL = "mail"
STATE, RUN = Path("/var/lib/twostep"), Path("/run/twostep")
# Users of an import whose ledgers there is room for.
BATCH = 5000


@dataclass
class User:
    """Somebody who logs in, with all that may be given."""

    name: str
    uid: int
    device: Device
    recovery_code: str = ""
    passwords: list = field(default_factory=list)


def make_yesterday(wanted):
    """Enrolls everyone in `wanted`: a name, and how many application passwords."""
    clock = Clock()
    clock.set_wrong(-DAY)
    clock.advance(600)
    service.start()
    made = {name: make_one(name, clock, passwords) for name, passwords in wanted}
    service.stop()
    PRELOAD.unlink()
    return made


def make_one(name, clock, passwords):
    person = people.add(name)
    enrolled = enrollment.enroll(person, clock)
    made = [app_passwords.create(enrolled, f"client {number}", MAIL) for number in range(passwords)]
    return User(name, person.uid, Device.of(enrolled.phone.secret), enrolled.recovery_codes[0], made)


def fill(state, count):
    """Imports other users, as from a file of pam_oath, until there are so many."""
    for first in range(len(list((state / "accounts").iterdir())), count, BATCH):
        lines = (f"HOTP/T30/6 user{number} - {key(number).hex()}\n"
                 for number in range(first, min(first + BATCH, count)))
        subprocess.run(["twostep", "admin", "import", "oath", "-", "--yes"], input="".join(lines),
                       text=True, check=True, stdout=subprocess.DEVNULL)
        for ledger in (RUN / "ledgers").iterdir():
            ledger.unlink()


def imported(state):
    """Those users, one by one. Who has an account of this name is found by the name service of `stage`."""
    for account in sorted((state / "accounts").glob("user*.toml")):
        number = int(account.stem.removeprefix("user"))
        yield User(account.stem, 0, Device(key(number)))


def key(number):
    return number.to_bytes(20, "big")


def keep_only(state, name):
    """A store of one user."""
    for account in (state / "accounts").iterdir():
        if account.name != f"{name}.toml":
            account.unlink()
    for link in (state / "uids").iterdir():
        if not link.exists():
            link.unlink()
