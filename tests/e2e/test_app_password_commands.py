"""`twostep app-password` and `twostep admin app-passwords`: made once, listed, printed to programs,
revoked. What a login makes of them is in test_app_password_scopes.py."""

import json
import os
import re
import subprocess

import pexpect
import pytest

import configuration
import enrollment
import terminals
from app_passwords import create, listed, revoke, run
from attempts import log_in
from service import is_accepted, verify
from test_enroll import at_a_terminal

PASSWORD = re.compile(r"[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){5}")
PROOF = "recovery code: "


def opens(somebody, password, service="dovecot"):
    """Whether a process of the user itself would let the password in."""
    return is_accepted(verify(somebody.person, service, password, options=["mode=app_password"]))


def stored(somebody, name):
    return somebody.person.home / ".local/share/twostep" / name


def admin(*words):
    return subprocess.run(["twostep", "admin", *words], capture_output=True, text=True)


def test_given_a_terminal_then_the_password_is_shown_once_and_the_proof_is_not(enrolled):
    code = enrolled.phone.fresh()
    program = at_a_terminal(enrolled.person, "app-password", "create", "laptop mail",
                            "--service", "dovecot", "--from", "192.0.2.0/24", echo=True)
    program.expect(PROOF)
    program.sendline(code)
    program.expect(pexpect.EOF)
    shown = program.before
    (password,) = PASSWORD.findall(shown)
    assert code not in shown
    for part in ("laptop mail", enrolled.name, "dovecot", "192.0.2.0/24", "never", "not shown again"):
        assert part in " ".join(shown.split()), part
    assert listed(enrolled)["laptop mail"]["networks"] == ["192.0.2.0/24"]
    assert password not in enrolled.person.run("twostep", "app-password", "list").stdout


def test_given_print_only_then_a_pipe_gets_the_password_and_its_line_end(enrolled):
    done = run(enrolled, "create", "laptop", "--service", "dovecot", "--print-only")
    assert re.fullmatch(f"{PASSWORD.pattern}\n", done.stdout)
    assert (done.stderr, done.returncode) == ("", 0)
    assert opens(enrolled, done.stdout.strip())


def test_given_print_only_at_a_terminal_then_questions_stay_out_of_the_pipe(enrolled):
    program = terminals.spawn(enrolled.person.command(
        "sh", "-c", "twostep app-password create laptop --service dovecot --print-only | cat >~/kept"))
    program.expect(PROOF)
    program.sendline(enrolled.phone.wrong())
    program.expect("is wrong")
    program.expect(PROOF)
    program.sendline(enrolled.phone.fresh())
    program.expect(pexpect.EOF)
    assert not PASSWORD.search(program.before)
    kept = (enrolled.person.home / "kept").read_text()
    assert opens(enrolled, kept.strip())
    assert len(kept.splitlines()) == 1


def test_given_json_then_one_object_has_the_password_and_its_scope(enrolled, clock):
    done = run(enrolled, "create", "laptop", "--service", "SMTP", "--service", "dovecot",
               "--expires", "90d", "--json")
    made = json.loads(done.stdout)
    assert opens(enrolled, made["password"], "smtp")
    assert (made["label"], made["services"], made["file"]) == ("laptop", ["dovecot", "smtp"], None)
    assert abs(made["expires_at"] - clock.now() - 90 * 86400) < 60
    assert listed(enrolled)["laptop"]["state"] == "active"


@pytest.mark.parametrize("words", [["create", "new", "--service", "dovecot"], ["revoke", "old"],
                                   ["create", "new", "--service", "dovecot", "--store"],
                                   ["revoke", "--all"]], ids=["create", "revoke", "store", "revoke all"])
def test_given_no_right_proof_then_nothing_is_made_and_nothing_is_revoked(enrolled, words):
    password = create(enrolled, "old", "dovecot")
    spent = enrolled.phone.codes(enrolled.phone.last_shown)[0]
    for proof in ("", enrolled.phone.wrong(), spent, "0000-0000-0000-0000", password):
        done = run(enrolled, *words, "--json", proof=proof)
        assert done.returncode == 1, proof
        assert not PASSWORD.search(done.stdout)
    done = enrolled.person.run("twostep", "app-password", *words, stdin=subprocess.DEVNULL)
    assert done.returncode == 1 and "standard input" in done.stderr
    assert list(listed(enrolled)) == ["old"]
    assert opens(enrolled, password)
    assert list(enrolled.person.home.rglob("*new*")) == []


