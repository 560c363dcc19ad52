"""What the programs of the view told syslog."""

import itertools
import os
import socket
import time
from pathlib import Path

LOG = Path(os.environ.get("TWOSTEP_LOG", "/run/twostep-view/log"))
# How long a line may be on its way (s).
LONGEST = 30
_marks = itertools.count(1)


class Journal:
    def __init__(self):
        self.start = 0
        self.mark()

    def mark(self):
        """Only what is told from now on counts."""
        await_earlier_lines()
        self.start = LOG.stat().st_size

    def lines(self):
        """Our own lines since the mark, each without the words before ours."""
        await_earlier_lines()
        return self.come()

    def come(self):
        """Those that have come by now."""
        return [line for line in read_from(self.start) if "twostep" in line]

    def find(self, *words):
        """The first line since the mark that has all the words; it may still be on its way."""
        deadline = time.monotonic() + LONGEST
        while True:
            lines = self.come()
            for line in lines:
                if all(word in line for word in words):
                    return line
            if time.monotonic() > deadline:
                told = "\n".join(lines) or "(nothing)"
                raise AssertionError(f"no log line has {words}. It says:\n{told}")
            time.sleep(0.02)

    def text(self):
        return "\n".join(self.lines())


def read_from(start):
    with open(LOG, "rb") as log:
        log.seek(start)
        return log.read().decode("utf-8", "backslashreplace").splitlines()


def await_earlier_lines():
    """Sends a line of its own and waits for it: the socket keeps the order, so what was told before is there."""
    start = LOG.stat().st_size
    mark = f"journal mark {os.getpid()}.{next(_marks)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.settimeout(LONGEST)
        log.connect("/dev/log")
        log.send(f"<13>{mark}".encode())
    deadline = time.monotonic() + LONGEST
    while not any(line.endswith(mark) for line in read_from(start)):
        assert time.monotonic() < deadline, "the log does not take lines"
        time.sleep(0.002)
