"""Files that are broken, missing or somebody else's: never in by mistake, never lost, and a log line
that says what to do."""

import hashlib
import os
from pathlib import Path

import pytest

import attempts
import configuration
import enrollment
from attempts import SERVICE_ERR, log_in


STORE = Path("/var/lib/twostep")
ACCOUNTS = STORE / "accounts"
KEY = Path("/etc/twostep/seal.key")


def link_from_elsewhere(path):
    os.link(path, STORE / "second-name")


def replace_by_link(path):
    path.rename(STORE / "moved.toml")
    path.symlink_to(STORE / "moved.toml")


def replace_by_fifo(path):
    owner = path.stat().st_uid
    path.unlink()
    os.mkfifo(path, 0o600)
    os.chown(path, owner, -1)


def change_bytes(path):
    text = bytearray(path.read_bytes())
    text[len(text) // 2] ^= 1
    path.write_bytes(text)


def make_newer(path):
    path.write_text("version = 2\nshiny = true\n")


DAMAGES = {
    "another owner": lambda path: os.chown(path, 12345, -1),
    "readable by the group": lambda path: path.chmod(0o640),
    "readable by all": lambda path: path.chmod(0o644),
    "a second name": link_from_elsewhere,
    "a symbolic link": replace_by_link,
    "a FIFO": replace_by_fifo,
    "a folder": lambda path: (path.unlink(), path.mkdir(0o600)),
    "empty": lambda path: path.write_bytes(b""),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "cut in the middle": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "changed bytes": change_bytes,
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "a newer version": make_newer,
    "huge": lambda path: path.write_bytes(b"# " + b"x" * 5_000_000),
    "not UTF-8": lambda path: path.write_bytes(b"\xff\xfe" * 500),
}


@pytest.fixture
def intact(enrolled):
    """The account comes back after the damage, whatever it was."""
    path, kept = enrolled.file, enrolled.file.read_bytes()
    yield
    for left in (path, STORE / "second-name", STORE / "moved.toml"):
        if left.is_dir() and not left.is_symlink():
            left.rmdir()
        else:
            left.unlink(missing_ok=True)
    path.write_bytes(kept)
    path.chmod(0o600)
    os.chown(path, 0, 0)
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_given_a_broken_account_file_then_it_is_refused_and_the_log_says_what_to_do(
        enrolled, intact, journal, damage):
    path = enrolled.file
    damage(path)
    state = path.lstat()
    for answers in ([enrolled.phone.fresh()], [enrolled.recovery_codes[0]], []):
        assert log_in(enrolled, *answers).phases == {"auth": SERVICE_ERR}
    line = journal.find(f"user={enrolled.name}", path.name)
    assert ";" in line or "." in line
    assert any(word in line for word in ("restore", "chmod", "chown", "reset", "install", "remove")), line
    # The account phase alone: a person who merely passes by is none of our business, but with
    # require_step an account that cannot be read never passes.
    assert path.lstat().st_ino == state.st_ino
    assert path.lstat().st_size == state.st_size


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_given_a_broken_account_file_then_a_program_of_the_user_is_refused_too(enrolled, intact, damage):
    damage(enrolled.file)
    told = log_in(enrolled, enrolled.phone.fresh(), run_as=enrolled.person)
    assert told.phases["auth"] in (attempts.SERVICE_ERR, attempts.AUTH_ERR)
    done = enrolled.person.run("twostep", "enroll", "--json", input="")
    assert done.returncode in (1, 3)
    assert "secret" not in done.stdout


def without_accounts():
    ACCOUNTS.rename(STORE / "accounts-away")
    return lambda: (STORE / "accounts-away").rename(ACCOUNTS)


def without_store():
    STORE.rename("/var/lib/twostep-away")
    return lambda: Path("/var/lib/twostep-away").rename(STORE)


def accounts_as_a_file():
    ACCOUNTS.rename(STORE / "accounts-away")
    ACCOUNTS.write_text("")

    def repair():
        ACCOUNTS.unlink()
        (STORE / "accounts-away").rename(ACCOUNTS)
    return repair


def accounts_as_a_link():
    away = STORE / "accounts-away"
    ACCOUNTS.rename(away)
    ACCOUNTS.symlink_to(away)

    def repair():
        ACCOUNTS.unlink()
        away.rename(ACCOUNTS)
    return repair


def accounts_writable_by_all():
    ACCOUNTS.chmod(0o777)
    return lambda: ACCOUNTS.chmod(0o700)


PLACES = {"no accounts folder": without_accounts, "no store": without_store,
          "a file in the folder's place": accounts_as_a_file,
          "a link in the folder's place": accounts_as_a_link,
          "a folder that all may write": accounts_writable_by_all}


@pytest.mark.parametrize("damage", PLACES.values(), ids=PLACES.keys())
def test_given_a_broken_store_then_nobody_passes_and_the_log_says_what_to_do(
        enrolled, neighbor, journal, damage):
    code = enrolled.phone.fresh()
    repair = damage()
    try:
        assert log_in(enrolled, code).phases == {"auth": SERVICE_ERR}
        assert log_in(neighbor).phases == {"auth": SERVICE_ERR}
        line = journal.find(f"user={enrolled.name}", "twostep/accounts") \
            if damage is not without_store else journal.find(f"user={enrolled.name}", "/var/lib/twostep")
        assert any(word in line for word in ("setup-host", "put the directory back", "make it root's")), line
    finally:
        repair()
    assert log_in(enrolled, code).accepted


def test_given_a_missing_sealing_key_then_codes_are_refused_and_recovery_codes_still_decide(
        enrolled, journal):
    kept = KEY.with_suffix(".away")
    KEY.rename(kept)
    try:
        assert log_in(enrolled, enrolled.phone.fresh()).phases == {"auth": SERVICE_ERR}
        line = journal.find(f"user={enrolled.name}", str(KEY))
        assert "restore" in line
        assert log_in(enrolled, enrolled.recovery_codes[0]).accepted
        assert not log_in(enrolled, enrolled.recovery_codes[0]).accepted
    finally:
        kept.rename(KEY)
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


def test_given_a_sealing_key_that_all_may_read_then_it_does_not_count(enrolled, journal):
    KEY.chmod(0o644)
    try:
        assert log_in(enrolled, enrolled.phone.fresh()).phases == {"auth": SERVICE_ERR}
        journal.find(f"user={enrolled.name}", str(KEY))
    finally:
        KEY.chmod(0o600)
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


KEYS = {"short": b"\x01" * 31, "long": b"\x01" * 33, "empty": b"", "another": b"\x01" * 32}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS.keys())
def test_given_a_wrong_sealing_key_then_codes_are_refused(enrolled, journal, key):
    kept = KEY.read_bytes()
    KEY.write_bytes(key)
    try:
        assert log_in(enrolled, enrolled.phone.fresh()).phases == {"auth": SERVICE_ERR}
        journal.find(f"user={enrolled.name}", "key")
    finally:
        KEY.write_bytes(kept)
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


