"""The sshd recipe "key or password, then the code", in its seven outcomes."""

import pytest

import configuration
import sshd
import stacks
from sshd import log_in, make_key

BOTH = "publickey,keyboard-interactive"


@pytest.fixture(scope="module")
def server(view):
    server = sshd.Server(stacks.RECIPE, more="AuthenticationMethods "
                         "publickey,keyboard-interactive keyboard-interactive")
    yield server
    server.stop()


@pytest.fixture
def key(enrolled):
    return make_key(enrolled.person)


def test_given_a_key_and_a_code_then_login_is_accepted_without_a_password(server, enrolled, key):
    login = log_in(server, enrolled.person, enrolled.phone.fresh(), methods=BOTH, key=key)
    assert login.entered
    assert login.prompts == ["Verification code:"]


def test_given_a_key_and_a_wrong_code_then_login_is_refused(server, enrolled, key):
    login = log_in(server, enrolled.person, enrolled.phone.wrong(), enrolled.person.password,
                   methods=BOTH, key=key)
    assert not login.entered
    assert login.prompts == ["Verification code:"]


def test_given_a_key_and_a_person_not_enrolled_then_the_key_is_enough(server, person):
    login = log_in(server, person, methods=BOTH, key=make_key(person))
    assert login.entered
    assert login.prompts == []


def test_given_no_key_then_password_and_code_log_in(server, enrolled):
    login = log_in(server, enrolled.person, enrolled.person.password, enrolled.phone.fresh())
    assert login.entered
    assert login.prompts == ["Password:", "Verification code:"]


def test_given_no_key_and_a_wrong_password_then_no_code_is_asked(server, enrolled):
    code = enrolled.phone.fresh()
    login = log_in(server, enrolled.person, "wrong horse", code)
    assert not login.entered
    assert login.prompts == ["Password:"]
    assert log_in(server, enrolled.person, enrolled.person.password, code).entered


def test_given_no_key_and_a_wrong_code_then_login_is_refused(server, enrolled):
    login = log_in(server, enrolled.person, enrolled.person.password, enrolled.phone.wrong())
    assert not login.entered
    assert login.prompts == ["Password:", "Verification code:"]


def test_given_no_key_and_a_person_not_enrolled_then_the_password_is_enough(server, person):
    login = log_in(server, person, person.password)
    assert login.entered
    assert login.prompts == ["Password:"]
    assert not log_in(server, person, "wrong horse").entered


def test_given_a_key_alone_then_it_is_not_enough(server, enrolled, key):
    assert not log_in(server, enrolled.person, methods="publickey", key=key).entered


def test_given_a_key_that_is_not_authorized_then_it_proves_nothing(server, enrolled, enroll_another):
    stranger = make_key(enroll_another().person)
    login = log_in(server, enrolled.person, enrolled.phone.fresh(), methods=BOTH, key=stranger)
    assert not login.entered


def test_given_a_key_and_a_spent_code_then_login_is_refused(server, enrolled, key):
    code = enrolled.phone.fresh()
    assert log_in(server, enrolled.person, code, methods=BOTH, key=key).entered
    assert not log_in(server, enrolled.person, code, methods=BOTH, key=key).entered


def test_given_a_key_and_a_recovery_code_then_login_is_accepted_once(server, enrolled, key):
    code = enrolled.recovery_codes[0]
    assert log_in(server, enrolled.person, code, methods=BOTH, key=key).entered
    assert not log_in(server, enrolled.person, code, methods=BOTH, key=key).entered


def test_given_a_required_step_and_a_key_then_one_not_enrolled_is_told_what_to_do(server, person):
    configuration.write(policy={"required": True, "contact": "help@example.org"})
    login = log_in(server, person, "123456", methods=BOTH, key=make_key(person))
    assert not login.entered
    assert "help@example.org" in login.output + " ".join(login.prompts)


def test_given_a_required_step_and_a_wrong_password_then_nothing_is_told(server, person):
    configuration.write(policy={"required": True, "contact": "help@example.org"})
    login = log_in(server, person, "wrong horse", "123456")
    assert not login.entered
    assert "help@example.org" not in login.output + " ".join(login.prompts)
