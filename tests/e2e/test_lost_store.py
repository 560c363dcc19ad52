"""An account that is not found where it should be is not one that never was."""

import subprocess
from pathlib import Path

import pytest

import configuration
import service
import stacks
from attempts import SERVICE_ERR, log_in

STORE = Path("/var/lib/twostep")
AWAY = Path("/var/lib/away")


def boot():
    """What it does to the files of the host; then the service starts."""
    service.stop()
    subprocess.run(["systemd-tmpfiles", "--create", "--remove", "--boot", "/usr/lib/tmpfiles.d/twostep.conf"],
                   capture_output=True, check=False)
    service.start()


@pytest.fixture
def lost(enrolled):
    STORE.rename(AWAY)
    yield enrolled
    subprocess.run(["rm", "-rf", STORE], check=True)
    AWAY.rename(STORE)


def test_given_a_lost_store_then_nobody_gets_in_without_a_code(lost):
    assert log_in(lost, "000000").phases["auth"] == SERVICE_ERR


def test_given_a_lost_store_and_a_boot_then_nobody_gets_in_without_a_code(lost):
    boot()
    assert log_in(lost, "000000").phases["auth"] == SERVICE_ERR


def test_given_a_boot_then_what_a_crash_left_is_swept_and_accounts_stay(enrolled):
    left = enrolled.file.with_name(f"{enrolled.file.name}.0123456789abcdef")
    left.write_text("half")
    boot()
    assert not left.exists()
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


def test_given_a_user_with_a_new_name_then_the_second_step_is_not_forgotten(enrolled, journal):
    renamed = f"{enrolled.name}new"
    subprocess.run(["usermod", "--login", renamed, enrolled.name], capture_output=True, check=True)
    assert log_in(renamed, "000000").phases["auth"] == SERVICE_ERR
    journal.find("error", f"user={renamed}", "earlier name", f"twostep admin reset {renamed}")
    subprocess.run(["twostep", "admin", "reset", renamed], check=True, capture_output=True)
    assert not log_in(renamed).asked


APP_PASSWORDS = """\
auth [success=done ignore=ignore default=die] pam_twostep.so mode=app_password
auth required pam_unix.so nodelay use_first_pass
account required pam_unix.so
"""


def test_given_a_damaged_account_then_an_exempt_user_gets_in_at_every_kind_of_line_and_nobody_else(
        enrolled, enroll_another):
    other = enroll_another()
    stacks.write("cs-apps", APP_PASSWORDS)
    configuration.write(policy={"required": True, "exempt_users": [enrolled.name]})
    for somebody, gets_in in ((enrolled, True), (other, False)):
        somebody.file.write_bytes(b"garbage")
        for run_as in (None, somebody.person):
            assert log_in(somebody, run_as=run_as).accepted == gets_in
            told = log_in(somebody, somebody.person.password, service="cs-apps", run_as=run_as)
            assert told.accepted == gets_in
