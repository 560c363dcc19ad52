"""su in the hands of an attacker: stopped, killed and starved, by somebody who knows the password.

su keeps the real uid of its caller, so the caller may stop and kill it at any moment and set every
limit. Whatever is done to it, the victim's next right code gets in and nothing spent comes back."""

import os
import resource
import signal
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import configuration
import stacks
import syscalls
from attempts import log_in
from service import IS_ONCE

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


class Attack:
    """One su in the attacker's hands: started, given the victim's right code, and left where it
    runs into the fault."""

    def __init__(self, place, fault, victim, attacker, folder):
        self.place, self.victim = place, victim
        self.code = victim.phone.codes(victim.phone.step())[0]
        self.told = folder / f"{place}-{victim.name}"
        self.told.touch()
        line = syscalls.with_fault(place, fault, su_line(victim, attacker), self.told)
        self.process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        stderr=subprocess.DEVNULL, start_new_session=True, cwd="/")
        self.process.stdin.write(typed(victim, self.code))
        self.process.stdin.close()

    def wait(self):
        """Until su has stopped or ended."""
        deadline = time.monotonic() + 20
        while self.process.poll() is None and not syscalls.stands(self.told):
            assert time.monotonic() < deadline, self.place
            time.sleep(0.02)

    def entered(self):
        """Whether su had let the attacker in before it ran into the fault."""
        return self.process.poll() is not None and self.victim.name in self.process.stdout.read()

    def wake(self):
        """Lets a stopped su go on to its end; whether it lets the attacker in."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as pids:
            for pid in pids.read().split():
                os.kill(int(pid), signal.SIGCONT)
        out = self.process.stdout.read()
        self.process.wait(timeout=20)
        return self.victim.name in out

    def end(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(timeout=10)


@pytest.mark.parametrize("fault", ["signal=SIGSTOP", "signal=SIGKILL"])
def test_given_su_stopped_or_killed_at_any_call_then_the_victims_next_code_gets_in(
        enroll_another, person, clock, tmp_path, fault):
    places = places_after_the_prompt(enroll_another(), person, tmp_path)
    assert len(places) > 10
    for start in range(0, len(places), AT_ONCE):
        batch = [(place, enroll_another()) for place in places[start:start + AT_ONCE]]
        clock.advance(90)
        attacks = [Attack(place, fault, victim, person, tmp_path) for place, victim in batch]
        try:
            for each in attacks:
                each.wait()
            spent = [each for each in attacks if each.entered()]
            outside = locked_out([each.victim for each in attacks], clock)
            assert [each.place for each in attacks if each.victim in outside] == []
            for each in spent:
                assert not log_in(each.victim, each.code, rhost="203.0.113.7").accepted, each.place
        finally:
            for each in attacks:
                each.end()


def limited(limit, value):
    return lambda: resource.setrlimit(limit, (value, value))


def ignore_signals():
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE,
                   signal.SIGALRM, signal.SIGXFSZ, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)


def block_signals():
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 30))


def no_signal_ignored():
    for number in (signal.SIGXFSZ, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))


def closed(*fds):
    return lambda: [os.close(fd) for fd in fds]


def folder_that_is_gone():
    gone = tempfile.mkdtemp()
    os.chdir(gone)
    os.rmdir(gone)


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
    "ulimit -u 0": limited(resource.RLIMIT_NPROC, 0),
    "ulimit -d 1000": limited(resource.RLIMIT_DATA, 1000 * 1024),
    "SIGXFSZ and SIGPIPE as they come": no_signal_ignored,
    "no standard input": closed(0),
    "no standard output": closed(1),
    "no standard error": closed(2),
    "nothing open": closed(0, 1, 2),
    "a folder that is gone": folder_that_is_gone,
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
        enrolled, neighbor, clock, hostile):
    spent = enrolled.phone.fresh()
    assert log_in(enrolled, spent).accepted
    for answer in (spent, enrolled.phone.wrong()):
        done = su_under(hostile, enrolled, neighbor, answer)
        assert enrolled.name not in done.stdout
    code = enrolled.phone.fresh()
    done = su_under(hostile, enrolled, neighbor, code)
    again = log_in(enrolled, code).accepted
    assert not (enrolled.name in done.stdout and again)
    assert locked_out([enrolled], clock) == []


def test_given_a_file_size_limit_of_nothing_then_the_service_judges_and_without_it_the_obstacle_is_named(
        enrolled, neighbor):
    code = enrolled.phone.fresh()
    done = su_under(limited(resource.RLIMIT_FSIZE, 0), enrolled, neighbor, code)
    if IS_ONCE:
        assert enrolled.name not in done.stdout
        assert "file size limit of this process" in done.stderr
        assert log_in(enrolled, code).accepted
    else:
        assert enrolled.name in done.stdout
    assert not log_in(enrolled, code).accepted
