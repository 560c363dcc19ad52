"""Two logins that stand still at chosen calls while one takes the lock over from the other."""

import os
import signal
import subprocess
import time

import pytest

import stacks
from attempts import AUTH_ERR, SERVICE_ERR, log_in, race, words


def strace(log, *injections):
    line = ["strace", "-f", "-o", str(log)]
    for injection in injections:
        line += ["-e", f"inject={injection}"]
    return line


class Standing:
    """A login under strace that is stopped by a signal at a chosen call."""

    def __init__(self, person, code, log, *injections):
        self.log = log
        line = strace(log, *injections) + words(person, code, rhost="203.0.113.7")
        self.process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, cwd="/")
        self.pid = self.wait()

    def wait(self):
        for _ in range(1000):
            text = self.log.read_text() if self.log.exists() else ""
            if "stopped by SIGSTOP" in text:
                return int(text.split()[0])
            time.sleep(0.01)
        raise AssertionError(f"it never stood still: {text[-500:]}")

    def go_on(self):
        """Lets it go on to its end, whatever that is; whether it got in."""
        os.kill(self.pid, signal.SIGCONT)
        return "auth\t0" in self.process.communicate(timeout=30)[0]

    def end(self):
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            raise AssertionError(f"it stood still no more: {self.log.read_text()[-2000:]}") from None
        self.process.communicate(timeout=30)


def test_given_a_takeover_that_dies_before_it_has_seen_the_last_spent_step_then_no_code_counts_twice(
        enrolled, tmp_path):
    assert log_in(enrolled, enrolled.phone.fresh(), rhost="203.0.113.7").accepted
    code = enrolled.phone.fresh()
    # Its first write counts the taking of the lock: it stands still with the lock held.
    holder = Standing(enrolled, code, tmp_path / "holder", "pwrite64:signal=SIGSTOP:when=1")
    # This one stands still with a copy of the ledger in hand, and dies when it is about to merge.
    other = Standing(enrolled, "000000", tmp_path / "other",
                     "fchown:signal=SIGSTOP:when=1", "pwrite64:signal=SIGKILL:when=2")
    assert holder.go_on()
    assert not other.go_on()
    assert not log_in(enrolled, code, rhost="203.0.113.9").accepted


def test_given_two_takeovers_at_once_then_the_right_code_counts_and_a_spent_one_does_not(enrolled, tmp_path):
    """One has looked and is about to move; meanwhile another moves, and stands still before it has read
    what it superseded. The first then supersedes that one, too."""
    spent, code = enrolled.phone.fresh(), enrolled.phone.code(1)
    assert log_in(enrolled, spent, rhost="203.0.113.7").accepted
    holder = Standing(enrolled, "000000", tmp_path / "holder", "pwrite64:signal=SIGSTOP:when=1")
    slow = strace(tmp_path / "slow", "renameat2:delay_enter=7000000:when=1") + words(enrolled, code, rhost="203.0.113.7")
    slow = subprocess.Popen(slow, stdout=subprocess.PIPE, text=True, cwd="/")
    time.sleep(1)
    other = Standing(enrolled, spent, tmp_path / "other", "renameat2:signal=SIGSTOP:when=1")
    assert "auth\t0" in slow.communicate(timeout=30)[0]
    holder.end()
    assert not other.go_on()


def test_given_a_takeover_that_dies_before_it_has_read_anything_then_the_right_code_counts_and_a_spent_one_does_not(
        enrolled, tmp_path):
    spent, code = enrolled.phone.fresh(), enrolled.phone.code(1)
    assert log_in(enrolled, spent, rhost="203.0.113.7").accepted
    holder = Standing(enrolled, "000000", tmp_path / "holder", "pwrite64:signal=SIGSTOP:when=1")
    Standing(enrolled, "000000", tmp_path / "other", "renameat2:signal=SIGSTOP:when=1").end()
    assert not log_in(enrolled, spent, rhost="203.0.113.9").accepted
    assert log_in(enrolled, code, rhost="203.0.113.7").accepted
    holder.end()


@pytest.mark.parametrize("size", [0, 1, 20, 100, 300, 4095, 100_000])
def test_given_a_small_limit_of_the_file_size_then_nothing_is_torn(enrolled, size):
    attempt = log_in(enrolled, "000000", rhost="203.0.113.7", prefix=["prlimit", f"--fsize={size}"])
    assert not attempt.accepted
    assert log_in(enrolled, enrolled.phone.fresh(), rhost="203.0.113.8").accepted


@pytest.mark.parametrize("size", [0, 1, 20, 60, 100, 4095])
def test_given_a_small_limit_of_the_file_size_then_a_wrong_application_password_is_refused_and_logged(
        enrolled, journal, size):
    service = stacks.write("cs-app-limited", stacks.APP_PASSWORD)
    told = log_in(enrolled, "0" * 24, service=service, prefix=["prlimit", f"--fsize={size}"])
    assert told.phases == {"auth": AUTH_ERR}
    journal.find("refused", f"user={enrolled.name}", "reason=wrong-app-password")


def test_given_many_waiting_for_one_that_stands_still_then_none_of_them_supersedes_another(
        enrolled, clock, tmp_path):
    for rounds in range(3):
        clock.advance(90)
        holder = Standing(enrolled, "000000", tmp_path / f"holder{rounds}", "pwrite64:signal=SIGSTOP:when=1")
        code = enrolled.phone.fresh()
        strangers = [(enrolled, f"198.51.100.{10 * rounds + number}", "111111") for number in range(7)]
        right, *wrong = race((enrolled, "203.0.113.7", code), *strangers)
        assert right == 0
        assert SERVICE_ERR not in wrong
        holder.end()
