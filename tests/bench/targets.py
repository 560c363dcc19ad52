"""What Twostep must reach, held against what was measured."""

from dataclasses import dataclass

from figures import Figures
from series import DISK, MANY, MEMORY, ONCE, RECOVERY, RIGHT, WRONG

LIBRARIES = ("libpam.so.", "libc.so.", "ld-linux")
JUDGES = {"service": "the service", "once": "no service", "mixed": "half of them without the service"}


@dataclass(frozen=True)
class Target:
    what: str
    aim: str
    measured: str
    reached: bool


def targets(data):
    figures = Figures(data)
    return [*codes(figures), *others(figures), *weight(figures), *at_once(data)]


def codes(figures):
    floor = figures.floor()
    right, in_memory, wrong = figures.own(RIGHT), figures.own(RIGHT, MEMORY), figures.own(WRONG)
    yield ratio("right code, state on disk", right, figures.faster_peer(DISK), 0.35, "of the faster peer")
    yield ratio("right code, state in memory", in_memory, figures.faster_peer(MEMORY), 1.2, "of the faster peer")
    yield ratio("right code, the slower of both", max(right, in_memory), floor, 1.6, "× floor")
    yield ratio("wrong code", wrong, floor, 1.7, "× floor")
    yield ratio(f"right code, {figures.data['users']:,} accounts on the disk", figures.own(RIGHT, MANY), right, 1.2,
                "× one account")


def ratio(what, own, other, most, unit):
    return Target(what, f"≤ {most} {unit}", f"{own / other:.2f} ({own:,.0f} of {other:,.0f} µs)", own <= most * other)


def others(figures):
    data = figures.data
    rate = data["staying"]
    yield Target(f"application password, {rate['passwords']} on the account, one process that stays", "≥ 4,000 a second",
                 f"{rate['per_second']:,.0f} a second", rate["per_second"] >= 4000)
    sha = "with" if data["machine"]["sha"] else "without"
    yield duration(f"recovery code (processor {sha} SHA instructions)", figures.own(RECOVERY), 3)
    yield duration("right code without a service, by executing its program", figures.own(RIGHT, ONCE), 2)
    yield duration("right code on a busy host, 90th percentile", figures.busy(), 10)


def duration(what, micro, most):
    return Target(what, f"≤ {most} ms", f"{micro / 1000:.1f} ms", micro <= most * 1000)


def weight(figures):
    data = figures.data
    module, resident = data["module"], data["resident"]
    yield Target("the module, stripped", "≤ 400 kB", f"{module['bytes'] / 1000:,.0f} kB", module["bytes"] <= 400_000)
    foreign = [name for name in module["needed"] if not name.startswith(LIBRARIES)]
    yield Target("libraries that it loads", "libc, libpam", ", ".join(["libc, libpam", *foreign]), not foreign)
    yield Target(f"memory of the service after logins of {resident['users']:,} users", "≤ 8 MB",
                 f"{resident['after'] / 1e6:.1f} MB", resident["after"] <= 8_000_000)


def at_once(data):
    for judge, accepted in data["races"].items():
        yield Target(f"one code in {data['at_once']} processes, {JUDGES[judge]}", "one gets in",
                     f"one in {accepted.count(1)} of {len(accepted)} rounds", set(accepted) == {1})
