"""`twostep admin check` on what administrators copy into PAM's files from pages about other modules."""

import shutil
import subprocess
from pathlib import Path

import pytest

import attempts
import configuration
import stacks
from checks import ACCOUNT, GOOD, PAM, expect, found, host  # noqa: F401 - host is for every test
from rollout import COMMON_ACCOUNT

COMMON = "@include cs-common-auth\n"

# Lines of sudo's auth phase, what has to be found, and words of its remedy.
WRONG = {
    "nullok": (COMMON + "auth required pam_twostep.so nullok", "option-wrong", "error", "Correct that option"),
    "before the password": ("auth required pam_twostep.so\n" + COMMON, "strangers-asked", "warning", "behind the password"),
    "before the password, and believed": (
        "auth required pam_twostep.so after_first_step\n" + COMMON, "after-first-step-untrue", "error", "behind the password"),
    "success jumps, ignored falls": (
        COMMON + "auth [success=1 default=ignore] pam_twostep.so\nauth requisite pam_deny.so\nauth required pam_permit.so",
        "unasked-refused", "error", "take `auth requisite pam_deny.so` below it out"),
    "success jumps past the end": (
        COMMON + "auth [success=2 ignore=ignore default=die] pam_twostep.so\nauth required pam_permit.so", "nobody-gets-in", "error",
        "Write `required` for `[success=2"),
    "an agent is enough": (
        "auth sufficient pam_ssh_agent_auth.so file=/etc/keys\n" + COMMON + "auth required pam_twostep.so after_first_step",
        None, None, None),
    "pam_exec is enough": (
        "auth sufficient pam_exec.so quiet /usr/bin/true\n" + COMMON + "auth required pam_twostep.so after_first_step",
        "second-step-skipped", "error", "Take `auth sufficient pam_exec.so quiet /usr/bin/true` (/etc/pam.d/sudo:1) out."),
    "a jump past the pam_twostep line": (
        "auth [success=2 default=ignore] pam_unix.so nodelay\nauth requisite pam_deny.so\nauth required pam_twostep.so\n"
        "auth required pam_permit.so", "second-step-skipped", "error", "Write `[success=1 default=ignore]` for"),
    "optional": (COMMON + "auth optional pam_twostep.so", "wrong-code-lets-in", "error", "required"),
    "all in brackets and nothing counts": (
        COMMON + "auth [default=ignore] pam_twostep.so", "wrong-code-lets-in", "error", "required"),
    "a missing module may be ignored": (
        COMMON + "auth [success=ok ignore=ignore module_unknown=ignore default=die] pam_twostep.so", "missing-module-lets-in",
        "error", "required"),
    "faillock lets its refusal go on": (
        "auth required pam_faillock.so preauth\n" + COMMON + "auth required pam_twostep.so", "asked-in-vain", "warning",
        "write requisite, or default=die, in `auth required pam_faillock.so preauth` (/etc/pam.d/sudo:1)"),
    "pam_access lets its refusal go on": (
        "auth requisite pam_unix.so\nauth [success=ok default=bad] pam_access.so\nauth required pam_twostep.so", "asked-in-vain",
        "warning", "write requisite"),
    "pam_nologin ends the stack": (
        "auth requisite pam_nologin.so\n" + COMMON + "auth required pam_twostep.so", None, None, None),
    "another program's second step above": (
        COMMON + "auth required pam_google_authenticator.so\nauth required pam_twostep.so", "second-step-of-another", "warning",
        "Take `auth required pam_google_authenticator.so` (/etc/pam.d/sudo:2) out."),
    "another program's second step below": (
        COMMON + "auth required pam_twostep.so\nauth required pam_oath.so usersfile=/etc/users.oath", "second-step-of-another",
        "warning", "out."),
    "a dash before the type": (COMMON + "-auth required pam_twostep.so", None, None, None),
    "uppercase and tabs": ("@include cs-common-auth\nAUTH\tREQUIRED\tpam_twostep.so\tafter_first_step", None, None, None),
    "a bracketed option": (COMMON + "auth required pam_twostep.so [prompt=Your code: ]", None, None, None),
    "a bracketed option that is none": (
        COMMON + "auth required pam_twostep.so [config=etc/a b]", "option-wrong", "error", "Correct that option"),
    "a bracket that is not closed": (
        COMMON + "auth [success=ok default=die pam_twostep.so\nauth required pam_twostep.so", "line-mistake", "error", "Correct"),
    "a wrong type": (COMMON + "auhth required pam_twostep.so\nauth required pam_twostep.so", "line-mistake", "error", "Correct"),
    "a wrong path": (
        COMMON + "auth required /usr/local/lib/security/pam_twostep.so", "module-missing", "error", "without a folder"),
    "a relative path": (COMMON + "auth required ./lib/pam_twostep.so", "module-missing", "error", "without a folder"),
    "a misspelled module": (COMMON + "auth required pam_two_step.so", "module-misspelled", "error", "pam_twostep.so"),
    "a file from Windows": (
        "@include cs-common-auth\r\nauth required pam_twostep.so\r", "stack-unreadable", "error", "carriage return"),
    "a byte order mark": (
        "\ufeffauth requisite pam_unix.so nodelay\nauth required pam_twostep.so", "line-mistake", "error", "byte order mark"),
    "a space from a web page": (
        COMMON + "auth required\u00a0pam_twostep.so\nauth required pam_twostep.so", "line-mistake", "error", "no-break space"),
    "a comment behind it": (COMMON + "auth required pam_twostep.so # nullok", None, None, None),
    "an absolute include": ("auth include /etc/pam.d/cs-common-auth\nauth required pam_twostep.so", None, None, None),
    "includes in a circle": ("auth include sudo\nauth required pam_twostep.so", "stack-unreadable", "error", "Fix"),
    "wheel needs no password": (
        "auth sufficient pam_wheel.so trust use_uid\n" + COMMON + "auth required pam_twostep.so", "second-step-by-condition", "notice",
        "exempt"),
    "an address in pam_access needs no code": (
        COMMON + "auth [success=1 default=ignore] pam_access.so accessfile=/etc/security/access-code.conf\n"
        "auth required pam_twostep.so\nauth required pam_permit.so", "second-step-by-condition", "notice", "exempt"),
    "permit above everything": (
        "auth sufficient pam_permit.so\n" + COMMON + "auth required pam_twostep.so", "second-step-skipped", "error", "Take `auth sufficient pam_permit.so`"),
    "twice the pam_twostep line": (COMMON + "auth required pam_twostep.so\nauth required pam_twostep.so", "second-step-twice", "error", "Take one of the two out"),
    "faillock around the password": (
        "auth required pam_faillock.so preauth\nauth [success=1 default=ignore] pam_unix.so nodelay\n"
        "auth [default=die] pam_faillock.so authfail\nauth sufficient pam_faillock.so authsucc\nauth required pam_twostep.so",
        "second-step-skipped", "error", "pam_faillock"),
}


