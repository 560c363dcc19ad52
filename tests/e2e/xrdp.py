"""A real xrdp-sesman, with the settings that Debian has, and xrdp-sesrun, which starts a session as xrdp does."""

import re
import socket
import subprocess
from pathlib import Path

import servers
from servers import HERE6

OUTPUT = Path("/run/twostep-xrdp")
PORT = 3350


class Server(servers.Process):
    def __init__(self):
        super().__init__([servers.require("xrdp-sesman"), "--nodaemon"], PORT, OUTPUT)

    def _answers(self):
        """Debian's build takes ::1 where its configuration says 127.0.0.1."""
        with socket.socket(socket.AF_INET6) as probe:
            return probe.connect_ex((HERE6, PORT)) == 0

    def display(self, somebody, answer):
        """The display of the session that the user gets, or None."""
        user = getattr(somebody, "person", somebody).name
        done = subprocess.run(["xrdp-sesrun", "-s", "127.0.0.1", "-t", "Xvnc", "-F", "0", user], input=answer,
                              capture_output=True, text=True, timeout=60)
        told = done.stdout + done.stderr
        assert ("Connection denied" in told) != ("ok data=1" in told), told
        return next(iter(re.findall(r"display=(\S+)", told)), None)
