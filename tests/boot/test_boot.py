"""The .deb on a Debian 12 that boots: each test goes on from the one before it."""

import json
import re
import subprocess
import time

import pexpect
import pytest

from guest import PASSWORD, Guest, Phone, wait_for

UNITS = "twostepd.socket twostepd-admin.socket twostepd-user.socket twostepd-password.socket twostepd.service"
REMEDY = "systemctl start twostepd.socket"


@pytest.fixture(scope="module")
def guest():
    guest = Guest()
    try:
        yield guest
    finally:
        guest.close()


@pytest.fixture(scope="module")
def alice(guest):
    """She has enrolled by herself, through the service, after `pam-auth-update` has switched the second step on."""
    guest.add("alice")
    phone = enroll(guest, "alice")
    guest.run("pam-auth-update --enable twostep")
    return phone


def enroll(guest, user, proof=()):
    line = guest.line("twostep enroll --json", user)
    process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdin.write("".join(f"{word}\n" for word in proof))
    process.stdin.flush()
    shown = process.stdout.readline()
    assert '"secret"' in shown, shown
    phone = Phone(json.loads(shown)["secret"], [])
    rest, _ = process.communicate(phone.code() + "\n", timeout=60)
    assert process.returncode == 0, shown + rest
    phone.papers = re.findall(r"[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){3}", rest)
    assert len(phone.papers) == 10
    return phone


def prompt(ssh):
    ssh.expect("[Pp]assword: ")
    ssh.sendline(PASSWORD)
    ssh.expect("Verification code: ")


def log_in(guest, answer):
    ssh = guest.ssh()
    prompt(ssh)
    ssh.sendline(answer)
    ssh.expect("IN alice")
    ssh.close()


def status(guest, code=0):
    return guest.run("twostep status", code=code, user="alice")


def by_once(guest, cursor):
    """Which processes judged since: those of `--once`, each with a pid of its own, or the resident one."""
    pid = guest.show("twostepd.service", "MainPID")
    lines = guest.run(f"journalctl --sync; journalctl --quiet --after-cursor='{cursor}'").splitlines()
    judged = [line for line in lines if re.search(r" twostepd\[\d+\]: (accepted|refused) ", line)]
    assert judged, lines
    return [f"twostepd[{pid}]" not in line for line in judged]


def cursor(guest):
    return re.search(r"-- cursor: (.*)", guest.run("journalctl --sync; journalctl --show-cursor --lines=1"))[1]


def test_installed_it_runs_confined_and_no_login_changes(guest):
    before = guest.run("cat /etc/pam.d/common-auth")
    told = guest.run("dpkg -i /root/twostep.deb")
    assert "does not start" not in told and "wrong" not in told, told
    assert all(guest.is_active(unit) for unit in UNITS.split())
    assert guest.run("cat /etc/pam.d/common-auth") == before
    assert guest.run("stat -c '%a %U:%G %n' /run/twostep /run/twostep/*").splitlines() == [
        "755 root:root /run/twostep", "600 root:root /run/twostep/admin.sock", "700 root:root /run/twostep/ledgers",
        "600 root:root /run/twostep/login.sock", "600 root:root /run/twostep/password.sock", "644 root:root /run/twostep/since", "666 root:root /run/twostep/user.sock"]
    exposure = guest.run("systemd-analyze security --no-pager twostepd.service | tail -n 1")
    assert float(re.search(r": ([0-9.]+)", exposure)[1]) <= 1.5
    pid = guest.show("twostepd.service", "MainPID")
    facts = guest.run(f"cat /proc/{pid}/status")
    assert re.search(r"^CapEff:\t0+$", facts, re.M) and re.search(r"^NoNewPrivs:\t1$", facts, re.M) and re.search(r"^Seccomp:\t2$", facts, re.M)
    assert "twostepd.service" in guest.run("systemctl status twostepd --no-pager") and guest.show("twostepd.service", "StatusErrno") == "0"
    findings = [json.loads(line) for line in guest.run("twostep admin check --json", code=None).splitlines() if line.startswith('{"severity"')]
    assert not [one for one in findings if one["severity"] == "error" or one["id"].startswith("service-")], findings


def test_a_user_enrolls_and_ssh_and_sudo_ask_for_the_code(guest, alice):
    ssh = guest.ssh(tty="-tt", command="echo IN; sudo -k whoami; echo DONE")
    prompt(ssh)
    ssh.sendline(alice.code())
    ssh.expect("IN\r\n")
    ssh.expect("assword for alice: ")
    ssh.sendline(PASSWORD)
    ssh.expect("Verification code: ")
    ssh.sendline(alice.code())
    ssh.expect("root\r\n")
    ssh.expect("DONE")
    wrong = guest.ssh()
    prompt(wrong)
    wrong.sendline("000000")
    wrong.expect("denied")
    assert "phone" in status(guest).lower() or "authenticator" in status(guest).lower()


