"""Somebody who follows the guide: types each line of a block at a terminal, as a user or as root, and
answers what is asked as a person with a phone would."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pexpect

import attempts
import enrollment
import people
import terminals
from phones import Phone
from tokens import KEY, Token

DOCS_TESTS = Path(__file__).resolve().parent.parent / "docs"
sys.path.insert(0, str(DOCS_TESTS))

import pages  # noqa: E402 (the guide is read by the tests of the documents)

CODE = r"\b[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){3}\b"
NAME = "alice"
PASSPHRASE = "correct horse battery staple"
# Each question the guide's commands ask, and who answers it.
QUESTIONS = {
    r"Code shown by the app: $": "new",
    r"Code shown by the device: $": "device",
    r"Code that the device shows: $": "first",
    r"The next code that it shows: $": "second",
    r"Current code, or a recovery code: $": "proof",
    r"Key of the device \(base32 or hexadecimal\): $": "key",
    r"\[s\]ave to a file[^\r\n]*: $": "save",
    r"File \[[^\]]*\]: $": "file",
    r"\[y/N\] $": "yes",
    r"1, 2 or 3: $": "keys",
    r"Passphrase[^\r\n]*: $": "passphrase",
    r"Once more: $": "passphrase",
    r"[Pp]assword[^\r\n]*: ?$": "password",
    r"Verification code: $": "proof",
    r"Printed key[^\r\n]*: $": "sealing_key",
    r"Application password: $": "app_password",
}


class Follower:
    """alice, whose account is as each block needs it, and root beside her."""

    def __init__(self, clock):
        self.clock = clock
        self.alice = alice()
        self.phone = self.token = None
        self.others = {}
        self.recovery_codes = []
        self.sealing_key = self.app_password = None

    def prepare(self, words):
        """What stands behind a block's kind: the state that it begins in."""
        if "enrolled" in words and self.phone is None:
            made = enrollment.enroll(self.alice, self.clock)
            self.phone, self.recovery_codes = made.phone, made.recovery_codes
        if "tablet" in words:
            made = enrollment.enroll(self.alice, self.clock, "--label", "tablet", proof=self.phone.fresh())
            self.others["tablet"] = made.phone
        if "moved" in words:
            forget()
        if "homes" in words:
            file = self.alice.home / ".google_authenticator"
            file.write_text("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n\" TOTP_AUTH\n12345678\n")
            file.chmod(0o400)
            os.chown(file, self.alice.uid, self.alice.uid)

    def type(self, command, root=False):
        """Types one line. Returns its exit status and what stood on the terminal."""
        shell = ["bash", "-c", f"cd ~ 2>/dev/null; {command}"]
        environment = ["env", "TERM=xterm", "LANG=C.UTF-8", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        line = [*environment, *shell] if root else self.alice.command(*environment, *shell)
        program = terminals.spawn(line, dimensions=(100, 120))
        shown = ""
        while (which := program.expect([*QUESTIONS, pexpect.EOF])) < len(QUESTIONS):
            shown += program.before + program.after
            program.sendline(getattr(self, "_" + list(QUESTIONS.values())[which])(shown))
        shown += program.before or ""
        program.close()
        self._remember(shown)
        status = program.exitstatus if program.exitstatus is not None else 128 + program.signalstatus
        return status, shown.replace("\r", "")

    def _remember(self, shown):
        codes = re.findall(CODE, shown)
        if len(codes) == 10:
            self.recovery_codes = codes

    def _new(self, shown):
        if "The key is read" in shown:
            return self._device(shown)
        key = re.findall(r"Key:?\s+((?:[A-Z2-7]{1,4}\s+)+)Kind", shown)[-1]
        self.phone = Phone(f"otpauth://totp/x?secret={''.join(key.split())}", self.clock)
        return self.phone.code()

    def _key(self, shown):
        self.token = None
        return KEY

    def _device(self, shown):
        if "counter-based" in shown:
            self.token = Token()
            return self.token.press()
        return subprocess.run(["oathtool", "--totp", f"--now=@{int(self.clock.now())}", KEY], check=True, capture_output=True, text=True).stdout.strip()

    def _first(self, shown):
        return self.phone.fresh()

    def _second(self, shown):
        return self.phone.fresh()

    def _proof(self, shown):
        return self.phone.fresh()

    def _save(self, shown):
        return "s"

    def _file(self, shown):
        return str(self.alice.home / f"codes-{len(list(self.alice.home.glob('codes-*')))}.txt")

    def _yes(self, shown):
        return "y"

    def _keys(self, shown):
        return "1"

    def _passphrase(self, shown):
        return PASSPHRASE

    def _password(self, shown):
        return self.alice.password

    def _sealing_key(self, shown):
        return self.sealing_key

    def _app_password(self, shown):
        return self.app_password


def alice():
    """The one of the guide, with nothing enrolled and an empty home."""
    known = [line for line in Path("/etc/passwd").read_text().splitlines() if line.startswith(f"{NAME}:")]
    person = _known if known and (_known := _kept.get(NAME)) else people.add(NAME)
    _kept[NAME] = person
    forget()
    Path("/root/accounts.backup").unlink(missing_ok=True)
    subprocess.run(["find", person.home, "-mindepth", "1", "-delete"], check=True)
    return person


def forget():
    """As on another host: nobody of that name has enrolled."""
    for file in (Path("/var/lib/twostep/accounts") / f"{NAME}.toml", Path("/run/twostep/ledgers") / NAME):
        file.unlink(missing_ok=True)


_kept = {}


def blocks(*kinds):
    """The blocks of these kinds, page by page."""
    found = {}
    for block in pages.all_blocks():
        if block.kind in kinds:
            found.setdefault(block.page, []).append(block)
    return found


def recipe(kind, name):
    """The one block of this kind and name, e.g. `pam program=nginx`."""
    (block,) = [block for found in blocks(kind).values() for block in found if block.name == name]
    return f"{block.text}\n"


def masked(text):
    """A text without what is another one each time: numbers, codes, dates."""
    text = re.sub(r"\b[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3,5}\b", "CODE", text)
    return re.sub(r"\d+", "0", re.sub(r"\s+", " ", text)).strip()


def log_in(follower, answers, service):
    return attempts.log_in(follower.alice, *answers, service=service)
