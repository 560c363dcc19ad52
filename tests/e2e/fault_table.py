"""The table of all injections and what came of them, printed when the tests are over."""

from itertools import groupby

ROWS = []


def add(rows):
    ROWS.extend(rows)


def lines():
    """One line for each scenario, call and outcome: which faults, and at which of the calls."""
    for scenario, rows in groupby(ROWS, key=lambda row: row.scenario):
        rows = list(rows)
        wrong = sum(bool(row.wrong) for row in rows)
        yield f"{scenario}: {len(rows)} injections, {wrong} wrong"
        for name in sorted({row.place.name for row in rows}):
            yield from lines_of_call(name, [row for row in rows if row.place.name == name])


def lines_of_call(name, rows):
    told = {}
    for row in rows:
        said = "; ".join([row.outcome] + [f"WRONG: {wrong}" for wrong in row.wrong])
        told.setdefault((row.fault, said), []).append(row.place.number)
    same = {}
    for (fault, said), numbers in told.items():
        same.setdefault((ranges(numbers), said), []).append(fault)
    for (numbers, said), struck in same.items():
        yield f"  {name:<16} {numbers:<24} {', '.join(struck)}: {said}"


def ranges(numbers):
    """1-4,7 for 1, 2, 3, 4 and 7."""
    numbers, told = sorted(numbers), []
    for number in numbers:
        if told and told[-1][1] == number - 1:
            told[-1][1] = number
        else:
            told.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in told)
