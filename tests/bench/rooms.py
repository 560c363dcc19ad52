"""Where logins happen: a place for state, a service or none, and a client that logs in."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from peers import KEPT
from stage import CLIENT, FLOOR, HERE, SERVICE, wait_for

SOURCE = "198.51.100.7"
RUN = Path("/run/bench")
# Who answers the logins of a room. Nobody: then each request is answered by `twostepd --once`.
RESIDENT, CONSTANT, NOBODY = (SERVICE, "--listen"), (FLOOR,), ()


@dataclass(frozen=True)
class Told:
    """One login: PAM's result, and microseconds."""

    result: int
    micro: float


@dataclass(frozen=True)
class Login:
    """What logs in, and what is put back after it."""

    service: str
    user: object
    answer: object
    back: tuple = ()


class Room:
    def __init__(self, name, place, store, judge=RESIDENT):
        self.name, self.place, self.store = name, place, store
        self.accounts = store / "accounts"
        self.run = RUN / name
        self.kept = KEPT / name
        self.judge = None
        self.open(judge)

    def open(self, judge):
        """The ledgers as tmpfiles.d makes them at boot, who answers, and the client."""
        self.run.mkdir(parents=True, mode=0o755)
        (self.run / "ledgers").mkdir(mode=0o700)
        (self.run / "since").write_text("0\n")
        self.kept.mkdir(parents=True)
        if judge:
            self.judge = subprocess.Popen(self.command(*judge), stdin=subprocess.DEVNULL, cwd="/")
            wait_for((self.run / "login.sock").exists, f"the service of {self.name}")
        self.client = subprocess.Popen(self.command(CLIENT), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       text=True)

    def close(self):
        self.client.stdin.close()
        self.client.wait(timeout=10)
        if self.judge:
            self.judge.terminate()
            self.judge.wait(timeout=30)

    def command(self, *words):
        """A command line that runs these words in the room, as the process that it starts."""
        return [str(word) for word in ("unshare", "--mount", "--propagation", "private", HERE / "room",
                                       self.place, self.store, self.name, *words)]

    def log_in(self, login):
        fields = [login.service, login.user.name, login.answer(), SOURCE, *login.back]
        self.client.stdin.write("\t".join(fields) + "\n")
        self.client.stdin.flush()
        line = self.client.stdout.readline().split()
        assert line, "the client ended; it says why above"
        return Told(int(line[0]), float(line[1]))

    def ledger(self, user):
        return self.run / "ledgers" / user.name

    def account(self, user):
        return self.accounts / f"{user.name}.toml"

    def keep(self, user):
        """Takes what is put back after each login of this user."""
        shutil.copy2(self.account(user), self.kept / f"{user.name}.toml")
        shutil.copy2(self.ledger(user), self.kept / user.name)

    def usual(self, user):
        """Puts back what a usual login changes: the ledger, and the account's time of change."""
        name = user.name
        return (f"i:{self.kept / name}:/run/twostep/ledgers/{name}",
                f"t:{self.kept / name}.toml:/var/lib/twostep/accounts/{name}.toml")

    def whole(self, user):
        """Puts back what a login changes that writes the account."""
        name = user.name
        return (f"i:{self.kept / name}:/run/twostep/ledgers/{name}",
                f"w:{self.kept / name}.toml:/var/lib/twostep/accounts/{name}.toml")

    def put_back(self, user):
        """The same as `usual`, from here."""
        with open(self.ledger(user), "r+b") as ledger:
            ledger.write((self.kept / user.name).read_bytes())
            ledger.truncate()
        kept = os.stat(self.kept / f"{user.name}.toml")
        os.utime(self.account(user), ns=(kept.st_mtime_ns, kept.st_mtime_ns))

    def resident_bytes(self):
        """How much memory the service has."""
        for line in Path(f"/proc/{self.judge.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("the service has ended")
