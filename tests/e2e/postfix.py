"""A real Postfix on loopback that takes mail from whoever logs in. Dovecot or saslauthd checks the
password, under the PAM service `smtp`."""

from pathlib import Path

import servers
from servers import HERE

FOLDER = Path("/etc/postfix")
LOG = Path("/run/twostep-postfix")

MAIN = """\
compatibility_level = 3.6
myhostname = host.example.org
mydestination =
local_recipient_maps =
inet_interfaces = loopback-only
smtpd_peername_lookup = no
smtpd_sasl_auth_enable = yes
{sasl}
smtpd_relay_restrictions = permit_sasl_authenticated, reject
"""

DOVECOT = "smtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/auth"
CYRUS = "smtpd_sasl_type = cyrus\nsmtpd_sasl_path = smtpd"

MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
[::1]:{port} inet n - n - - smtpd
anvil unix - - n - 1 anvil
"""


class Server(servers.Process):
    """The part of Postfix that talks to clients, without a queue. It needs a running
    dovecot.Server, or a saslauthd.Server."""

    def __init__(self, port=None, sasl=DOVECOT):
        program = servers.require("master")
        port = port or servers.free_port()
        (FOLDER / "main.cf").write_text(MAIN.format(sasl=sasl))
        (FOLDER / "master.cf").write_text(MASTER.format(port=port))
        super().__init__([program, "-d", "-c", FOLDER], port, LOG)

    def log_in(self, person, password, host=HERE, source=None):
        return servers.submit(self.port, person, password, host, source)
