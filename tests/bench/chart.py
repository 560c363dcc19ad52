"""The chart: what each login adds to an empty stack, a dot for the median, a line up to the 99th of a
hundred. Lengths on a logarithmic axis would deceive, so there are no bars."""

import math
from xml.sax.saxutils import escape

from figures import Figures
from series import (GOOGLE, NOSKEWADJ, OATH, RECOVERY, RIGHT, RIGHT_APP, RIGHT_PASSWORD, TWOSTEP, UNIX,
                    WRONG)

WIDTH, LEFT, RIGHT_EDGE, NUMBERS = 760, 250, 660, 744
TOP, ROW, GAP = 74, 20, 16
# The axis in microseconds.
FROM, TO = 10, 1_000_000
TICKS = {10: "10 µs", 100: "100 µs", 1000: "1 ms", 10_000: "10 ms", 100_000: "100 ms", 1_000_000: "1 s"}
STYLE = """\
text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 }
.group { font-weight: 600 }
.quiet { fill: #59636e }
.grid { stroke: #d1d9e0 }
.peer { fill: #818b98; stroke: #818b98 }
.own { fill: #0969da; stroke: #0969da }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .quiet { fill: #9198a1 }
  .grid { stroke: #3d444d }
  .own { fill: #4493f8; stroke: #4493f8 }
}"""


def svg(data):
    figures = Figures(data)
    body, bottom = [], TOP
    for title, rows in groups(figures):
        body.append(f'<text class="group" x="16" y="{bottom + 4}">{escape(title)}</text>')
        for name, row in rows:
            bottom += ROW
            body.append(line(figures, name, row, bottom))
        bottom += ROW + GAP
    height = bottom + 24
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
            f'height="{height}" role="img" aria-label="{escape(spoken(figures))}">\n<style>\n{STYLE}\n</style>')
    return "\n".join([head, *heading(data), *grid(bottom - GAP), *body, footing(data, bottom + 8), "</svg>\n"])


def groups(figures):
    """What is compared, and who can do it."""
    users = figures.data["users"]
    row = figures.row
    yield "A right code", [(stack, row("disk", stack, RIGHT)) for stack in (TWOSTEP, GOOGLE, OATH)]
    yield "A wrong code", [(stack, row("disk", stack, WRONG)) for stack in (TWOSTEP, GOOGLE, NOSKEWADJ, OATH)]
    yield f"A right code, {users[-1]:,} users", [
        (stack, row("disk", stack, RIGHT, users[-1])) for stack in (TWOSTEP, OATH)]
    yield "A recovery code", [(TWOSTEP, row("disk", TWOSTEP, RECOVERY, users[1])),
                              (GOOGLE, row("disk", GOOGLE, RECOVERY))]
    yield "A password that a mail client keeps", [
        (f"{TWOSTEP}, one of 50", row("disk", TWOSTEP, RIGHT_APP, users[1], "50 application passwords")),
        (UNIX, row("disk", UNIX, RIGHT_PASSWORD))]


def line(figures, name, row, y):
    """One dot with its line and its number."""
    added = figures.added(row)
    late = row["whole"]["p99"] - figures.empty("disk")["whole"]["p50"]
    kind = "own" if row["stack"] == TWOSTEP else "peer"
    return (f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(name)}</text>'
            f'<line class="{kind}" x1="{x(added):.1f}" x2="{x(late):.1f}" y1="{y}" y2="{y}" stroke-width="2"/>'
            f'<circle class="{kind}" cx="{x(added):.1f}" cy="{y}" r="5"/>'
            f'<text x="{NUMBERS}" y="{y + 4}" text-anchor="end">{escape(spelled(added))}</text>')


def x(micro):
    part = math.log(min(max(micro, FROM), TO) / FROM) / math.log(TO / FROM)
    return LEFT + part * (RIGHT_EDGE - LEFT)


def spelled(micro):
    return f"{micro / 1000:,.1f} ms" if micro >= 10_000 else f"{micro:,.0f} µs"


def heading(data):
    quick = "QUICK RUN, says nothing about speed. " if data["size"] == "quick" else ""
    return ['<text class="title" x="16" y="24">What a login adds to an empty PAM stack</text>',
            f'<text class="quiet" x="16" y="43">{quick}Dot: the median; line: up to the 99th percentile.</text>']


def footing(data, y):
    told = data["machine"]
    where = f"{told['processor']}, {told['cores']} cores; state on {told['disk']}; {told['date'][:10]}; make bench"
    return f'<text class="quiet" x="16" y="{y}">{escape(where)}</text>'


def grid(bottom):
    lines = [f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{TOP - 8}" y2="{bottom}"/>'
             for tick in TICKS]
    names = [f'<text class="quiet" x="{x(tick):.1f}" y="{TOP - 12}" text-anchor="middle">{name}</text>'
             for tick, name in TICKS.items()]
    return [*lines, *names, f'<text class="quiet" x="{NUMBERS}" y="{TOP - 12}" text-anchor="end">median</text>']


def spoken(figures):
    """What the chart says, for who cannot see it."""
    said = (f"{title}: " + ", ".join(f"{name} {spelled(figures.added(row))}" for name, row in rows)
            for title, rows in groups(figures))
    return "Time that a login adds to an empty PAM stack. " + "; ".join(said)
