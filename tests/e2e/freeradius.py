"""A real FreeRADIUS that asks PAM, as the user freerad, and its clients: radtest, radeapclient, eapol_test."""

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
FOLDER = Path("/etc/freeradius/3.0")
POLICY = FOLDER / "policy.d/twostep"
# Somebody whom FreeRADIUS knows without PAM.
FILE_USERS = FOLDER / "mods-config/files/authorize"
FILE_USER = 'device Cleartext-Password := "known"\n\tFall-Through = Yes\n'
EAP_REQUEST = """\
User-Name = "device"
Cleartext-Password = "{password}"
EAP-Code = Response
EAP-Id = 210
EAP-Type-Identity = "device"
Message-Authenticator = 0x00
"""
TUNNEL = """\
network={{
  key_mgmt=IEEE8021X
  eap={outer}
  phase2="auth={inner}"
  anonymous_identity="somebody"
  identity="{user}"
  password="{password}"
}}
"""
_configured = []


class Server:
    """FreeRADIUS as Debian's unit starts it, once set up by the commands of the guide."""

    def __init__(self, groups=GROUPS):
        program = servers.require("freeradius")
        if not _configured:
            POLICY.write_text(recipes.settings("freeradius"))
            POLICY.chmod(0o644)
            subprocess.run(["sh", "-ec", recipes.text("sh server", "freeradius")], check=True)
            FILE_USERS.write_text(FILE_USER + FILE_USERS.read_text())
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

    def accepts_in_tunnel(self, somebody, password, outer="TTLS", inner="PAP"):
        """Whether the user gets in as to a wireless network: by EAP, with the password inside TLS."""
        user = getattr(somebody, "person", somebody).name
        file = Path(f"{LOG}.client")
        file.write_text(TUNNEL.format(outer=outer, inner=inner, user=user, password=password))
        done = subprocess.run(["eapol_test", "-c", file, "-a", "127.0.0.1", "-s", SECRET, "-r", "0"], capture_output=True, text=True, timeout=120)
        result = done.stdout.splitlines()[-1]
        assert result in ("SUCCESS", "FAILURE"), done.stdout
        return result == "SUCCESS"

    def knows_device(self, password):
        """Whether the user of the file gets in by EAP-MD5, which shows no server the password."""
        done = subprocess.run(["radeapclient", "-x", "127.0.0.1", "auth", SECRET], input=EAP_REQUEST.format(password=password),
                              capture_output=True, text=True, timeout=60)
        assert ("EAP-Code = Success" in done.stdout) != ("EAP-Code = Failure" in done.stdout), done.stdout
        return "EAP-Code = Success" in done.stdout
