"""What the servers of programs that cannot ask have in common: one password, one answer."""

import os
import shutil
import smtplib
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

# Addresses of clients. The view's loopback has all of 127.0.0.0/8 and, added here, one of IPv6.
HERE, DESK, ELSEWHERE = "127.0.0.1", "127.0.5.7", "127.0.9.9"
HERE6, DESK6 = "::1", "2001:db8:5::7"

_ports = iter(range(3100, 3900))


@dataclass
class Reply:
    """What a server said to one password."""

    entered: bool
    text: str = ""


def require(program):
    """The full path of a server. Where another server of its kind stands, ours is not installed
    over it, and its tests are left out; never in CI."""
    path = shutil.which(program, path="/usr/sbin:/usr/bin:/usr/lib/postfix/sbin")
    if path is None and not os.environ.get("CI"):
        pytest.skip(f"{program} is not installed; see packaging/test-packages")
    assert path, f"{program} is not installed"
    return path


def add_addresses():
    """An IPv6 address for clients that are not on the server's own, and one of IPv4: beside one of IPv6 alone
    getaddrinfo(3) with AI_ADDRCONFIG, as Kerberos asks it, knows no 127.0.0.1 any more."""
    for address in (f"{DESK6}/128", "198.51.100.77/32"):
        subprocess.run(["ip", "address", "replace", address, "dev", "lo", "nodad"], check=True)


def free_port():
    return next(_ports)


class Process:
    """A server in the foreground, its output in a file. It is there when its port answers."""

    def __init__(self, line, port, log):
        self.port = port
        self.log = Path(log)
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            cwd="/", start_new_session=True)
        for _ in range(400):
            if self._answers():
                return
            time.sleep(0.02)
        raise AssertionError(f"{line[0]} does not answer: {self.log.read_text()}")

    def _answers(self):
        with socket.socket() as probe:
            return probe.connect_ex((HERE, self.port)) == 0

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=10)


def submit(port, person, password, host, source):
    """One login of a mail program that sends mail."""
    address = (source, 0) if source else None
    with smtplib.SMTP(host, port, local_hostname="client", timeout=30, source_address=address) as client:
        try:
            _, text = client.login(person.name, password)
        except smtplib.SMTPAuthenticationError as refusal:
            return Reply(False, refusal.smtp_error.decode("utf-8", "replace"))
        return Reply(True, text.decode("utf-8", "replace"))


def connect(host, port, source):
    """A connection from one of the view's addresses."""
    address = (source, 0) if source else None
    return socket.create_connection((host, port), timeout=30, source_address=address)
