"""Users of the view. They are written straight into the user database, which is quick and allows
names that useradd would refuse."""

import ctypes
import itertools
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "right horse"
_numbers = itertools.count(1)
_hashes = {}


@dataclass(frozen=True)
class Person:
    name: str
    uid: int
    home: Path
    password: str = PASSWORD

    def command(self, *words):
        """The command line that runs `words` as this person, in a clean environment."""
        return ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--init-groups",
                "--reset-env", "--", *words]

    def run(self, *words, **options):
        options = {"capture_output": True, "text": True, "timeout": 60, "cwd": "/", **options}
        return subprocess.run(self.command(*words), **options)


def add(name=None, *, uid=None, shell="/bin/bash", password=PASSWORD):
    """A new user, whose password may be bytes of any encoding. Without a name it gets one that no other test uses."""
    number = next(_numbers)
    uid = uid or 20000 + number
    name = name or f"person{number}"
    home = Path("/home") / f"home{number}"
    home.mkdir(mode=0o700)
    os.chown(home, uid, uid)
    _append("/etc/passwd", f"{name}:x:{uid}:{uid}::{home}:{shell}\n")
    _append("/etc/group", f"group{number}:x:{uid}:\n")
    _append("/etc/shadow", f"{name}:{_hash(password)}:19000:0:99999:7:::\n")
    return Person(name, uid, home, password)


def add_to_group(name, group):
    subprocess.run(["gpasswd", "-a", name, group], check=True, capture_output=True)


def _append(file, line):
    with open(file, "a", encoding="utf-8") as out:
        out.write(line)


def _hash(password):
    """A quick SHA-512 hash: the suite checks passwords hundreds of times."""
    if password not in _hashes:
        crypt = ctypes.CDLL("libcrypt.so.1").crypt
        crypt.restype = ctypes.c_char_p
        _hashes[password] = crypt(password if isinstance(password, bytes) else password.encode(), b"$6$rounds=1000$salt$").decode()
    return _hashes[password]


def empty_password(name):
    """Leaves a user without a password."""
    subprocess.run(["passwd", "--delete", name], check=True, capture_output=True)


def lock_password(name):
    """Leaves a user whom no password of the host lets in: another place has it."""
    subprocess.run(["usermod", "--password", "*", name], check=True, capture_output=True)


def set_administrators(*names):
    """Who looks after the host: nobody else, neither by the group nor by rules that earlier tests left."""
    subprocess.run(["gpasswd", "-M", ",".join(names), "sudo"], check=True, capture_output=True)
    for rules in Path("/etc/sudoers.d").glob("*twostep*"):
        rules.unlink()