@pytest.mark.parametrize("kind", ["code", "recovery code"])
def test_given_a_proof_then_it_is_spent(enrolled, kind):
    proof = enrolled.phone.fresh() if kind == "code" else enrolled.recovery_codes[3]
    assert run(enrolled, "create", "laptop", "--service", "dovecot", proof=proof).returncode == 0
    assert not log_in(enrolled, proof).accepted
    assert run(enrolled, "revoke", "laptop", proof=proof).returncode == 1
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


IN_THE_WAY = {
    "the label is taken": (["laptop", "--service", "dovecot"], 1, "label"),
    "the file is there": (["desk", "--service", "dovecot", "--store"], 1, "exists already"),
    "people are asked there": (["desk", "--service", "dovecot", "--service", "SSHD"], 1, "sshd"),
    "no service": (["desk", "--service", "../su"], 2, "PAM service"),
    "no network": (["desk", "--service", "dovecot", "--from", "mars"], 2, "network"),
    "no time": (["desk", "--service", "dovecot", "--expires", "soon"], 2, "90s"),
    "no file name": (["a/b", "--service", "dovecot", "--store"], 2, "file"),
    "a hidden file": ([".desk", "--service", "dovecot", "--store"], 2, "file"),
    "for somebody": (["desk", "--service", "dovecot", "--user", "root"], 2, "--user"),
    "for nothing": (["desk"], 2, "--service"),
}


@pytest.mark.parametrize("words, status, said", IN_THE_WAY.values(), ids=IN_THE_WAY.keys())
def test_given_something_in_the_way_then_no_proof_is_spent(enrolled, words, status, said):
    create(enrolled, "laptop", "dovecot")
    mine = stored(enrolled, "desk")
    enrolled.person.run("sh", "-c", f"mkdir -p {mine.parent}; echo mine >{mine}")
    code = enrolled.phone.fresh()
    done = run(enrolled, "create", *words, proof=code)
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert list(listed(enrolled)) == ["laptop"]
    assert mine.read_text() == "mine\n"
    assert os.listdir(mine.parent) == ["desk"]
    assert log_in(enrolled, code).accepted


def test_given_one_who_is_not_enrolled_then_none_is_made(person):
    done = person.run("twostep", "app-password", "create", "laptop", "--service", "dovecot",
                      input="123456\n")
    assert done.returncode == 1
    assert "twostep enroll" in done.stderr


def test_given_store_then_only_the_user_can_read_it_and_show_prints_it(enrolled, neighbor):
    done = run(enrolled, "create", "laptop mail", "--service", "dovecot", "--store")
    assert done.returncode == 0, done.stderr
    assert not PASSWORD.search(done.stdout)
    file = stored(enrolled, "laptop mail")
    about = file.stat()
    assert (about.st_mode & 0o777, about.st_uid) == (0o600, enrolled.person.uid)
    for folder in (file.parent, file.parent.parent, file.parent.parent.parent):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert os.listdir(file.parent) == ["laptop mail"]
    shown = enrolled.person.run("twostep", "app-password", "show", "laptop mail",
                                stdin=subprocess.DEVNULL)
    assert (shown.stdout, shown.stderr, shown.returncode) == (file.read_text(), "", 0)
    assert re.fullmatch(f"{PASSWORD.pattern}\n", shown.stdout)
    assert opens(enrolled, shown.stdout.strip())
    assert neighbor.run("cat", file).returncode != 0
    assert neighbor.run("twostep", "app-password", "show", "laptop mail").returncode == 1


def test_given_store_and_print_only_then_both_are_done(enrolled):
    done = run(enrolled, "create", "laptop", "--service", "dovecot", "--store", "--print-only")
    assert done.stdout == stored(enrolled, "laptop").read_text()


def full():
    return os.open("/dev/full", os.O_WRONLY)


def closed():
    """A pipe whose reader is gone."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.mark.parametrize("output", [full, closed])
def test_given_nobody_reads_it_then_the_remedy_is_said(enrolled, output):
    stdout = output()
    done = run(enrolled, "create", "my laptop", "--service", "dovecot", "--print-only",
               capture_output=False, stdout=stdout, stderr=subprocess.PIPE)
    os.close(stdout)
    assert done.returncode == 1
    assert "twostep app-password revoke 'my laptop'" in done.stderr
    assert list(listed(enrolled)) == ["my laptop"]


def test_given_a_home_that_cannot_be_written_then_it_is_said_and_no_proof_is_spent(enrolled):
    home, code = enrolled.person.home, enrolled.phone.fresh()
    os.chown(home, 0, 0)
    home.chmod(0o755)
    done = run(enrolled, "create", "laptop", "--service", "dovecot", "--store", proof=code)
    assert done.returncode == 1
    assert str(home) in done.stderr and "Permission denied" in done.stderr
    assert not listed(enrolled)
    assert log_in(enrolled, code).accepted


UNFIT = {
    "nothing": (lambda file: None, "not there"),
    "a symbolic link": (lambda file: file.symlink_to("/etc/passwd"), "symbolic link"),
    "for the group too": (lambda file: (file.write_text("ABCD\n"), file.chmod(0o640)), "by others"),
    "a folder": (lambda file: file.mkdir(), "ordinary file"),
    "a pipe": (os.mkfifo, "ordinary file"),
    "empty": (lambda file: (file.touch(), file.chmod(0o600)), "one line"),
    "somebody else's": (lambda file: file.write_text("ABCD\n"), "somebody else"),
}


@pytest.mark.parametrize("make, said", UNFIT.values(), ids=UNFIT.keys())
def test_given_no_private_file_then_show_prints_nothing_and_says_why(person, make, said):
    file = person.home / ".local/share/twostep/mail"
    person.run("mkdir", "-p", file.parent)
    make(file)
    if said != "somebody else" and file.exists() and not file.is_symlink():
        os.chown(file, person.uid, person.uid)
    done = person.run("twostep", "app-password", "show", "mail", stdin=subprocess.DEVNULL, timeout=10)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert str(file) in done.stderr


@pytest.mark.parametrize("name", ["../../../../etc/hostname", "/etc/hostname", "..", ""])
def test_given_a_path_then_show_does_not_follow_it(person, name):
    done = person.run("twostep", "app-password", "show", name)
    assert (done.returncode, done.stdout) == (1, "")


def test_given_uses_then_the_list_tells_the_last_one(enrolled, clock):
    password = create(enrolled, "laptop", "dovecot")
    create(enrolled, "phone", "dovecot", expires="1h")
    assert listed(enrolled)["laptop"]["last_use"] is None
    for _ in range(2):
        clock.advance(60)
        assert opens(enrolled, password)
    last = listed(enrolled)["laptop"]["last_use"]
    assert abs(last["at"] - clock.now()) < 10
    assert last["source"] == f"uid:{enrolled.person.uid}"
    clock.advance(3600)
    assert [one["state"] for one in listed(enrolled).values()] == ["active", "expired"]
    configuration.write(app_password={"unused": "30m"})
    assert [one["state"] for one in listed(enrolled).values()] == ["unused", "expired"]


@pytest.mark.parametrize("columns, is_table", [(120, True), (50, False)])
def test_given_a_terminal_then_the_list_fits_it(enrolled, columns, is_table):
    create(enrolled, "laptop mail", "dovecot", networks=["192.0.2.0/24"], expires="90d")
    create(enrolled, "old phone", "smtp")
    program = at_a_terminal(enrolled.person, "app-password", "list", dimensions=(40, columns))
    program.expect(pexpect.EOF)
    lines = program.before.splitlines()
    assert all(len(line) <= columns for line in lines)
    assert any("laptop mail" in line and "192.0.2.0/24" in line for line in lines) == is_table
    for part in ("laptop mail", "old phone", "dovecot", "192.0.2.0/24", "any", "never", "active"):
        assert part in program.before


def test_given_revoke_then_it_opens_nothing_at_once_and_the_others_do(enrolled, journal):
    run(enrolled, "create", "laptop", "--service", "dovecot", "--store")
    password, other = stored(enrolled, "laptop").read_text().strip(), create(enrolled, "phone", "dovecot")
    done = run(enrolled, "revoke", "laptop")
    assert done.returncode == 0, done.stderr
    assert str(stored(enrolled, "laptop")) in " ".join(done.stdout.split())
    assert stored(enrolled, "laptop").exists()
    assert not opens(enrolled, password)
    assert opens(enrolled, other)
    assert list(listed(enrolled)) == ["phone"]
    journal.find("app-password-created", f"user={enrolled.name}", "by=user", "label=laptop",
                 "services=dovecot")
    journal.find("app-password-revoked", f"user={enrolled.name}", "by=user", "label=laptop")
    report = json.loads(admin("show", enrolled.name, "--json").stdout)
    events = [(one["event"], one["detail"]) for one in report["history"]]
    assert events[-3:] == [("app-password-created", "laptop"), ("app-password-created", "phone"),
                           ("app-password-revoked", "laptop")]
    assert password not in json.dumps(report)
    assert password not in journal.text()


def test_given_revoke_all_then_none_is_left(enrolled):
    passwords = [create(enrolled, label, "dovecot") for label in ("a", "b", "c")]
    done = run(enrolled, "revoke", "--all", "--json")
    assert json.loads(done.stdout) == {"revoked": ["a", "b", "c"]}
    assert not any(opens(enrolled, password) for password in passwords)
    assert listed(enrolled) == {}


def test_given_a_label_that_is_none_then_revoke_names_those_there_are(enrolled):
    create(enrolled, "laptop", "dovecot")
    code = enrolled.phone.fresh()
    done = run(enrolled, "revoke", "phone", proof=code)
    assert done.returncode == 1
    assert "laptop" in done.stderr
    assert log_in(enrolled, code).accepted


def test_given_somebody_else_then_they_see_and_revoke_only_their_own(enrolled, enroll_another):
    other = enroll_another()
    password = create(enrolled, "laptop", "dovecot")
    assert listed(other) == {}
    assert run(other, "revoke", "laptop").returncode == 1
    assert not opens(other, password)
    for words in (["admin", "app-passwords", enrolled.name],
                  ["admin", "app-passwords", enrolled.name, "--revoke-all"]):
        done = other.person.run("twostep", *words)
        assert done.returncode == 1 and "Only root" in done.stderr
    assert opens(enrolled, password)


def test_given_root_then_it_lists_and_revokes_and_makes_none(enrolled, journal):
    password, other = (create(enrolled, label, "dovecot") for label in ("laptop", "phone"))
    report = json.loads(admin("app-passwords", enrolled.name, "--json").stdout)
    assert report["user"] == enrolled.name
    assert [one["label"] for one in report["app_passwords"]] == ["laptop", "phone"]
    assert "laptop" in admin("app-passwords", enrolled.name).stdout
    assert admin("app-passwords", enrolled.name, "--revoke", "desk").returncode == 1
    assert admin("app-passwords", enrolled.name, "--revoke", "laptop").returncode == 0
    assert not opens(enrolled, password)
    assert opens(enrolled, other)
    journal.find("app-password-revoked", f"user={enrolled.name}", "by=administrator", "label=laptop")
    done = admin("app-passwords", enrolled.name, "--revoke-all", "--json")
    assert json.loads(done.stdout) == {"user": enrolled.name, "revoked": ["phone"]}
    assert not opens(enrolled, other)


@pytest.mark.parametrize("words", [["create", "laptop", "--service", "dovecot"], ["list"],
                                   ["revoke", "--all"], ["ensure"]], ids=lambda words: words[0])
def test_given_root_then_its_own_commands_say_where_to_look(view, words):
    done = subprocess.run(["twostep", "app-password", *words], capture_output=True, text=True,
                          input="123456\n")
    assert done.returncode == 1
    assert "admin app-passwords" in done.stderr


def test_given_the_last_authenticator_goes_then_the_question_says_what_goes_with_it(enrolled):
    passwords = [create(enrolled, label, "dovecot") for label in ("laptop", "phone")]
    program = at_a_terminal(enrolled.person, "remove")
    program.expect(r"Remove it\? \[y/N\] ")
    assert "2 application passwords" in " ".join(program.before.split())
    program.sendline("y")
    program.expect(PROOF)
    program.sendline(enrolled.phone.fresh())
    program.expect(pexpect.EOF)
    assert "laptop, phone" in " ".join(program.before.split())
    assert listed(enrolled) == {}
    assert not any(opens(enrolled, password) for password in passwords)


def test_given_a_reset_then_the_application_passwords_are_gone_too(enrolled):
    password = create(enrolled, "laptop", "dovecot")
    done = admin("reset", enrolled.name)
    assert "application password" in " ".join(done.stdout.split())
    assert listed(enrolled) == {}
    assert not opens(enrolled, password)


def test_given_some_then_status_tells_how_many(enrolled):
    assert "App passwords" not in enrolled.person.run("twostep", "status").stdout
    create(enrolled, "laptop", "dovecot")
    assert enrollment.status(enrolled.person)["app_passwords"] == 1
    assert re.search(r"App passwords +1,", enrolled.person.run("twostep", "status").stdout)


def test_given_as_many_as_a_host_allows_then_all_are_listed_and_one_more_is_refused(enrolled):
    """The longest list is longer than a pipe holds."""
    services = [f"{number:02}" + "x" * 62 for number in range(16)]
    configuration.write(app_password={"max": 50})
    passwords = [create(enrolled, f"{number:02}" + "é" * 31, *services) for number in range(50)]
    one_more = run(enrolled, "create", "one more", "--service", "dovecot")
    assert one_more.returncode == 1 and "revoke" in one_more.stderr.lower()
    there_is = listed(enrolled)
    assert len(there_is) == 50
    assert len(json.dumps(there_is)) > 65536
    assert all(one["services"] == services for one in there_is.values())
    assert opens(enrolled, passwords[0], services[0]) and opens(enrolled, passwords[49], services[15])
    revoke(enrolled, list(there_is)[7])
    assert run(enrolled, "create", "one more", "--service", "dovecot").returncode == 0
