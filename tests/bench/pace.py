"""What is not one login after another: a process that stays, many at once, memory, a busy host."""

import statistics
import subprocess

import stage
from codes import stay_clear
from rooms import SOURCE, Login
from series import DISK, EMPTY, NOTHING, RIGHT, SUCCESS, TWOSTEP, Kind, Series, run

RUNS = 3
AT_ONCE = 16


def staying(room, user, times):
    """Logins a second of one process with one of a user's application passwords, as a mail server's worker
    has them. Nothing is put back between two."""
    line = room.command(stage.RATE, "-s", "mail", "-d", stage.STACKS, "-i", SOURCE, "-n", times, user.name,
                        user.passwords[-1])
    runs = []
    for _ in range(RUNS):
        out = subprocess.run(line, check=True, capture_output=True, text=True).stdout
        told = dict(line.split() for line in out.splitlines())
        assert int(told["accepted"]) == times, out
        runs.append(float(told["per_second"]))
    return {"passwords": len(user.passwords), "per_second": statistics.median(runs)}


def races(room, user, rounds, *options):
    """How many of the processes got in that were given one code and let go together, round by round."""
    accepted = []
    for _ in range(rounds):
        room.put_back(user)
        stay_clear()
        words = [user.name, SOURCE, user.device.right()] * AT_ONCE
        line = room.command(stage.RACE, *options, "-s", "race", "-d", stage.STACKS, *words)
        out = subprocess.run(line, check=True, capture_output=True, text=True).stdout
        results = [int(result) for result in out.split()]
        assert len(results) == AT_ONCE, out
        accepted.append(results.count(SUCCESS))
    return accepted


def resident(room, users):
    """Memory of the service after each of these has logged in."""
    before = room.resident_bytes()
    accepted = sum(room.log_in(Login("twostep", user, user.device.right)).result == SUCCESS for user in users)
    return {"before": before, "after": room.resident_bytes(), "users": len(users), "accepted": accepted}


def busy(room, user, times):
    """The usual login beside an empty stack, while loops want every processor."""
    both = [Series(Kind(EMPTY, NOTHING), room, Login("empty", user, lambda: "-")),
            Series(Kind(TWOSTEP, RIGHT, DISK), room, Login("twostep", user, user.device.right, room.usual(user)))]
    loops = stage.keep_busy()
    try:
        run(both, times, 1, 120)
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    return both