def test_the_resident_service_judges(guest, alice):
    at = cursor(guest)
    log_in(guest, alice.paper())
    assert by_once(guest, at) == [False]


def test_a_restart_in_the_middle_of_a_login_disturbs_nobody(guest, alice):
    ssh = guest.ssh()
    prompt(ssh)
    pid = guest.show("twostepd.service", "MainPID")
    guest.run("systemctl restart twostepd")
    assert guest.show("twostepd.service", "MainPID") != pid
    ssh.sendline(alice.paper())
    ssh.expect("IN alice")
    assert guest.run("test -S /run/twostep/user.sock && cat /run/twostep/since"), "what was spent is kept"
    status(guest)


def test_killed_it_comes_back_and_nobody_is_refused_meanwhile(guest, alice):
    for _ in range(8):      # more often than systemd lets a unit fail by itself
        pid = guest.main_pid()
        guest.run(f"kill -9 {pid}")
        status(guest)
        wait_for(lambda pid=pid: guest.show("twostepd.service", "MainPID") not in (pid, "0"), "the next service")
    guest.run(f"kill -9 {guest.main_pid()}")
    log_in(guest, alice.paper())
    wait_for(lambda: guest.is_active("twostepd.service"), "the service")


def test_a_service_that_hangs_is_ended_by_the_watchdog(guest, alice):
    pid = guest.main_pid()
    guest.run(f"kill -STOP {pid}")
    at = cursor(guest)
    log_in(guest, alice.paper())
    assert by_once(guest, at) == [True]
    wait_for(lambda: guest.show("twostepd.service", "MainPID") not in (pid, "0"), "the watchdog")
    status(guest)


def test_a_service_that_crashes_at_once_never_turns_its_sockets_off(guest, alice):
    guest.run("mkdir -p /run/systemd/system/twostepd.service.d && printf '[Service]\\nExecStart=\\nExecStart=/bin/false\\n' "
              ">/run/systemd/system/twostepd.service.d/broken.conf && systemctl daemon-reload && systemctl restart twostepd", code=None)
    try:
        wait_for(lambda: int(guest.show("twostepd.service", "NRestarts")) > 8, "crashing")
        at = cursor(guest)
        log_in(guest, alice.paper())
        assert by_once(guest, at) == [True]
        assert all(guest.is_active(unit) for unit in UNITS.split() if unit.endswith("socket"))
    finally:
        guest.run("rm -r /run/systemd/system/twostepd.service.d && systemctl daemon-reload")
    wait_for(lambda: guest.is_active("twostepd.service"), "the service, whole again")
    status(guest)


def test_without_the_service_root_s_programs_log_in_and_a_user_reads_the_remedy(guest, alice):
    guest.run(f"systemctl mask --now {UNITS}")
    try:
        at = cursor(guest)
        log_in(guest, alice.paper())
        assert by_once(guest, at) == [True]
        assert REMEDY in status(guest, code=None)
        findings = guest.run("twostep admin check --json", code=None)
        assert '"service-not-running"' in findings and REMEDY in findings
    finally:
        guest.run(f"systemctl unmask {UNITS} && {REMEDY}")
    status(guest)
    guest.run("systemctl start twostepd")
    assert all(guest.is_active(unit) for unit in UNITS.split())


def test_a_socket_that_somebody_removed_comes_back_by_a_restart_of_it(guest, alice):
    guest.run("rm /run/twostep/user.sock")
    assert REMEDY in status(guest, code=None)
    assert '"service-socket"' in guest.run("twostep admin check --json", code=None)
    guest.run("systemctl restart twostepd.socket")
    status(guest)


