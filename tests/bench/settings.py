"""How much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    # Logins of each series, those before that warm up, and seconds after which no round begins: on a
    # busy machine there are fewer.
    rounds: int
    warm_up: int
    patience: int
    # Users who have an account, growing.
    users: tuple
    # Logins of each of two processes, and logins of one process that stays.
    at_once: int
    staying: int
    # Users of those series, at most, that are looked at in slower ways too, and runs under callgrind
    # of each login, to see whether they repeat.
    weighed: int
    counted: int
    # Seconds that all of it takes, at most.
    lasts: int

SIZES = {
    "full": Settings(rounds=1000, warm_up=20, patience=300, users=(1, 100, 10_000, 100_000),
                     at_once=500, staying=2000, weighed=100, counted=2, lasts=1200),
    "quick": Settings(rounds=4, warm_up=1, patience=60, users=(1, 100, 300),
                      at_once=10, staying=50, weighed=1, counted=1, lasts=300),
}
