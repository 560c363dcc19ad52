"""A real FreeRADIUS that asks PAM, as the user freerad, and radtest."""

import shutil
import subprocess
from pathlib import Path

import recipes
import servers
import service

USER = "freerad"
RUN = Path("/run/freeradius")
LOG = Path("/run/twostep-freeradius")
# Debian's secret of the client on the same host.
SECRET = "testing123"
GROUPS = ("--init-groups",)
GROUPS_WITHOUT_SHADOW = ("--groups=ssl-cert",)
_configured = []


class Server:
    """FreeRADIUS as Debian's unit starts it, once set up by the commands of the guide."""

    def __init__(self, groups=GROUPS):
        program = servers.require("freeradius")
        if not _configured:
            subprocess.run(["sh", "-ec", recipes.text("sh server", "freeradius")], check=True)
            _configured.append(True)
        RUN.mkdir(exist_ok=True)
        shutil.chown(RUN, USER, USER)
        with open(LOG, "wb") as out:
            self.process = subprocess.Popen(["setpriv", f"--reuid={USER}", f"--regid={USER}", *groups, "--no-new-privs", "--reset-env",
                                             "--", program, "-f", "-l", "stdout"], stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/")
        service.wait_for(lambda: "Ready to process requests" in LOG.read_text() or self.process.poll() is not None, seconds=120)
        assert self.process.poll() is None, LOG.read_text()

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)

    def accepts(self, somebody, password, method="pap"):
        user = getattr(somebody, "person", somebody).name
        done = subprocess.run(["radtest", "-t", method, user, password, "127.0.0.1", "0", SECRET], capture_output=True, text=True, timeout=60)
        told = done.stdout + done.stderr
        assert ("Received Access-Accept" in told) != ("Received Access-Reject" in told), told
        return "Received Access-Accept" in told
