"""A real saslauthd, started with the settings of Debian's /etc/default/saslauthd as its init script does, and
its own client."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import servers
import service
from servers import Reply

FOLDER = Path("/run/saslauthd")
SETTINGS = Path("/etc/default/saslauthd")
OUTPUT = Path("/run/twostep-saslauthd")
START = '. {settings}; exec {program} -a "$MECHANISMS" -n "$THREADS" -d $OPTIONS'


class Server:
    """saslauthd in the foreground, with these settings below Debian's own."""

    def __init__(self, settings=""):
        program = servers.require("saslauthd")
        FOLDER.mkdir(mode=0o710, exist_ok=True)
        shutil.chown(FOLDER, "root", "sasl")
        subprocess.run(["gpasswd", "-a", "postfix", "sasl"], check=True, capture_output=True)
        file = Path(f"{OUTPUT}.settings")
        file.write_text(f"{SETTINGS.read_text()}\n{settings}")
        with open(OUTPUT, "ab") as out:
            self.process = subprocess.Popen(["sh", "-c", START.format(settings=file, program=program)], stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=out, start_new_session=True)
        service.wait_for(lambda: service.listens(FOLDER / "mux"))

    def log_in(self, person, password, name="smtp"):
        """One question by testsaslauthd."""
        done = subprocess.run(["testsaslauthd", "-f", FOLDER / "mux", "-s", name, "-u", person.name, "-p", password],
                              capture_output=True, text=True, timeout=60)
        return Reply(done.returncode == 0 and "OK" in done.stdout, done.stdout)

    def enters(self, somebody, password, **options):
        return self.log_in(getattr(somebody, "person", somebody), password, **options).entered

    def stop(self):
        """It and the processes that it has forked, which are a group of their own. When all of them get
        SIGTERM at once, one of them hangs now and then."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=10)
        (FOLDER / "mux").unlink(missing_ok=True)
