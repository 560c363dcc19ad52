"""A real slapd on loopback, and nslcd, which pam_ldap asks."""

import shutil
import socket
import subprocess
from pathlib import Path

import servers

FOLDER = Path("/run/twostep-ldap")
BASE = "dc=example,dc=org"
MANAGER = ["-x", "-D", f"cn=manager,{BASE}", "-w", "manager of the test"]

SERVER = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {data}/slapd.pid
database mdb
suffix "{base}"
directory {data}
maxsize 10485760
rootdn "cn=manager,{base}"
rootpw "manager of the test"
access to attrs=userPassword by anonymous auth by * none
access to * by * read
"""

TOP = """\
dn: {base}
objectClass: dcObject
objectClass: organization
dc: example
o: Example

"""

PERSON = """\
dn: uid={name},{base}
objectClass: account
objectClass: posixAccount
uid: {name}
cn: {name}
uidNumber: {uid}
gidNumber: {uid}
homeDirectory: {home}
loginShell: /bin/bash
userPassword: {password}

"""


class Slapd(servers.Process):
    """The directory itself."""

    def __init__(self):
        self.program = servers.require("slapd")
        self.port = servers.free_port()
        data = FOLDER / f"data-{self.port}"
        data.mkdir(mode=0o700, parents=True)
        self.config = FOLDER / f"slapd-{self.port}.conf"
        self.config.write_text(SERVER.format(data=data, base=BASE))
        subprocess.run(["slapadd", "-f", self.config, "-q"], input=TOP.format(base=BASE), text=True, check=True, capture_output=True)
        self.start()

    @property
    def address(self):
        return f"ldap://127.0.0.1:{self.port}"

    def start(self):
        super().__init__([self.program, "-f", self.config, "-h", self.address, "-d", "0"], self.port, FOLDER / "slapd-output")

    def add(self, person):
        """The person's password is here and nowhere else."""
        entry = PERSON.format(name=person.name, uid=person.uid, home=person.home, password=person.password, base=BASE)
        subprocess.run(["ldapadd", "-H", self.address, *MANAGER], input=entry, text=True, check=True, capture_output=True)


NSLCD = """\
uid nslcd
gid nslcd
uri {address}
base {base}
reconnect_retrytime 2
"""
SOCKET = Path("/run/nslcd/socket")


class Nslcd(servers.Process):
    """What pam_ldap asks, and what asks the directory."""

    def __init__(self, address):
        config = Path("/etc/nslcd.conf")
        config.write_text(NSLCD.format(address=address, base=BASE))
        config.chmod(0o640)
        SOCKET.parent.mkdir(mode=0o755, exist_ok=True)
        shutil.chown(SOCKET.parent, "nslcd", "nslcd")
        super().__init__([servers.require("nslcd"), "-n"], None, FOLDER / "nslcd-output")

    def _answers(self):
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(SOCKET)) == 0


class Server(Slapd):
    """slapd and nslcd. The directory may be gone while nslcd still asks for it."""

    profile = "ldap"

    def __init__(self):
        self.client = None
        super().__init__()

    def start(self):
        super().start()
        if self.client:
            self.client.stop()
        self.client = Nslcd(self.address)
