"""What Twostep must reach, held against what was measured."""

from dataclasses import dataclass

from figures import Figures
from series import RIGHT, RIGHT_APP, TWOSTEP, WRONG, WRONG_APP

DISK = "disk"
# Microseconds beyond an empty stack.
INSIDE, WHOLE = 100, 150
# Of what the faster peer adds.
OF_A_PEER = ((RIGHT, "inside", 1 / 10), (RIGHT, "whole", 1 / 8), (WRONG, "whole", 1 / 2))
# How much longer a login may take with the most users.
FLAT = 1.2
BYTES, RESIDENT_KIB = 700_000, 3 * 1024
PASSWORDS_A_SECOND = 2000
PARTS = {"inside": "inside `pam_authenticate`", "whole": "the whole login"}
LIBRARIES = ("libpam.so.", "libc.so.", "ld-linux")


@dataclass(frozen=True)
class Target:
    what: str
    aim: str
    now: str
    reached: bool


def targets(data):
    figures = Figures(data)
    return [*times(figures), *beside_peers(figures), *flatness(figures), *weight(figures), *rates(data)]


def times(figures):
    for given, metric, most in ((RIGHT, "inside", INSIDE), (RIGHT, "whole", WHOLE), (WRONG, "whole", WHOLE)):
        added = figures.added(figures.row(DISK, TWOSTEP, given), metric)
        yield Target(f"a {given}, {PARTS[metric]}", f"at most {most} µs over an empty stack",
                     f"{added:,.0f} µs", added <= most)


def beside_peers(figures):
    for given, metric, part in OF_A_PEER:
        own = figures.added(figures.row(DISK, TWOSTEP, given), metric)
        peer = figures.faster_peer(DISK, given, metric)
        yield Target(f"a {given}, {PARTS[metric]}", f"at most 1/{1 / part:.0f} of what the faster peer adds",
                     f"{own:,.0f} of {peer:,.0f} µs", own <= peer * part)


def flatness(figures):
    many = figures.data["users"][-1]
    for given in (RIGHT, WRONG):
        one, all_of_them = (figures.row(DISK, TWOSTEP, given, users)["whole"]["p50"] for users in (1, many))
        yield Target(f"a {given} with {many:,} users", f"at most {FLAT} times that with one",
                     f"{all_of_them / one:.2f} times", all_of_them <= FLAT * one)


def weight(figures):
    module = figures.data["modules"]["pam_twostep.so"]
    yield Target("the module", f"at most {BYTES // 1000} kB", f"{module['bytes'] / 1000:,.0f} kB",
                 module["bytes"] <= BYTES)
    foreign = [name for name in module["needed"] if not name.startswith(LIBRARIES)]
    yield Target("libraries that it loads", "libc and libpam", ", ".join(["libc, libpam", *foreign]), not foreign)
    row, empty = figures.row(DISK, TWOSTEP, RIGHT), figures.empty(DISK)
    more = row["resident_kib"] - empty["resident_kib"]
    yield Target("resident memory", "at most 3 MiB over an empty stack", f"{more / 1024:.1f} MiB",
                 more <= RESIDENT_KIB)


def rates(data):
    for given in (RIGHT_APP, WRONG_APP):
        rate = data["staying"][given]["per_second"]
        yield Target(f"a {given}, 50 on the account, one process on one core",
                     f"at least {PASSWORDS_A_SECOND:,} a second", f"{rate:,.0f} a second",
                     rate >= PASSWORDS_A_SECOND)