def test_the_account_s_password_is_checked_inside_the_sandbox(guest, alice):
    guest.add("bob")
    guest.run("cp /etc/twostep/config.toml /root/config.toml && sed -i 's/^#enrollment = \"open\"/enrollment = \"password\"/' /etc/twostep/config.toml && "
              "grep '^enrollment = \"password\"' /etc/twostep/config.toml")
    wrong = subprocess.run(guest.line("twostep enroll --json", "bob"), input="wrong horse\n", capture_output=True, text=True, timeout=60)
    assert wrong.returncode != 0 and '"secret"' not in wrong.stdout, wrong.stdout
    # A module that hangs, as one whose directory does not answer, ends with all that it started.
    stack = "/etc/pam.d/twostep-password"
    guest.run(f"cp {stack} /root/stack && printf '#!/bin/sh\\nexec sleep 60\\n' >/root/hang && chmod 755 /root/hang && "
              f"printf 'auth optional pam_exec.so quiet /root/hang\\n' | cat - /root/stack >{stack}")
    late = subprocess.run(guest.line("twostep enroll --json", "bob"), input=f"{PASSWORD}\n", capture_output=True, text=True, timeout=60)
    assert "within 10 seconds" in late.stdout, late.stdout
    wait_for(lambda: guest.run("pgrep -f 'twostepd --passwor[d]|/root/han[g]'", code=None) == "", "the end of what hung")
    assert guest.run("systemctl list-units --all --plain --no-legend 'twostepd-password@*'") == ""
    guest.run(f"cat /root/stack >{stack}")
    enroll(guest, "bob", [PASSWORD])
    guest.run("cat /root/config.toml >/etc/twostep/config.toml")


def test_the_kernel_is_asked_about_the_clock_inside_the_sandbox(guest, alice):
    if "clock-unsynchronized" not in guest.run("twostep admin check --json", code=None):
        pytest.skip("something keeps this machine's clock right, so that no answer shows")
    at = cursor(guest)
    ssh = guest.ssh()
    prompt(ssh)
    ssh.sendline("000000")
    ssh.expect("denied")
    assert by_once(guest, at) == [False]
    assert "host_clock=unsynchronized" in guest.run(f"journalctl --quiet --after-cursor='{at}'")


def test_after_a_reboot_it_is_ready_before_any_login(guest, alice):
    guest.run("twostep admin reseal --protect host && sync")
    guest.reboot()
    assert all(guest.is_active(unit) for unit in UNITS.split())
    when = {unit: int(guest.show(unit, "ActiveEnterTimestampMonotonic")) for unit in ("twostepd.service", "network.target", "ssh.service", "systemd-user-sessions.service")}
    ready = when.pop("twostepd.service")
    assert all(ready <= moment for moment in when.values() if moment), when
    assert guest.run("cat /run/twostep/since").strip() == "0"
    assert guest.run("journalctl --boot --quiet --grep='ordering cycle|Found dependency' --no-pager", code=None) in ("", "-- No entries --\n")
    # The host's own key opened the sealing key before anybody could log in.
    assert guest.is_active("twostep-key.service")
    assert int(guest.show("twostep-key.service", "ActiveEnterTimestampMonotonic")) <= when["ssh.service"]
    assert guest.run("stat -c '%a %U:%G %n' /run/twostep-key /run/twostep-key/*; ls /etc/twostep").split("\n")[:2] == [
        "700 root:root /run/twostep-key", "600 root:root /run/twostep-key/seal.key"]
    log_in(guest, alice.code())
    guest.run("twostep admin reseal --protect file")
    log_in(guest, alice.code())
    status(guest)


def test_an_upgrade_restarts_the_service_alone(guest, alice):
    units = {unit: guest.show(unit, "ActiveEnterTimestampMonotonic") for unit in UNITS.split()}
    guest.run("dpkg -i /root/twostep.deb")
    now = {unit: guest.show(unit, "ActiveEnterTimestampMonotonic") for unit in UNITS.split()}
    assert [unit for unit in units if units[unit] != now[unit]] == ["twostepd.service"]
    log_in(guest, alice.paper())


def test_removed_it_leaves_what_the_guide_says_and_the_password_alone(guest, alice):
    guest.run("dpkg -r twostep")
    ssh = guest.ssh()
    ssh.expect("[Pp]assword: ")
    ssh.sendline(PASSWORD)
    assert ssh.expect(["IN alice", "Verification code", pexpect.EOF]) == 0
    assert guest.run("systemctl list-units --all --plain --no-legend 'twostep*'") == ""
    assert guest.run("pgrep -x twostepd", code=1) == ""
    kept = ["/etc/twostep", "/run/twostep", "/run/twostep-key", "/var/lib/twostep"]
    assert left(guest) == ["/etc/apparmor.d/abstractions/twostep", "/etc/pam.d/twostep-password", *kept]
    assert guest.run("ls -A /run/twostep").split() == ["ledgers", "since"]
    guest.run("dpkg -P twostep")
    assert left(guest) == kept


def left(guest):
    """What has its name, beside dpkg's own records."""
    return sorted(guest.run("find / /run -xdev \\( -path /root -o -path /var/log -o -path /var/lib/dpkg \\) -prune -o -name '*twostep*' -prune -print").splitlines())
