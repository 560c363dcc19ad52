"""Alice's terminal: what she types, what she sees, and the transcript of both."""

import os
import re
import sys

import pexpect

COLORS = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
INDENT = "    "


def paint(code, text):
    return f"\x1b[{code}m{text}\x1b[0m" if COLORS else text


def title(text):
    print("\n" + paint("1;36", text), flush=True)


def say(text):
    print(text, flush=True)


class Transcript:
    """Writes what a terminal shows, moved to the right, as it comes."""

    def __init__(self):
        self.at_start = True

    def write(self, text):
        for line in re.findall(r"[^\n]*\n|[^\n]+", text.replace("\r", "")):
            sys.stdout.write(INDENT + line if self.at_start else line)
            self.at_start = line.endswith("\n")

    def flush(self):
        sys.stdout.flush()


class Terminal:
    """One program in a terminal of 80 columns."""

    def __init__(self, *command, env=None):
        self.transcript = Transcript()
        self.seen = ""
        self.transcript.write(paint("1", "$ " + " ".join(command)) + "\n")
        names = ("PATH", "LANG", "NO_COLOR", "HOME")
        kept = {name: os.environ[name] for name in names if name in os.environ}
        kept.update({} if COLORS else {"NO_COLOR": "1"}, TERM="xterm-256color", **(env or {}))
        self.program = pexpect.spawn(command[0], list(command[1:]), env=kept, timeout=30,
                                     encoding="utf-8", dimensions=(60, 80))
        self.program.logfile_read = self.transcript
        # Passwords are typed when they are asked for; there is no need to wait for the echo.
        self.program.delaybeforesend = 0.05

    def wait_for(self, *patterns):
        """Waits until one of the patterns is on the screen. Returns which, or None at the end."""
        which = self.program.expect([*patterns, pexpect.EOF])
        self.seen += self.program.before + (self.program.after if which < len(patterns) else "")
        return which if which < len(patterns) else None

    def type(self, text):
        """Types a line that the terminal echoes."""
        self.program.sendline(text)

    def type_unseen(self, text, shown):
        """Types a line that the terminal does not echo; the transcript has `shown` for it."""
        self.transcript.write(paint("2", f"({shown})"))
        self.program.sendline(text)

    def end(self):
        """Reads what is left and returns the program's exit status."""
        self.wait_for()
        self.program.close()
        if not self.transcript.at_start:
            self.transcript.write("\n")
        return self.program.exitstatus

    def interrupt(self):
        """Ctrl-C, at a question that the demo did not expect."""
        self.program.sendintr()
        self.end()
