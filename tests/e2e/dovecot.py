"""A real Dovecot on loopback, with one PAM service a protocol: `imap`, `sieve`, `submission`, and `smtp` for Postfix."""

import base64
import imaplib
import re
from pathlib import Path

import servers
import stacks
from servers import HERE, Reply

FOLDER = Path("/run/twostep-dovecot")
SASL_SOCKET = Path("/var/spool/postfix/private/auth")

# Neither Dovecot's pause after a wrong password nor its penalty for the address: the tests give
# hundreds of them.
CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap sieve submission
listen = 127.0.0.1, ::1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
mail_location = maildir:~/Maildir
{recipe}
userdb {{
  driver = passwd
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service managesieve-login {{
  inet_listener sieve {{
    port = {sieve}
  }}
}}
service submission-login {{
  inet_listener submission {{
    port = {submission}
  }}
}}
submission_relay_host = 127.0.0.1
submission_relay_port = {relay}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""

FOR_POSTFIX = """\
service auth {{
  unix_listener {socket} {{
    mode = 0660
    user = postfix
    group = postfix
  }}
}}
"""


class Server(servers.Process):
    """Dovecot with what the recipe says. Its IMAP logins are of the PAM service `imap`."""

    def __init__(self):
        program = servers.require("dovecot")
        FOLDER.mkdir(mode=0o755, exist_ok=True)
        port, self.sieve, self.submission, self.relay = (servers.free_port() for _ in range(4))
        text = CONFIG.format(folder=FOLDER, port=port, sieve=self.sieve, submission=self.submission, relay=self.relay,
                             recipe=stacks.settings_in("dovecot"))
        if SASL_SOCKET.parent.is_dir():
            text += FOR_POSTFIX.format(socket=SASL_SOCKET)
        config = FOLDER / "dovecot.conf"
        config.write_text(text)
        super().__init__([program, "-F", "-c", config], port, FOLDER / "output")

    def connect(self, host=HERE, source=None):
        return _Imap(host, self.port, source)

    def log_in(self, person, password, **where):
        """One IMAP login. The inbox stays closed: Dovecot's own locks do not bear a moved clock."""
        with self.connect(**where) as client:
            return log_in(client, person, password)


class Submission:
    """Dovecot's own submission service. It hands the mail to the relay, which must be there."""

    def __init__(self, server):
        self.port = server.submission

    def log_in(self, person, password, host=HERE, source=None):
        return servers.submit(self.port, person, password, host, source)

    def stop(self):
        """It ends with its server."""


class Sieve:
    """Filters of mail: ManageSieve (RFC 5804)."""

    def __init__(self, server):
        self.port = server.sieve

    def log_in(self, person, password, host=HERE, source=None):
        """Who gets in asks for the own scripts, of which there are none."""
        secret = base64.b64encode(f"\0{person.name}\0{password}".encode()).decode()
        with servers.connect(host, self.port, source) as connection, connection.makefile("rwb", buffering=0) as stream:
            assert _response(stream).startswith("OK")
            stream.write(f'AUTHENTICATE "PLAIN" "{secret}"\r\n'.encode())
            told = _response(stream)
            if told.startswith("OK"):
                stream.write(b"LISTSCRIPTS\r\n")
                assert _response(stream).startswith("OK")
            return Reply(told.startswith("OK"), told)

    def stop(self):
        """It ends with its server."""


def _response(stream):
    """The line that ends one."""
    while True:
        line = stream.readline().decode()
        assert line, "the server has closed the connection"
        if re.match(r"(OK|NO|BYE)\b", line):
            return line


def log_in(client, person, password):
    try:
        status, (text,) = client.login(person.name, password)
    except imaplib.IMAP4.error as refusal:
        return Reply(False, _text(refusal.args[0]))
    return Reply(status == "OK", _text(text))


def _text(said):
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


class _Imap(imaplib.IMAP4):
    """A client whose own address can be chosen."""

    def __init__(self, host, port, source):
        self.source = source
        super().__init__(host, port)

    def open(self, host="", port=143, timeout=None):
        self.host, self.port = host, port
        self.sock = servers.connect(host, port, self.source)
        self.file = self.sock.makefile("rb")
