"""A real ProFTPD on loopback: Debian's own configuration and below it what the recipe adds."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import servers
import sftp
import vsftpd

# Where packaging/ensure-packages leaves packages that exclude others.
PACKAGES = Path("/var/cache/twostep-tests")
SETTINGS = Path("/etc/proftpd/conf.d/twostep.conf")
POLICY = Path("/usr/sbin/policy-rc.d")
OUTPUT = Path("/run/twostep-proftpd")
FTP, SFTP = 21, 2222


def install():
    """Debian has no two FTP servers on one host. The view, which is thrown away, has."""
    if shutil.which("proftpd"):
        return
    packages = sorted(PACKAGES.glob("*.deb"))
    if not packages and not os.environ.get("CI"):
        pytest.skip("ProFTPD's packages are not there; see packaging/test-packages")
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    done = subprocess.run(["dpkg", "--force-conflicts,overwrite,confold", "--install", *packages],
                          env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


class Server(servers.Process):
    def __init__(self, settings):
        install()
        Path("/run/proftpd").mkdir(exist_ok=True)
        SETTINGS.write_text(settings)
        super().__init__([servers.require("proftpd"), "--nodaemon", "--quiet"], FTP, OUTPUT)

    def log_in(self, person, password, **where):
        return vsftpd.log_in(FTP, person, password, **where)

    def enters(self, somebody, password, **where):
        return self.log_in(getattr(somebody, "person", somebody), password, **where).entered

    def log_in_by_sftp(self, person, *answers, **how):
        return sftp.log_in(SFTP, person, *answers, **how)
