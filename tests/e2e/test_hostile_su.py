"""su in the hands of an attacker: stopped, killed and starved, by somebody who knows the password.

su keeps the real uid of its caller, so the caller may stop and kill it at any moment and set every
limit. Whatever is done to it, the victim's next right code gets in and nothing spent comes back."""

import os
import resource
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import configuration
import stacks
import syscalls
from attempts import log_in

PATIENCE = 35       # seconds within which the victim's right code gets in
AT_ONCE = 16


@pytest.fixture(scope="module", autouse=True)
def service(view):
    stacks.write("su", stacks.PASSWORD_AND_CODE)


@pytest.fixture(autouse=True)
def patient_throttle(default_configuration):
    """The victim tries every five seconds from one place; waits are tested elsewhere."""
    configuration.write(throttle={"failures": 100, "wait": "1s", "max_wait": "1s"})
    log_in("root")


def su_line(victim, attacker):
    return ["setpriv", f"--reuid={attacker.uid}", f"--regid={attacker.uid}", "--init-groups",
            "--reset-env", "--", "su", victim.name, "-c", "id -un"]


def typed(victim, code):
    return f"{victim.person.password}\n{code}\n"


def places_after_the_prompt(victim, attacker, tmp_path):
    code = victim.phone.fresh()
    calls = syscalls.trace(su_line(victim, attacker), tmp_path / "trace", text=True,
                           input=typed(victim, code))
    places = syscalls.after(calls, "Verification code")
    names = [name for name in (place.name for place in places)]
    end = names.index("clone") if "clone" in names else len(names)     # su forks the shell then
    return [place for place in places[:end] if place.name != "clone"]


def locked_out(victims, clock):
    """Who is still out after PATIENCE seconds, though they type what their phone shows, again and
    again. The waits of a try are real; the time between two tries is the clock's."""
    outside, spent = list(victims), 0.0
    while outside and spent <= PATIENCE:
        begun = time.monotonic()
        with ThreadPoolExecutor(len(outside)) as pool:
            entered = list(pool.map(types_the_code, outside))
        outside = [victim for victim, inside in zip(outside, entered) if not inside]
        clock.advance(5)
        spent += 5 + time.monotonic() - begun
    return outside


def types_the_code(victim):
    return log_in(victim, victim.phone.code(), rhost="203.0.113.7").accepted


def attack(victim, attacker, place, fault):
    """Starts su, lets it run into the fault, and leaves it there."""
    code = victim.phone.codes(victim.phone.step())[0]
    line = syscalls.with_fault(place, fault, su_line(victim, attacker))
    process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               stderr=subprocess.DEVNULL, start_new_session=True, cwd="/")
    process.stdin.write(typed(victim, code))
    process.stdin.close()
    return process, code


def wait_until_it_stands(process, limit=10):
    """Until the traced su has stopped or ended."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        if process.poll() is not None or "T" in states_below(process.pid):
            return
        time.sleep(0.02)


def states_below(pid):
    """The states of the children of a process, as in /proc/PID/stat: T is stopped."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        pids = children.read().split()
    states = ""
    for child in pids:
        try:
            with open(f"/proc/{child}/stat", encoding="ascii") as stat:
                states += stat.read().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            pass
    return states


def end(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait(timeout=10)


class Attack:
    """One su in the attacker's hands, against one victim."""

    def __init__(self, place, fault, victim, attacker):
        self.place, self.victim = place, victim
        self.process, self.code = attack(victim, attacker, place, fault)

    def entered(self):
        """Whether su had let the attacker in before it ran into the fault."""
        return self.process.poll() is not None and self.victim.name in self.process.stdout.read()


@pytest.mark.parametrize("fault", ["signal=SIGSTOP", "signal=SIGKILL"])
def test_given_su_stopped_or_killed_at_any_call_then_the_victims_next_code_gets_in(
        enroll_another, person, clock, tmp_path, fault):
    places = places_after_the_prompt(enroll_another(), person, tmp_path)
    assert len(places) > 10
    for start in range(0, len(places), AT_ONCE):
        batch = [(place, enroll_another()) for place in places[start:start + AT_ONCE]]
        clock.advance(90)
        attacks = [Attack(place, fault, victim, person) for place, victim in batch]
        try:
            for each in attacks:
                wait_until_it_stands(each.process)
            spent = [each for each in attacks if each.entered()]
            outside = locked_out([each.victim for each in attacks], clock)
            assert [each.place for each in attacks if each.victim in outside] == []
            for each in spent:
                assert not log_in(each.victim, each.code, rhost="203.0.113.7").accepted, each.place
        finally:
            for each in attacks:
                end(each.process)


def limited(limit, value):
    return lambda: resource.setrlimit(limit, (value, value))


def ignore_signals():
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE,
                   signal.SIGALRM, signal.SIGXFSZ, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)


