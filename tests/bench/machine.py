"""On what it was measured, in general words."""

import os
import platform
import re
import subprocess
from pathlib import Path

PACKAGES = ("libpam-google-authenticator", "libpam-oath", "libpam0g", "libc6")


def described(disk):
    cpu = Path("/proc/cpuinfo").read_text()
    names = re.findall(r"^model name\s*: (.*)$", cpu, re.MULTILINE)
    return {
        "processor": names[0] if names else platform.machine(),
        "processors": os.cpu_count(),
        "sha": bool(re.search(r"^flags\s*:.*\bsha_ni\b|^Features\s*:.*\bsha2\b", cpu, re.MULTILINE)),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2 ** 30),
        "load": round(os.getloadavg()[0], 1),
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
        "kernel": re.match(r"\d+\.\d+", platform.release())[0],
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", "unknown"),
        "disk": disk_of(disk),
        "packages": {package: version(package) for package in PACKAGES},
    }


def disk_of(folder):
    line = ["findmnt", "--noheadings", "--output", "FSTYPE,SOURCE", "--target", str(folder)]
    kind, source = subprocess.run(line, check=True, capture_output=True, text=True).stdout.split()
    return f"{kind} on {'a loop image' if source.startswith('/dev/loop') else 'a disk'}"


def version(package):
    line = ["dpkg-query", "--show", "--showformat=${Version}", package]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout


def module():
    """Size and libraries of the module as it is installed."""
    found = subprocess.run(["find", "/usr/lib", "-name", "pam_twostep.so"], check=True, capture_output=True, text=True)
    file = Path(found.stdout.split()[0])
    dynamic = subprocess.run(["readelf", "--dynamic", file], check=True, capture_output=True, text=True).stdout
    return {"bytes": file.stat().st_size, "needed": re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)}
