"""Figures of what was measured."""

import math

from series import EMPTY, NOTHING, PEERS

METRICS = ("whole", "inside", "processor", "faults")
QUANTILES = {"min": 0.0, "p10": 0.1, "p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
SUCCESS = 0


def summary(place, series, weighed):
    """One series as it is kept."""
    kind = series.kind
    right = sum((told.result == SUCCESS) == series.accepted for told in series.told)
    values = {metric: quantiles([getattr(told, metric) for told in series.told]) for metric in METRICS}
    return {"place": place, "stack": kind.stack, "given": kind.given, "users": kind.users,
            "account": kind.account, "expected": "accepted" if series.accepted else "refused",
            "logins": len(series.told), "as_expected": right, **values, **(weighed or {})}


def quantiles(values):
    """By the nearest rank."""
    ordered = sorted(values)
    return {name: ordered[max(math.ceil(part * len(ordered)) - 1, 0)] for name, part in QUANTILES.items()}


def unexpected(data):
    """What was accepted or refused against expectation: then a row measures something else than it says."""
    for row in data["series"]:
        if row["as_expected"] != row["logins"]:
            yield f"{row['place']}, {row['stack']}, {row['given']}, {row['users']} users"
    for rate in data["at_once"]:
        if (SUCCESS in rate["results"]) == is_wrong(rate["given"]) or len(rate["results"]) > 1:
            yield f"two at once, {rate['stack']}, {rate['given']}"
    for given, rate in data["staying"].items():
        if rate["accepted"] != (0 if is_wrong(given) else rate["of"]):
            yield f"one that stays, {given}"


def is_wrong(given):
    return given.startswith("wrong")


class Figures:
    """What was measured, to be asked."""

    def __init__(self, data):
        self.data = data
        self.rows = {(row["place"], row["stack"], row["given"], row["users"], row["account"]): row
                     for row in data["series"]}

    def row(self, place, stack, given, users=1, account=""):
        return self.rows[place, stack, given, users, account]

    def empty(self, place):
        return self.row(place, EMPTY, NOTHING)

    def added(self, row, metric="whole"):
        """What it takes beyond an empty stack in the same place, by the median."""
        return row[metric]["p50"] - self.empty(row["place"])[metric]["p50"]

    def faster_peer(self, place, given, metric="whole"):
        """Of the peers with one user, what the fastest adds for this; None where none can be given it."""
        added = [self.added(row, metric) for row in self.data["series"]
                 if row["place"] == place and row["given"] == given and row["users"] == 1
                 and row["stack"] in PEERS]
        return min(added, default=None)
