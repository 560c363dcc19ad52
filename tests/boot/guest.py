"""A Debian 12 with systemd as its first process: a layer over the one that debootstrap made, kept over reboots."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pexpect

HERE = Path(__file__).resolve().parent
BASE = Path(os.environ["ROOT"])
DEB = next(Path(os.environ["PACKAGES"]).glob("twostep_*.deb"))
PLACE = Path("/run/twostep-boot")
NAME = "twostep-boot"
PASSWORD = "right horse"
ENVIRONMENT = ["env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8",
               "DEBIAN_FRONTEND=noninteractive"]


def wait_for(answer, what, seconds=90):
    """What `answer` gives once it gives something."""
    end = time.monotonic() + seconds
    while not (found := answer()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.1)
    return found


class Guest:
    def __init__(self):
        PLACE.mkdir()
        mount("-t", "tmpfs", "-o", "mode=755", "layers", PLACE)
        for name in ("upper", "work", "root"):
            (PLACE / name).mkdir()
        self.root = PLACE / "root"
        mount("-t", "overlay", "-o", f"lowerdir={BASE},upperdir={PLACE}/upper,workdir={PLACE}/work", "guest", self.root)
        shutil.copy(DEB, self.root / "root/twostep.deb")
        (self.root / "etc/ssh/sshd_config.d/test.conf").write_text(
            "KbdInteractiveAuthentication yes\nPasswordAuthentication no\nListenAddress 127.0.0.1\n")
        self.log = (PLACE / "console").open("wb")
        self.process = subprocess.Popen([HERE / "boot-guest", self.root, NAME], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        env={**os.environ, "NSPAWN": str(BASE)}, start_new_session=True)
        self.leader = None
        self.wait_until_up()

    def wait_until_up(self):
        """Until a new first process has come up, with no unit failed."""
        self.leader = wait_for(lambda: first_process(other_than=self.leader), "the first process")
        wait_for(lambda: self.run("systemctl is-system-running", code=None).strip() in ("running", "degraded"), "booting")
        failed = self.run("systemctl --failed --no-legend --plain")
        assert failed == "", failed

    def reboot(self):
        self.run("systemctl reboot", code=None)
        self.wait_until_up()

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()
        remove_cgroup()
        subprocess.run(["umount", "-R", "-l", PLACE], check=True)

    def line(self, command, user=None):
        who = ["runuser", "-u", user, "--"] if user else []
        return ["nsenter", "--all", "--target", str(self.leader), *ENVIRONMENT, *who, "sh", "-c", command]

    def run(self, command, code=0, user=None):
        """What a command prints that a process of root's starts, or of a user's."""
        out = subprocess.run(self.line(command, user), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, start_new_session=True)
        assert code is None or out.returncode == code, (command, out.returncode, out.stdout, out.stderr)
        return out.stdout + out.stderr

    def show(self, unit, what):
        return self.run(f"systemctl show --value --property {what} {unit}").strip()

    def main_pid(self):
        """The resident service's. `kill 0` would be for the shell that types it."""
        pid = self.show("twostepd.service", "MainPID")
        assert pid != "0", self.run("systemctl status --no-pager twostepd", code=None)
        return pid

    def is_active(self, unit):
        return self.run(f"systemctl is-active {unit}", code=None).strip() == "active"

    def add(self, user):
        self.run(f"useradd -m -s /bin/bash -G sudo {user} && echo '{user}:{PASSWORD}' | chpasswd")

    def ssh(self, user="alice", command="echo IN $(id -un)", tty=""):
        options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o NumberOfPasswordPrompts=1"
        words = self.line(f"ssh {tty} {options} {user}@127.0.0.1 '{command}'")
        return pexpect.spawn(words[0], words[1:], timeout=30, encoding="utf-8", echo=False)


class Phone:
    """A user's codes: those of the app, and those on paper."""

    def __init__(self, secret, papers):
        self.secret, self.papers, self.given = secret, papers, None

    def code(self):
        """One that was not given before; its user waits for it."""
        while (shown := self.shown()) == self.given:
            time.sleep(1)
        self.given = shown
        return shown

    def shown(self):
        return subprocess.run(["oathtool", "--totp", "--base32", self.secret], capture_output=True, text=True, check=True).stdout.strip()

    def paper(self):
        return self.papers.pop(0)


def remove_cgroup():
    """The guest's, which outlives its processes."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    for group in [Path(mount[1], NAME) for mount in mounts if mount[2] == "cgroup2"]:
        def is_gone(group=group):
            subprocess.run(["find", group, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"], stderr=subprocess.DEVNULL)
            return not group.exists()
        wait_for(is_gone, f"the end of {group}", 30)


def mount(*words):
    subprocess.run(["mount", *map(str, words)], check=True)


def first_process(other_than):
    """systemd, as the first process of the innermost namespace below this one."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
            pids = re.search(r"^NSpid:\t(.*)$", text, re.M)[1].split()
            if len(pids) >= 3 and pids[-1] == "1" and text.startswith("Name:\tsystemd\n") and int(pids[0]) != other_than:
                return int(pids[0])
        except (OSError, TypeError):
            continue
    return None
