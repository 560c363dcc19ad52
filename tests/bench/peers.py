"""What the peers read and write, with their safest settings."""

import base64
import os
from pathlib import Path

from stage import FOLDER

# A rate that is never reached here: what is measured is that it is kept, not that it refuses.
GOOGLE = """\
{secret}
" RATE_LIMIT 100 30
" DISALLOW_REUSE
" TOTP_AUTH
"""
KEPT = FOLDER / "kept"
PLACE = FOLDER / "peers"
OATH_FILE = "oath"


def google_file(user):
    return f"google/{user.name}/state"


def write(folder, user):
    """Their files for this user. google-authenticator's as it leaves it in a home: the user's own, and
    read-only."""
    state = folder / google_file(user)
    state.parent.mkdir(parents=True)
    secret = base64.b32encode(user.device.key).decode().rstrip("=")
    state.write_text(GOOGLE.format(secret=secret))
    state.chmod(0o400)
    for path in (state, state.parent):
        os.chown(path, user.uid, user.uid)
    (folder / OATH_FILE).write_text(f"HOTP/T30/6 {user.name} - {user.device.key.hex()}\n")


def back(name):
    """What puts a file of theirs back, whole and on the disk."""
    return (f"w:{KEPT / name}:{PLACE / name}",)
