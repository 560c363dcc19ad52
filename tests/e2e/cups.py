"""A real CUPS with Debian's own settings, and two clients: lpadmin, and curl in the place of a browser."""

import subprocess
from pathlib import Path

import pexpect

import people
import servers

OUTPUT = Path("/run/twostep-cups")
PORT = 631
LOG = f"http://127.0.0.1:{PORT}/admin/log/error_log"
ADMINISTRATORS = "lpadmin"
QUESTION = r"Password for [^\r\n]*\? *$"


class Server(servers.Process):
    def __init__(self):
        super().__init__([servers.require("cupsd"), "-f", "-c", "/etc/cups/cupsd.conf"], PORT, OUTPUT)


def administrator(somebody):
    people.add_to_group(somebody.name, ADMINISTRATORS)
    return somebody


def shows_log(somebody, password):
    """Whether the web interface shows what only administrators of printers may see."""
    done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-u", f"{somebody.name}:{password}", LOG],
                          check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout in ("200", "401"), done.stdout
    return done.stdout == "200"


def adds_printer(somebody, *passwords, host=f"127.0.0.1:{PORT}"):
    """Whether lpadmin, run by the user, adds a printer with the passwords that it asks for, each once."""
    person = getattr(somebody, "person", somebody)
    line = person.command("/usr/sbin/lpadmin", "-h", host, "-p", f"of-{person.name}", "-D", "office")
    program = pexpect.spawn(line[0], line[1:], timeout=60, encoding="utf-8", echo=False, cwd="/")
    for password in passwords:
        program.expect(QUESTION)
        program.sendline(password)
    asks_again = program.expect([pexpect.EOF, QUESTION])
    program.close()
    return not asks_again and program.exitstatus == 0
