"""A real sshd on loopback, and a real ssh that answers its prompts."""

import os
import re
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import pexpect

import stacks
import terminals

FOLDER = Path("/run/twostep-sshd")
IN = "IN-AS"
_ports = iter(range(2200, 2900))

CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/hostkey
PidFile none
UsePAM yes
KbdInteractiveAuthentication {kbdint}
PasswordAuthentication {password}
PubkeyAuthentication yes
AuthorizedKeysFile .ssh/authorized_keys
UseDNS no
PrintMotd no
PrintLastLog no
LogLevel VERBOSE
MaxStartups 200:30:400
Subsystem sftp internal-sftp
{more}
"""


@dataclass
class Login:
    """What one run of ssh came to."""

    entered: bool = False
    prompts: list = field(default_factory=list)
    output: str = ""


class Server:
    """sshd with a PAM stack of its own. Its PAM service is `sshd`, as on every host."""

    program = "/usr/sbin/sshd"

    def __init__(self, stack, *, kbdint="yes", password="no", more=""):
        stacks.write("sshd", stack)
        self._start(CONFIG, kbdint=kbdint, password=password, more=more)

    def _start(self, config, **settings):
        FOLDER.mkdir(mode=0o755, exist_ok=True)
        hostkey = FOLDER / "hostkey"
        if not hostkey.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", hostkey], check=True)
        self.port = next(_ports)
        file = FOLDER / f"config-{self.port}"
        file.write_text(config.format(port=self.port, folder=FOLDER, **settings))
        self.log = open(FOLDER / f"log-{self.port}", "wb")
        self.process = subprocess.Popen([self.program, "-D", "-e", "-f", file],
                                        stdout=self.log, stderr=self.log, cwd="/")
        self._wait()

    def _wait(self):
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError(Path(self.log.name).read_text())

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=10)
        self.log.close()


def ssh_line(server, person, *, methods, key=None, ticket=None, command=None, tty=False):
    options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=INFO",
               f"GSSAPIAuthentication={'yes' if ticket else 'no'}",
               "NumberOfPasswordPrompts=1", f"PreferredAuthentications={methods}",
               "IdentitiesOnly=yes", f"PubkeyAuthentication={'yes' if key else 'no'}"]
    line = ["ssh", "-F", "none", "-p", str(server.port), "-l", person.name]
    for option in options:
        line += ["-o", option]
    line += ["-i", str(key)] if key else []
    line += ["-tt"] if tty else []
    return [*line, "127.0.0.1", command or f"echo {IN} $(id -un)"]


def log_in(server, person, *answers, methods="keyboard-interactive", key=None, ticket=None,
           command=None, tty=False):
    """Runs ssh until it ends. A prompt without an answer left ends it as Ctrl-C does; an answer that
    can be called is made when it is asked for."""
    line = ssh_line(server, person, methods=methods, key=key, ticket=ticket, command=command, tty=tty)
    ssh = pexpect.spawn(line[0], line[1:], timeout=30, encoding="utf-8", echo=False, cwd="/",
                        env={"PATH": os.environ["PATH"], "HOME": "/root", "LANG": "C.UTF-8", "KRB5CCNAME": str(ticket or "")})
    login, left = Login(), list(answers)
    prompt = re.compile(r"(?:\([^\r\n]*@127\.0\.0\.1\) (?:[^\r\n]*\r\n)*|[^\r\n]*@127\.0\.0\.1's )([^\r\n]*: ?)$")
    while ssh.expect([prompt, pexpect.EOF]) == 0:
        login.output += ssh.before + ssh.after
        login.prompts.append(ssh.match.group(1).strip())
        if not left:
            terminals.interrupt(ssh)
            break
        answer = left.pop(0)
        ssh.sendline(answer() if callable(answer) else answer)
    login.output += ssh.before or ""
    ssh.close()
    login.entered = f"{IN} {person.name}" in login.output
    return login


def shell_text(server, person, *answers):
    """What stands on the terminal of a login shell before its first prompt."""
    line = ssh_line(server, person, methods="keyboard-interactive", tty=True)[:-1]
    ssh = pexpect.spawn(line[0], line[1:], timeout=30, encoding="utf-8", echo=False, cwd="/",
                        env={"PATH": os.environ["PATH"], "HOME": "/root", "LANG": "C.UTF-8"})
    for answer in answers:
        ssh.expect(": $")
        ssh.sendline(answer() if callable(answer) else answer)
    ssh.expect(r"[$#] $")
    ssh.close(force=True)
    return ssh.before


def make_key(person):
    """A key pair whose public half opens the person's account."""
    key = FOLDER / f"key-{person.uid}"
    if not key.exists():
        FOLDER.mkdir(mode=0o755, exist_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    folder = person.home / ".ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    authorized = folder / "authorized_keys"
    authorized.write_text((key.with_suffix(".pub")).read_text())
    for path in (folder, authorized):
        os.chown(path, person.uid, person.uid)
    return key
