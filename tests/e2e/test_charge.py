"""Whoever ends or stops a process that judges a code has paid for the guess, and a code that paid for a
change pays for nothing else."""

import json
import os
import random
import re
import signal
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest

import configuration
import enrollment
import judges
import service
import syscalls
from attempts import BUILT, log_in, words
from fault_scenarios import as_person
from kept import Kept

GUESSES = 5         # after as many failures a source waits
AT_ONCE, ROUNDS = 16, 12
STRANGER = "198.51.100.7"
# A ledger is written in pieces of more bytes than what its holder says of itself.
PIECE = 200
# So long a service stands still, which has the lock or has not (s).
STOPPED = 4


def is_write_of_a_ledger(place, line):
    written = re.search(r", (\d+), \d+(?:\)| <unfinished)", line)
    return place.name == "pwrite64" and written and int(written.group(1)) > PIECE


@pytest.fixture
def hard_throttle(default_configuration):
    """One failure, and its source waits."""
    configuration.write(throttle={"failures": 1, "wait": "1h", "max_wait": "1h"})
    log_in("root")


def assert_the_charge_comes_first(calls, is_paid, places):
    """Whether a guess is paid for changes once, and the ledger is written once more behind that: what was
    judged is recorded later than what it costs."""
    paid = [is_paid(place) for place in places]
    assert paid == sorted(paid) and False in paid and True in paid, paid
    first = places[paid.index(True)]
    later = calls[[place for place, _ in calls].index(first):]
    assert any(is_write_of_a_ledger(*call) for call in later), (first, later)


def behind_the_lock(calls):
    """From the call on that locks a ledger."""
    first = next(index for index, (place, _) in enumerate(calls) if place.name == "flock")
    return [place for place, _ in calls[first:] if place.name not in syscalls.ENDS | syscalls.UNSTEADY]


def answered(somebody, code):
    """The request of a root process in which the person has answered."""
    return service.login(somebody, "cs-code", code, rhost=STRANGER)


def is_answer_sent(calls, place):
    """Whether the answer is on its way before this call."""
    places = [each for each, _ in calls]
    sent = max(index for index, each in enumerate(places) if each.name in ("write", "sendto", "sendmsg"))
    return places.index(place) > sent


def request(person):
    """The command line of a request, as a program of the person's own sends it."""
    return as_person(person, "/usr/bin/python3", "-B", str(service.CALL), str(service.USER))


def send(person, text):
    return subprocess.run(request(person), input=json.dumps(text), capture_output=True, text=True, timeout=60,
                          cwd="/", check=False)


def calls_of_the_service(act, trace_file):
    """The calls of the thread of the service that judges meanwhile."""
    judges.renew()
    return syscalls.judging(syscalls.calls_of(service.process().pid, act, trace_file))


def killed_at(place, act):
    """The service is ended at this call while something is done, and started as by an init system."""
    judges.renew()
    before = service.process().pid
    with syscalls.Attached(before, "/dev/null", "-e", place.inject("signal=SIGKILL")):
        act()
    judges.ensure()
    return service.process().pid != before


def test_given_a_wrong_code_whose_judge_is_killed_at_any_call_then_it_is_paid_for_before_it_is_judged(
        enrolled, clock, tmp_path, hard_throttle):
    """Of a root process without the service."""
    clock.advance(90)
    kept = Kept(enrolled.person)
    calls = judges.calls_of_once(answered(enrolled, enrolled.phone.wrong()), tmp_path / "trace")

    def is_paid(place):
        kept.put_back()
        asked = answered(enrolled, enrolled.phone.wrong())
        assert judges.once(asked, syscalls.with_fault(place, "signal=SIGKILL", [])) is None or is_answer_sent(calls, place)
        return not log_in(enrolled, enrolled.phone.code(), rhost=STRANGER).accepted
    assert_the_charge_comes_first(calls, is_paid, behind_the_lock(calls))


