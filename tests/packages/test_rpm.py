"""The .rpm, as far as rpm's tools on Debian tell; and what the security modules take."""

import os
import subprocess
from pathlib import Path

import pytest

from machine import PACKAGES

RPM = next(PACKAGES.glob("twostep-*.rpm"))
TOP = Path(__file__).parent.parent.parent


def rpm(*words):
    return subprocess.run(["rpm", "--query", "--package", *words, RPM], capture_output=True, text=True, check=True).stdout


def test_each_file_has_its_owner_and_mode():
    files = {}
    for line in rpm("--dump").splitlines():
        path, _, _, _, mode, owner, group, config, *_ = line.split()
        files[path] = (mode[-4:], owner, group, config)
    assert files["/usr/libexec/twostep/twostepd"] == ("0755", "root", "root", "0")
    assert files["/usr/lib64/security/pam_twostep.so"] == ("0644", "root", "root", "0")
    assert files["/etc/twostep/config.toml"] == ("0644", "root", "root", "1")
    assert all(owner == "root" and group == "root" for _, owner, group, _ in files.values())
    assert not any(int(mode, 8) & 0o6000 for mode, *_ in files.values()), "nothing is setuid or setgid"
    for unit in ("twostepd.socket", "twostepd-admin.socket", "twostepd-user.socket", "twostepd-password.socket", "twostepd.service"):
        target = "sockets" if unit.endswith("socket") else "multi-user"
        assert f"/usr/lib/systemd/system/{unit}" in files and f"/usr/lib/systemd/system/{target}.target.wants/{unit}" in files
    assert "/usr/lib/systemd/system/twostepd-password@.service" in files
    for page in ("man1/twostep.1", "man8/twostep-admin.8", "man8/pam_twostep.8", "man5/twostep.toml.5"):
        assert f"/usr/share/man/{page}.gz" in files


def test_the_scripts_restart_the_service_alone_and_refuse_to_leave_a_broken_stack():
    scripts = rpm("--scripts")
    assert scripts.index("setup-host") < scripts.index("systemctl restart twostepd.service")
    assert "groupadd" not in scripts and "restart twostepd.socket" not in scripts
    assert "pam_twostep" in scripts[scripts.index("preuninstall"):] and "exit 1" in scripts
    assert "libpam.so.0()(64bit)" in rpm("--requires")


def test_rpmlint_finds_no_error():
    told = subprocess.run([PACKAGES / "rpmlint/bin/rpmlint", "--config", Path(__file__).parent / "rpmlint.toml", RPM], capture_output=True, text=True)
    assert told.returncode == 0 and "; 0 errors" in told.stdout, told.stdout + told.stderr


def test_the_selinux_module_compiles(tmp_path):
    for file in (TOP / "packaging/selinux").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    subprocess.run(["make", "-C", tmp_path, "-f", "/usr/share/selinux/devel/Makefile", "twostep.pp"], check=True, capture_output=True)
    assert (tmp_path / "twostep.pp").stat().st_size > 1000


def test_the_apparmor_profile_is_understood():
    told = subprocess.run(["apparmor_parser", "--skip-kernel-load", "--skip-cache", "--base", "/etc/apparmor.d", TOP / "packaging/apparmor/twostepd"],
                          capture_output=True, text=True)
    assert told.returncode == 0, told.stderr


def test_the_apparmor_abstraction_is_understood(tmp_path):
    (tmp_path / "abstractions").mkdir()
    (tmp_path / "abstractions/twostep").write_bytes((TOP / "packaging/apparmor/twostep").read_bytes())
    profile = tmp_path / "profile"
    profile.write_text("abi <abi/3.0>,\nprofile example /usr/sbin/example {\n  include <abstractions/twostep>\n}\n")
    told = subprocess.run(["apparmor_parser", "--skip-kernel-load", "--skip-cache", "--base", "/etc/apparmor.d", "--Include", tmp_path, profile], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
