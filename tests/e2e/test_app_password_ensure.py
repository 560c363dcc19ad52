"""The administrator's presets: made at the end of an enrollment and at the start of a session, and
left where only the user can read them."""

import json
import os
import subprocess
from pathlib import Path

import pexpect
import pytest

import app_passwords
import configuration
import enrollment
import service
import sshd
import stacks
from attempts import log_in
from phones import Phone
from test_app_password_commands import PASSWORD, admin, opens, stored
from test_disks import fill_the_disk, small_disk
from test_enroll import at_a_terminal

MAIL = ("mail", ["dovecot", "smtp"])
PROFILE = Path("/etc/profile.d/app-passwords.sh")


def want(*presets):
    """The configuration wants these of every user."""
    text = "version = 1\n"
    for name, services, *expires in presets:
        text += f'[[app_password.auto]]\nname = "{name}"\nservices = {json.dumps(services)}\n'
        text += f'expires = "{expires[0]}"\n' if expires else ""
    configuration.write_text(text)


def ensure(somebody, *options, **how):
    return somebody.person.run("twostep", "app-password", "ensure", *options,
                               **{"stdin": subprocess.DEVNULL, **how})


def password_in(file):
    return file.read_text().strip()


@pytest.fixture
def mail(enrolled):
    """The file of the preset, for one who has just enrolled."""
    want(MAIL)
    return stored(enrolled, "mail")


