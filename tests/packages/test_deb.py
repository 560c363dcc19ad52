"""The .deb on a clean Debian 12: installed, switched on, logged in, upgraded, removed."""

import json
import re
import subprocess
import time

import pytest

from machine import DEB, PASSWORD, Machine, Storm, code


@pytest.fixture
def machine():
    machine = Machine()
    machine.keep_service_running()
    yield machine
    machine.close()


def enrolled(machine):
    """alice's key, enrolled by herself; its first code is used up."""
    machine.add_alice()
    line = machine.line("setpriv --reuid=alice --regid=alice --init-groups --reset-env twostep enroll --json")
    process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    secret = json.loads(process.stdout.readline())["secret"]
    process.communicate(code(secret) + "\n", timeout=30)
    assert process.returncode == 0
    return secret


def fresh(secret):
    """A code that was not shown before: the next step's, which counts already."""
    time.sleep(31 - time.time() % 30)
    return code(secret)


def test_installed_switched_on_and_removed_it_leaves_the_stacks_as_they_were(machine):
    before = machine.pam()
    told = machine.install()
    assert machine.pam() == before, "no login changes by the installation"
    assert machine.run("stat -c '%U:%G %a' /usr/libexec/twostep/twostepd").strip() == "root:root 755"
    assert machine.run("getent group twostep", code=2) == ""
    machine.run("pam-auth-update --enable twostep")
    assert b"pam_twostep.so" in machine.pam()["common-auth"] and b"pam_twostep.so" in machine.pam()["common-account"]
    found = machine.run("twostep admin check --json", code=None)
    errors = [json.loads(line) for line in found.splitlines() if line.startswith("{")]
    assert [one for one in errors if one.get("severity") == "error" and one["id"] != "sshd-cannot-ask"] == [], told
    machine.run("dpkg -r twostep")
    assert machine.pam() == before
    assert machine.run("ls /usr/lib/*/security/pam_twostep.so", code=None).count("No such file") == 1


def test_ssh_and_sudo_ask_for_the_code(machine):
    machine.install()
    secret = enrolled(machine)
    machine.run("pam-auth-update --enable twostep")
    machine.start_sshd()
    ssh = machine.ssh(tty="-tt", command="echo IN; sudo -k whoami; echo DONE")
    ssh.expect("[Pp]assword: ")
    ssh.sendline(PASSWORD)
    ssh.expect("Verification code: ")
    ssh.sendline(fresh(secret))
    ssh.expect("IN\r\n")
    ssh.expect("assword for alice: ")
    ssh.sendline(PASSWORD)
    ssh.expect("Verification code: ")
    ssh.sendline(fresh(secret))
    ssh.expect("root\r\n")
    ssh.expect("DONE")
    wrong = machine.ssh()
    wrong.expect("[Pp]assword: ")
    wrong.sendline(PASSWORD)
    wrong.expect("Verification code: ")
    wrong.sendline("000000")
    wrong.expect("denied")


def test_removal_is_refused_while_a_stack_names_the_module(machine):
    machine.install()
    stack = machine.root / "etc/pam.d/su"
    text = stack.read_text()
    stack.write_text(text + "auth required pam_twostep.so\n")
    told = machine.run("dpkg -r twostep", code=1)
    assert "/etc/pam.d/su" in told and "Nothing was removed" in told
    assert machine.run("ls /usr/lib/*/security/pam_twostep.so")
    stack.write_text(text)
    machine.run("dpkg -r twostep")


def test_removal_is_refused_while_a_common_file_that_somebody_changed_names_the_module(machine):
    machine.install()
    machine.run("pam-auth-update --enable twostep")
    common = machine.root / "etc/pam.d/common-auth"
    common.write_text(common.read_text() + "auth required pam_twostep.so\n")
    told = machine.run("dpkg -r twostep", code=1)
    assert "/etc/pam.d/common-auth" in told and "Nothing was removed" in told
    assert machine.run("ls /usr/lib/*/security/pam_twostep.so")
    common.write_text(common.read_text().replace("auth required pam_twostep.so\n", ""))
    machine.run("dpkg -r twostep")


def test_removal_takes_back_what_apply_did(machine):
    machine.install()
    enrolled(machine)
    before = machine.pam()
    machine.run("twostep admin apply sudo --yes --confirm-within 1h")
    assert machine.pam() != before
    machine.run("dpkg -r twostep")
    assert machine.pam() == before


def test_purging_keeps_the_accounts_unless_somebody_says_otherwise(machine):
    machine.install()
    enrolled(machine)
    told = machine.run("dpkg -P twostep")
    assert "kept: the accounts" in told
    assert (machine.root / "var/lib/twostep/accounts/alice.toml").exists() and (machine.root / "etc/twostep/seal.key").exists()
    machine.install()
    machine.run("echo twostep twostep/remove-accounts boolean true | debconf-set-selections")
    machine.run("dpkg -P twostep")
    assert not (machine.root / "var/lib/twostep").exists() and not (machine.root / "etc/twostep").exists()


def test_the_configuration_is_the_administrators(machine):
    machine.install()
    config = machine.root / "etc/twostep/config.toml"
    config.write_text(config.read_text() + "# mine\n")
    machine.run("dpkg -i --force-confold /root/twostep.deb")
    assert config.read_text().endswith("# mine\n")
    assert "/etc/twostep/config.toml" in machine.run("dpkg-query --show --showformat='${Conffiles}' twostep")


def test_an_upgrade_in_the_middle_of_a_login_disturbs_nobody(machine):
    machine.install()
    secret = enrolled(machine)
    machine.run("pam-auth-update --enable twostep")
    machine.start_sshd()
    waiting = machine.ssh()
    waiting.expect("[Pp]assword: ")
    waiting.sendline(PASSWORD)
    waiting.expect("Verification code: ")

    def asked():
        ssh = machine.ssh()
        ssh.expect("[Pp]assword: ")
        ssh.sendline(PASSWORD)
        is_asked = ssh.expect(["Verification code: ", "denied"]) == 0
        ssh.close()
        return is_asked

    storm = Storm(asked)
    storm.start()
    for _ in range(3):
        machine.run("dpkg -i /root/twostep.deb")
    results = storm.end()
    assert results and all(results)
    waiting.sendline(fresh(secret))
    waiting.expect("IN alice")


def test_an_upgrade_leaves_no_moment_in_which_the_service_cannot_be_executed(machine):
    machine.install()
    program = machine.root / "usr/libexec/twostep/twostepd"

    def mode():
        found = program.stat()
        return oct(found.st_mode & 0o7777), found.st_uid, found.st_gid

    whole = mode()
    storm = Storm(mode)
    storm.start()
    for _ in range(3):
        machine.run("dpkg -i /root/twostep.deb")
    assert set(storm.end()) == {("0o755", 0, 0)} == {whole}


def test_lintian_finds_no_error(view=None):
    told = subprocess.run(["lintian", "--fail-on", "error", DEB], capture_output=True, text=True)
    assert told.returncode == 0, told.stdout


def test_the_manual_pages_are_right(machine):
    machine.install()
    for page in ("man1/twostep.1", "man8/twostep-admin.8", "man8/pam_twostep.8", "man5/twostep.toml.5"):
        file = machine.root / f"usr/share/man/{page}.gz"
        told = subprocess.run(["man", "--warnings", "--local-file", file], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "MANWIDTH": "80"})
        assert told.returncode == 0 and told.stderr == "" and re.search(r"^NAME$", told.stdout, re.M), told.stderr
