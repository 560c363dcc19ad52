"""Every system call of a scenario, failed and killed in turn, and what came of it.

One run without a fault says which calls there are. Each fault at each call is then one more run
from the same kept moment, judged by what must always hold; see Scenario. Who must wait until the
codes that may be spent are over is asked once more when the clock has moved, all together.

The faults strike the processes of the scenario itself, `twostepd --once` among them, by as many at once
as there are scenarios; or they strike the resident service, of which there is one."""

import os
import queue
import re
import subprocess
import tempfile
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import judges
import service
import syscalls
from syscalls import Place

# What the kernel may answer.
ERRORS = ("EIO", "EACCES", "ENOSPC", "EROFS", "EMFILE", "ENOMEM", "EINTR")
FAULTS = {error: f"error={error}" for error in ERRORS}
FAULTS |= {"EIO from there on": "error=EIO", "killed": "signal=SIGKILL"}
ENDED = "the service ended"
LASTING, KILLED = "EIO from there on", "killed"
# These never fail. A clock is read without a call, where no shim moves it; and what close failed to do,
# it has done all the same, which strace cannot have. A thread whose waking failed would sleep for ever: the kernel
# refuses that for an address that is none alone.
NEVER_FAIL = {"clock_gettime", "close", "futex", "getegid", "geteuid", "getgid", "getpid", "gettid", "getuid", "umask"}
# What may change something that outlives a process: killed before and after each of these. A disk that
# breaks fails all of them from then on.
CHANGES = {"chmod", "connect", "fchmod", "fchown", "fdatasync", "flock", "fsync", "ftruncate", "futimens", "linkat",
           "mkdirat", "pwrite64", "rename", "renameat", "renameat2", "sendto", "symlinkat", "syncfs", "unlinkat",
           "utimensat", "write"}
# What a preloaded library does to the n-th of these, tests/programs/scarce.c; and how many of them are
# struck where not all are.
SCARCE = Path("/usr/lib/libtwostep-scarce.so")
TRANSFER, ALLOCATION = "read or write", "allocation"
SCARCITIES = {TRANSFER: ("half of it", "SCARCE_TRANSFER", "transfers"),
              ALLOCATION: ("no memory", "SCARCE_ALLOCATION", "allocations")}
SOME = 24

WORKERS = os.cpu_count() or 1
# Seconds in which the next login must end.
NEXT_LOGIN = 5
# Until no code of now can be what a ledger that broke has forgotten.
WINDOW = 120


@dataclass
class Row:
    """One run with one fault."""

    scenario: str
    place: Place
    fault: str
    outcome: str
    wrong: list = field(default_factory=list)

    def __str__(self):
        return f"{self.scenario}, {self.place} {self.fault}: {self.outcome}; {', '.join(self.wrong)}"


def all_rows(scenarios, clock, trace_file, every):
    """All injections into the processes of a scenario, by as many at once as there are of it."""
    pairs = list(injections(calls(scenarios[0], trace_file), every, faults_of))
    if scenarios[0].SCARCE:
        pairs += scarcities(scenarios[0], every)
    return Run(scenarios, clock).rows(pairs)


def all_rows_of_the_service(scenario, clock, trace_file, every):
    """All injections into the service while the scenario runs."""
    scenario.begin()
    judges.renew()
    struck = syscalls.calls_of(service.process().pid, scenario.run, trace_file)
    struck = dict.fromkeys(place for calls in struck for place, _ in calls)
    places = [place for place in struck if place.name not in syscalls.ENDS]
    return ServiceRun([scenario], clock).rows(injections(places, every, faults_of if every else one_fault_of))


def calls(scenario, trace_file):
    """Every place at which a fault may strike, in order: the calls of the first process between the
    scenario's marker and end, and those of every process that it starts."""
    scenario.begin()
    first, *others = syscalls.processes(scenario.line(), trace_file, text=True, input=scenario.input(), cwd="/")
    start = max(index for index, (_, line) in enumerate(first) if scenario.MARKER in line)
    ends = [index for index, (_, line) in enumerate(first) if scenario.END and index > start and scenario.END in line]
    own = [place for place, _ in first[start:min(ends, default=None)]]
    # A call is struck by its number in each process: what another process has strikes the first one elsewhere.
    type(scenario).OUTSIDE = {place for place, _ in first}.difference(own)
    struck = own + [place for other in others for place, _ in other]
    return list(dict.fromkeys(place for place in struck if place.name not in syscalls.ENDS))


