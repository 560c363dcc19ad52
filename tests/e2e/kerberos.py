"""A real Kerberos realm on loopback: its database, its KDC, and the key of this host."""

import subprocess
from pathlib import Path

import servers

REALM = "EXAMPLE.ORG"
FOLDER = Path("/run/twostep-kerberos")
KEYTAB = Path("/etc/krb5.keytab")

CLIENT = """\
[libdefaults]
    default_realm = {realm}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
[realms]
    {realm} = {{
        kdc = 127.0.0.1:{port}
    }}
"""

KDC = """\
[kdcdefaults]
    kdc_listen = 127.0.0.1:{port}
    kdc_tcp_listen = 127.0.0.1:{port}
"""


class Server(servers.Process):
    """The KDC. Clients find it by the view's /etc/krb5.conf and trust it by the host's key."""

    profile = "krb5"

    def __init__(self):
        self.program = servers.require("krb5kdc")
        FOLDER.mkdir(mode=0o755, exist_ok=True)
        self.port = servers.free_port()
        Path("/etc/krb5.conf").write_text(CLIENT.format(realm=REALM, port=self.port))
        Path("/etc/krb5kdc").mkdir(mode=0o700, exist_ok=True)
        Path("/etc/krb5kdc/kdc.conf").write_text(KDC.format(port=self.port))
        if not Path("/var/lib/krb5kdc/principal").exists():
            subprocess.run(["kdb5_util", "create", "-s", "-P", "master of the test"], check=True, capture_output=True)
            add_host("127.0.0.1")
        self.start()

    def start(self):
        super().__init__([self.program, "-n"], self.port, FOLDER / "output")

    def add(self, person):
        """The person's password is here and nowhere else."""
        administer("addprinc", "-pw", person.password, person.name)


def ticket(person):
    """The file with a ticket that the person's password has bought."""
    cache = FOLDER / f"ticket-{person.uid}"
    done = subprocess.run(["kinit", "-c", cache, person.name], input=person.password + "\n", text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return cache


def add_host(name):
    """A principal for a name of this host, whose key is in its keytab."""
    administer("addprinc", "-randkey", f"host/{name}")
    administer("ktadd", "-k", str(KEYTAB), f"host/{name}")


def administer(*words):
    done = subprocess.run(["kadmin.local", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
