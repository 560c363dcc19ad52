"""The sealing key: a new one while people log in, one that the host keeps sealed, one on paper; and account
files that somebody moved, changed or put back."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

import enrollment
import syscalls
from attempts import SERVICE_ERR, log_in
from test_disks import fill_the_disk

KEY = Path("/etc/twostep/seal.key")
SEALED = Path("/etc/twostep/seal.key.cred")
GIVEN = Path("/run/twostep-key/seal.key")
HAS_CREDS = subprocess.run(["sh", "-c", "command -v systemd-creds"], capture_output=True).returncode == 0
needs_creds = pytest.mark.skipif(not HAS_CREDS, reason="systemd-creds is not on this machine")


def reseal(*words, text="", code=0):
    out = subprocess.run(["twostep", "admin", "reseal", *words], input=text, capture_output=True, text=True, timeout=120, cwd="/")
    assert out.returncode == code, out.stdout + out.stderr
    return out


def printed():
    return json.loads(reseal("--print-key", "--json").stdout)["key"]


def boot():
    """What a boot does to the key: /run is empty, and the unit runs."""
    shutil.rmtree(GIVEN.parent, ignore_errors=True)
    unit = Path("/usr/lib/systemd/system/twostep-key.service").read_text()
    line = re.search(r"^ExecStart=(.*)$", unit, re.M).group(1)
    return subprocess.run(line.split(), capture_output=True, text=True, timeout=60)


def gets_in(enrolled):
    return log_in(enrolled, enrolled.phone.fresh()).accepted


@pytest.fixture(autouse=True)
def key_in_its_file(view):
    """Each test begins and leaves with the key in its file, and no account of another test."""
    enrollment.forget_accounts()
    yield
    enrollment.forget_accounts()
    SEALED.unlink(missing_ok=True)
    shutil.rmtree(GIVEN.parent, ignore_errors=True)
    if not KEY.exists() or KEY.stat().st_size != 32:
        KEY.unlink(missing_ok=True)
        subprocess.run(["/usr/libexec/twostep/setup-host"], check=True, capture_output=True)


def test_given_a_reseal_then_everyone_logs_in_and_the_old_key_opens_nothing(enrolled, enroll_another, journal):
    other = enroll_another()
    old = KEY.read_bytes()
    out = json.loads(reseal("--json").stdout)
    assert out == {"accounts": 2, "failed": 0, "protection": "file"}
    new = KEY.read_bytes()
    assert len(new) == 32 and new != old and KEY.stat().st_mode & 0o777 == 0o600
    journal.find("resealed", "accounts=2")
    assert gets_in(enrolled) and gets_in(other)
    KEY.write_bytes(old)
    assert log_in(other, other.phone.fresh()).phases["auth"] == SERVICE_ERR
    KEY.write_bytes(new)
    assert gets_in(other)


def test_given_logins_and_enrollments_during_reseals_then_none_fails(enroll_another, clock):
    people_in = [enroll_another() for _ in range(6)]
    stop, failed = threading.Event(), []

    def again_and_again():
        while not stop.is_set():
            out = subprocess.run(["twostep", "admin", "reseal"], capture_output=True, text=True, timeout=120)
            if out.returncode:
                failed.append(out.stderr)

    worker = threading.Thread(target=again_and_again)
    worker.start()
    try:
        before = KEY.read_bytes()
        for _ in range(5):
            refused = [one.name for one in people_in if not gets_in(one)]
            assert not refused
            people_in.append(enroll_another())
        assert KEY.read_bytes() != before, "not one reseal came between"
    finally:
        stop.set()
        worker.join()
    assert not failed
    assert all(gets_in(one) for one in people_in)


WRITES = {"write", "fsync", "rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir"}


def places_of(words, tmp_path):
    calls = syscalls.trace(words, tmp_path / "trace")
    start = next(i for i, (_, line) in enumerate(calls) if "flock(" in line)
    return [place for place, _ in calls[start:] if place.name in WRITES]


def test_given_a_reseal_killed_at_any_write_then_everyone_logs_in_and_the_next_one_finishes(enrolled, tmp_path):
    words = ["twostep", "admin", "reseal"]
    places = places_of(words, tmp_path)
    assert sum(place.name.startswith("rename") for place in places) == 3, places
    for place in places:
        subprocess.run(syscalls.with_fault(place, "signal=SIGKILL", words), capture_output=True, timeout=60)
        assert gets_in(enrolled), place
        reseal()
        assert KEY.stat().st_size == 32 and gets_in(enrolled), place
    assert not list(KEY.parent.glob(".seal.key*")), "half written keys stay"


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_given_a_reseal_that_fails_at_any_write_then_it_says_so_and_everyone_logs_in(enrolled, tmp_path, error):
    words = ["twostep", "admin", "reseal"]
    for place in places_of(words, tmp_path):
        out = subprocess.run(syscalls.with_fault(place, f"error={error}", words), capture_output=True, text=True, timeout=60)
        assert out.returncode == 0 or "twostep: " in out.stderr, place
        assert gets_in(enrolled), place
        reseal()
        assert KEY.stat().st_size == 32 and gets_in(enrolled), place


def test_given_an_account_that_cannot_be_sealed_anew_then_the_earlier_key_stays(enrolled, enroll_another):
    broken = enroll_another()
    whole = broken.file.read_bytes()
    broken.file.write_bytes(whole[:-9])
    out = reseal(code=1)
    assert broken.name in out.stderr and KEY.stat().st_size == 64
    assert gets_in(enrolled)
    check = subprocess.run(["twostep", "admin", "check", "--json"], capture_output=True, text=True, timeout=60)
    assert "reseal-unfinished" in check.stdout
    assert "Finish it first" in reseal("--print-key", code=1).stderr
    broken.file.write_bytes(whole)
    reseal()
    assert KEY.stat().st_size == 32 and gets_in(broken) and gets_in(enrolled)


@needs_creds
def test_given_a_key_that_the_host_keeps_then_a_boot_gives_it_and_no_file_has_it(enrolled):
    plain = KEY.read_bytes()
    out = reseal("--protect", "host")
    assert "--print-key" in out.stdout and not KEY.exists() and SEALED.stat().st_mode & 0o777 == 0o600
    key = GIVEN.read_bytes()
    assert key != plain and key.hex() not in SEALED.read_text() and GIVEN.stat().st_mode & 0o777 == 0o600
    assert gets_in(enrolled)
    assert boot().returncode == 0 and GIVEN.read_bytes() == key
    assert gets_in(enrolled)
    subprocess.run(["/usr/libexec/twostep/setup-host"], check=True, capture_output=True)
    assert not KEY.exists()
    reseal()
    assert not KEY.exists() and GIVEN.read_bytes() != key and boot().returncode == 0 and gets_in(enrolled)
    reseal("--protect", "file")
    assert KEY.exists() and not SEALED.exists() and not GIVEN.exists() and gets_in(enrolled)


@needs_creds
def test_given_a_host_that_refuses_then_recovery_codes_count_and_the_printed_key_comes_back(enrolled, journal):
    reseal("--protect", "host")
    paper = printed()
    assert re.fullmatch(r"([0-9A-Z]{4}-){13}[0-9A-Z]{4}", paper)
    # Another host: its own key is another one.
    secret = Path("/var/lib/systemd/credential.secret")
    secret.rename(secret.with_suffix(".away"))
    try:
        refused = boot()
        assert refused.returncode == 1 and "reseal --restore-key" in refused.stderr and not GIVEN.exists()
        journal.find("sealing-key-not-given")
        told = log_in(enrolled, enrolled.phone.fresh())
        assert told.phases["auth"] == SERVICE_ERR and "recovery code" in " ".join(told.messages), told
        journal.find("error", f"user={enrolled.name}", "reseal --restore-key")
        assert log_in(enrolled, enrolled.recovery_codes[0]).accepted
        check = subprocess.run(["twostep", "admin", "check", "--json"], capture_output=True, text=True, timeout=60)
        assert "key-not-given" in check.stdout
        assert reseal(code=1).stderr.count("refused")
        slip = paper[:-1] + ("0" if paper[-1] != "0" else "1")
        assert "slip" in reseal("--restore-key", "--protect", "file", text=slip + "\n", code=1).stderr
        reseal("--restore-key", "--protect", "file", text=paper.lower() + "\n")
        assert KEY.exists() and not SEALED.exists() and gets_in(enrolled)
        assert "opens no account" in reseal("--restore-key", text=paper + "\n", code=1).stderr
    finally:
        secret.with_suffix(".away").rename(secret)


@needs_creds
@pytest.mark.parametrize("way", [["--protect", "host"], ["--protect", "file"]])
def test_given_a_change_of_the_place_killed_at_any_write_then_everyone_logs_in_before_and_after_a_boot(enrolled, tmp_path, way):
    words = ["twostep", "admin", "reseal", *way]
    back = ["--protect", "file" if "host" in way else "host"]
    reseal(*back)
    places = [place for place in places_of(words, tmp_path) if place.name.startswith(("rename", "unlink"))]
    reseal(*back)
    for place in places:
        subprocess.run(syscalls.with_fault(place, "signal=SIGKILL", words), capture_output=True, timeout=60)
        assert gets_in(enrolled), place
        boot()
        assert gets_in(enrolled), place
        reseal(*way)
        assert gets_in(enrolled), place
        reseal(*back)


def test_given_no_tpm_then_tpm2_is_refused_and_nothing_changes(enrolled):
    has = subprocess.run(["systemd-creds", "has-tpm2"], capture_output=True).returncode == 0 if HAS_CREDS else False
    if has:
        pytest.skip("this machine has a TPM")
    key = KEY.read_bytes()
    reseal("--protect", "tpm2", code=1)
    assert KEY.read_bytes() == key and not SEALED.exists() and gets_in(enrolled)


def test_given_a_key_that_others_give_then_a_reseal_leaves_it(enrolled):
    GIVEN.parent.mkdir()
    shutil.copy2(KEY, GIVEN)
    shutil.move(KEY, "/etc/twostep/away")
    assert "Something else" in reseal(code=1).stderr and gets_in(enrolled)
    shutil.move("/etc/twostep/away", KEY)


def whole(text):
    body = text[: text.rstrip("\n").rindex("\n") + 1]
    return body + f"# sha256 {hashlib.sha256(body.encode()).hexdigest()}\n"


def test_given_a_copied_account_then_it_is_told_and_opens_nothing(enrolled, enroll_another, journal):
    victim = enroll_another()
    as_it_was = victim.file.read_bytes()
    victim.file.write_bytes(enrolled.file.read_bytes())
    assert log_in(victim, enrolled.phone.fresh()).phases["auth"] == SERVICE_ERR
    journal.find("error", f"user={victim.name}", enrolled.name)
    # The same, by somebody who writes the names and the sum again.
    text = enrolled.file.read_text().replace(f'"{enrolled.name}"', f'"{victim.name}"')
    text = text.replace(f"uid = {enrolled.person.uid}", f"uid = {victim.person.uid}")
    victim.file.write_text(whole(text))
    assert log_in(victim, enrolled.phone.fresh()).phases["auth"] == SERVICE_ERR
    journal.find("error", f"user={victim.name}", "does not open")
    victim.file.write_bytes(as_it_was)
    assert gets_in(victim)


def test_given_secrets_that_changed_places_then_it_is_told(enrolled, journal):
    added = enrollment.enroll(enrolled.person, enrolled.phone.clock, "--label", "tablet", proof=enrolled.phone.fresh())
    text = enrolled.file.read_text()
    one, two = re.findall(r'^secret = "([0-9a-f]+)"$', text, re.M)
    enrolled.file.write_text(whole(text.replace(one, "x").replace(two, one).replace('"x"', f'"{two}"')))
    for phone in (enrolled.phone, added.phone):
        assert log_in(enrolled, phone.fresh()).phases["auth"] == SERVICE_ERR
    journal.find("error", f"user={enrolled.name}", "does not open")
    assert log_in(enrolled, enrolled.recovery_codes[0]).accepted


def test_given_an_old_account_put_back_then_used_codes_stay_used_and_it_is_told(enrolled, journal):
    old = enrolled.file.read_bytes()
    assert log_in(enrolled, enrolled.recovery_codes[0]).accepted
    enrolled.file.write_bytes(old)
    assert not log_in(enrolled, enrolled.recovery_codes[0]).accepted
    journal.find("warning", f"user={enrolled.name}", "old version")
    assert log_in(enrolled, enrolled.recovery_codes[1]).accepted
    assert gets_in(enrolled)


def test_given_an_old_account_put_back_then_a_revoked_password_stays_revoked(enrolled, journal):
    def twostep(*words):
        out = enrolled.person.run("twostep", *words, input=enrolled.phone.fresh() + "\n")
        assert out.returncode == 0, out.stderr
        return out.stdout

    twostep("app-password", "create", "laptop", "--service", "dovecot", "--print-only")
    old = enrolled.file.read_bytes()
    twostep("app-password", "revoke", "laptop")
    enrolled.file.write_bytes(old)
    assert gets_in(enrolled)
    journal.find("warning", f"user={enrolled.name}", "old version")
    assert "laptop" not in twostep("app-password", "list")
