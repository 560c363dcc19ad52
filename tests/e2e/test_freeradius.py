"""FreeRADIUS by the recipe of the guide: it runs as a user of its own, asks PAM, and is a listed caller."""

from concurrent.futures import ThreadPoolExecutor

import pytest

import app_passwords
import configuration
import freeradius
import recipes
from guide import blocks


@pytest.fixture
def listed(view):
    (block,) = blocks("toml part")[recipes.PAGE]
    configuration.write_text(f"version = 1\n{block.text}\n")


@pytest.fixture
def radius(view):
    recipes.write_pam("one-answer", "radiusd")
    server = freeradius.Server()
    yield server
    server.stop()


def test_given_one_answer_then_password_and_code_are_accepted_once(listed, radius, enrolled, neighbor, journal):
    password, phone = enrolled.person.password, enrolled.phone
    answer = password + phone.fresh()
    assert radius.accepts(enrolled, answer)
    line = journal.find("accepted", f"user={enrolled.name}", "service=radiusd", "factor=totp", f"caller={freeradius.USER}")
    assert "rhost=" not in line
    for wrong in (answer, password, password + phone.wrong(), "wrong" + phone.fresh()):
        assert not radius.accepts(enrolled, wrong)
    assert radius.accepts(enrolled, password + enrolled.recovery_codes[0])
    assert radius.accepts(neighbor, neighbor.password) and not radius.accepts(neighbor, "wrong")


def test_given_a_caller_that_is_not_listed_then_enrolled_users_are_refused(radius, enrolled, neighbor, journal):
    assert not radius.accepts(enrolled, enrolled.person.password + enrolled.phone.fresh())
    journal.find(f"user={enrolled.name}", "service=radiusd", "reason=not-a-listed-caller")
    assert radius.accepts(neighbor, neighbor.password)


def test_given_application_passwords_then_they_are_accepted(listed, radius, enrolled, neighbor):
    recipes.write_pam("app-password", "radiusd")
    password = app_passwords.create(enrolled, "gateway", "radiusd")
    assert radius.accepts(enrolled, password) and not radius.accepts(enrolled, enrolled.person.password)
    assert radius.accepts(neighbor, neighbor.password)


def test_given_many_requests_at_once_then_each_is_answered_for_its_own_user(listed, radius, enrolled, enroll_another):
    everybody = [enrolled, *(enroll_another() for _ in range(4))]
    answers = [(somebody, somebody.person.password + somebody.phone.fresh()) for somebody in everybody]
    wrong = [(somebody, somebody.person.password + somebody.phone.wrong()) for somebody in everybody]
    with ThreadPoolExecutor(10) as clients:
        told = list(clients.map(lambda one: radius.accepts(*one), answers + wrong))
    assert told == [True] * len(answers) + [False] * len(wrong)


def test_given_a_protocol_without_the_password_then_pam_cannot_judge_it(listed, radius, neighbor):
    for method in ("chap", "mschap"):
        assert not radius.accepts(neighbor, neighbor.password, method)


def test_given_a_tunnel_then_the_password_in_it_must_come_as_it_is(listed, radius, enrolled, neighbor, journal):
    password, phone = enrolled.person.password, enrolled.phone
    answer = password + phone.fresh()
    assert radius.accepts_in_tunnel(enrolled, answer)
    journal.find("accepted", f"user={enrolled.name}", "service=radiusd", "factor=totp")
    for wrong in (answer, password, password + phone.wrong()):
        assert not radius.accepts_in_tunnel(enrolled, wrong)
    assert radius.accepts_in_tunnel(neighbor, neighbor.password)
    assert not radius.accepts_in_tunnel(neighbor, neighbor.password, "PEAP", "MSCHAPV2")


def test_given_users_whom_pam_does_not_know_then_eap_works_as_before(radius):
    assert radius.knows_device("known") and not radius.knows_device("wrong")


def test_given_no_group_that_reads_the_hashes_then_no_password_is_right(listed, neighbor):
    recipes.write_pam("one-answer", "radiusd")
    server = freeradius.Server(groups=freeradius.GROUPS_WITHOUT_SHADOW)
    try:
        assert not server.accepts(neighbor, neighbor.password)
    finally:
        server.stop()
