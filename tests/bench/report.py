"""What was measured, as a page of tables. It knows nothing but the data."""

from figures import Figures
from series import (EMPTY, FIRST_OF_THE_DAY, OATH, PEERS, RECOVERY, RIGHT, RIGHT_APP, TWOSTEP, WRONG,
                    WRONG_APP)
from targets import targets

INTRODUCTION = """\
# What a login costs

Twostep beside the other modules for one-time codes that Debian has, measured in one run by `make bench`. Every login is a process and a
PAM handle of its own. The kinds of login take turns, each round in another order, so that whatever else the machine does falls on all alike.
Runs differ by 15 to 30 %: nothing finer should be read out of these times. Microseconds, unless it says something else; p50 is the median.
"""
PLACES = {"disk": "State on the disk", "memory": "State in memory (tmpfs)"}
NOT_COMPARABLE = """\
## How, and what is not comparable

- *Whole* is from `pam_start` to `pam_end`, with loading the modules; *inside* is `pam_authenticate` alone. Processor time is that of program and kernel, for the whole login.
- Before each login what the last one changed is put back, off the clock and synced where it lies on a disk. So no code is spent, no throttle has begun to count, and each login finds what a usual day leaves.
- Logins run on one processor; a listener at `/dev/log` that drops what it gets, and the program that keeps the times, run on another, where there is one.
- google-authenticator has `DISALLOW_REUSE` and a `RATE_LIMIT` that is not reached, pam_oath `window=1`. pam_twostep stands as in the services it ships with.
- google-authenticator and pam_oath write what a code spends to their file and sync it. Twostep notes it in memory, in `/run`, and writes to the disk where something must outlive a reboot: the first login of a day or from a new address, a recovery code, the counter of a token. The rows *first of the day* and *recovery code* show that.
- Because google-authenticator keeps one file for each user, how many there are makes no difference: it was measured with one. pam_oath keeps one file for all; the user stands in its middle. Twostep keeps one for each in one folder.
- A wrong code makes google-authenticator look for the clock's skew (`noskewadj` turns that off), and Twostep for the code ten minutes either side.
- A scratch code of google-authenticator has 8 digits and is kept as it is. A recovery code of Twostep has 16 characters and is kept hashed by PBKDF2 with 10,000 rounds.
- The peers have no application passwords; pam_unix with a yescrypt hash, Debian's default, stands beside them. It hashes a password that people choose, they are 120 random bits.
- All accounts of Twostep are real ones, made by `twostep enroll` and `twostep admin import`. The users who are measured stand in `/etc/passwd`; the many others are answered by a name service that computes them.
- Two processes at once: each logs in as a user of its own (pam_oath: with a file of its own). What is put back between two logins is not counted, so these are the logins that two processors could do if nothing else had to be done.
- Instructions are counted by callgrind, of the program and inside `pam_authenticate` only.
"""


def text(data):
    figures = Figures(data)
    parts = [INTRODUCTION, chart(data), machine(data), aims(data)]
    parts += [logins(figures, place) for place in PLACES]
    parts += [growth(figures), accounts(figures), rates(data), weights(figures), modules(data), NOT_COMPARABLE]
    return "\n".join(parts)


def chart(data):
    quick = "**A quick run, of too few logins to say anything about speed.**\n\n" if data["size"] == "quick" else ""
    return f"{quick}![What each login adds to an empty stack](chart.svg)\n"


