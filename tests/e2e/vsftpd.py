"""A real vsftpd on loopback. It listens once for IPv4 and IPv6, so it tells PAM the address of an
IPv4 client as an IPv4-mapped one: ::ffff:127.0.0.1."""

import ftplib
from pathlib import Path

import servers
import stacks
from servers import HERE, Reply

FOLDER = Path("/run/twostep-vsftpd")

CONFIG = """\
listen=NO
listen_ipv6=YES
listen_port={port}
background=NO
anonymous_enable=NO
local_enable=YES
delay_failed_login=0
secure_chroot_dir={folder}/empty
pam_service_name=vsftpd
syslog_enable=YES
"""


class Server(servers.Process):
    """vsftpd with the recipe that bears its name, which is its PAM service too, or with the stack that is there."""

    def __init__(self, recipe="vsftpd"):
        program = servers.require("vsftpd")
        if recipe:
            stacks.write_recipe(recipe)
        (FOLDER / "empty").mkdir(mode=0o755, parents=True, exist_ok=True)
        port = servers.free_port()
        config = FOLDER / "vsftpd.conf"
        config.write_text(CONFIG.format(port=port, folder=FOLDER))
        super().__init__([program, config], port, FOLDER / "output")

    def log_in(self, person, password, **where):
        return log_in(self.port, person, password, **where)


def log_in(port, person, password, host=HERE, source=None):
    """One FTP login; who gets in stands in the own home."""
    address = (source, 0) if source else None
    with ftplib.FTP(timeout=30, source_address=address) as client:
        client.connect(host, port)
        try:
            text = client.login(person.name, password)
            return Reply(client.pwd() == str(person.home), text)
        except ftplib.error_perm as refusal:
            return Reply(False, str(refusal))
