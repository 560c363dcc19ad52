"""What the programs of the view told syslog."""

import os
import time
from pathlib import Path

LOG = Path(os.environ.get("TWOSTEP_LOG", "/run/twostep-view/log"))


class Journal:
    def __init__(self):
        self.start = 0
        self.mark()

    def mark(self):
        """Only what comes from now on counts."""
        self.start = LOG.stat().st_size if LOG.exists() else 0

    def lines(self):
        """Our own lines since the mark, each without the words before ours."""
        with open(LOG, "rb") as log:
            log.seek(self.start)
            text = log.read().decode("utf-8", "backslashreplace")
        return [line for line in text.splitlines() if "twostep" in line]

    def find(self, *words):
        """The first line since the mark that has all the words; it may still be on its way."""
        deadline = time.monotonic() + 3
        while True:
            lines = self.lines()
            for line in lines:
                if all(word in line for word in words):
                    return line
            if time.monotonic() > deadline:
                told = "\n".join(lines) or "(nothing)"
                raise AssertionError(f"no log line has {words}. It says:\n{told}")
            time.sleep(0.02)

    def text(self):
        time.sleep(0.1)
        return "\n".join(self.lines())
