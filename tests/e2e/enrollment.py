"""Enrolling by the program that people type, and what a test keeps of it."""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from people import Person
from phones import Phone

ACCOUNTS = Path("/var/lib/twostep/accounts")
UIDS = Path("/var/lib/twostep/uids")


@dataclass
class Enrolled:
    """A person with a confirmed authenticator: the phone and the codes on paper."""

    person: Person
    phone: Phone
    recovery_codes: list = field(default_factory=list)

    @property
    def name(self):
        return self.person.name

    @property
    def file(self):
        """The account on the disk, for names that need no escape."""
        return ACCOUNTS / f"{self.name}.toml"


def enroll(person, clock, *options, proof=None):
    """Enrolls by `twostep enroll --json`, run by the person."""
    line = person.command("twostep", "enroll", "--json", *options)
    process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, bufsize=1, cwd="/")
    if proof is not None:
        process.stdin.write(proof + "\n")
    first = process.stdout.readline()
    assert first, process.communicate()[1]
    phone = Phone(json.loads(first)["uri"], clock)
    out, err = process.communicate(phone.code() + "\n", timeout=60)
    assert process.returncode == 0, (out, err)
    confirmed = json.loads(out)
    return Enrolled(person, phone, confirmed.get("recovery_codes") or [])


def status(person):
    done = person.run("twostep", "status", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def forget_accounts():
    """As on a new host: nobody has enrolled."""
    for file in (*ACCOUNTS.glob("*"), *UIDS.glob("*")):
        file.unlink()
