"""A program that is stopped, killed or failed at one of its system calls, by strace.

A run without a fault says which calls there are; a test then repeats the run once for each of them.
The calls are counted per thread and name, as strace counts them; in a program that runs already, from
the moment on at which strace comes."""

import re
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass

# The names of calls at the start of a line of `strace -f -o`: "PID  name(".
CALL = re.compile(r"^(\d+) +(?:<\.\.\. )?([a-z_0-9]+)(?:\(| resumed>)")
# A signal at these changes nothing that the next call does not show too.
ENDS = {"exit_group", "exit", "rt_sigreturn", "restart_syscall", "execve"}
# What memory and time take, and threads that wait for each other: not the same in each run of a program that runs on.
UNSTEADY = {"brk", "clock_gettime", "clone3", "futex", "madvise", "mmap", "mprotect", "mremap", "munmap", "rseq", "rt_sigprocmask",
            "sched_yield", "set_robust_list", "sigaltstack"}
# The shim that moves the clocks opens, reads and closes a file at each look at a clock. The loader
# loads it before it looks for anything else.
SHIM, CALLS_OF_THE_SHIM = "/run/twostep-clock/", 3
PRELOADS, LOADS_THE_REST = '"/etc/ld.so.preload"', '"/etc/ld.so.cache"'


@dataclass(frozen=True, order=True)
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
    first, *_ = processes(line, trace_file, **options)
    return first


def processes(line, trace_file, **options):
    """The same for every process, the first one first."""
    subprocess.run(["strace", "-f", "-o", trace_file, *line], check=False, capture_output=True,
                   timeout=60, **options)
    with open(trace_file, encoding="utf-8", errors="replace") as out:
        return list(places(out.read().splitlines()).values())


def places(lines):
    """The calls of each process. Those of the shim are counted, as strace does, and left out."""
    counts, found, of_the_shim = defaultdict(Counter), defaultdict(list), Counter()
    for line in lines:
        match = CALL.match(line)
        if not match or "resumed>" in line:
            continue
        process, name = match.groups()
        counts[process][name] += 1
        if SHIM in line or PRELOADS in line or LOADS_THE_REST in line:
            of_the_shim[process] = CALLS_OF_THE_SHIM if SHIM in line else sys.maxsize * (PRELOADS in line)
        if of_the_shim[process]:
            of_the_shim[process] -= 1
        else:
            found[process].append((Place(name, counts[process][name]), line))
    return found


def after(calls, text):
    """The calls that follow the last one whose line has this text."""
    last = max(index for index, (_, line) in enumerate(calls) if text in line)
    return [place for place, _ in calls[last + 1:] if place.name not in ENDS]


class Attached:
    """A program that runs already, with all its threads, under strace as long as this lasts."""

    # Asked to end, strace may wait for a thread that has just been killed; but it writes down what it knows.
    END = signal.SIGKILL

    def __init__(self, pid, told="/dev/null", *options):
        self.line = ["strace", "-f", "-o", str(told), *options, "-p", str(pid)]

    def __enter__(self):
        self.process = subprocess.Popen(self.line, stderr=subprocess.PIPE, text=True)
        told = self.process.stderr.readline()
        assert " attached" in told, told
        return self

    def __exit__(self, *_):
        """The program goes on by itself, if it still does."""
        self.process.send_signal(self.END)
        self.process.communicate(timeout=30)


class Watched(Attached):
    """The same without a fault, to see what the program does."""

    END = signal.SIGTERM


def calls_of(pid, act, trace_file):
    """The calls of each thread of a program that runs already, while something is done."""
    with Watched(pid, trace_file):
        act()
    return places_in(trace_file)


def places_in(trace_file):
    with open(trace_file, encoding="utf-8", errors="replace") as out:
        return list(places(out.read().splitlines()).values())


def judging(threads):
    """The calls of the thread that locks a ledger, but for those that another thread makes as often: a fault
    would strike that one, too."""
    judge = next(calls for calls in threads if any(place.name == "flock" for place, _ in calls))
    others = {place for calls in threads if calls is not judge for place, _ in calls}
    return [(place, line) for place, line in judge if place not in others]


def with_fault(place, fault, line, told="/dev/null"):
    """The command line under strace with one fault: signal=SIGKILL, signal=SIGSTOP, error=EIO."""
    return ["strace", "-f", "-o", str(told), "-e", place.inject(fault), *line]


def stands(told):
    """Whether strace has told that the program is stopped. Its state alone would not say: under
    strace it stops for an instant at each call."""
    with open(told, encoding="utf-8", errors="replace") as out:
        return "--- stopped by SIGSTOP ---" in out.read()