def test_given_a_wrong_code_whose_service_is_killed_at_any_call_then_it_is_paid_for_before_it_is_judged(
        enrolled, clock, tmp_path, hard_throttle):
    """Of a process of the user's own."""
    clock.advance(90)
    kept = Kept(enrolled.person)

    def give(code):
        return send(enrolled.person, service.login(enrolled.person, "cs-code", code)).stdout

    calls = calls_of_the_service(lambda: give(enrolled.phone.wrong()), tmp_path / "trace")

    def is_paid(place):
        kept.put_back()
        assert killed_at(place, lambda: give(enrolled.phone.wrong())), place
        return "accepted" not in give(enrolled.phone.code())
    assert_the_charge_comes_first(calls, is_paid, behind_the_lock(calls))


def test_given_wrong_codes_whose_verdict_cannot_be_recorded_then_their_source_waits(
        enrolled, journal, clock, tmp_path):
    """The last write to the ledger fails: nobody gets in, and the guess is paid for."""
    clock.advance(30)
    kept = Kept(enrolled.person)
    calls = judges.calls_of_once(answered(enrolled, enrolled.phone.wrong()), tmp_path / "trace")
    kept.put_back()
    _, full = [place for place, line in calls if is_write_of_a_ledger(place, line)]
    for number in range(GUESSES):
        told = judges.once(answered(enrolled, enrolled.phone.wrong(number)), syscalls.with_fault(full, "error=ENOSPC", []))
        assert told["done"]["outcome"] == "failed"
        journal.find("error", f"user={enrolled.name}", "ENOSPC")
    assert not log_in(enrolled, enrolled.phone.code(), rhost=STRANGER).accepted
    journal.find("refused", f"user={enrolled.name}", "reason=source-waits")


@pytest.fixture
def two_devices(enrolled, clock):
    enrollment.enroll(enrolled.person, clock, "--label", "tablet", proof=enrolled.phone.fresh())
    clock.advance(90)
    return enrolled


def removal(somebody):
    """A change that the code of now pays for."""
    return {"remove": {"label": "tablet", "proof": somebody.phone.code()}}


def is_removed(somebody):
    return [one["label"] for one in enrollment.status(somebody.person)["authenticators"]] == ["phone"]


def test_given_a_service_killed_at_any_call_then_the_code_of_a_change_that_shows_opens_nothing(two_devices, tmp_path):
    kept, person = Kept(two_devices.person), two_devices.person
    calls = calls_of_the_service(lambda: send(person, removal(two_devices)), tmp_path / "trace")
    places, ended, shown = behind_the_lock(calls), 0, 0
    assert len(places) > 20
    for place in places:
        kept.put_back()
        code = two_devices.phone.code()
        ended += killed_at(place, lambda: send(person, removal(two_devices)))
        if is_removed(two_devices):
            shown += 1
            assert not log_in(two_devices, code).accepted, place
    assert 0 < shown < len(places)
    assert ended > 0.8 * len(places)


def test_given_a_service_stopped_at_any_call_then_its_code_pays_for_the_change_or_for_a_login_and_never_for_both(
        two_devices, tmp_path):
    """Root's programs do without it meanwhile, and then it goes on."""
    kept, person = Kept(two_devices.person), two_devices.person
    calls = calls_of_the_service(lambda: send(person, removal(two_devices)), tmp_path / "trace")
    changed = []
    for place in behind_the_lock(calls)[::4]:
        kept.put_back()
        code = two_devices.phone.code()
        asking, login = removal_stopped_at(place, two_devices, tmp_path / f"stopped-{place}"), None
        with asking:
            login = subprocess.Popen(words(two_devices, code, rhost=STRANGER), stdout=subprocess.PIPE, cwd="/")
            has_ended_within(login, STOPPED)
        entered = b"auth\t0" in login.communicate(timeout=60)[0]
        judges.ensure()
        changed.append(is_removed(two_devices))
        assert entered + changed[-1] <= 1, place
        assert not (changed[-1] and log_in(two_devices, code, rhost="192.0.2.9").accepted), place
    assert True in changed


