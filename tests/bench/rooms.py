"""Where logins happen: a place for state, so many users, and a client in it that logs in."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from peers import KEPT
from stage import CLIENT, HERE

SOURCE = "198.51.100.7"
RUN = Path("/run/bench")


@dataclass(frozen=True)
class Told:
    """One login: PAM's result, microseconds, page faults."""

    result: int
    whole: float
    inside: float
    processor: float
    faults: int


class Client:
    """A process that logs in, each time in a child of its own."""

    def __init__(self, room, processor):
        self.process = subprocess.Popen(
            room.command("taskset", "--cpu-list", str(processor), CLIENT, "serve"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def begin(self, login, times=1):
        fields = [str(times), login.service, login.user.name, login.answer(), SOURCE, *login.back]
        self.process.stdin.write("\t".join(fields) + "\n")
        self.process.stdin.flush()

    def end(self, times=1):
        return [self.read() for _ in range(times)]

    def read(self):
        line = self.process.stdout.readline().split()
        assert len(line) == 5, "the client ended; it says why above"
        return Told(int(line[0]), *(float(field) for field in line[1:4]), int(line[4]))

    def log_in(self, login):
        self.begin(login)
        return self.read()

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)


class Room:
    def __init__(self, place, users):
        self.place, self.users = place, users
        self.name = f"{place.name}-{users}"
        self.accounts = place / f"accounts-{users}" / "accounts"
        self.ledgers = RUN / self.name / "ledgers"
        self.kept = KEPT / self.name
        self.client = None

    def command(self, *words):
        return [str(word) for word in ("unshare", "--mount", "--propagation", "private",
                                       HERE / "room", self.place, self.users, *words)]

    def open(self, processor):
        """The ledgers as tmpfiles.d makes them at boot, and the client."""
        self.ledgers.mkdir(parents=True)
        for folder, mode in ((self.ledgers.parent, 0o755), (self.ledgers, 0o700)):
            folder.chmod(mode)
        (self.ledgers.parent / "since").write_text("0\n")
        self.kept.mkdir(parents=True)
        self.client = Client(self, processor)

    def keep_user(self, user):
        """Takes what is put back before each login of this user."""
        ledger = self.ledgers / user.name
        keep(self.accounts / f"{user.name}.toml", self.kept / f"{user.name}.toml")
        keep(ledger, self.kept / f"{user.name}.ledger")
        if user.passwords:
            keep(ledger.with_suffix(".refusals"), self.kept / f"{user.name}.refusals")

    def keep_yesterday(self, user):
        """The account of someone who has not logged in today."""
        keep(self.accounts / f"{user.name}.toml", self.kept / f"{user.name}.yesterday")


def keep(file, kept):
    """A copy with owner, mode and time of change."""
    shutil.copy2(file, kept)
    os.chown(kept, file.stat().st_uid, file.stat().st_gid)
