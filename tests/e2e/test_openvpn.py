"""OpenVPN by the recipe of the guide: a real client connects with password and code in one answer, or with
the code as the answer to a static challenge, and keeps its connection without another code."""

import subprocess

import pytest

import openvpn
import recipes

TOKEN = "auth-gen-token"
# So often the client of a test makes new keys (s); the default is an hour.
OFTEN = "reneg-sec 5\n"


@pytest.fixture(autouse=True)
def service_file(view):
    recipes.write_pam("one-answer", "openvpn")


@pytest.fixture
def vpn():
    server = openvpn.Server(recipes.settings("openvpn"))
    yield server
    server.stop()


@pytest.fixture
def vpn_without_tokens():
    settings = recipes.settings("openvpn")
    plain = "".join(f"{line}\n" for line in settings.splitlines() if not line.startswith(TOKEN))
    assert plain != settings
    server = openvpn.Server(plain)
    yield server
    server.stop()


def asks(challenge):
    """What a client's configuration says: to ask for the password, and for the code too."""
    return recipes.settings("openvpn-client") if challenge else "auth-user-pass\n"


def test_given_one_answer_then_password_and_code_connect_once(vpn, enrolled, neighbor, journal):
    password, phone = enrolled.person.password, enrolled.phone
    answer = password + phone.fresh()
    assert vpn.enters(enrolled, answer)
    journal.find("accepted", f"user={enrolled.name}", "service=openvpn", "rhost=127.0.0.1", "factor=totp")
    for wrong in (answer, password, password + phone.wrong(), "wrong" + phone.fresh()):
        assert not vpn.enters(enrolled, wrong)
    assert vpn.enters(neighbor, neighbor.password) and not vpn.enters(neighbor, "wrong")


def test_given_a_static_challenge_then_the_client_asks_for_the_code(vpn, enrolled, neighbor, journal):
    password, phone = enrolled.person.password, enrolled.phone
    code = phone.fresh()
    with openvpn.Client(vpn, enrolled.person, password, code, settings=asks(challenge=True)) as client:
        assert client.is_up and client.questions == 3
    journal.find("accepted", f"user={enrolled.name}", "service=openvpn", "factor=totp")
    for wrong in ((password, code), (password, phone.wrong()), (password, ""), ("wrong", phone.fresh())):
        assert not vpn.enters(enrolled, *wrong, settings=asks(challenge=True))
    assert vpn.enters(enrolled, password, enrolled.recovery_codes[0], settings=asks(challenge=True))
    assert vpn.enters(neighbor, neighbor.password, "", settings=asks(challenge=True))


@pytest.mark.parametrize("challenge", [False, True], ids=["one answer", "static challenge"])
def test_given_new_keys_for_a_connection_then_no_code_is_asked_again(vpn, enrolled, journal, challenge):
    password, code = enrolled.person.password, enrolled.phone.fresh()
    answers = (password, code) if challenge else (password + code,)
    journal.mark()
    with openvpn.Client(vpn, enrolled.person, *answers, settings=asks(challenge) + OFTEN) as client:
        assert client.is_up and client.has_new_keys()
        subprocess.run(["usermod", "--expiredate", "1", enrolled.name], check=True)
        assert client.has_new_keys(), "the token counts, whatever became of the user"
        assert [" accepted " in line for line in journal.lines()] == [True]
    assert not vpn.enters(enrolled, password + enrolled.phone.fresh())


def test_given_no_tokens_then_new_keys_end_the_connection(vpn_without_tokens, enrolled, journal):
    answer = enrolled.person.password + enrolled.phone.fresh()
    with openvpn.Client(vpn_without_tokens, enrolled.person, answer, settings=asks(challenge=False) + OFTEN) as client:
        assert client.is_up
        vpn_without_tokens.wait_until_told("client-instance exiting")
    journal.find("refused", f"user={enrolled.name}", "service=openvpn")
