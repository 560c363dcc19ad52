"""Names: other spellings, aliases, strange characters, long ones. No collision, no traversal."""

import json
import os
import subprocess
from pathlib import Path

import pytest

import configuration
import enrollment
from attempts import AUTH_ERR, log_in
from phones import Phone


ACCOUNTS = Path("/var/lib/twostep/accounts")


def add_alias(name, person):
    """A second line of the user database with the same uid, as for a name in another spelling."""
    with open("/etc/passwd", "a", encoding="utf-8") as out:
        out.write(f"{name}:x:{person.uid}:{person.uid}::{person.home}:/bin/bash\n")


def test_given_another_name_with_the_same_uid_then_the_code_is_asked(enrolled):
    alias = enrolled.name.upper()
    add_alias(alias, enrolled.person)
    assert log_in(alias, enrolled.phone.wrong()).phases == {"auth": AUTH_ERR}
    code = enrolled.phone.fresh()
    assert log_in(alias, code).accepted
    assert not log_in(enrolled, code).accepted
    assert not log_in(alias, code).accepted


def test_given_an_alias_then_its_wrong_codes_count_for_the_person(enrolled):
    alias = enrolled.name.title()
    add_alias(alias, enrolled.person)
    configuration.write(throttle={"wait": "10m"})
    for number in range(5):
        log_in(alias, enrolled.phone.wrong(number), rhost="198.51.100.9")
    assert not log_in(enrolled, enrolled.phone.fresh(), rhost="198.51.100.9").accepted


def test_given_an_alias_then_its_pam_user_is_left_as_it_was(enrolled):
    alias = enrolled.name.upper()
    add_alias(alias, enrolled.person)
    assert log_in(alias, enrolled.phone.fresh()).user == alias


STRANGE = ["a@b.example", r"DOMAIN\alice", "al.ice", "$HOME", "al%41ice", "al ice", "al%2eice",
           "ünïcode", "..", ".", "a*b", "a'b", 'a"b', "a;b", "a|b&c", "~alice", "ALICE",
           "a%", "%00", "con", "a\tb", "a\x1bb"]


def accounts_of(somebody):
    """The account files that say that they are this user's."""
    line = f"uid = {somebody.person.uid}\n"
    return [path.name for path in ACCOUNTS.glob("*.toml") if line in path.read_text()]


@pytest.mark.parametrize("name", STRANGE)
def test_given_a_strange_name_then_enrollment_and_login_work(enroll_another, name):
    somebody = enroll_another(name=name)
    assert enrollment.status(somebody.person)["user"] == name
    code = somebody.phone.fresh()
    assert log_in(somebody, code).accepted
    assert not log_in(somebody, code).accepted
    assert log_in(somebody, somebody.recovery_codes[0]).accepted
    allowed = set("abcdefghijklmnopqrstuvwxyz0123456789_-%ABCDEF")
    (owned,) = accounts_of(somebody)
    assert set(owned.removesuffix(".toml")) <= allowed


def test_given_strange_names_then_no_two_share_a_file(enroll_another):
    names = ["x.y", "x%2Ey", "x%2ey", "X.Y", "x.y.", "x%252Ey", "x y", "x%20y"]
    everybody = [enroll_another(name=name) for name in names]
    for somebody in everybody:
        assert log_in(somebody, somebody.phone.fresh()).accepted
    assert all(len(accounts_of(somebody)) == 1 for somebody in everybody)


def test_given_a_name_of_255_bytes_then_it_is_nobody_elses(enroll_another):
    base = "l" * 254
    one, other = enroll_another(name=base + "a"), enroll_another(name=base + "b")
    code = one.phone.fresh()
    assert not log_in(other, code).accepted
    assert log_in(one, code).accepted
    assert log_in(other, other.phone.fresh()).accepted


def test_given_a_long_name_of_strange_characters_then_it_works(enroll_another):
    somebody = enroll_another(name="é." * 60)
    assert log_in(somebody, somebody.phone.fresh()).accepted


@pytest.mark.parametrize("name", ["../accounts/x", "../../../etc/passwd", "/etc/passwd", "a/b",
                                  "a" * 5000, "x\ny"])
def test_given_a_name_that_is_a_path_then_it_is_an_unknown_user(view, name):
    before = sorted(os.listdir(ACCOUNTS))
    assert log_in(name, "123456").phases == {"auth": AUTH_ERR}
    assert sorted(os.listdir(ACCOUNTS)) == before


def test_given_the_account_file_of_another_then_it_is_refused_as_a_mismatch(
        enrolled, enroll_another, journal):
    other = enroll_another()
    other.file.write_bytes(enrolled.file.read_bytes())
    journal.mark()
    told = log_in(other, enrolled.phone.fresh())
    assert told.phases == {"auth": 3}
    line = journal.find(f"user={other.name}")
    assert enrolled.name in line
    assert "admin reset" in line or "reset" in line


def test_given_a_user_removed_and_another_one_under_that_name_then_the_old_phone_is_no_good(
        enrolled, journal):
    """The uid in the account is not the new one's: neither a match nor "not enrolled"."""
    lines = Path("/etc/passwd").read_text()
    moved = lines.replace(f"{enrolled.name}:x:{enrolled.person.uid}:", f"{enrolled.name}:x:39999:")
    Path("/etc/passwd").write_text(moved)
    try:
        assert log_in(enrolled, enrolled.phone.fresh()).phases == {"auth": 3}
        journal.find(f"user={enrolled.name}", "uid")
    finally:
        Path("/etc/passwd").write_text(lines)


def test_given_root_then_it_can_enroll_by_name_and_must_pass_the_code(clock):
    done = subprocess.run(["twostep", "enroll", "--json"], capture_output=True, text=True, input="")
    assert done.returncode in (1, 2)
    assert "--user" in done.stderr
    process = subprocess.Popen(["twostep", "enroll", "--json", "--user", "root"], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1)
    phone = Phone(json.loads(process.stdout.readline())["uri"], clock)
    process.communicate(phone.code() + "\n")
    try:
        assert not log_in("root", phone.wrong()).accepted
        assert log_in("root", phone.fresh()).accepted
    finally:
        subprocess.run(["twostep", "admin", "reset", "root"], check=True, capture_output=True)
        configuration.write()
