"""A program that is stopped, killed or failed at one of its system calls, by strace.

A run without a fault says which calls there are; a test then repeats the run once for each of them.
The calls are counted per name, as strace counts them."""

import re
import subprocess
from collections import Counter
from dataclasses import dataclass

# The names of calls at the start of a line of `strace -f -o`: "PID  name(".
CALL = re.compile(r"^(\d+) +(?:<\.\.\. )?([a-z_0-9]+)(?:\(| resumed>)")
# A signal at these changes nothing that the next call does not show too.
ENDS = {"exit_group", "exit", "rt_sigreturn", "restart_syscall", "execve"}


@dataclass(frozen=True)
class Place:
    """The n-th call of this name that a process makes."""

    name: str
    number: int

    def inject(self, fault):
        return f"inject={self.name}:{fault}:when={self.number}"

    def __str__(self):
        return f"{self.name}#{self.number}"


def trace(line, trace_file, **options):
    """Runs the command line to its end; every call of its first process, in order, as (Place, the
    line that strace wrote)."""
    subprocess.run(["strace", "-f", "-o", trace_file, *line], check=False, capture_output=True,
                   timeout=60, **options)
    with open(trace_file, encoding="utf-8", errors="replace") as out:
        return places(out.read().splitlines())


def places(lines):
    counts, found, first = Counter(), [], None
    for line in lines:
        match = CALL.match(line)
        if not match or "resumed>" in line:
            continue
        first = first or match.group(1)
        if match.group(1) != first:
            continue
        counts[match.group(2)] += 1
        found.append((Place(match.group(2), counts[match.group(2)]), line))
    return found


def after(calls, text):
    """The calls that follow the last one whose line has this text."""
    last = max(index for index, (_, line) in enumerate(calls) if text in line)
    return [place for place, _ in calls[last + 1:] if place.name not in ENDS]


def with_fault(place, fault, line, told="/dev/null"):
    """The command line under strace with one fault: signal=SIGKILL, signal=SIGSTOP, error=EIO."""
    return ["strace", "-f", "-o", str(told), "-e", place.inject(fault), *line]


def stands(told):
    """Whether strace has told that the program is stopped. Its state alone would not say: under
    strace it stops for an instant at each call."""
    with open(told, encoding="utf-8", errors="replace") as out:
        return "--- stopped by SIGSTOP ---" in out.read()
