"""The pictures of the README and the guide, from a real enrollment and a real login in the view.

What a program writes goes into a terminal emulator (pyte); what stands on its screen becomes SVG, once
for light and once for dark pages. The keys and codes in the pictures are those of a user who is gone
when the view is."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pexpect
import pyte

import picture
import stage
from phone import Phone, read_qr_code
from stage import PASSWORD, next_code

COLUMNS = 66
# More rows than any picture has: nothing scrolls away.
ROWS = 120
PROMPT = r"alice@host[^$]*\$ $"
# In colors, as many have it.
COLORED = "\\[\\e[32m\\]alice@{}\\[\\e[0m\\]:\\[\\e[34m\\]~\\[\\e[0m\\]$ "


class Screen:
    """A program at a terminal whose screen is kept."""

    def __init__(self, *command):
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.Stream(self.screen)
        environment = {"PATH": os.environ["PATH"], "HOME": "/root", "LANG": "C.UTF-8", "TERM": "xterm-256color"}
        self.program = pexpect.spawn(command[0], list(command[1:]), env=environment, timeout=30, encoding="utf-8", dimensions=(ROWS, COLUMNS))
        self.seen = ""

    def wait(self, pattern):
        self.program.expect(pattern)
        self.show(self.program.before + self.program.after)

    def show(self, text):
        self.seen += text
        self.stream.feed(text)

    def type(self, text, pattern):
        self.program.sendline(text)
        self.wait(pattern)

    def begin(self):
        """Whatever stood there is gone, but for the prompt."""
        last = self.seen[self.seen.rindex("\n") + 1:]
        self.screen.reset()
        self.seen = ""
        self.show(last)

    def rows(self):
        """What stands on the screen, from the first row to the last that is not empty."""
        rows = [[self.screen.buffer[y][x] for x in range(COLUMNS)] for y in range(ROWS)]
        while rows and all(cell.data.isspace() and cell.bg == "default" for cell in rows[-1]):
            rows.pop()
        return rows


def enroll():
    """Alice, logged in already, enrolls. The phone is needed for the next picture."""
    screen = Screen("ssh", "-tt", "host")
    screen.wait("[Pp]assword: $")
    screen.type(PASSWORD, PROMPT)
    screen.begin()
    screen.type("twostep enroll", "Code shown by the app: $")
    phone = Phone(read_qr_code(screen.seen))
    screen.type(phone.code(), r"\[s\]ave to a file[^\r\n]*: $")
    screen.type("s", r"File \[[^\]]*\]: $")
    screen.type("", PROMPT)
    screen.program.sendline("exit")
    return screen.rows(), phone


def log_in(phone):
    """From her own computer: ssh asks for the password and the code, sudo for both again."""
    next_code()
    screen = Screen("bash", "--norc")
    screen.wait(r"[#$] $")
    screen.type(f"bind 'set enable-bracketed-paste off'; PS1='{COLORED.format('laptop')}'", r"alice@laptop\x1b[^$]*\$ $")
    screen.begin()
    screen.type("ssh host", "[Pp]assword: $")
    screen.type(PASSWORD, "Verification code: $")
    screen.type(phone.code(), PROMPT)
    next_code()
    screen.type("sudo whoami", r"[Pp]assword[^\r\n]*: $")
    screen.type(PASSWORD, "Verification code: $")
    screen.type(phone.code(), PROMPT)
    rows = screen.rows()
    screen.program.sendline("exit")
    return rows


def text_of(rows):
    return ["".join(cell.data for cell in row).rstrip() for row in rows]


def name_the_host():
    """The pictures are of a host with a plain name, and of a user with a usual prompt."""
    Path("/home/alice/.bash_profile").write_text(f"PS1='{COLORED.format('host')}'\n")
    subprocess.run(["hostname", "host"], check=True)
    Path("/etc/hosts").write_text("127.0.0.1 localhost host\n::1 localhost\n")
    config = Path("/root/.ssh/config")
    config.write_text(config.read_text().replace("HostName 127.0.0.1", "HostName host"))
    known = stage.CLIENT / "known_hosts"
    known.write_text(known.read_text().replace("127.0.0.1 ", "host "))


def main():
    folder = Path(sys.argv[1])
    stage.set_up()
    name_the_host()
    enrolled, phone = enroll()
    middle = next(number for number, line in enumerate(text_of(enrolled)) if line.startswith("Done: "))
    seen = {"enroll": (enrolled[:middle - 1], "twostep enroll"), "codes": (enrolled[middle:], "twostep enroll"), "login": (log_in(phone), "ssh host")}
    for name, (rows, title) in seen.items():
        print("\n".join(text_of(rows)))
        for theme in picture.THEMES:
            (folder / f"{name}-{theme}.svg").write_text(picture.svg(rows, theme, title), encoding="utf-8")
    shown = {name: "\n".join(text_of(rows)) for name, (rows, _) in seen.items()}
    assert len(re.findall(r"(?:[0-9A-Z]{4}-){3}", shown["codes"])) == 10 and shown["login"].count("Verification code:") == 2


if __name__ == "__main__":
    main()
