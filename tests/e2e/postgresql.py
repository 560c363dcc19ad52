"""A real PostgreSQL on loopback, run by its own user, and psql."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import servers
import terminals
from servers import HERE, Reply

FOLDER = Path("/srv/twostep-postgresql")
PROMPT = re.compile(r"(Password for user \w+: )$")
SETTINGS = """\
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
fsync = off
"""


class Server(servers.Process):
    """A new, empty cluster. `access` is what stands in its pg_hba.conf for clients over the network."""

    def __init__(self, access, name="main"):
        self.programs = _programs()
        self.folder = FOLDER / name
        self.data = self.folder / "data"
        self.folder.mkdir(parents=True)
        shutil.chown(self.folder, "postgres", "postgres")
        _as_postgres(self.programs / "initdb", "--pgdata", self.data, "--auth", "peer", "--no-sync")
        port = servers.free_port()
        (self.data / "pg_hba.conf").write_text(f"local all all peer\n{access}\n")
        (self.data / "postgresql.auto.conf").write_text(SETTINGS.format(port=port, folder=self.folder))
        super().__init__(_command(self.programs / "postgres", "-D", self.data), port, self.folder / "output")

    def _answers(self):
        """Its port answers before the database does."""
        ready = [self.programs / "pg_isready", "--quiet", "--host", self.folder, "--port", str(self.port)]
        return subprocess.run(ready, check=False).returncode == 0

    def admit(self, person):
        """A role of that name."""
        _as_postgres("psql", "--host", self.folder, "--port", str(self.port), "--set", "ON_ERROR_STOP=1", "--command", f"create role {person.name} login", "postgres")

    def log_in(self, person, password):
        """One connection of psql, which knows the password. Who gets in asks for the own name."""
        told = subprocess.run(self._psql(person, "--no-password"), env={"PATH": os.environ["PATH"], "PGPASSWORD": password},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, cwd="/")
        return Reply(told.returncode == 0 and told.stdout.strip() == person.name, told.stdout + told.stderr)

    def ask(self, person, *answers):
        """psql on a terminal."""
        return terminals.answer(self._psql(person), *answers, prompt=PROMPT, env={**terminals.ENVIRONMENT, "PAGER": "cat"})

    def _psql(self, person, *options):
        return ["psql", "--no-psqlrc", "--no-align", "--tuples-only", "--command", "select current_user", *options,
                f"host={HERE} port={self.port} user={person.name} dbname=postgres"]


def _programs():
    """Debian has the server's programs in a folder of its version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return Path(found[-1] if found else servers.require("postgres")).resolve().parent


def _command(*words):
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--reset-env", "--", *words]


def _as_postgres(*words):
    done = subprocess.run(_command(*words), capture_output=True, text=True, timeout=120, cwd="/", stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
