"""A second sshd that gives files only, after the recipe `sshd-sftp`, and a real sftp."""

import os
import re
import subprocess

import pexpect

import sshd
import stacks
from servers import HERE, Reply

SERVICE = "sshd-sftp"
PROMPT = re.compile(r"([^\r\n]*(?:[Pp]assword|code): ?)$")

CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
ListenAddress ::1
HostKey {folder}/hostkey
PidFile none
UseDNS no
PrintMotd no
LogLevel VERBOSE
MaxStartups 200:30:400
{recipe}
"""


def version():
    """OpenSSH's, as two numbers."""
    told = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True).stderr
    return tuple(int(number) for number in re.match(r"OpenSSH_(\d+)\.(\d+)", told).groups())


class Server(sshd.Server):
    """The sshd of the recipe, with its own PAM service. One line of its configuration may be left
    out, as an administrator may."""

    def __init__(self, without=None, more=""):
        stacks.write_recipe(SERVICE)
        recipe = "".join(f"{line}\n" for line in stacks.settings_in(SERVICE).splitlines()
                         if without is None or not line.startswith(without))
        recipe += f"{more}\n"
        if version() >= (9, 8):
            recipe += f"PAMServiceName {SERVICE}\n"
        else:
            sshd.FOLDER.mkdir(mode=0o755, exist_ok=True)
            self.program = sshd.FOLDER / SERVICE
            if not self.program.exists():
                self.program.symlink_to(sshd.Server.program)
        self._start(CONFIG, recipe=recipe)

    def log_in(self, person, password, **how):
        return log_in(self.port, person, password, **how)


def log_in(port, person, *answers, host=HERE, source=None, method="password", key=None):
    """Runs sftp, which gives one answer after the other; who gets in asks for the name of the own home."""
    line = _line(port, person, host, source, method, key)
    client = pexpect.spawn(line[0], line[1:], timeout=30, encoding="utf-8", echo=False, cwd="/",
                           env={"PATH": os.environ["PATH"], "HOME": "/root", "LANG": "C.UTF-8"})
    seen, text, answers = 0, "", list(answers)
    while seen == 0:
        seen = client.expect([PROMPT, "sftp> $", pexpect.EOF])
        text += client.before
        if seen == 0 and answers:
            client.sendline(answers.pop(0))
        elif seen == 0:
            client.sendintr()
    if seen == 1:
        client.sendline("pwd")
        client.expect("sftp> $")
        text = client.before
        client.sendline("bye")
        client.expect(pexpect.EOF)
    client.close()
    return Reply(seen == 1 and str(person.home) in text, text)


def _line(port, person, host, source, method, key):
    options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=INFO",
               "NumberOfPasswordPrompts=1", f"PreferredAuthentications={method}",
               "IdentitiesOnly=yes", f"PubkeyAuthentication={'yes' if key else 'no'}"]
    options += [f"BindAddress={source}"] if source else []
    line = ["sftp", "-F", "none", "-P", str(port)]
    for option in options:
        line += ["-o", option]
    line += ["-i", str(key)] if key else []
    target = f"[{host}]" if ":" in host else host
    return [*line, f"{person.name}@{target}"]