@pytest.mark.parametrize("lines, name, severity, remedy", WRONG.values(), ids=WRONG.keys())
def test_given_lines_from_elsewhere_then_they_are_told_of_or_are_right(lines, name, severity, remedy):
    stacks.write("sudo", "{options}\n" + ACCOUNT, lines)
    if name is None:
        assert found() == ({}, found()[1])
    else:
        expect(name, severity, remedy)


def test_given_our_line_in_the_session_or_account_alone_then_it_is_told_that_no_code_is_asked():
    for ours in ("session optional pam_twostep.so\n", "account required pam_twostep.so\n"):
        stacks.write("sudo", COMMON + COMMON_ACCOUNT + ours)
        expect("auth-line-missing", "warning", "admin apply sudo")


def test_given_copies_of_files_then_they_are_not_taken_for_services():
    for name in ("sudo.bak", "sshd~", "login.dpkg-old", "su.rpmsave"):
        stacks.write(name, "auth sufficient pam_unix.so\nauth required pam_twostep.so nullok\n")
    assert found()[0] == {}


def test_given_a_screen_locker_that_includes_login_then_login_is_checked_all_the_same():
    stacks.write("swaylock", "auth include login\n")
    stacks.write("login", COMMON + COMMON_ACCOUNT)
    configuration.write(policy={"required_groups": ["nogroup"]})
    expect("service-without-second-step", "warning", "login")


def test_given_programs_that_cannot_ask_behind_the_shared_file_then_they_are_told_of():
    stacks.write("common-auth", stacks.COMMON_AUTH + "auth required pam_twostep.so after_first_step\n")
    stacks.write("dovecot", "@include common-auth\n" + ACCOUNT)
    expect("service-cannot-ask", "warning", "mode=app_password", "dovecot")
    stacks.write("dovecot", "auth [success=done ignore=ignore default=die] pam_twostep.so mode=app_password\n@include common-auth\n" + ACCOUNT)
    assert "dovecot" not in found()[0].get("service-cannot-ask", {}).get("about", "")


