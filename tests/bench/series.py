"""What is measured: each series is one kind of login, repeated."""

import random
import time
from dataclasses import dataclass, field

import peers
from rooms import Login, Room

EMPTY, FLOOR, TWOSTEP = "empty stack", "floor", "Twostep"
GOOGLE, OATH = "google-authenticator", "pam_oath"
PEERS = (GOOGLE, OATH)
NOTHING, RIGHT, WRONG, RECOVERY = "nothing asked", "right code", "wrong code", "recovery code"
# Where state is, and what else tells two series of one name apart.
DISK, MEMORY, MANY, ONCE = "disk", "memory", "many users", "no service"
SUCCESS = 0


@dataclass(frozen=True)
class Kind:
    """What a series is called."""

    stack: str
    given: str
    where: str = DISK


@dataclass
class Series:
    kind: Kind
    room: Room
    login: Login
    told: list = field(default_factory=list)

    @property
    def is_accepted(self):
        return self.kind.given != WRONG


def plan(rooms, users):
    """All series."""
    alice, rita = users["alice"], users["rita"]
    yield Series(Kind(EMPTY, NOTHING), rooms["disk"], Login("empty", alice, lambda: "-"))
    yield Series(Kind(FLOOR, RIGHT), rooms["floor"], Login("twostep", alice, lambda: "123456"))
    for where in (DISK, MEMORY):
        yield from codes(Kind(TWOSTEP, RIGHT, where), rooms[where], "twostep", alice, rooms[where].usual(alice))
        yield from codes(Kind(GOOGLE, RIGHT, where), rooms[where], "google", alice,
                         peers.back(peers.google_file(alice)))
        yield from codes(Kind(OATH, RIGHT, where), rooms[where], "oath", alice, peers.back(peers.OATH_FILE))
    for where in (MANY, ONCE):
        room = rooms[where]
        yield Series(Kind(TWOSTEP, RIGHT, where), room, Login("twostep", alice, alice.device.right, room.usual(alice)))
    room = rooms["few"]
    yield Series(Kind(TWOSTEP, RECOVERY), room, Login("twostep", rita, lambda: rita.recovery_code, room.whole(rita)))


def codes(kind, room, service, user, back):
    """A right code and a wrong one."""
    yield Series(kind, room, Login(service, user, user.device.right, back))
    yield Series(Kind(kind.stack, WRONG, kind.where), room, Login(service, user, user.device.wrong, back))


def run(series, rounds, warm_up, patience):
    """A login of each in turn, in another order each round: what else the machine does meanwhile then
    falls on all alike. Gives how many rounds there were."""
    order, until = random.Random(7), time.monotonic() + patience
    for number in range(-warm_up, rounds):
        if number > 0 and time.monotonic() > until:
            return number
        for one in order.sample(series, len(series)):
            told = one.room.log_in(one.login)
            if number >= 0:
                one.told.append(told)
    return rounds


def settle(room, user, service, answer):
    """Logs a user in once today: what is measured is not the first login of the day."""
    told = room.log_in(Login(service, user, lambda: answer))
    assert told.result == SUCCESS, f"{user.name} was refused at {service} in {room.name} before anything was measured"
    room.keep(user)