def block_signals():
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 30))


def pending_alarm():
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)


HOSTILE = {
    "ulimit -f 0": limited(resource.RLIMIT_FSIZE, 0),
    "ulimit -n 5": limited(resource.RLIMIT_NOFILE, 5),
    "ulimit -n 4": limited(resource.RLIMIT_NOFILE, 4),
    "ulimit -v 30000": limited(resource.RLIMIT_AS, 30_000 * 1024),
    "ulimit -v 20000": limited(resource.RLIMIT_AS, 20_000 * 1024),
    "ulimit -v 12000": limited(resource.RLIMIT_AS, 12_000 * 1024),
    "ulimit -s 64": limited(resource.RLIMIT_STACK, 64 * 1024),
    "ulimit -c 0 -l 0": limited(resource.RLIMIT_MEMLOCK, 0),
    "ulimit -t 1": limited(resource.RLIMIT_CPU, 1),
    "signals ignored": ignore_signals,
    "signals blocked": block_signals,
    "an alarm again and again": pending_alarm,
    "umask 777": lambda: os.umask(0o777),
    "umask 0": lambda: os.umask(0),
}


def su_under(hostile, victim, attacker, code):
    line = su_line(victim, attacker)
    return subprocess.run(line, input=typed(victim, code), capture_output=True, text=True, timeout=60,
                          preexec_fn=hostile, cwd="/")


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_given_su_under_hostile_limits_then_nothing_spent_comes_back_and_the_victim_gets_in(
        enrolled, person, clock, hostile):
    spent = enrolled.phone.fresh()
    assert log_in(enrolled, spent).accepted
    for answer in (spent, enrolled.phone.wrong()):
        done = su_under(hostile, enrolled, person, answer)
        assert enrolled.name not in done.stdout
    code = enrolled.phone.fresh()
    done = su_under(hostile, enrolled, person, code)
    again = log_in(enrolled, code).accepted
    assert not (enrolled.name in done.stdout and again)
    assert locked_out([enrolled], clock) == []


def test_given_a_file_size_limit_of_nothing_then_su_still_records_or_refuses(enrolled, person):
    """RLIMIT_FSIZE 0 lets no write grow a file: the ledger of the first login is such a write."""
    code = enrolled.phone.fresh()
    done = su_under(limited(resource.RLIMIT_FSIZE, 0), enrolled, person, code)
    accepted = enrolled.name in done.stdout
    assert accepted or log_in(enrolled, code).accepted
    assert not log_in(enrolled, code).accepted


def test_given_a_stopped_su_that_goes_on_later_then_it_does_not_spend_a_code_twice(
        enroll_another, person, clock, tmp_path):
    """The stalled one held the lock, somebody took it over, and then it wakes up."""
    places = places_after_the_prompt(enroll_another(), person, tmp_path)
    first_flock = next(i for i, place in enumerate(places) if place.name == "flock")
    for place in places[first_flock:first_flock + 15:2]:
        victim = enroll_another()
        clock.advance(60)
        process, code = attack(victim, person, place, "signal=SIGSTOP")
        try:
            wait_until_it_stands(process)
            assert locked_out([victim], clock) == [], place
            taken = log_in(victim, code, rhost="203.0.113.7").accepted
            wake(process)
            entered = victim.name in (process.communicate(timeout=20)[0] or "")
            assert not (entered and taken), place
            assert not log_in(victim, code, rhost="203.0.113.7").accepted, place
        finally:
            end(process)


def wake(process):
    with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as children:
        for child in children.read().split():
            os.kill(int(child), signal.SIGCONT)
