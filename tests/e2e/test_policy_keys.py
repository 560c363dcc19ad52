"""Sessions by a key alone, where no auth phase runs: `require_step` refuses them from the deadline on."""

import subprocess

import pytest

import configuration
import enrollment
import sshd
import stacks
from attempts import log_in as log_in_by_libpam
from policies import CONTACT, DAY, admin, dated, grace_since, require


@pytest.fixture(scope="module")
def server(view):
    server = sshd.Server(stacks.REQUIRE_STEP)
    yield server
    server.stop()
    stacks.write("sshd", stacks.PASSWORD_AND_CODE)


@pytest.fixture
def by_key(server, person):
    key = sshd.make_key(person)

    def log_in(command=None):
        return sshd.log_in(server, person, methods="publickey", key=key, command=command)

    return log_in


def began_before(person, clock):
    """The person's own time began within everybody's."""
    require(clock, left=DAY)
    assert log_in_by_libpam(person, person.password, service="cs-login").accepted


def test_given_nothing_required_then_a_key_is_enough(by_key):
    assert by_key().entered


@pytest.mark.parametrize("left", [20 * DAY, DAY, 60], ids=["before since", "in grace", "the last minute"])
def test_given_time_left_then_a_key_is_enough(by_key, clock, left):
    require(clock, left=left)
    assert by_key().entered


def test_given_the_deadline_then_a_key_is_not_enough_from_it_on(by_key, person, clock, journal):
    began_before(person, clock)
    require(clock, left=3600)
    assert by_key().entered
    clock.advance(3600)
    journal.mark()
    login = by_key()
    assert not login.entered
    assert login.prompts == []
    assert "This login needs a verification code, and none was asked." in login.output
    line = journal.find("refused", f"user={person.name}", "reason=no-second-step")
    assert "AuthenticationMethods" in line


def test_given_no_deadline_but_a_requirement_then_a_key_is_not_enough(by_key):
    configuration.write(policy={"required": True})
    assert not by_key().entered


def test_given_one_who_is_enrolled_then_a_key_is_not_enough_whatever_is_required(by_key, person, clock):
    enrolled = enrollment.enroll(person, clock)
    for policy in ({}, {"required": True}, dated(clock.now(), left=DAY)):
        configuration.write(policy=policy)
        assert not by_key().entered
    admin("suspend", enrolled.name, "--for", "1h")
    assert by_key().entered
    clock.advance(3600)
    assert not by_key().entered


@pytest.mark.parametrize("key, value", [
    ("exempt_users", "NAME"), ("exempt_services", "sshd"), ("exempt_networks", "127.0.0.0/8")])
def test_given_an_exemption_then_a_key_is_enough(by_key, person, key, value):
    configuration.write(policy={"required": True, key: [person.name if value == "NAME" else value]})
    assert by_key().entered


def test_given_a_key_alone_then_nobody_is_reminded_and_no_time_begins(by_key, person, clock):
    require(clock, left=-100 * DAY, contact=CONTACT)
    login = by_key()
    assert login.entered
    assert "two-step" not in login.output
    assert grace_since(person) is None


def test_given_the_deadline_then_a_command_and_sftp_by_key_are_refused_too(by_key, server, person):
    configuration.write(policy={"required": True})
    assert "OPENED" not in by_key("echo OPENED").output
    line = sshd.ssh_line(server, person, methods="publickey", key=sshd.make_key(person))
    done = subprocess.run([*line[:-2], "-s", line[-2], "sftp"], input="", capture_output=True, text=True,
                               timeout=30)
    assert done.returncode != 0
    assert done.stdout == ""
