"""Whoever ends a process that judges a code has paid for the guess, and a code that paid for a
change pays for nothing else."""

import json
import os
import random
import signal
import subprocess
import threading
import time

import pytest

import configuration
import enrollment
import syscalls
from attempts import BUILT, log_in, words
from fault_changes import HELPER
from fault_scenarios import as_person
from kept import Kept

GUESSES = 5         # after as many failures a source waits
AT_ONCE, ROUNDS = 16, 12
STRANGER = "198.51.100.7"
# The first write to a ledger counts the taking of its lock; the second is the charge.
CHARGE = 2


def killed(place, line, **options):
    return subprocess.run(syscalls.with_fault(place, "signal=SIGKILL", line), capture_output=True, text=True,
                          timeout=60, cwd="/", check=False, **options)


def after_the_charge(calls):
    """The first call behind the charge: a process that ends there has learned nothing yet."""
    writes = [index for index, (place, _) in enumerate(calls) if place.name == "pwrite64"]
    return calls[writes[CHARGE - 1] + 1][0]


def test_given_wrong_codes_whose_login_is_killed_once_they_are_charged_then_their_source_waits(
        enrolled, journal, clock, tmp_path):
    clock.advance(30)       # the code of now is a fresh one
    line = words(enrolled, enrolled.phone.wrong(), rhost=STRANGER)
    place = after_the_charge(syscalls.trace(line, tmp_path / "trace"))
    for number in range(1, GUESSES):
        killed(place, words(enrolled, enrolled.phone.wrong(number), rhost=STRANGER))
    assert not log_in(enrolled, enrolled.phone.code(), rhost=STRANGER).accepted
    journal.find("refused", f"user={enrolled.name}", "reason=source-waits")


def test_given_wrong_codes_whose_verdict_cannot_be_recorded_then_their_source_waits(enrolled, journal, clock):
    """The write behind the charge fails: nobody gets in, and the guess is paid for."""
    clock.advance(30)
    full = syscalls.Place("pwrite64", CHARGE + 1)
    for number in range(GUESSES):
        line = syscalls.with_fault(full, "error=ENOSPC", words(enrolled, enrolled.phone.wrong(number), rhost=STRANGER))
        subprocess.run(line, capture_output=True, timeout=60, cwd="/", check=False)
        journal.find("error", f"user={enrolled.name}", "ENOSPC")
    assert not log_in(enrolled, enrolled.phone.code(), rhost=STRANGER).accepted
    journal.find("refused", f"user={enrolled.name}", "reason=source-waits")


def test_given_wrong_proofs_whose_helper_is_killed_once_they_are_charged_then_the_user_waits(
        enrolled, clock, tmp_path):
    clock.advance(30)
    line = as_person(enrolled.person, HELPER)

    def request(number):
        return json.dumps({"do": "remove", "label": None, "proof": enrolled.phone.wrong(number)})

    place = after_the_charge(syscalls.trace(line, tmp_path / "trace", text=True, input=request(0), cwd="/"))
    for number in range(1, GUESSES):
        killed(place, line, input=request(number))
    told = json.loads(enrolled.person.run(HELPER, input=json.dumps(
        {"do": "remove", "label": None, "proof": enrolled.phone.code()})).stdout)
    assert told["reason"] == "not_accepted" and "Too many wrong codes" in told["text"]


def test_given_a_helper_killed_at_any_call_then_the_code_of_a_change_that_shows_opens_nothing(
        enrolled, clock, tmp_path):
    enrollment.enroll(enrolled.person, clock, "--label", "tablet", proof=enrolled.phone.fresh())
    clock.advance(90)
    kept, line = Kept(enrolled.person), as_person(enrolled.person, HELPER)

    def request():
        return json.dumps({"do": "remove", "label": "tablet", "proof": enrolled.phone.code()})

    calls = syscalls.trace(line, tmp_path / "trace", text=True, input=request(), cwd="/")
    kept.put_back()
    first = next(index for index, (place, _) in enumerate(calls) if place.name == "flock")
    places = [place for place, _ in calls[first:] if place.name not in syscalls.ENDS]
    assert len(places) > 20
    shown = 0
    for place in places:
        kept.put_back()
        code = enrolled.phone.code()
        killed(place, line, input=request())
        labels = [one["label"] for one in enrollment.status(enrolled.person)["authenticators"]]
        if labels == ["phone"]:
            shown += 1
            assert not log_in(enrolled, code).accepted, place
    assert 0 < shown < len(places)


class Tormentor(threading.Thread):
    """Stops, wakes and kills racing processes at random, and may take their ledgers away."""

    def __init__(self, race, chances, wipes):
        super().__init__()
        self.race, self.chances, self.wipes = race, chances, wipes

    def run(self):
        stopped = []
        while self.race.poll() is None:
            runners = self.runners()
            if runners:
                self.strike(self.chances.choice(runners), stopped)
            if self.wipes and self.chances.random() < 0.02:
                subprocess.run(["rm", "-rf", "/run/twostep"], check=False, capture_output=True)     # others may be writing
            time.sleep(self.chances.random() / 500)
            if len(stopped) > 3 or self.chances.random() < 0.2:
                self.wake(stopped)
        self.wake(stopped)

    def runners(self):
        try:
            with open(f"/proc/{self.race.pid}/task/{self.race.pid}/children", encoding="ascii") as pids:
                return [int(pid) for pid in pids.read().split()]
        except FileNotFoundError:
            return []

    def strike(self, pid, stopped):
        what = self.chances.choice([signal.SIGSTOP] * 4 + [signal.SIGKILL])
        if what == signal.SIGSTOP:
            stopped.append(pid)
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


@pytest.mark.parametrize("wipes", [False, True], ids=["signals", "signals and a wiped /run"])
def test_given_one_code_in_sixteen_logins_that_are_stopped_and_killed_then_at_most_one_gets_in(
        enroll_another, clock, wipes):
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
        accepted.append(out.split().count("0"))
        # Whoever was killed may have spent the code and not said so, and may not have.
        accepted[-1] += log_in(somebody, code, rhost="203.0.113.7").accepted
        assert not log_in(somebody, code, rhost="203.0.113.7").accepted
        clock.advance(150)
        assert log_in(somebody, somebody.phone.code(), rhost="203.0.113.7").accepted
    assert max(accepted) == 1
