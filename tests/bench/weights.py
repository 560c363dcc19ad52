"""What a login costs that the clock does not tell: system calls, instructions, memory; and what the
modules weigh."""

import re
import subprocess
from pathlib import Path

from rooms import SOURCE
from series import UNIX
from stage import CLIENT

# The start of a line of `strace -f -o`: "PID  name(".
CALL = re.compile(r"^\d+ +([a-z_0-9]+)\(")
MARK = re.compile(r'^\d+ +prctl\(PR_SET_NAME, "(\w+)"')
COLLECTED = re.compile(r"Collected : (\d+)")
NEEDED = re.compile(r"\(NEEDED\).*\[(.*)\]")
MODULES = {
    "pam_twostep.so": (), "pam_google_authenticator.so": (), "pam_oath.so": ("liboath.so.0",),
    "pam_unix.so": (),
}


def run(room, login, mode, *before):
    line = room.command(*before, CLIENT, mode, login.service, login.user.name, login.answer(), SOURCE,
                        *login.back)
    return subprocess.run(line, check=True, capture_output=True, text=True)


def weigh(series, runs):
    """One login of a series, looked at in three ways."""
    whole, inside = system_calls(series)
    # Half a minute each would tell how yescrypt counts its rounds.
    runs = 0 if series.kind.stack == UNIX else runs
    counted = [instructions(series) for _ in range(runs)]
    return {"system_calls": whole, "system_calls_inside": inside, "instructions_inside": counted,
            "resident_kib": resident(series)}


def system_calls(series):
    """In the whole login, and inside pam_authenticate."""
    trace = Path("/tmp/trace")
    run(series.room, series.login, "trace", "strace", "-f", "-o", trace)
    part, counts = None, {"start": 0, "ask": 0, "asked": 0}
    for line in trace.read_text(errors="replace").splitlines():
        mark = MARK.match(line)
        if mark:
            part = mark[1]
        elif part in counts and CALL.match(line):
            counts[part] += 1
    return sum(counts.values()), counts["ask"]


def instructions(series):
    """Of the program, not of the kernel, inside pam_authenticate."""
    done = run(series.room, series.login, "trace", "valgrind", "--tool=callgrind",
               "--toggle-collect=authenticate_here", "--callgrind-out-file=/dev/null")
    return int(COLLECTED.search(done.stderr)[1])


def resident(series):
    return int(run(series.room, series.login, "weigh").stdout.split()[1])


def modules():
    """Size and libraries of each module, and of what it brings along."""
    folder = Path(subprocess.run(["find", "/usr/lib", "-name", "pam_unix.so"], check=True,
                                 capture_output=True, text=True).stdout.split()[0]).parent
    return {name: {"bytes": (folder / name).stat().st_size, "needed": needed(folder / name),
                   "brings": {other: (folder.parent / other).stat().st_size for other in others}}
            for name, others in MODULES.items()}


def needed(file):
    done = subprocess.run(["readelf", "--dynamic", file], check=True, capture_output=True, text=True)
    return NEEDED.findall(done.stdout)