def table(head, rows, texts=1):
    """A table whose first columns are text, and the others numbers."""
    rule = "|---" * texts + "|---:" * (len(head) - texts) + "|"
    lines = [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join([f"| {' | '.join(head)} |", rule, *lines, ""])


def machine(data):
    told = data["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in told["packages"].items())
    return (f"{told['date']}, Twostep {told['twostep']}; {told['processor']}, {told['cores']} cores, "
            f"{told['memory_gib']} GiB; {told['system']}, Linux {told['kernel']}; state on {told['disk']}. {packages}.\n")


def aims(data):
    rows = [(one.what, one.aim, one.now, "yes" if one.reached else "**no**") for one in targets(data)]
    return "## What it must reach\n\nOn the disk, by the median.\n\n" + table(
        ("what", "aim", "measured", "reached"), rows, texts=4)


def logins(figures, place):
    """One user, and of Twostep's rarer logins the account that they need."""
    shown = [row for row in figures.data["series"] if row["place"] == place and is_plain(row)]
    head = ("login", "as expected", "inside p50", "p99", "over empty", "whole p50", "p99", "over empty",
            "× empty", "× faster peer", "processor p50", "page faults")
    return f"## {PLACES[place]}\n\n" + table(head, [login(figures, row) for row in shown], texts=2)


def is_plain(row):
    is_rare = row["given"] in (RECOVERY, FIRST_OF_THE_DAY)
    is_full = row["given"] in (RIGHT_APP, WRONG_APP) and row["account"].startswith("50")
    return is_rare or is_full or (row["users"] == 1 and not row["account"])


def login(figures, row):
    empty, own = figures.empty(row["place"]), row["stack"] == EMPTY
    peer = figures.faster_peer(row["place"], row["given"])
    added = figures.added(row)
    return (name(row), f"{row['as_expected']} of {row['logins']} {row['expected']}",
            micro(row["inside"]["p50"]), micro(row["inside"]["p99"]),
            "" if own else micro(figures.added(row, "inside")),
            micro(row["whole"]["p50"]), micro(row["whole"]["p99"]), "" if own else micro(added),
            f"{row['whole']['p50'] / empty['whole']['p50']:.1f}",
            f"{added / peer:.2f}" if peer and row["stack"] in (*PEERS, TWOSTEP) else "",
            micro(row["processor"]["p50"]), f"{row['faults']['p50']:,.0f}")


def name(row):
    stack = f"**{TWOSTEP}**" if row["stack"] == TWOSTEP else row["stack"]
    return ", ".join(filter(None, [stack, row["given"], row["account"]]))


def micro(value):
    return f"{value:,.0f}"


def growth(figures):
    users = figures.data["users"]
    lines = [(place, stack, given) for place in PLACES for stack in (OATH, TWOSTEP) for given in (RIGHT, WRONG)]
    rows = [(f"{stack}, {given}, {place}",
             *(micro(figures.row(place, stack, given, count)["whole"]["p50"]) for count in users))
            for place, stack, given in lines]
    head = ("whole login, p50", *(f"{count:,} user" + ("s" if count > 1 else "") for count in users))
    return "## More users\n\n" + table(head, rows)


def accounts(figures):
    """What stands on an account besides what is given."""
    users = figures.data["users"][1]
    rows = [row for row in figures.data["series"] if row["place"] == "disk" and row["stack"] == TWOSTEP
            and row["users"] == users and row["given"] not in (RECOVERY, FIRST_OF_THE_DAY)]
    head = ("on the account", "given", "inside p50", "whole p50", "p99")
    return f"## Larger accounts\n\nTwostep, {users:,} users, on the disk.\n\n" + table(head, texts=2, rows=[
        (row["account"] or "1 authenticator", row["given"], micro(row["inside"]["p50"]),
         micro(row["whole"]["p50"]), micro(row["whole"]["p99"])) for row in rows])


def rates(data):
    at_once = [(f"{rate['stack']}, {rate['given']}", micro(rate["per_second"])) for rate in data["at_once"]]
    staying = [(f"{given}, 50 on the account", f"{rate['accepted']:,} of {rate['of']:,}", micro(rate["per_second"]))
               for given, rate in data["staying"].items()]
    return ("## Logins a second\n\nTwo processes at once, on the disk; a login each time in a fresh process.\n\n"
            + table(("login", "a second"), at_once)
            + "\nOne process that stays, as a mail server's worker does, on one core.\n\n"
            + table(("login", "accepted", "a second"), staying))


def weights(figures):
    rows = [row for row in figures.data["series"] if "system_calls" in row and (row["account"] or is_plain(row))]
    empty = figures.empty("disk")["resident_kib"]
    head = ("login", "system calls", "inside", "instructions inside", "the runs differ by", "resident KiB over empty")
    return "## What else a login costs\n\n" + table(head, [
        (name(row), row["system_calls"], row["system_calls_inside"], *counted(row["instructions_inside"]),
         f"{row['resident_kib'] - empty:,}") for row in rows])


def counted(runs):
    return (f"{min(runs):,}", f"{max(runs) - min(runs):,}") if runs else ("", "")


def modules(data):
    rows = [(f"`{module}`", f"{told['bytes']:,}", ", ".join(told["needed"]),
             ", ".join(f"{other} {size:,}" for other, size in told["brings"].items()))
            for module, told in data["modules"].items()]
    return "## The modules\n\n" + table(
        ("module", "bytes", "libraries", "brings along, bytes"), rows, texts=4)