def injections(places, every, faults_of_call):
    """Pairs of place and fault: all of them; or each of those faults once for each name of a call, always at
    the same one, and a kill before and after each call that changes something."""
    changes = {place for before, place, after in zip(places, places[1:], places[2:])
               if {before.name, place.name, after.name} & CHANGES}
    for name in sorted({place.name for place in places}):
        same = [place for place in places if place.name == name]
        for fault in dict.fromkeys((*faults_of_call(name), KILLED)):
            one = same[zlib.crc32(f"{name} {fault}".encode()) % len(same)]
            for place in same:
                if every or place == one or (fault == KILLED and place in changes):
                    yield place, fault


def faults_of(name):
    if name in NEVER_FAIL:
        return [KILLED]
    return [fault for fault in FAULTS if fault != LASTING or name in CHANGES]


def one_fault_of(name):
    """One that is always the same for calls of this name."""
    return faults_of(name)[zlib.crc32(name.encode()) % len(faults_of(name)):][:1]


def scarcities(scenario, every):
    """The same for reads and writes that move half of what they should, and for memory that is not there."""
    scenario.begin()
    with tempfile.NamedTemporaryFile("r") as told:
        os.chmod(told.name, 0o666)
        subprocess.run([*preloaded(f"SCARCE_TOLD={told.name}"), *scenario.line()], cwd="/", input=scenario.input(),
                       capture_output=True, text=True, timeout=60, check=False)
        counts = told.read()
    for name, (fault, _, counted) in SCARCITIES.items():
        most = max(int(number) for number in re.findall(rf"^{counted} (\d+)$", counts, re.MULTILINE))
        for number in range(1, most + 1, 1 if every else most // SOME + 1):
            yield Place(name, number), fault


def preloaded(assignment):
    return ["env", f"LD_PRELOAD={SCARCE.name}", assignment]


def prefix(place, fault):
    """What goes before the command line, so that the fault strikes there."""
    if place.name in SCARCITIES:
        return preloaded(f"{SCARCITIES[place.name][1]}={place.number}")
    # The kernel tells strace of this call alone. But then strace sends no signal.
    quick = [] if fault == KILLED else ["--seccomp-bpf", "-e", f"trace={place.name}"]
    return ["strace", "-f", *quick, "-o", "/dev/null", *injected(place, fault)]


def injected(place, fault):
    return ["-e", place.inject(FAULTS[fault]) + ("+" if fault == LASTING else "")]


def build_the_preloaded():
    source = Path(__file__).parent.parent / "programs" / "scarce.c"
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", SCARCE, source], check=True)


class Run:
    """Many injections, each by the first scenario that is free."""

    def __init__(self, scenarios, clock):
        self.free = queue.SimpleQueue()
        for scenario in scenarios:
            self.free.put(scenario)
        self.workers, self.clock, self.late = len(scenarios), clock, []

    def rows(self, pairs):
        with ThreadPoolExecutor(self.workers) as pool:
            rows = list(pool.map(lambda pair: self.one(*pair), pairs))
        self.ask_the_late()
        return rows

    def one(self, place, fault):
        scenario = self.free.get()
        try:
            return self.one_by(scenario, place, fault)
        finally:
            self.free.put(scenario)

    def one_by(self, scenario, place, fault):
        row = Row(scenario.NAME, place, fault, "no end")
        scenario.begin()
        note = ""
        try:
            row.outcome, note = self.strike(scenario, place, fault)
        except subprocess.TimeoutExpired:
            row.wrong.append("it did not end")
        row.wrong += scenario.judge(row.outcome)
        row.outcome += note
        if not self.enters(scenario, row):
            self.late.append((scenario, scenario.later(), row))
        return row

    @staticmethod
    def strike(scenario, place, fault):
        """What came of it, and what the table says beside."""
        return scenario.run(prefix(place, fault)), ""

    @staticmethod
    def enters(scenario, row):
        begun = time.monotonic()
        entered = scenario.next_login()
        if time.monotonic() - begun > NEXT_LOGIN:
            row.wrong.append("the next login took too long")
        return entered

    def ask_the_late(self):
        """Those whose next code was refused since their ledger forgot what was used."""
        if self.late:
            self.clock.advance(WINDOW)
        for scenario, go_on, row in self.late:
            go_on()
            row.outcome += ", the next code refused"
            if not self.enters(scenario, row):
                row.wrong.append("nor does a later code log in")


class ServiceRun(Run):
    """The same with faults that strike the service. One that has ended is started, as by an init system."""

    @staticmethod
    def strike(scenario, place, fault):
        judges.renew()
        before = service.process().pid
        try:
            with syscalls.Attached(before, "/dev/null", *injected(place, fault)):
                outcome = scenario.run()
        finally:
            judges.ensure()
        return outcome, "" if service.process().pid == before else f", {ENDED}"
