"""A host whose logins are changed by `twostep admin apply`: its own sshd, which reads
/etc/ssh/sshd_config, and stacks as Debian ships them."""

import json
import subprocess
import time
from pathlib import Path

import pytest

import people
import sshd
import stacks

PAM = Path("/etc/pam.d")
SSH = Path("/etc/ssh")
DROP_IN = SSH / "sshd_config.d" / "10-twostep.conf"
JOURNAL = Path("/var/lib/twostep/changes")

# What Debian ships, with a pam_unix that does not wait after a wrong password.
STOCK = """\
# PAM configuration of a service
@include cs-common-auth
account required pam_nologin.so
@include cs-common-account
session required pam_permit.so
"""
COMMON_ACCOUNT = """\
account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so
account requisite pam_deny.so
account required pam_permit.so
"""


class Host:
    """The host's own sshd, by the file that `apply` changes."""

    def __init__(self, person):
        self.person = person
        self.port = next(sshd._ports)
        (SSH / "sshd_config.d").mkdir(exist_ok=True)
        for old in (SSH / "sshd_config.d").iterdir():
            old.unlink()
        self.config = ("Include /etc/ssh/sshd_config.d/*.conf\n"
                       f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {sshd.FOLDER}/hostkey\n"
                       "UsePAM yes\nKbdInteractiveAuthentication no\nPasswordAuthentication yes\nUseDNS no\nPrintMotd no\n"
                       f"PidFile {sshd.FOLDER}/host.pid\nMaxStartups 200:30:400\n")
        self.write(self.config)
        self.log = open(sshd.FOLDER / "host.log", "wb")
        self.process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e"], stdout=self.log, stderr=self.log, cwd="/")
        sshd.Server._wait(self)

    def write(self, config):
        (SSH / "sshd_config").write_text(config)

    def is_reloaded(self):
        """Whether sshd has started again since it was asked this last, and listens again."""
        begun = Path(self.log.name).read_text().count("Server listening")
        is_new, self.begun = begun > getattr(self, "begun", 1), begun
        return is_new

    def stop(self):
        """An sshd that is just being reloaded loses a signal."""
        assert wait_until(lambda: self.process.terminate() or self.process.poll() is not None)


@pytest.fixture
def host(person, clock):
    sshd.FOLDER.mkdir(mode=0o755, exist_ok=True)
    if not (sshd.FOLDER / "hostkey").exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", sshd.FOLDER / "hostkey"], check=True)
    stacks.write("cs-common-account", COMMON_ACCOUNT)
    for service in ("sshd", "sudo", "sudo-i"):
        stacks.write(service, STOCK)
    people.set_administrators(person.name)
    before = snapshot()
    server = Host(person)
    server.before = snapshot()
    yield server
    twostep("revert", "--all", "--yes")
    server.stop()
    Path("/etc/sudoers.d/confirm").unlink(missing_ok=True)
    for service, text in before.items():
        if text is not None:
            Path(service).write_bytes(text)


def snapshot():
    files = [PAM / "sshd", PAM / "sudo", PAM / "sudo-i", SSH / "sshd_config", DROP_IN]
    return {str(path): path.read_bytes() if path.exists() else None for path in files}


def twostep(*words, **options):
    return subprocess.run(["twostep", "admin", *words], capture_output=True, text=True, timeout=60, cwd="/", **options)


def apply(*words, within="90s"):
    return twostep("apply", *words, "--confirm-within", within, "--yes")


def wait_until(true, seconds=30):
    for _ in range(seconds * 20):
        if true():
            return True
        time.sleep(0.05)
    return False


def changes():
    return [json.loads(line) for line in twostep("revert", "--list", "--json").stdout.splitlines()]


def by_password(host, **more):
    return sshd.log_in(host, host.person, host.person.password, methods="keyboard-interactive,password", **more)


def waiting():
    return subprocess.run(["pgrep", "-f", "admin revert --unconfirmed"], capture_output=True, text=True).stdout.split()


def refused(*words):
    done = apply(*words)
    assert done.returncode in (1, 2), done.stdout
    return done.stderr


def changes_unconfirmed():
    return [change for change in changes() if change["state"] == "unconfirmed"]


def kill_at(call, number, *words):
    """Ends when the command has: strace would wait for the process that waits, too."""
    line = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={number}",
            "twostep", "admin", "apply", "sshd", "sudo", "--keys", "refuse", "--yes", *words]
    tracer = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
    running = ["pgrep", "-f", "^twostep admin apply"]
    assert wait_until(lambda: tracer.poll() is not None or subprocess.run(running, capture_output=True).returncode == 0)
    assert wait_until(lambda: tracer.poll() is not None or subprocess.run(running, capture_output=True).returncode == 1)
    tracer.kill()
    tracer.wait()
