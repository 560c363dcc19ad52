"""`twostep admin check`: mistakes of real hosts, each built here and each found with its remedy."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import attempts
import configuration
import enrollment
import people
import sshd
import stacks
from checks import ACCOUNT, GOOD, GOOD_SSHD, PAM, SSHD, expect, found, host, rehearse  # noqa: F401 - host is for every test
from rollout import COMMON_ACCOUNT

def test_given_the_recipes_then_nothing_is_wrong(view):
    assert found()[0] == {}


def auth(lines, service="sudo"):
    stacks.write(service, lines + "\n" + ACCOUNT)


STACKS = [
    ("sufficient", "auth sufficient pam_unix.so nodelay\nauth requisite pam_twostep.so\nauth required pam_permit.so",
     "second-step-skipped", "error", "Write `requisite` for the control of"),
    ("include that ends", "auth include password-auth\nauth requisite pam_twostep.so", "second-step-skipped", "error", "password-auth:1"),
    ("substack", "auth substack password-auth\nauth required pam_twostep.so", "strangers-asked", "warning", "`include` for `substack`"),
    ("untrue", "auth required pam_unix.so nodelay\nauth required pam_twostep.so after_first_step", "after-first-step-untrue", "error", "requisite"),
    ("jump over an include", "auth [success=4 default=ignore] pam_localuser.so\n@include cs-common-auth\nauth requisite pam_twostep.so\nauth required pam_permit.so",
     "jump-over-include", "error", "substack"),
    ("copied control", "@include cs-common-auth\nauth [success=ok ignore=ignore service_err=ignore default=die] pam_twostep.so",
     "failure-lets-in", "error", "required"),
    ("optional", "@include cs-common-auth\nauth optional pam_twostep.so", "wrong-code-lets-in", "error", "required"),
    ("code alone", "auth sufficient pam_twostep.so\n@include cs-common-auth", "code-instead-of-password", "error", "password"),
    ("no pam_permit", "auth [success=1 default=ignore] pam_unix.so nodelay\nauth requisite pam_deny.so\nauth required pam_twostep.so",
     "unasked-refused", "error", "pam_permit.so"),
    ("enroll on one line", "@include cs-common-auth\nauth required pam_twostep.so after_first_step enroll", "enroll-on-one-line", "error", "both lines"),
    ("unknown option", "@include cs-common-auth\nauth required pam_twostep.so nullok", "option-wrong", "error", "[policy] required"),
    ("unknown control", "@include cs-common-auth\nauth requird pam_twostep.so", "line-mistake", "error", "requird"),
    ("a file that is not there", "@include common-atuh\nauth required pam_twostep.so", "stack-unreadable", "error", "common-atuh"),
    ("a continued line", "auth sufficient \\\n  pam_unix.so nodelay\nauth required pam_twostep.so\nauth required pam_permit.so",
     "second-step-skipped", "error", "sudo:1"),
    ("another module that is missing", "auth requisite pam_unix.so nodelay\nauth required pam_twostep.so\nauth required pam_no_such.so",
     "nobody-gets-in", "error", "pam_no_such.so"),
]


@pytest.mark.parametrize("lines, name, severity, remedy", [row[1:] for row in STACKS], ids=[row[0] for row in STACKS])
def test_given_a_stack_that_is_wrong_then_it_is_found(lines, name, severity, remedy):
    auth(lines)
    expect(name, severity, remedy)


def test_given_no_line_in_one_service_then_it_is_found_where_codes_are_required():
    stacks.write("su", "@include cs-common-auth\n@include cs-common-account\n")
    assert "service-without-second-step" not in found()[0]
    configuration.write(policy={"required_groups": ["nogroup"]})
    expect("service-without-second-step", "warning", "polkit-1 su;")


def test_given_require_step_in_a_shared_file_then_it_is_found():
    stacks.write("shared-account", COMMON_ACCOUNT + "account required pam_twostep.so require_step\n")
    for service in ("sudo", "su"):
        stacks.write(service, GOOD.replace(ACCOUNT, "@include shared-account\n"))
    expect("require-step-shared", "error", "/etc/pam.d/")


@pytest.mark.parametrize("change, name, severity, remedy", [
    ("KbdInteractiveAuthentication no\nPasswordAuthentication yes\nUsePAM yes\n", "sshd-cannot-ask", "error", "KbdInteractiveAuthentication yes"),
    (GOOD_SSHD.replace("UsePAM yes", "UsePAM no").replace("AuthenticationMethods", "#"), "sshd-without-pam", "error", "UsePAM yes"),
    (GOOD_SSHD + "LoginGraceTime 20\n", "sshd-grace-time", "warning", "LoginGraceTime"),
    (GOOD_SSHD.replace("AuthenticationMethods", "#"), None, None, None),
    (GOOD_SSHD + "Match User git\n  AuthenticationMethods publickey\n", "match", "warning", "Match User git"),
    (GOOD_SSHD + "NoSuchKeyword 1\n", "sshd-configuration", "error", "NoSuchKeyword"),
    (GOOD_SSHD.replace("PasswordAuthentication no", "PasswordAuthentication yes").replace("AuthenticationMethods", "#"),
     "sshd-password-method", "warning", "PasswordAuthentication no"),
])
def test_given_an_sshd_that_cannot_ask_or_need_not_then_it_is_found(change, name, severity, remedy):
    SSHD.write_text(change)
    configuration.write(policy={"required_groups": ["nogroup"]})
    name = {None: "sshd-way-without-code", "match": "sshd-way-without-code"}.get(name, name)
    expect(name, severity or "warning", remedy or "publickey alone")


def test_given_a_sealing_key_that_opens_no_account_then_it_is_found(enrolled):
    """As after a restore that left it out, or a new one by setup-host."""
    key = Path("/etc/twostep/seal.key")
    kept = key.read_bytes()
    assert "sealed-by-another-key" not in found()[0]
    key.write_bytes(os.urandom(len(kept)))
    try:
        expect("sealed-by-another-key", "error", enrolled.name, "reseal --restore-key")
    finally:
        key.write_bytes(kept)


def test_given_a_sudo_that_asks_for_nothing_then_it_is_found():
    rules = Path("/etc/sudoers.d/wrong")
    for text, name in [("%sudo ALL=(ALL) NOPASSWD: ALL", "sudo-nopasswd"), ("Defaults timestamp_timeout=-1", "sudo-ticket")]:
        rules.write_text(text + "\n")
        rules.chmod(0o440)
        expect(name, "warning")
    rules.write_text("Defaults pam_service=cs-own\n")
    rules.unlink()


@pytest.fixture
def restored(request):
    path = Path(request.param)
    before = path.stat()
    yield path
    os.chown(path, before.st_uid, before.st_gid)
    path.chmod(before.st_mode & 0o7777)


@pytest.mark.parametrize("restored, mode, name", [
    ("/usr/libexec/twostep/twostepd", 0o775, "service-mode"),
    ("/var/lib/twostep", 0o755, "wrong-mode"),
    ("/var/lib/twostep/accounts", 0o777, "wrong-mode"),
    ("/etc/twostep/seal.key", 0o644, "wrong-mode"),
    ("/etc/twostep/config.toml", 0o666, "configuration"),
], indirect=["restored"])
def test_given_a_wrong_mode_then_it_is_found(restored, mode, name):
    restored.chmod(mode)
    expect(name, "error")


def test_given_a_service_program_of_somebody_elses_then_it_is_found(tmp_path):
    program = Path("/usr/libexec/twostep/twostepd")
    shutil.copy(program, tmp_path / "twostepd")
    shutil.chown(tmp_path / "twostepd", "daemon")
    subprocess.run(["mount", "--bind", tmp_path / "twostepd", program], check=True)
    try:
        expect("service-mode", "error", "chown root:root")
    finally:
        subprocess.run(["umount", program], check=True)


def test_given_a_service_that_does_not_answer_then_it_is_found(tmp_path):
    run = Path("/run/twostep")
    subprocess.run(["cp", "-a", run, tmp_path / "run"], check=True)
    for socket in (tmp_path / "run").glob("*.sock"):
        socket.unlink()
    subprocess.run(["mount", "--bind", tmp_path / "run", run], check=True)
    try:
        expect("service-not-running", "warning", "--listen")
    finally:
        subprocess.run(["umount", run], check=True)


@pytest.mark.parametrize("folder, option, name, severity, remedy", [
    ("/usr/libexec/twostep", "noexec", "service-noexec", "error", "without noexec"),
    ("/var/lib/twostep", "ro", "store-read-only", "error", "mount -o remount,rw"),
])
def test_given_a_mount_that_forbids_what_is_needed_then_it_is_found(folder, option, name, severity, remedy):
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        # Of an overlay a bind mount alone can be made read-only.
        subprocess.run(["mount", "-o", f"remount,bind,{option}", folder], check=True)
        expect(name, severity, remedy)
    finally:
        subprocess.run(["umount", folder], check=True)


def test_given_a_full_disk_then_it_is_found(tmp_path):
    store = Path("/var/lib/twostep")
    subprocess.run(["cp", "-a", store, tmp_path / "store"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=700", "full", store], check=True)
    try:
        subprocess.run(f"cp -a {tmp_path}/store/. {store} && ! head -c 100M /dev/zero 2>/dev/null >{store}/filler", shell=True, check=True)
        expect("store-full", "error", "journalctl --vacuum-size")
    finally:
        subprocess.run(["umount", store], check=True)


def test_given_a_clock_that_is_years_behind_then_it_is_found(clock):
    years = 3 * 365 * 86400
    clock.set_wrong(-years)
    try:
        expect("clock-wrong", "error", "timedatectl")
    finally:
        clock.set_wrong(years)


def test_given_a_missing_module_then_it_is_found():
    module = next(Path("/usr/lib").glob("*/security/pam_twostep.so"))
    aside = module.with_name("pam_twostep.aside")
    module.rename(aside)
    try:
        expect("module-missing", "error", "Install Twostep again")
    finally:
        aside.rename(module)


def test_given_a_misspelled_key_then_it_is_found_with_its_line():
    configuration.FILE.write_text("version = 1\n[policy]\nrequierd = true\n")
    expect("configuration", "error", "line 3")


def test_given_an_administrator_who_would_be_refused_then_it_is_found(person):
    people.add_to_group(person.name, "sudo")
    configuration.write(policy={"required": True})
    expect("administrator-refused", "error", person.name)


def test_given_a_rehearsal_then_it_says_what_a_login_does_and_touches_nothing(person, clock, journal):
    told, code = rehearse(person, "--service", "cs-login")
    assert (told["ends"], code) == ("in-without-code", 0)
    enrolled = enrollment.enroll(person, clock)
    ledger = Path("/run/twostep/ledgers") / person.name
    before = (enrolled.file.read_bytes(), enrolled.file.stat().st_mtime_ns, ledger.read_bytes())
    journal.mark()
    told, code = rehearse(person, "--service", "cs-login", "--from", "203.0.113.7")
    assert (told["ends"], code) == ("in-with-code", 0)
    assert any("phone" in step["what"] for step in told["steps"])
    assert before == (enrolled.file.read_bytes(), enrolled.file.stat().st_mtime_ns, ledger.read_bytes())
    assert journal.lines() == []
    assert attempts.log_in(person, person.password, enrolled.phone.fresh(), service="cs-login").accepted
    configuration.write(policy={"exempt_networks": ["203.0.113.0/24"]})
    assert rehearse(person, "--service", "cs-login", "--from", "203.0.113.7")[0]["ends"] == "in-without-code"
    configuration.write(policy={"required": True})
    told, code = rehearse(people.add(), "--service", "cs-login")
    assert (told["ends"], code) == ("refused", 1)
