"""Remote desktops by xrdp-sesman with the recipe of the guide: password and code in one answer."""

import pytest

import recipes
import xrdp


@pytest.fixture
def desktops(view):
    recipes.write_pam("xrdp-sesman")
    server = xrdp.Server()
    yield server
    server.stop()


def test_given_one_answer_then_password_and_code_start_a_session(desktops, enrolled, neighbor, journal):
    password, phone = enrolled.person.password, enrolled.phone
    for wrong in (password, password + phone.wrong(), "wrong" + phone.fresh(), phone.fresh()):
        assert not desktops.display(enrolled, wrong)
    assert desktops.display(enrolled, password + phone.fresh())
    line = journal.find("accepted", f"user={enrolled.name}", "service=xrdp-sesman", "factor=totp")
    assert "rhost=" not in line
    assert desktops.display(neighbor, neighbor.password) and not desktops.display(neighbor, "wrong")


def test_given_wrong_codes_without_an_address_then_their_user_alone_waits(desktops, enrolled, enroll_another, journal):
    for number in range(5):
        assert not desktops.display(enrolled, enrolled.person.password + enrolled.phone.wrong(number))
    assert not desktops.display(enrolled, enrolled.person.password + enrolled.phone.code())
    journal.find("refused", f"user={enrolled.name}", "reason=source-waits")
    other = enroll_another()
    assert desktops.display(other, other.person.password + other.phone.fresh())


def test_given_a_session_then_a_connection_to_it_takes_another_code(desktops, enrolled):
    answer = enrolled.person.password + enrolled.phone.fresh()
    display = desktops.display(enrolled, answer)
    assert display and not desktops.display(enrolled, answer)
    assert desktops.display(enrolled, enrolled.person.password + enrolled.phone.fresh()) == display