def test_given_an_enrollment_then_the_presets_are_made_at_its_end(person, clock, journal):
    want(MAIL, ("files", ["sshd-sftp"], "90d"))
    process = subprocess.Popen(person.command("twostep", "enroll", "--json"), text=True, bufsize=1,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/")
    phone = Phone(json.loads(process.stdout.readline())["uri"], clock)
    out, _ = process.communicate(phone.code() + "\n", timeout=60)
    assert process.returncode == 0
    assert not PASSWORD.search(out)
    confirmed, *made = [json.loads(line) for line in out.splitlines()]
    assert len(confirmed["recovery_codes"]) == 10
    enrolled = enrollment.Enrolled(person, phone)
    assert made == [{"name": name, "file": str(stored(enrolled, name)), "made": True}
                    for name in ("mail", "files")]
    assert opens(enrolled, password_in(stored(enrolled, "mail")), "smtp")
    assert not opens(enrolled, password_in(stored(enrolled, "mail")), "sshd-sftp")
    assert opens(enrolled, password_in(stored(enrolled, "files")), "sshd-sftp")
    journal.find("app-password-created", f"user={person.name}", "label=mail",
                 "services=dovecot,smtp", "preset=yes")
    there_is = app_passwords.listed(enrolled)
    assert there_is["mail"]["preset"] and there_is["mail"]["expires_at"] is None
    assert there_is["files"]["expires_at"] - there_is["files"]["created_at"] == 90 * 86400


def test_given_a_terminal_then_an_enrollment_says_where_it_is_and_not_what(person, clock):
    want(MAIL)
    program = at_a_terminal(person, "enroll", "--qr", "none")
    program.expect("Confirm until")
    key = program.before.split("Key")[1].split("Kind")[0]
    program.expect("by the app: ")
    program.sendline(Phone(f"otpauth://totp/x?secret={''.join(key.split())}", clock).code())
    program.expect("copied them\\): ")
    program.sendline("c")
    program.expect(pexpect.EOF)
    assert ".local/share/twostep/mail" in program.before.replace("\r\n", "")
    assert not PASSWORD.search(program.before)


def test_given_root_enrolls_somebody_then_no_preset_is_made(person, clock):
    want(MAIL)
    process = subprocess.Popen(["twostep", "enroll", "--json", "--user", person.name], text=True,
                               bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    phone = Phone(json.loads(process.stdout.readline())["uri"], clock)
    process.communicate(phone.code() + "\n", timeout=60)
    assert process.returncode == 0
    enrolled = enrollment.Enrolled(person, phone)
    assert app_passwords.listed(enrolled) == {}
    assert not (person.home / ".local").exists()
    assert not Path("/root/.local/share/twostep").exists()


PASSED = {
    "a verification code": lambda enrolled: enrolled.phone.fresh(),
    "a recovery code": lambda enrolled: enrolled.recovery_codes[0],
}


@pytest.mark.parametrize("answer", PASSED.values(), ids=PASSED.keys())
def test_given_a_second_step_then_no_more_is_asked_for_two_minutes(enrolled, mail, clock, answer):
    clock.advance(600)
    assert log_in(enrolled, answer(enrolled), rhost="192.0.2.7").accepted
    clock.advance(110)
    done = ensure(enrolled, "--quiet")
    assert done.returncode == 0, done.stderr
    assert str(mail) in done.stdout
    assert not PASSWORD.search(done.stdout + done.stderr)
    assert opens(enrolled, password_in(mail))
    about = mail.stat()
    assert (about.st_mode & 0o777, about.st_uid) == (0o600, enrolled.person.uid)
    assert os.listdir(mail.parent) == ["mail"]


NOT_PASSED = {
    "two minutes ago": lambda enrolled, clock: (log_in(enrolled, enrolled.phone.fresh()), clock.advance(125)),
    "a wrong code": lambda enrolled, clock: log_in(enrolled, enrolled.phone.wrong()),
    "a spent code": lambda enrolled, clock: log_in(enrolled, enrolled.phone.codes(enrolled.phone.last_shown)[0]),
    "a suspended login": lambda enrolled, clock: (admin("suspend", enrolled.name, "--for", "1h"), log_in(enrolled)),
    "somebody else's": lambda enrolled, clock: log_in("root"),
}


@pytest.mark.parametrize("then", NOT_PASSED.values(), ids=NOT_PASSED.keys())
def test_given_no_second_step_just_passed_then_nothing_is_made(enrolled, mail, clock, then):
    clock.advance(600)
    then(enrolled, clock)
    is_refused(enrolled, mail)


def is_refused(enrolled, mail):
    done = ensure(enrolled)
    assert done.returncode == 1
    assert "proof" in done.stderr
    done = ensure(enrolled, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not mail.exists()
    assert app_passwords.listed(enrolled) == {}


def test_given_a_clock_set_back_then_two_minutes_are_two_minutes(enrolled, mail, clock):
    assert log_in(enrolled, enrolled.phone.fresh()).accepted
    clock.advance(125)
    clock.set_wrong(-100)
    try:
        is_refused(enrolled, mail)
    finally:
        clock.set_wrong(100)


@pytest.mark.parametrize("how", ["a line", "a terminal"])
def test_given_no_second_step_just_passed_then_a_proof_does(enrolled, mail, clock, how):
    clock.advance(600)
    code = enrolled.phone.fresh()
    if how == "a line":
        assert ensure(enrolled, stdin=None, input=code + "\n").returncode == 0
    else:
        program = at_a_terminal(enrolled.person, "app-password", "ensure", echo=True)
        program.expect("recovery code: ")
        program.sendline(code)
        program.expect(pexpect.EOF)
        assert code not in program.before
    assert opens(enrolled, password_in(mail))
    assert not log_in(enrolled, code).accepted


def test_given_quiet_then_nobody_is_asked_at_a_terminal_either(enrolled, mail, clock):
    clock.advance(600)
    program = at_a_terminal(enrolled.person, "app-password", "ensure", "--quiet", timeout=10)
    program.expect(pexpect.EOF)
    assert program.before == ""


THERE = {
    "a file": lambda mail: mail.write_text("mine\n"),
    "an empty file": lambda mail: mail.touch(),
    "a folder": lambda mail: mail.mkdir(),
    "a link": lambda mail: mail.symlink_to("/nowhere"),
    "a link to a file": lambda mail: mail.symlink_to("/etc/hostname"),
}


@pytest.mark.parametrize("make", THERE.values(), ids=THERE.keys())
def test_given_something_of_that_name_then_it_is_untouched_and_nothing_is_made(enrolled, mail, make):
    enrolled.person.run("mkdir", "-p", mail.parent)
    make(mail)
    before = mail.lstat()
    done = ensure(enrolled)
    assert done.returncode == 0
    assert "left as it is" in " ".join(done.stdout.split())
    assert ensure(enrolled, "--quiet").stdout == ""
    after = mail.lstat()
    assert [before.st_ino, before.st_mtime_ns, before.st_size] == [after.st_ino, after.st_mtime_ns, after.st_size]
    assert app_passwords.listed(enrolled) == {}
    assert os.listdir(mail.parent) == ["mail"]


def link_the_folder(enrolled, folder):
    enrolled.person.run("mkdir", "-p", folder.parent, enrolled.person.home / "elsewhere")
    folder.symlink_to(enrolled.person.home / "elsewhere")


def take_the_folder_away(enrolled, folder):
    enrolled.person.run("mkdir", "-p", folder)
    os.chown(folder, 0, 0)


UNFIT = {
    "a link": (link_the_folder, "symbolic link"),
    "a file": (lambda enrolled, folder: enrolled.person.run(
        "sh", "-c", f"mkdir -p {folder.parent}; touch {folder}"), "directory"),
    "for the group to write": (lambda enrolled, folder: enrolled.person.run(
        "sh", "-c", f"mkdir -p {folder}; chmod 770 {folder}"), "by others"),
    "somebody else's": (take_the_folder_away, "somebody else"),
    "not to be entered": (lambda enrolled, folder: enrolled.person.run(
        "sh", "-c", f"mkdir -p {folder}; chmod 0 {folder}"), "denied"),
    "not to be written": (lambda enrolled, folder: enrolled.person.run(
        "sh", "-c", f"mkdir -p {folder}; chmod 500 {folder}"), "denied"),
    "below a file": (lambda enrolled, folder: enrolled.person.run(
        "touch", enrolled.person.home / ".local"), "directory"),
}


@pytest.mark.parametrize("make, said", UNFIT.values(), ids=UNFIT.keys())
def test_given_a_folder_that_does_not_do_then_it_is_said_and_nothing_is_made(enrolled, mail, make, said):
    make(enrolled, mail.parent)
    for options in ([], ["--quiet"]):
        done = ensure(enrolled, *options)
        assert done.returncode == 1
        assert said in done.stderr, done.stderr
    assert app_passwords.listed(enrolled) == {}
    assert not (enrolled.person.home / "elsewhere/mail").exists()


def test_given_a_full_disk_then_nothing_is_made(enrolled, mail):
    with small_disk(enrolled.person.home, f"size=1m,uid={enrolled.person.uid},gid={enrolled.person.uid}"):
        enrolled.person.run("mkdir", "-p", mail.parent)
        fill_the_disk(enrolled.person.home)
        done = ensure(enrolled)
        assert done.returncode == 1
        assert "No space left" in done.stderr
        assert not mail.exists()
        assert app_passwords.listed(enrolled) == {}
        (enrolled.person.home / "filler").unlink()
        assert ensure(enrolled).returncode == 0
        assert opens(enrolled, password_in(mail))


def test_given_a_revoked_one_then_it_stays_revoked_until_its_file_goes(enrolled, mail, clock):
    assert ensure(enrolled).returncode == 0
    old = password_in(mail)
    app_passwords.revoke(enrolled, "mail")
    done = ensure(enrolled)
    assert done.returncode == 0
    assert "revoked" in done.stdout
    assert app_passwords.listed(enrolled) == {}
    assert not opens(enrolled, old)
    assert "ensure" not in enrolled.person.run("twostep", "app-password", "list").stdout
    mail.unlink()
    assert ensure(enrolled).returncode == 0
    assert opens(enrolled, password_in(mail))
    assert not opens(enrolled, old)


def test_given_a_lost_file_then_a_new_password_takes_the_place_of_the_old_with_a_code(enrolled, mail):
    assert ensure(enrolled).returncode == 0
    old = password_in(mail)
    mail.unlink()
    done = ensure(enrolled)
    assert (done.returncode, "needs a proof" in done.stderr, mail.exists()) == (1, True, False)
    assert opens(enrolled, old)
    done = ensure(enrolled, stdin=None, input=f"{enrolled.phone.fresh()}\n")
    assert done.returncode == 0, done.stderr
    assert opens(enrolled, password_in(mail))
    assert not opens(enrolled, old)
    assert list(app_passwords.listed(enrolled)) == ["mail"]


def test_given_one_made_by_hand_of_that_label_then_it_stays(enrolled, mail):
    mine = app_passwords.create(enrolled, "mail", "imap")
    done = ensure(enrolled)
    assert (done.returncode, "label" in done.stderr) == (1, True)
    done = ensure(enrolled, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert opens(enrolled, mine, "imap")
    assert not mail.exists()


def test_given_two_presets_then_each_is_for_itself(enrolled):
    want(MAIL, ("files", ["sshd-sftp"]), ("notes", ["davx"]))
    app_passwords.create(enrolled, "files", "imap")
    enrolled.person.run("sh", "-c", "mkdir -p ~/.local/share/twostep; echo mine >~/.local/share/twostep/mail")
    done = ensure(enrolled, "--json")
    assert done.returncode == 1
    kept, made, error = [json.loads(line) for line in done.stdout.splitlines()]
    assert (kept["name"], kept["made"]) == ("mail", False)
    assert (made["name"], made["made"]) == ("notes", True)
    assert error["error"]["reason"] == "no_room"
    assert opens(enrolled, password_in(stored(enrolled, "notes")), "davx")
    assert not stored(enrolled, "files").exists()


def test_given_no_preset_of_the_administrator_then_none_is_made(enrolled):
    for name in ("mail", "../mail", "sshd"):
        answer = service.ask(enrolled.person, {"ensure_app_password": {"name": name, "proof": None}})
        assert answer["refused"]["reason"] == "no_app_password"
    done = ensure(enrolled)
    assert (done.returncode, done.stderr) == (0, "")
    assert app_passwords.listed(enrolled) == {}
    assert not (enrolled.person.home / ".local").exists()


def test_given_one_who_is_not_enrolled_then_nothing_is_made(person):
    want(MAIL)
    done = person.run("twostep", "app-password", "ensure", stdin=subprocess.DEVNULL)
    assert (done.returncode, "twostep enroll" in done.stderr) == (1, True)
    done = person.run("twostep", "app-password", "ensure", "--quiet", stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (person.home / ".local").exists()


def test_given_root_then_it_makes_none(view):
    want(MAIL)
    done = subprocess.run(["twostep", "app-password", "ensure"], capture_output=True, text=True)
    assert (done.returncode, "root" in done.stderr) == (1, True)
    done = subprocess.run(["twostep", "app-password", "ensure", "--quiet"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_given_many_sessions_at_once_then_file_and_account_agree(enrolled, mail):
    for _ in range(3):
        mail.unlink(missing_ok=True)
        line = enrolled.person.command("twostep", "app-password", "ensure", "--quiet")
        runs = [subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, cwd="/") for _ in range(8)]
        told = [run.communicate(timeout=60)[0] for run in runs]
        assert [run.returncode for run in runs] == [0] * 8, told
        assert sum("new application password" in text for text in told) == 1, told
        assert opens(enrolled, password_in(mail))
        assert os.listdir(mail.parent) == ["mail"]
        subprocess.run(["twostep", "admin", "app-passwords", enrolled.name, "--revoke", "mail"], check=True)


@pytest.fixture
def profile(view):
    """The snippet as the administrator switches it on."""
    PROFILE.symlink_to("/usr/share/twostep/app-passwords.sh")
    yield
    PROFILE.unlink()


def test_given_the_profile_snippet_then_the_first_login_with_a_code_leaves_the_file(enrolled, mail, clock, profile):
    clock.advance(600)
    server = sshd.Server(stacks.PASSWORD_AND_CODE)
    try:
        person, phone = enrolled.person, enrolled.phone
        text = sshd.shell_text(server, person, person.password, phone.fresh())
        assert "twostep/mail" in text.replace("\r\n", "")
        assert opens(enrolled, password_in(mail))
        assert "twostep/mail" not in sshd.shell_text(server, person, person.password, phone.fresh())
    finally:
        server.stop()


def test_given_the_profile_snippet_then_other_logins_are_as_before(enrolled, neighbor, mail, clock, profile):
    clock.advance(600)
    for somebody in (enrolled.person, neighbor):
        done = somebody.run("bash", "-lic", "echo here", stdin=subprocess.DEVNULL)
        assert (done.returncode, done.stdout) == (0, "here\n")
        assert "twostep" not in done.stderr
        assert not (somebody.home / ".local/share/twostep/mail").exists()
