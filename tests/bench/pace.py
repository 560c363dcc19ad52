"""Logins a second: of two processes at once, and of one that stays and logs in again and again."""

import subprocess

import peers
import series as kinds
from rooms import SOURCE, Client
from series import Login
from stage import FOLDER, RATE

# Logins of one code: it is another one before the step ends.
BATCH = 50


def two_at_once(room, users, processors, times):
    """Two processes at once, each with a user of its own. What is put back between two logins is off
    the clock of its process."""
    clients = [Client(room, processors[-1 - index % len(processors)]) for index in range(2)]
    rates = [{"stack": stack, "given": given, **rate_of(clients, logins, times)}
             for stack, given, logins in pairs(room, users)]
    for client in clients:
        client.close()
    return rates


def rate_of(clients, logins, times):
    told = [[] for _ in clients]
    for start in range(0, times, BATCH):
        count = min(BATCH, times - start)
        for client, login in zip(clients, logins):
            client.begin(login, count)
        for client, one in zip(clients, told):
            one += client.end(count)
    return {"per_second": sum(len(one) * 1e6 / sum(login.whole for login in one) for one in told),
            "results": sorted({login.result for one in told for login in one})}


def pairs(room, users):
    """What both give, each for one of two users."""
    both = [users["alice"], users["bob"]]
    back = kinds.twostep_back
    yield kinds.EMPTY, kinds.NOTHING, [Login("empty", user, lambda: "-") for user in both]
    yield kinds.GOOGLE, kinds.RIGHT, [Login("google", user, user.device.right,
                                            (peers.back(peers.google_state(user)),)) for user in both]
    yield kinds.OATH, kinds.RIGHT, [Login(f"oath-{user.name}", user, user.device.right,
                                          (peers.back(f"oath-{user.name}"),)) for user in both]
    yield kinds.TWOSTEP, kinds.RIGHT, [Login("twostep", user, user.device.right, back(room, user))
                                       for user in both]
    yield kinds.TWOSTEP, kinds.WRONG, [Login("twostep", user, user.device.wrong, back(room, user))
                                       for user in both]
    clients = [users["app1"], users["app50"]]
    yield kinds.TWOSTEP, kinds.RIGHT_APP, [Login("mail", user, lambda user=user: user.passwords[-1],
                                                 back(room, user)) for user in clients]


def staying(room, user, processor, times):
    """One process on one processor, which does nothing between two logins: nothing is put back."""
    given = {kinds.RIGHT_APP: user.passwords[-1], kinds.WRONG_APP: kinds.NO_PASSWORD}
    return {name: rate(room, user, password, processor, times) for name, password in given.items()}


def rate(room, user, password, processor, times):
    line = room.command("taskset", "--cpu-list", processor, RATE, "-s", "mail", "-d", FOLDER / "pam.d",
                        "-i", SOURCE, "-n", times, user.name, password)
    out = subprocess.run(line, check=True, capture_output=True, text=True).stdout
    told = dict(line.split() for line in out.splitlines())
    return {"accepted": int(told["accepted"]), "of": times, "per_second": float(told["per_second"])}
