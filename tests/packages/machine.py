"""A clean Debian 12 of its own: a layer over the one that debootstrap made, in the view's namespaces."""

import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pexpect

PACKAGES = Path(os.environ["PACKAGES"])
BASE = Path(os.environ["ROOT"])
PLACE = Path("/run/twostep-machine")
PASSWORD = "right horse"
DEB = next(PACKAGES.glob("twostep_*.deb"))


class Machine:
    def __init__(self):
        PLACE.mkdir(exist_ok=True)
        self.mount("-t", "tmpfs", "layers", PLACE)
        for name in ("upper", "work", "root"):
            (PLACE / name).mkdir()
        self.root = PLACE / "root"
        self.mount("-t", "overlay", "-o", f"lowerdir={BASE},upperdir={PLACE}/upper,workdir={PLACE}/work", "machine", self.root)
        self.mount("-t", "proc", "proc", self.root / "proc")
        self.mount("--rbind", "/dev", self.root / "dev")
        policy = self.root / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        shutil.copy(DEB, self.root / "root/twostep.deb")
        self.sshd = self.service = None

    @staticmethod
    def mount(*words):
        subprocess.run(["mount", *map(str, words)], check=True)

    def close(self):
        if self.sshd:
            self.sshd.terminate()
            self.sshd.wait()
        if self.service:
            os.killpg(self.service.pid, signal.SIGKILL)
            self.service.wait()
        subprocess.run(["umount", "-R", "-l", PLACE], check=True)

    def line(self, command):
        return ["chroot", str(self.root), "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8",
                "DEBIAN_FRONTEND=noninteractive", "sh", "-c", command]

    def run(self, command, code=0):
        out = subprocess.run(self.line(command), capture_output=True, text=True, timeout=120)
        assert code is None or out.returncode == code, (command, out.stdout, out.stderr)
        return out.stdout + out.stderr

    def install(self):
        return self.run("dpkg -i /root/twostep.deb")

    def keep_service_running(self):
        """As systemd does, which a chroot lacks: from the moment that its program is installed."""
        program = "/usr/libexec/twostep/twostepd"
        self.service = subprocess.Popen(self.line(f"while :; do [ ! -d /run/twostep ] || {program} --listen; sleep 0.1; done"), start_new_session=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def pam(self):
        """The stacks of logins, and what they share."""
        return {path.name: path.read_bytes() for path in (self.root / "etc/pam.d").iterdir() if path.name != "twostep-password"}

    def add_alice(self):
        self.run(f"useradd -m -s /bin/bash -G sudo alice && echo 'alice:{PASSWORD}' | chpasswd")

    def start_sshd(self, settings="KbdInteractiveAuthentication yes\nPasswordAuthentication no\n"):
        config = self.root / "etc/ssh/sshd_config.d/test.conf"
        config.write_text(f"{settings}ListenAddress 127.0.0.1\n")
        self.sshd = subprocess.Popen(self.line("mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            if self.run("ssh-keyscan -T 1 127.0.0.1 2>/dev/null", code=None):
                return
            time.sleep(0.05)
        raise AssertionError("sshd does not answer")

    def ssh(self, command="echo IN $(id -un)", tty=""):
        options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o NumberOfPasswordPrompts=1"
        words = self.line(f"ssh {tty} {options} alice@127.0.0.1 '{command}'")
        return pexpect.spawn(words[0], words[1:], timeout=30, encoding="utf-8", echo=False)


def code(secret, offset=0):
    out = subprocess.run(["oathtool", "--totp", "--base32", "--now", f"{offset:+d} seconds", secret], capture_output=True, text=True, check=True)
    return out.stdout.strip()


class Storm(threading.Thread):
    """Something that is done over and over until it is told to stop."""

    def __init__(self, once):
        super().__init__()
        self.once, self.results, self.stops = once, [], threading.Event()

    def run(self):
        while not self.stops.is_set():
            self.results.append(self.once())

    def end(self):
        self.stops.set()
        self.join()
        return self.results
