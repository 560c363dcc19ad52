"""How much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    # Logins of each kind, those before that warm up, and seconds after which no round begins: on a busy
    # machine there are fewer.
    rounds: int
    warm_up: int
    patience: int
    # Users of a large host, and those of them who log in before the memory of its service is read.
    users: int
    seen: int
    # Logins of one process that stays, a run of three.
    staying: int
    # Rounds of logins that are let go together.
    races: int
    # Logins beside busy loops.
    busy: int
    # Seconds that all of it takes, at most.
    lasts: int


SIZES = {
    "full": Settings(rounds=600, warm_up=20, patience=240, users=100_000, seen=1000, staying=4000,
                     races=50, busy=200, lasts=1500),
    "quick": Settings(rounds=8, warm_up=1, patience=60, users=300, seen=20, staying=50,
                      races=2, busy=5, lasts=300),
}
