"""On what it was measured."""

import os
import platform
import re
import subprocess
from datetime import datetime, timezone
from pathlib import Path

PACKAGES = ("libpam-google-authenticator", "libpam-oath", "liboath0", "libpam-modules", "libpam0g", "libc6")


def described(disk):
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2 ** 30, 1),
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", "unknown"),
        "disk": disk_of(disk),
        "twostep": twostep(),
        "packages": {package: version(package) for package in PACKAGES},
    }


def processor():
    names = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return names[0] if names else platform.machine()


def disk_of(folder):
    line = ["findmnt", "--noheadings", "--output", "FSTYPE,SOURCE", "--target", str(folder)]
    kind, source = subprocess.run(line, check=True, capture_output=True, text=True).stdout.split()
    return f"{kind} on {'a loop image' if source.startswith('/dev/loop') else 'a disk'}"


def twostep():
    """Its version, and the commit where git knows it."""
    done = subprocess.run(["twostep", "--version"], check=True, capture_output=True, text=True)
    return " ".join(filter(None, [done.stdout.split()[-1], os.environ.get("BENCH_COMMIT")]))


def version(package):
    line = ["dpkg-query", "--show", "--showformat=${Version}", package]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout
