"""`twostep admin import` and `export`: files that the real google-authenticator and pam_oath made and used, and
logins with the same phone afterwards."""

import json
import os
import subprocess
from pathlib import Path

import pytest

import enrollment
import people
import sshd
import stacks
import syscalls
from attempts import log_in
from phones import Phone
from test_disks import fill_the_disk, store_on_a_small_disk

OLD = """\
auth requisite pam_unix.so nodelay
auth required pam_google_authenticator.so no_increment_hotp
account required pam_unix.so
session required pam_permit.so
"""
OATH = """\
auth requisite pam_unix.so nodelay
auth required pam_oath.so usersfile=/etc/users.oath window=20 digits=6
account required pam_unix.so
session required pam_permit.so
"""
KEY = "3132333435363738393031323334353637383930"
BASE32 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def admin(*words, text="", code=0):
    out = subprocess.run(["twostep", "admin", *words], input=text, capture_output=True, text=True, timeout=120, cwd="/")
    assert out.returncode == code, out.stdout + out.stderr
    return out


def rows(*words, text="", code=0):
    out = admin(*words, "--json", text=text, code=code)
    return [json.loads(line) for line in out.stdout.splitlines() if "result" in line]


class Old:
    """A person with a file of google-authenticator."""

    def __init__(self, person, clock):
        self.person = person
        self.file = person.home / ".google_authenticator"
        made = person.run("google-authenticator", "-t", "-d", "-f", "-C", "-q", "-Q", "NONE", "-r", "3", "-R", "30",
                          "-w", "3", "-e", "3", "-s", str(self.file))
        assert made.returncode == 0, made.stdout + made.stderr
        lines = self.file.read_text().splitlines()
        self.phone = Phone(f"otpauth://totp/{person.name}?secret={lines[0]}", clock)
        self.scratch = [line for line in lines if line.isdigit()]

    def logs_in(self, answer, service="cs-login"):
        return log_in(self.person, self.person.password, answer, service=service).accepted


@pytest.fixture
def old(person, clock):
    stacks.write("cs-old", OLD)
    yield Old(person, clock)
    for home in Path("/home").glob("*/.google_authenticator"):
        home.unlink()


def test_given_a_user_of_google_authenticator_then_the_same_phone_logs_in_and_what_is_spent_stays_spent(old, clock):
    clock.begin_step()
    spent = old.phone.fresh()
    assert old.logs_in(spent, "cs-old")
    assert old.logs_in(old.scratch[0], "cs-old")
    told = rows("import", "google-authenticator", "--all-homes", "--yes")
    assert [row["result"] for row in told] == ["would-take", "taken"]
    assert "2 scratch codes" in told[0]["detail"] and told[0]["user"] == old.person.name
    assert not old.logs_in(spent)
    assert old.logs_in(old.phone.fresh())
    assert old.logs_in(old.scratch[1]) and not old.logs_in(old.scratch[1])
    assert not old.logs_in(old.scratch[0])
    status = json.loads(old.person.run("twostep", "status", "--json").stdout)
    assert status["recovery_codes"]["left"] == 1 and status["recovery_codes"]["are_imported"]
    again = rows("import", "google-authenticator", "--all-homes", "--yes")
    assert again[-1]["result"] == "already-there"


def test_given_a_whole_host_then_it_moves_with_nobody_enrolling_anew(clock):
    stacks.write("cs-old", OLD)
    everyone = [Old(people.add(), clock) for _ in range(3)]
    server = sshd.Server(OLD)
    try:
        assert all(sshd.log_in(server, one.person, one.person.password, one.phone.fresh()).entered for one in everyone)
        told = rows("import", "google-authenticator", "--all-homes", "--yes")
        assert [row["result"] for row in told].count("taken") == 3
        stacks.write("sshd", stacks.PASSWORD_AND_CODE)
        for one in everyone:
            assert not sshd.log_in(server, one.person, one.person.password).entered
            assert sshd.log_in(server, one.person, one.person.password, one.phone.fresh()).entered
    finally:
        server.stop()
        for one in everyone:
            one.file.unlink()


def test_given_tricks_in_homes_then_none_leads_anywhere(old):
    secret = Path("/etc/shadow")
    tricks = ["link", "fifo", "folder", "writable", "elsewhere", "hard link", "closed", "long", "nul", "no text"]
    for trick in tricks:
        person = people.add()
        file = person.home / ".google_authenticator"
        if trick == "link":
            file.symlink_to(secret)
        elif trick == "fifo":
            os.mkfifo(file)
        elif trick == "folder":
            file.mkdir()
        elif trick == "writable":
            file.write_text(old.file.read_text())
            file.chmod(0o666)
        elif trick == "elsewhere":
            file.symlink_to(old.file)
        elif trick == "hard link":
            os.link(old.file, file)
        elif trick == "closed":
            file.write_text(old.file.read_text())
            file.chmod(0o400)
        else:
            file.write_bytes({"long": old.file.read_bytes() + b"x" * 65536, "nul": old.file.read_bytes() + b"\0",
                              "no text": b"\xff\xfeA\0"}[trick])
            file.chmod(0o600)
            os.chown(file, person.uid, person.uid)
        told = rows("import", "google-authenticator", "--all-homes", "--yes", code=1)
        mine = [row for row in told if row["user"] == person.name]
        assert mine and all(row["result"] == "refused" for row in mine), (trick, mine)
        assert not enrollment.status(person)["enrolled"]
        file.rmdir() if trick == "folder" else file.unlink()


def test_given_a_dry_run_or_no_answer_then_nothing_is_taken(old):
    assert [row["result"] for row in rows("import", "google-authenticator", "--all-homes", "--dry-run")] == ["would-take"]
    admin("import", "google-authenticator", "--all-homes", code=1)
    assert not enrollment.status(old.person)["enrolled"]


def test_given_an_enrolled_user_then_a_file_in_the_home_adds_nothing_and_the_dry_run_says_so(old, clock):
    enrolled = enrollment.enroll(old.person, clock)
    for flag in ["--dry-run", "--yes"]:
        told = rows("import", "google-authenticator", "--all-homes", flag, code=0 if flag == "--dry-run" else 1)
        assert [row["result"] for row in told] == ["refused"] and "proves nothing" in told[0]["detail"], told
    clock.advance(90)
    assert not old.logs_in(old.phone.fresh()) and not old.logs_in(old.scratch[0])
    assert old.logs_in(enrolled.phone.fresh())


def test_given_what_is_there_already_or_stands_there_twice_then_the_dry_run_knows(person):
    text = f"user,secret\n{person.name},{BASE32}\n{person.name},hex:{KEY}\n"
    told = [rows("import", "batch", "-", flag, text=text) for flag in ["--dry-run", "--yes", "--dry-run"]]
    assert [[row["result"] for row in run] for run in told] == [
        ["would-take", "already-there"], ["would-take", "already-there", "taken"], ["already-there", "already-there"]]
    assert told[0][1]["at"] == "line 3" and "line 2" in told[0][1]["detail"]


# What the real module takes as a scratch code, and what it does not reach: a copy of its own file with lines in between.
@pytest.mark.parametrize("between, reached", [("", True), ("\n\n", True), ('"odd\n', True), ('" ODD 1\n', True),
                                              ("hello\n", False), ("01234567\n", False), ("123456789\n", False)])
def test_given_lines_between_scratch_codes_then_those_that_its_module_reaches_count_here(old, between, reached):
    text = old.file.read_text()
    old.file.chmod(0o600)
    old.file.write_text(text.replace(old.scratch[2], between + old.scratch[2]))
    assert rows("import", "google-authenticator", "--all-homes", "--yes")[-1]["result"] == "taken"
    assert old.logs_in(old.scratch[2]) == reached
    assert old.logs_in(old.scratch[2], "cs-old") == reached


def test_given_users_of_pam_oath_then_clocks_and_counters_go_on(clock):
    stacks.write("cs-oath", OATH)
    timed, counting = people.add(), people.add()
    file = Path("/etc/users.oath")
    file.write_text(f"HOTP/T30 {timed.name} - {KEY}\nHOTP {counting.name} - {KEY} 5\n# nothing\n")
    file.chmod(0o600)
    phone = Phone(f"otpauth://totp/x?secret={BASE32}", clock)

    def hotp(counter):
        return subprocess.run(["oathtool", "--hotp", f"--counter={counter}", KEY], capture_output=True, text=True, check=True).stdout.strip()

    clock.begin_step()
    spent = phone.fresh()
    assert log_in(timed, timed.password, spent, service="cs-oath").accepted
    assert log_in(counting, counting.password, hotp(7), service="cs-oath").accepted
    told = rows("import", "oath", str(file), "--yes")
    assert [row["result"] for row in told] == ["would-take", "would-take", "taken", "taken"]
    assert not log_in(timed, timed.password, spent, service="cs-login").accepted
    assert log_in(timed, timed.password, phone.fresh(), service="cs-login").accepted
    assert not log_in(counting, counting.password, hotp(7), service="cs-login").accepted
    assert log_in(counting, counting.password, hotp(8), service="cs-login").accepted
    file.unlink()


def test_given_one_path_for_everybody_then_nobody_gets_the_key_in_it(person):
    Path("/root/one.totp").write_text(f'{BASE32}\n" TOTP_AUTH\n')
    for path, why in (("/root/one.totp", "the same for every user"), ("one.totp", "begins with")):
        assert why in admin("import", "google-authenticator", "--all-homes", "--path", path, "--yes", code=2).stderr
    assert not enrollment.status(person)["enrolled"]


@pytest.mark.parametrize("words, text, at, why", [
    (["otpauth", "-"], "ALICE otpauth://totp/x?secret=!!\n", "line 1", "no base32"),
    (["otpauth", "-"], f"\nALICE otpauth://totp/x?secret={BASE32}&period=45\n", "line 2", "period is 45"),
    (["otpauth", "-"], f"nobody-at-all otpauth://totp/x?secret={BASE32}\n", "line 1", "no such user"),
    (["otpauth", "-"], "ALICE otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ\n", "line 1", "less than 128 bits"),
    (["otpauth", "-"], f"otpauth://totp/A B:ALICE?secret={BASE32}&secret={BASE32}\n", "line 1", "secret stands there twice"),
    (["oath", "-"], f"HOTP/T45 ALICE - {KEY}\n", "line 1", "its type is none"),
    (["oath", "-"], f"# x\nHOTP ALICE - {KEY} 18446744073709551615 123456 x\n", "line 2", "too high"),
    (["otpauth-migration", "-"], "otpauth-migration://offline?data=Cw==\n", "line 1", "no export"),
    (["batch", "-"], f"user,secret\nALICE,{BASE32},x\n", "line 2", "cells"),
    (["batch", "-"], f"user,secrte\nALICE,{BASE32}\n", "line 1", "no column secrte"),
    (["batch", "-"], '[{"user":"ALICE","secret":7}]', "entry 1", "not an entry"),
    (["batch", "-"], f"user,uri,digits\nALICE,otpauth://totp/x?secret={BASE32},8\n", "line 2", "leave them out"),
    (["batch", "-"], f"user,secret\nALICE,\"{BASE32}\n", "the table", "not closed"),
])
def test_given_what_is_malformed_or_weak_then_it_is_refused_with_its_line(person, words, text, at, why):
    told = rows("import", *words, "--yes", text=text.replace("ALICE", person.name), code=1)
    assert told[0]["result"] == "refused" and told[0]["at"].startswith(at) and why in told[0]["detail"], told
    assert BASE32 not in json.dumps(told) and KEY not in json.dumps(told)
    assert not enrollment.status(person)["enrolled"]


def test_given_a_file_that_is_no_text_or_too_long_then_nothing_of_it_is_taken(person, tmp_path):
    file = tmp_path / "devices.csv"
    text = f"user,secret\n{person.name},{BASE32}\n"
    file.write_text(text, encoding="utf-16")
    assert "UTF-8" in admin("import", "batch", str(file), "--yes", code=1).stderr
    file.write_text(text + "#" * 64 * 1024 * 1024)
    assert "64 MiB" in admin("import", "batch", str(file), "--yes", code=1).stderr
    assert not enrollment.status(person)["enrolled"]
    file.write_text("\ufeff" + text.replace("\n", "\r\n"))
    assert rows("import", "batch", str(file), "--yes")[-1]["result"] == "taken"


def test_given_users_of_pam_totp_then_the_line_of_the_manual_takes_them(clock):
    one, two = people.add(), people.add()
    for person in (one, two):
        folder = Path("/etc/pam_totp") / person.name
        folder.mkdir(parents=True)
        (folder / "KEY").write_text(BASE32 + "\n")
        (folder / "LAST_STEP").write_text("59999999")
    manual = (Path(__file__).parents[2] / "docs/migration.md").read_text()
    line = next(line.strip() for line in manual.splitlines() if "/etc/pam_totp/" in line)
    out = subprocess.run(["sh", "-c", line.replace("sudo ", "")], capture_output=True, text=True, timeout=60)
    assert out.returncode == 0, out.stdout + out.stderr
    clock.advance(90)
    for person in (one, two):
        phone = Phone(f"otpauth://totp/x?secret={BASE32}", clock)
        assert log_in(person, person.password, phone.fresh(), service="cs-login").accepted


def test_given_an_import_killed_at_any_write_then_a_second_one_finishes_it(clock, tmp_path):
    def line(number):
        persons = [people.add() for _ in range(2)]
        file = tmp_path / f"{number}.csv"
        file.write_text("user,secret\n" + "".join(f"{one.name},{BASE32}\n" for one in persons))
        return persons, ["twostep", "admin", "import", "batch", str(file), "--yes"]

    calls = syscalls.trace(line("first")[1], tmp_path / "trace")
    writes = [place for place, _ in calls if place.name in {"renameat", "renameat2", "fsync", "pwrite64", "utimensat"}]
    assert sum(place.name == "renameat" for place in writes) >= 2
    for number, place in enumerate(writes):
        persons, words = line(number)
        subprocess.run(syscalls.with_fault(place, "signal=SIGKILL", words), capture_output=True, timeout=60)
        out = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert out.returncode == 0, (place, out.stderr)
        clock.advance(90)
        for person in persons:
            phone = Phone(f"otpauth://totp/x?secret={BASE32}", clock)
            assert log_in(person, person.password, phone.fresh(), service="cs-login").accepted, place


def test_given_addresses_and_batches_then_their_users_log_in(clock):
    first, second, third = people.add(), people.add(), people.add()
    rows("import", "otpauth", "-", "--user", first.name, "--yes", text=f"otpauth://totp/Example:x?secret={BASE32}\n")
    rows("import", "batch", "-", "--yes", text=f"user,secret,digits,label\n{second.name},{BASE32},8,token\n")
    rows("import", "batch", "-", "--yes", "--allow-weak", text=json.dumps([{"user": third.name, "secret": "GEZDGNBVGY3TQOJQ"}]))
    clock.advance(90)
    for person, secret, digits in [(first, BASE32, 6), (second, BASE32, 8), (third, "GEZDGNBVGY3TQOJQ", 6)]:
        phone = Phone(f"otpauth://totp/x?secret={secret}&digits={digits}", clock)
        assert log_in(person, person.password, phone.fresh(), service="cs-login").accepted


def test_given_a_backup_then_another_host_takes_it_with_what_is_spent(person, clock, tmp_path):
    enrolled = enrollment.enroll(person, clock)
    used = enrolled.recovery_codes[0]
    assert log_in(person, person.password, used, service="cs-login").accepted
    file = tmp_path / "accounts.backup"
    accounts, key = Path("/var/lib/twostep/accounts"), Path("/etc/twostep/seal.key")
    kept = {path: (path.read_bytes(), path.stat()) for path in accounts.glob("*.toml")}
    kept_key = key.read_bytes()
    for path in kept:
        if path != enrolled.file:
            path.unlink()
    out = admin("export", str(file), text="correct horse battery staple\n")
    assert file.stat().st_mode & 0o777 == 0o600 and person.name not in file.read_text()
    admin("export", str(file), text="correct horse battery staple\n", code=1)
    admin("export", str(tmp_path / "short"), text="short\n", code=1)
    # Another host: another key, no accounts.
    try:
        enrolled.file.unlink()
        key.write_bytes(os.urandom(32))
        wrong = admin("import", "backup", str(file), "--yes", text="correct horse\n", code=1)
        assert "does not open" in wrong.stderr
        told = rows("import", "backup", str(file), "--yes", text="correct horse battery staple\n")
        mine = [row for row in told if row["user"] == person.name]
        assert mine[-1]["result"] == "taken", mine
        # The host that made it may have taken this code a moment ago.
        assert not log_in(person, person.password, enrolled.phone.code(), service="cs-login").accepted
        told = rows("import", "backup", str(file), "--yes", text="correct horse battery staple\n")
        assert [row["result"] for row in told if row["user"] == person.name] == ["already-there"]
        clock.advance(90)
        assert log_in(person, person.password, enrolled.phone.fresh(), service="cs-login").accepted
        assert not log_in(person, person.password, used, service="cs-login").accepted
    finally:
        key.write_bytes(kept_key)
        for path, (text, stat) in kept.items():
            path.write_bytes(text)
            os.chown(path, stat.st_uid, stat.st_gid)
            path.chmod(stat.st_mode & 0o7777)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert "Keep the passphrase elsewhere" in out.stdout


def test_given_a_full_disk_then_nothing_half_is_left_and_a_second_run_finishes(person):
    text = f"user,secret\n{person.name},{BASE32}\n"
    with store_on_a_small_disk("size=64m"):
        fill_the_disk()
        told = rows("import", "batch", "-", "--yes", text=text, code=1)
        assert told[-1]["result"] == "refused"
    assert not enrollment.status(person)["enrolled"]
    assert rows("import", "batch", "-", "--yes", text=text)[-1]["result"] == "taken"
