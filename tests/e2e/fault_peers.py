"""Two other modules under the same faults, to compare: what is printed beside ours judges nobody."""

import os
import subprocess
from pathlib import Path

import enrollment
import people
import stacks
from attempts import log_in
from fault_scenarios import STACK, VerificationCode
from kept import Entry
from phones import Phone

KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
HEX = "3132333435363738393031323334353637383930"


class KeptFolder:
    """The files of a folder, put back as they were."""

    def __init__(self, folder):
        self.folder = folder
        self.entries = [Entry.read(path) for path in self.paths()]

    def paths(self):
        return [str(path) for path in self.folder.iterdir()]

    def put_back(self):
        for path in self.paths():
            os.unlink(path)
        for entry in self.entries:
            entry.write()


class Peer(VerificationCode):
    """A login with a code; everything that the module keeps is in a folder of its own."""

    PACKAGE = ""

    def make(self):
        person = people.add()
        self.folder = Path("/run/twostep-view") / f"{self.MARKER}-{person.name}"
        self.folder.mkdir(mode=0o700)
        # They have no account phase.
        stack = STACK.partition("account")[0] + "account required pam_permit.so\n"
        self.service = stacks.write(f"cs-{person.name}", stack.replace("{line}", self.enroll(person)))
        return enrollment.Enrolled(person, Phone(f"otpauth://totp/x?secret={KEY}", self.clock))

    def enroll(self, person):
        """Writes the file of one user; the line of the stack."""
        raise NotImplementedError

    def kept_now(self):
        return KeptFolder(self.folder)

    def line(self):
        line = super().line()
        line[line.index("-s") + 1] = self.service
        return line

    def logs_in(self, answer):
        return log_in(self.somebody, answer, service=self.service).accepted


class GoogleAuthenticator(Peer):
    NAME = "libpam-google-authenticator, verification code"
    MARKER = "pam_google_authenticator.so"

    def enroll(self, person):
        made = subprocess.run(
            ["google-authenticator", "-t", "-d", "-f", "-C", "-q", "-Q", "NONE", "-u", "-w", "3", "-s",
             self.folder / "secret"], capture_output=True, text=True, check=True, env={**os.environ, "HOME": "/root"})
        assert made.returncode == 0
        lines = (self.folder / "secret").read_text().splitlines()
        (self.folder / "secret").chmod(0o600)
        (self.folder / "secret").write_text("\n".join([KEY, *lines[1:]]) + "\n")
        return f"{self.MARKER} secret={self.folder}/secret user=root"


class Oath(Peer):
    NAME = "libpam-oath, verification code"
    MARKER = "pam_oath.so"

    def enroll(self, person):
        users = self.folder / "users.oath"
        users.write_text(f"HOTP/T30/6\t{person.name}\t-\t{HEX}\n")
        users.chmod(0o600)
        return f"{self.MARKER} usersfile={users} window=1 digits=6"


PEERS = (GoogleAuthenticator, Oath)