@contextmanager
def removal_stopped_at(place, somebody, told):
    """The service stands still in the middle of it, and goes on at the end."""
    asking = None
    try:
        with syscalls.Attached(service.process().pid, told, "-e", place.inject("signal=SIGSTOP")):
            asking = subprocess.Popen(request(somebody.person), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True, cwd="/")
            asking.stdin.write(json.dumps(removal(somebody)))
            asking.stdin.close()
            service.wait_for(lambda: syscalls.stands(told) or asking.poll() is not None)
            yield
    finally:
        # Without strace: another thread may come to the same call.
        os.kill(service.process().pid, signal.SIGCONT)
        if asking:
            asking.wait(timeout=60)


def has_ended_within(process, seconds):
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


class Tormentor(threading.Thread):
    """Stops, wakes and kills racing processes and their judges at random, and may take their ledgers away."""

    def __init__(self, race, chances, wipes):
        super().__init__()
        self.race, self.chances, self.wipes = race, chances, wipes
        self.struck = set()

    def run(self):
        stopped = []
        while self.race.poll() is None:
            pids = [*self.runners(), *self.judges(), *self.resident()]
            if pids:
                self.strike(self.chances.choice(pids), stopped)
            if self.wipes and self.chances.random() < 0.02:
                subprocess.run(["rm", "-rf", "/run/twostep"], check=False, capture_output=True)     # others may be writing
            time.sleep(self.chances.random() / 500)
            if len(stopped) > 3 or self.chances.random() < 0.2:
                self.wake(stopped)
        self.wake(stopped)

    def runners(self):
        return children_of(self.race.pid)

    def judges(self):
        """Those whose logins are there still, and the processes between."""
        between = [pid for runner in self.runners() for pid in children_of(runner)]
        return between + [pid for each in between for pid in children_of(each)]

    def resident(self):
        process = service.process()
        return [process.pid] if process.poll() is None else []

    def strike(self, pid, stopped):
        what = self.chances.choice([signal.SIGSTOP] * 4 + [signal.SIGKILL])
        if what == signal.SIGSTOP:
            stopped.append(pid)
        self.struck.add(pid)
        self.send(pid, what)

    def wake(self, stopped):
        while stopped:
            self.send(stopped.pop(), signal.SIGCONT)

    @staticmethod
    def send(pid, what):
        try:
            os.kill(pid, what)
        except ProcessLookupError:
            pass


def children_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as pids:
            return [int(pid) for pid in pids.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


@pytest.mark.parametrize("wipes", [False, True], ids=["signals", "signals and a wiped /run"])
def test_given_one_code_in_sixteen_logins_that_are_stopped_and_killed_then_at_most_one_gets_in(
        enroll_another, clock, wipes):
    """Some are judged by the service, until it ends or its socket is gone, and the others without it."""
    configuration.write(throttle={"failures": 100, "wait": "1s", "max_wait": "1s"})
    log_in("root")
    accepted = []
    for number in range(ROUNDS):
        somebody = enroll_another()
        code = somebody.phone.fresh()
        line = [str(BUILT / "race"), "-g", "-s", "cs-code"]
        for runner in range(AT_ONCE):
            line += [somebody.name, f"192.0.2.{runner + 1}", code]
        race = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, cwd="/")
        assert race.stdout.readline() == "gate\n"
        tormentor = Tormentor(race, random.Random(number), wipes)
        tormentor.start()
        out, _ = race.communicate(timeout=120)
        tormentor.join()
        service.restart()
        accepted.append(out.split().count("0"))
        # Whoever was killed may have spent the code and not said so, and may not have.
        accepted[-1] += log_in(somebody, code, rhost="203.0.113.7").accepted
        assert not log_in(somebody, code, rhost="203.0.113.7").accepted
        clock.advance(150)
        assert log_in(somebody, somebody.phone.code(), rhost="203.0.113.7").accepted
    assert max(accepted) == 1
