"""A real sssd, with a real slapd behind it."""

import socket
import subprocess
import time
from pathlib import Path

import openldap
import servers

CONFIG = """\
[sssd]
services = nss, pam
domains = example
[nss]
entry_negative_timeout = 0
[domain/example]
id_provider = ldap
auth_provider = ldap
ldap_uri = {address}
ldap_search_base = {base}
cache_credentials = true
case_sensitive = false
# The directory is on loopback, and its certificate would be one more thing to make.
ldap_auth_disable_tls_never_use_in_production = true
"""


class Sssd(servers.Process):
    """It is there when pam_sss can ask it."""

    def __init__(self, address):
        config = Path("/etc/sssd/sssd.conf")
        config.write_text(CONFIG.format(address=address, base=openldap.BASE))
        config.chmod(0o600)
        super().__init__([servers.require("sssd"), "-i", "--logger=stderr"], None, openldap.FOLDER / "sssd-output")

    def _answers(self):
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex("/var/lib/sss/pipes/private/pam") == 0


class Server(openldap.Slapd):
    """slapd and sssd. The directory may be gone while sssd still asks for it."""

    profile = "sss"

    def __init__(self):
        self.client = None
        super().__init__()

    def start(self):
        super().start()
        if self.client:
            self.client.stop()
        self.client = Sssd(self.address)

    def add(self, person):
        super().add(person)
        deadline = time.monotonic() + 60
        while subprocess.run(["getent", "-s", "sss", "passwd", person.name], capture_output=True).returncode:
            assert time.monotonic() < deadline, f"sssd does not find {person.name}"
            time.sleep(0.05)
