"""A real OpenVPN server on loopback and real clients of it, each with a certificate. The server has a tun
device; the client takes none, for both share the network of the view."""

import os
import subprocess
from pathlib import Path

import pexpect

import servers
import service
from servers import HERE

FOLDER = Path("/run/twostep-openvpn")
UP = "Initialization Sequence Completed"
REFUSED = "AUTH_FAILED"
# What Debian's openvpn-server@.service leaves of root's rights.
RIGHTS = "-all,+ipc_lock,+net_admin,+net_bind_service,+net_raw,+setgid,+setuid,+setpcap,+sys_chroot,+dac_override,+audit_write"

SERVER = """\
local 127.0.0.1
port {port}
proto udp
dev tun
topology subnet
server 10.8.0.0 255.255.255.0
ca {folder}/ca.crt
cert {folder}/server.crt
key {folder}/server.key
dh none
user nobody
group nogroup
persist-key
persist-tun
verb 3
"""

CLIENT = """\
client
remote 127.0.0.1 {port}
proto udp
dev null
nobind
ca {folder}/ca.crt
cert {folder}/client.crt
key {folder}/client.key
remote-cert-tls server
ifconfig-noexec
route-noexec
verb 3
"""


def make_certificates():
    if (FOLDER / "client.crt").exists():
        return
    FOLDER.mkdir(mode=0o755, exist_ok=True)
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "3650"]
    _openssl(*new, "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.crt")
    for name, use in (("server", "serverAuth"), ("client", "clientAuth")):
        _openssl(*new, "-subj", f"/CN={name}", "-addext", f"extendedKeyUsage={use}", "-addext", "keyUsage=digitalSignature",
                 "-addext", "basicConstraints=critical,CA:false",
                 "-CA", "ca.crt", "-CAkey", "ca.key", "-keyout", f"{name}.key", "-out", f"{name}.crt")


def _openssl(*line):
    done = subprocess.run(line, cwd=FOLDER, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def make_tun():
    """The view's /dev has no such device of its own."""
    tun = Path("/dev/net/tun")
    if not tun.exists():
        tun.parent.mkdir(exist_ok=True)
        os.mknod(tun, 0o020666, os.makedev(10, 200))


class Server:
    """OpenVPN with the rights that Debian's unit gives it, and these settings below what every server has."""

    def __init__(self, settings):
        program = servers.require("openvpn")
        make_certificates()
        make_tun()
        self.port = servers.free_port()
        self.log = FOLDER / f"server-{self.port}.log"
        config = FOLDER / "server.conf"
        config.write_text(SERVER.format(port=self.port, folder=FOLDER) + settings)
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(["setpriv", f"--bounding-set={RIGHTS}", "--", program, "--config", config],
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/")
        self.wait_until_told(UP)

    def wait_until_told(self, words):
        service.wait_for(lambda: words in self.log.read_text() or self.process.poll() is not None, seconds=120)
        assert self.process.poll() is None, self.log.read_text()

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=10)

    def enters(self, somebody, *answers, settings="auth-user-pass\n"):
        with Client(self, getattr(somebody, "person", somebody), *answers, settings=settings) as client:
            return client.is_up


class Client:
    """One run of a client, which gives one answer after the other. It stays up until the block ends."""

    def __init__(self, server, person, *answers, settings):
        config = FOLDER / "client.conf"
        config.write_text(CLIENT.format(port=server.port, folder=FOLDER) + settings)
        self.program = pexpect.spawn("openvpn", ["--config", str(config)], timeout=60, encoding="utf-8", echo=False, cwd="/",
                                     env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        self.questions = 0
        for answer in (person.name, *answers):
            self.program.expect(r"Enter Auth (Username|Password):|CHALLENGE: [^\r\n]*")
            self.questions += 1
            self.program.sendline(answer)
        told = self.program.expect([UP, REFUSED, "tls-error"])
        assert told < 2, self.program.before
        self.is_up = told == 0

    def has_new_keys(self):
        """Waits until it has made new ones; tells whether it was let in again."""
        return self.program.expect(["soft reset.*?Control Channel: TLS", REFUSED]) == 0

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.program.terminate()
        self.program.expect(pexpect.EOF)
        self.program.close()
