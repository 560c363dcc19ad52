"""Figures of what was measured."""

import math

from series import DISK, EMPTY, FLOOR, NOTHING, PEERS, RIGHT, SUCCESS, TWOSTEP


def summary(series):
    """One series as it is kept."""
    as_expected = sum((told.result == SUCCESS) == series.is_accepted for told in series.told)
    times = sorted(told.micro for told in series.told)
    return {"stack": series.kind.stack, "given": series.kind.given, "where": series.kind.where,
            "logins": len(times), "as_expected": as_expected, "p50": quantile(times, 0.5), "p90": quantile(times, 0.9)}


def quantile(ordered, part):
    """By the nearest rank."""
    return ordered[max(math.ceil(part * len(ordered)) - 1, 0)]


def unexpected(data):
    """What was accepted or refused against expectation: then a row measures something else than it says."""
    for row in (*data["series"], *data["busy"]):
        if row["as_expected"] != row["logins"]:
            yield f"{row['stack']}, {row['given']}, {row['where']}"
    for judge, accepted in data["races"].items():
        if set(accepted) != {1}:
            yield f"one code in {data['at_once']} processes, {judge}: {accepted}"
    if data["resident"]["accepted"] != data["resident"]["users"]:
        yield f"{data['resident']['users']} users, of whom {data['resident']['accepted']} got in"


class Figures:
    """What was measured, to be asked. Microseconds beyond an empty stack, by the median."""

    def __init__(self, data):
        self.data = data
        self.rows = {(row["stack"], row["given"], row["where"]): row for row in data["series"]}
        self.empty = self.rows[EMPTY, NOTHING, DISK]["p50"]

    def added(self, stack, given, where=DISK):
        return self.rows[stack, given, where]["p50"] - self.empty

    def own(self, given, where=DISK):
        return self.added(TWOSTEP, given, where)

    def faster_peer(self, where):
        return min(self.added(peer, RIGHT, where) for peer in PEERS)

    def floor(self):
        return self.added(FLOOR, RIGHT)

    def busy(self):
        """The 90th percentile, beyond the median of an empty stack on the same busy host."""
        rows = {row["stack"]: row for row in self.data["busy"]}
        return rows[TWOSTEP]["p90"] - rows[EMPTY]["p50"]
