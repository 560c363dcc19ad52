"""What was measured, as a page. It knows nothing but the data."""

from figures import Figures
from series import DISK, FLOOR, GOOGLE, MEMORY, OATH, RIGHT, TWOSTEP, WRONG
from targets import targets

INTRODUCTION = """\
# What a login costs

Twostep beside the other modules for one-time codes that Debian has, measured in one run by `make bench`. All times are whole logins, from `pam_start` to `pam_end`
with the loading of the modules, **less an empty stack**, by the median.
"""
HOW = """\
## How it is measured

- Each login has its own process and PAM handle. The kinds of login take turns, each round in another order, so that other work of the machine affects all of them. Runs differ by 15 to 30 %.
- After each login, what it changed is restored, and synced where it is on a disk. This time is not counted. So no code was used before and no failure is counted.
- *Floor* is a program at the service's socket that answers with a constant. The difference to it is what Twostep does itself.
- google-authenticator has `DISALLOW_REUSE` and a `RATE_LIMIT` that is not reached, pam_oath `window=1`. Both write what a code spends to their file and sync it. Twostep notes it in memory, in `/run`, and writes to the disk what must outlive a reboot: the first login of a day or from a new address, a recovery code, the counter of a token.
- A wrong code makes google-authenticator look for the clock's skew, and Twostep for the code ten minutes either side. A recovery code is kept hashed by PBKDF2 with 10,000 rounds.
- On the busy host two busy loops run for each processor. Its figure is the 90th percentile, less the median of an empty stack on the same host.
- All accounts are real, made by `twostep enroll` and `twostep admin import`. The measured users are in `/etc/passwd`; a name service module computes the many others.
- Log lines go to a listener that drops them.
"""


def text(data):
    quick = "**A quick run, of too few logins to say anything about speed.**\n" if data["size"] == "quick" else ""
    return "\n".join(filter(None, [INTRODUCTION, quick, machine(data), logins(data), aims(data), HOW]))


def machine(data):
    told = data["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in told["packages"].items())
    nice = f", with a nice value of {told['nice']}" if told["nice"] else ""
    return (f"{told['processors']} processors ({told['processor']}), {told['memory_gib']} GiB; {told['system']}, "
            f"Linux {told['kernel']}; state on {told['disk']}. Load average at the start: {told['load']}{nice}. {packages}.\n")


def table(head, rows, texts):
    """A table whose first columns are text, and the others numbers."""
    rule = "|---" * texts + "|---:" * (len(head) - texts) + "|"
    lines = [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join([f"| {' | '.join(head)} |", rule, *lines, ""])


def logins(data):
    figures = Figures(data)
    columns = ((RIGHT, DISK), (RIGHT, MEMORY), (WRONG, DISK), (WRONG, MEMORY))
    rows = [(stack, *(f"{figures.added(stack, *column):,.0f}" for column in columns))
            for stack in (TWOSTEP, GOOGLE, OATH)]
    rows.append((FLOOR, f"{figures.added(FLOOR, RIGHT):,.0f}", "", "", ""))
    head = ("µs", *(f"{given}, state {'on disk' if where == DISK else 'in memory'}" for given, where in columns))
    return f"{table(head, rows, texts=1)}\nThe empty stack: {figures.empty:,.0f} µs.\n"


def aims(data):
    rows = [(one.what, one.aim, one.measured, "yes" if one.reached else "**no**") for one in targets(data)]
    return "## What it must reach\n\n" + table(("what", "aim", "measured", "reached"), rows, texts=4)
