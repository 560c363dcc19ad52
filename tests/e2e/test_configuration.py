"""A configuration that cannot be read: the last good one counts, and without one nobody passes
without a code."""

import shutil

import pytest

import configuration
import stacks
from attempts import AUTH_ERR, log_in


TYPO = "version = 1\n[policy\nrequired = false\n"
UNKNOWN_KEY = "version = 1\n[policy]\nrequierd = true\n"
WRONG_TYPE = "version = 1\n[totp]\ndigits = \"six\"\n"
BROKEN = {"a typo": (TYPO, "2, column 8"), "an unknown key": (UNKNOWN_KEY, "3, column 1"),
          "a wrong type": (WRONG_TYPE, "3, column 10")}


def make_unreadable():
    """No file mode stops root; a folder in the file's place stops everybody."""
    configuration.FILE.unlink()
    configuration.FILE.mkdir()


@pytest.fixture(autouse=True)
def readable_again():
    yield
    if configuration.FILE.is_dir():
        configuration.FILE.rmdir()


def a_good_one_that_says(**policy):
    configuration.write(policy=policy)
    log_in("root")


@pytest.mark.parametrize("text, line", BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.parametrize("required", [False, True])
def test_given_a_broken_configuration_then_the_last_good_one_counts(
        neighbor, enrolled, journal, text, line, required):
    a_good_one_that_says(required=required)
    configuration.write_text(text)
    told = log_in(neighbor, "123456")
    assert told.accepted is not required
    logged = journal.find("config.toml")
    assert f"line {line}" in logged
    assert "last good" in logged or "last-good" in logged
    assert "twostep" in logged      # the remedy: what to run or to edit
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


@pytest.mark.parametrize("text, line", BROKEN.values(), ids=BROKEN.keys())
def test_given_a_broken_configuration_and_no_good_one_then_everyone_must_pass_a_code(
        enrolled, neighbor, journal, text, line):
    configuration.write_text(text)
    configuration.LAST_GOOD.unlink()
    told = log_in(neighbor, neighbor.password, "123456", service="cs-login")
    assert told.phases == {"auth": AUTH_ERR}
    assert any("config.toml" in message for message in told.messages + told.prompts)
    assert f"line {line}" in journal.find("config.toml")
    assert log_in(enrolled, enrolled.phone.fresh()).accepted
    assert not log_in(enrolled, enrolled.phone.wrong()).accepted


def test_given_no_read_permission_then_the_last_good_one_counts(neighbor, enrolled, journal):
    a_good_one_that_says(required=True)
    make_unreadable()
    assert not log_in(neighbor, "123456").accepted
    journal.find("config.toml")
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


def test_given_a_file_that_cannot_be_read_then_users_are_served_by_the_last_good_one(enrolled, journal):
    configuration.FILE.unlink()
    configuration.FILE.mkdir()
    try:
        assert log_in(enrolled, enrolled.phone.fresh(), run_as=enrolled.person).accepted
        journal.find("config.toml")
    finally:
        configuration.FILE.rmdir()


def test_given_no_configuration_at_all_then_nobody_passes_without_a_code(neighbor, enrolled, journal):
    configuration.FILE.unlink()
    configuration.LAST_GOOD.unlink()
    assert not log_in(neighbor, "123456").accepted
    journal.find("config.toml")
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


def test_given_a_broken_last_good_copy_too_then_nobody_passes_without_a_code(neighbor, enrolled):
    configuration.write_text(TYPO)
    configuration.LAST_GOOD.write_text("also broken\n")
    assert not log_in(neighbor, "123456").accepted
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


def test_given_a_repaired_configuration_then_it_counts_at_once(person):
    a_good_one_that_says(required=True)
    configuration.write_text(TYPO)
    assert not log_in(person, "123456").accepted
    configuration.write()
    assert log_in(person).accepted


def test_given_a_changed_configuration_then_a_root_process_keeps_a_copy_of_it(person):
    configuration.write(policy={"contact": "new@example.org"})
    log_in(person)
    assert "new@example.org" in configuration.LAST_GOOD.read_text()
    status = configuration.LAST_GOOD.stat()
    assert (status.st_uid, status.st_mode & 0o777) == (0, 0o644)


def test_given_a_broken_configuration_then_it_never_becomes_the_last_good_one(person):
    before = configuration.LAST_GOOD.read_text()
    configuration.write_text(TYPO)
    log_in(person)
    assert configuration.LAST_GOOD.read_text() == before


def test_given_a_configuration_that_its_user_could_write_then_it_does_not_count(person, journal):
    a_good_one_that_says(required=True)
    configuration.write(policy={"required": False})
    configuration.FILE.chmod(0o666)
    told = log_in(person, "123456")
    assert not told.accepted
    journal.find("config.toml")


def test_given_the_config_option_then_that_file_counts(view, person, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text(configuration.text_of(policy={"required": True}))
    tmp_path.chmod(0o755)
    stacks.write("cs-other", stacks.CODE_ONLY, options=f"config={other}")
    assert not log_in(person, "123456", service="cs-other").accepted
    assert log_in(person).accepted


def test_given_max_authenticators_then_no_more_can_be_enrolled(enroll_another):
    configuration.write(totp={"max_authenticators": 1})
    somebody = enroll_another()
    done = somebody.person.run("twostep", "enroll", "--json", input=f"{somebody.phone.fresh()}\n")
    assert done.returncode == 1
    assert "twostep remove" in done.stderr or "max_authenticators" in done.stderr


def test_given_a_recovery_count_then_an_enrollment_makes_so_many(enroll_another):
    configuration.write(recovery={"count": 4})
    somebody = enroll_another()
    assert len(somebody.recovery_codes) == 4
    assert all(log_in(somebody, code).accepted for code in somebody.recovery_codes)


def test_given_another_key_file_then_it_is_the_one_that_counts(enrolled, journal):
    other = configuration.FILE.parent / "other.key"
    shutil.copy2(configuration.FILE.parent / "seal.key", other)
    configuration.write(seal={"key_file": str(other)})
    assert log_in(enrolled, enrolled.phone.fresh()).accepted
    other.write_bytes(bytes(32))
    assert not log_in(enrolled, enrolled.phone.fresh()).accepted
    journal.find(f"user={enrolled.name}", "key")
    other.unlink()