def test_given_a_mistake_in_a_shared_file_then_it_is_said_once():
    stacks.write("cs-shared", stacks.COMMON_AUTH + "auth required pam_twostep.so nullok\n")
    for service in ("sshd", "sudo", "su", "login", "chfn"):
        stacks.write(service, "@include cs-shared\n" + ACCOUNT)
    out = subprocess.run(["twostep", "admin", "check"], capture_output=True, text=True, timeout=60, check=False).stdout
    assert out.count("ERROR: /etc/pam.d/cs-shared:4") == 1
    assert "chfn, login, sshd, su and 1 more" in out


def test_given_a_module_for_another_machine_or_half_of_one_then_it_is_found():
    module = next(Path("/usr/lib").glob("*/security/pam_twostep.so"))
    whole, kept = module.read_bytes(), module.stat().st_mode
    try:
        for spoiled in (whole[:4] + b"\x01" + whole[5:], b""):
            module.write_bytes(spoiled)
            expect("module-missing", "error", "kind of machine")
    finally:
        module.write_bytes(whole)
        module.chmod(kept)


def test_given_stacks_in_the_vendors_folder_then_they_count_until_etc_has_one():
    vendor = Path("/usr/lib/pam.d/sudo")
    (PAM / "sudo").unlink()
    vendor.write_text("auth sufficient pam_unix.so\nauth required pam_twostep.so\n" + ACCOUNT)
    try:
        expect("second-step-skipped", "error", "/usr/lib/pam.d/sudo:1")
        stacks.write("sudo", GOOD)
        assert found()[0] == {}
    finally:
        vendor.unlink()


def test_given_lines_in_the_one_file_then_it_is_told_that_nobody_reads_it():
    Path("/etc/pam.conf").write_text("sshd auth required pam_twostep.so\n")
    try:
        expect("pam-conf-not-read", "warning", "/etc/pam.d")
    finally:
        Path("/etc/pam.conf").write_text("")


def test_given_the_one_file_alone_then_its_lines_are_checked(tmp_path):
    conf = Path("/etc/pam.conf")
    shutil.move(PAM, tmp_path / "pam.d")
    shutil.move("/usr/lib/pam.d", tmp_path / "vendor")
    conf.write_text("sudo auth sufficient pam_unix.so\nsudo auth required pam_twostep.so\nsudo account required pam_permit.so\n")
    try:
        expect("second-step-skipped", "error", "/etc/pam.conf:1")
    finally:
        conf.write_text("")
        shutil.move(tmp_path / "pam.d", PAM)
        shutil.move(tmp_path / "vendor", "/usr/lib/pam.d")


LOCKED = """\
auth {control} pam_faillock.so preauth deny=2
auth [success=1 default=ignore] pam_unix.so nodelay
auth [default=die] pam_faillock.so authfail deny=2
auth requisite pam_twostep.so after_first_step
auth required pam_permit.so
account required pam_permit.so
"""


@pytest.mark.parametrize("control, asked", [("required", True), ("requisite", False)])
def test_given_a_locked_account_then_the_code_is_asked_as_the_finding_says(enrolled, control, asked):
    (PAM / "locked").write_text(LOCKED.format(control=control))
    for _ in range(2):
        assert not attempts.log_in(enrolled, "wrong", service="locked").asked
    told = attempts.log_in(enrolled, enrolled.person.password, enrolled.phone.fresh(), service="locked")
    assert (told.asked, told.accepted) == (asked, False)
    findings, _ = found()
    assert ("asked-in-vain" in findings) == asked


@pytest.mark.parametrize("name", ["pam_twosetp.so", "pam-twostep.so"])
def test_given_a_typo_in_the_modules_name_then_every_login_is_refused_as_it_says(enrolled, name):
    (PAM / "typing").write_text(GOOD.replace("pam_twostep.so after_first_step", name))
    assert not attempts.log_in(enrolled, enrolled.person.password, enrolled.phone.fresh(), service="typing").accepted
    findings, _ = found()
    assert "every login is refused now" in findings["module-misspelled"]["what"]
    assert "auth-line-missing" not in findings