def test_given_a_sealed_secret_moved_to_another_authenticator_then_it_does_not_open(
        enrolled, enroll_another):
    """The account of one with the sealed secret of another: same key, other associated data."""
    other = enroll_another()
    secrets = [line for line in other.file.read_text().splitlines()
               if line.startswith("secret = ")]
    lines = enrolled.file.read_text().splitlines()[:-1]
    text = "".join(f"{secrets[0] if line.startswith('secret = ') else line}\n" for line in lines)
    kept = enrolled.file.read_bytes()
    with open(enrolled.file, "w", encoding="utf-8") as out:
        out.write(f"{text}# sha256 {hashlib.sha256(text.encode()).hexdigest()}\n")
    assert log_in(enrolled, other.phone.fresh()).phases == {"auth": SERVICE_ERR}
    enrolled.file.write_bytes(kept)
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


def test_given_no_account_file_then_the_person_is_not_enrolled(enrolled):
    kept = enrolled.file.read_bytes()
    enrolled.file.unlink()
    assert log_in(enrolled).accepted
    configuration.write(policy={"required": True})
    assert not log_in(enrolled, "123456").accepted
    enrolled.file.write_bytes(kept)
    enrolled.file.chmod(0o600)
    assert enrollment.status(enrolled.person)["enrolled"]
