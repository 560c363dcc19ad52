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
{scratch}
"""
SCRATCH_CODE = "27182818"
KEPT = FOLDER / "kept"
PLACE = Path("/srv/bench/peers")


def oath_services(users, counts):
    """A service for each file of users: growing ones, and one for each user alone."""
    return [oath_name(count) for count in counts] + [f"oath-{user.name}" for user in users]


def oath_name(count):
    return f"oath-{count}"


def google_state(user):
    return f"google/{user.name}/state"


def write_all(folders, users, counts):
    """Their files for these users; the first one also stands in the middle of many."""
    for folder in folders:
        for user in users:
            write_google(folder, user)
            (folder / f"oath-{user.name}").write_text(oath_file(user, 1))
        for count in counts:
            (folder / oath_name(count)).write_text(oath_file(users[0], count))


def write_google(folder, user):
    """As `google-authenticator` leaves it in a home: the user's own, and read-only."""
    state = folder / google_state(user)
    state.parent.mkdir(parents=True)
    secret = base64.b32encode(user.device.key).decode().rstrip("=")
    state.write_text(GOOGLE.format(secret=secret, scratch=SCRATCH_CODE))
    state.chmod(0o400)
    for path in (state, state.parent):
        os.chown(path, user.uid, user.uid)


def oath_file(user, count):
    lines = [f"HOTP/T30/6 user{number} - {number:040x}" for number in range(count - 1)]
    lines.insert(count // 2, f"HOTP/T30/6 {user.name} - {user.device.key.hex()}")
    return "\n".join(lines) + "\n"


def back(name):
    """What puts a file of theirs back, whole and on the disk."""
    return f"w:{KEPT / name}:{PLACE / name}"
