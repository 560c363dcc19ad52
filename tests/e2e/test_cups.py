"""CUPS by the recipe of the guide: who administers printers, on the web and by lpadmin."""

import pytest

import app_passwords
import cups
import recipes


@pytest.fixture
def printing(view):
    recipes.write_pam("app-password", "cups")
    server = cups.Server()
    yield server
    server.stop()


@pytest.fixture
def administrator(enrolled):
    return cups.administrator(enrolled)


def test_given_application_passwords_then_they_alone_administer_printers(printing, administrator, neighbor, journal):
    cups.administrator(neighbor)
    password = app_passwords.create(administrator, "printers", "cups")
    for is_right in (cups.shows_log, cups.adds_printer):
        assert is_right(administrator, password) and is_right(neighbor, neighbor.password)
        journal.find("accepted", f"user={administrator.name}", "service=cups", "rhost=localhost", "label=printers")
        assert not is_right(administrator, administrator.person.password) and not is_right(neighbor, "wrong")
    app_passwords.revoke(administrator, "printers")
    assert not cups.shows_log(administrator, password)


def test_given_one_answer_then_lpadmin_takes_it_and_a_browser_only_for_its_first_request(printing, administrator):
    recipes.write_pam("one-answer", "cups")
    password, phone = administrator.person.password, administrator.phone
    assert cups.adds_printer(administrator, password + phone.fresh())
    assert not cups.adds_printer(administrator, password) and not cups.adds_printer(administrator, password + phone.wrong())
    answer = password + phone.fresh()
    assert cups.shows_log(administrator, answer)
    assert not cups.shows_log(administrator, answer)


def test_given_the_hosts_own_socket_then_an_administrator_is_asked_for_nothing(printing, administrator, neighbor):
    assert cups.adds_printer(administrator, host="/run/cups/cups.sock")
    assert not cups.adds_printer(neighbor, host="/run/cups/cups.sock")
