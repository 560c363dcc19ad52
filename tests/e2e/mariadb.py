"""A real MariaDB on loopback, run by its own user, and its client."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import servers
import terminals
from servers import HERE, Reply

FOLDER = Path("/srv/twostep-mariadb")
PROMPT = re.compile(r"([^\r\n]+: *)$")


class Server(servers.Process):
    """A new, empty one. `statements` are what its administrator runs; those that name alice, for each user."""

    def __init__(self, statements):
        lines = statements.splitlines()
        self.for_each = "".join(line for line in lines if "alice" in line)
        FOLDER.mkdir(parents=True)
        shutil.chown(FOLDER, "mysql", "mysql")
        options = ["--no-defaults", f"--datadir={FOLDER}/data", "--innodb-log-file-size=4M", "--innodb-buffer-pool-size=8M"]
        _run(*_command("mariadb-install-db", *options, "--skip-test-db", "--auth-root-authentication-method=socket"))
        port = servers.free_port()
        super().__init__(_command(servers.require("mariadbd"), *options, f"--bind-address={HERE}", f"--port={port}", "--skip-name-resolve",
                                  f"--socket={FOLDER}/socket", f"--pid-file={FOLDER}/pid", "--plugin-maturity=stable"), port, FOLDER / "output")
        self._execute("".join(line for line in lines if "alice" not in line))

    def _execute(self, sql):
        """As the administrator of the database."""
        _run("mariadb", "--no-defaults", f"--socket={FOLDER}/socket", "--execute", sql)

    def admit(self, person, statement=None):
        self._execute((statement or self.for_each).replace("alice", person.name))

    def log_in(self, person, password, *options):
        """One connection of the client, which knows the password. Who gets in asks for the own name."""
        told = subprocess.run(self._client(person, f"--password={password}", *options), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120, cwd="/", env={"PATH": os.environ["PATH"]})
        return Reply(told.returncode == 0 and told.stdout.strip() == person.name, told.stdout + told.stderr)

    def ask(self, person, *answers):
        """The client on a terminal."""
        return terminals.answer(self._client(person, "--password"), *answers, prompt=PROMPT)

    def _client(self, person, *options):
        return ["mariadb", "--no-defaults", f"--host={HERE}", f"--port={self.port}", f"--user={person.name}", *options,
                "--skip-column-names", "--execute", "select substring_index(user(), '@', 1)"]


def _command(*words):
    return ["setpriv", "--reuid=mysql", "--regid=mysql", "--init-groups", "--reset-env", "--", *words]


def _run(*words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, cwd="/", stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
