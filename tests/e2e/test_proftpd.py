"""ProFTPD by the recipes of the guide: FTP with application passwords or with one answer, SFTP with
password and code."""

from contextlib import contextmanager

import pytest

import app_passwords
import attempts
import proftpd
import recipes
import sshd
from servers import DESK, ELSEWHERE


@contextmanager
def server(*names, pam="proftpd"):
    """ProFTPD with these settings of the page; with none as Debian has it."""
    proftpd.install()
    recipes.write_pam(pam, "proftpd")
    running = proftpd.Server("".join(map(recipes.settings, names)))
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def ftp(view):
    with server("proftpd") as running:
        yield running


@pytest.fixture
def one_answer(view):
    with server("proftpd", pam="proftpd-one-answer") as running:
        yield running


@pytest.fixture
def files(view):
    recipes.write_pam("proftpd-sftp")
    with server("proftpd", "proftpd-sftp") as running:
        yield running


def test_given_the_recipe_then_an_application_password_alone_opens_ftp(ftp, enrolled, neighbor, journal):
    password = app_passwords.create(enrolled, "files", "proftpd")
    assert ftp.enters(enrolled, password)
    journal.find("accepted", f"user={enrolled.name}", "service=proftpd", "rhost=127.0.0.1", "label=files")
    code = enrolled.phone.fresh()
    assert not ftp.enters(enrolled, code) and not ftp.enters(enrolled, enrolled.person.password + code)
    assert not ftp.enters(enrolled, enrolled.person.password)
    journal.find("refused", f"user={enrolled.name}", "service=proftpd", "reason=not-an-app-password")
    assert attempts.log_in(enrolled, code).accepted
    app_passwords.revoke(enrolled, "files")
    assert not ftp.enters(enrolled, password)
    assert ftp.enters(neighbor, neighbor.password) and not ftp.enters(neighbor, "wrong")


def test_given_debians_order_then_the_account_password_gets_in_past_the_refusal(view, enrolled, journal):
    with server() as running:
        assert running.enters(enrolled, enrolled.person.password)
        journal.find("refused", f"user={enrolled.name}", "service=proftpd", "reason=not-an-app-password")
        assert not running.enters(enrolled, "wrong")


def test_given_names_instead_of_addresses_then_a_password_for_a_network_opens_nothing(view, enrolled, journal):
    password = app_passwords.create(enrolled, "desk", "proftpd", networks=["127.0.5.0/24", "127.0.0.0/24"])
    with server("proftpd") as running:
        assert running.enters(enrolled, password) and running.enters(enrolled, password, source=DESK)
        assert not running.enters(enrolled, password, source=ELSEWHERE)
    with server() as running:
        assert not running.enters(enrolled, password)
        journal.find("rhost=localhost", "reason=app-password-other-network")


def test_given_one_answer_then_password_and_code_open_ftp_once(one_answer, enrolled, neighbor, journal):
    password, phone = enrolled.person.password, enrolled.phone
    answer = password + phone.fresh()
    assert one_answer.enters(enrolled, answer)
    journal.find("accepted", f"user={enrolled.name}", "service=proftpd", "factor=totp")
    assert not one_answer.enters(enrolled, answer)
    for wrong in (password, password + phone.wrong(), "wrong" + phone.fresh(), phone.fresh()):
        assert not one_answer.enters(enrolled, wrong)
    assert one_answer.enters(neighbor, neighbor.password) and not one_answer.enters(neighbor, "wrong")


def enters(files, somebody, *answers, method="keyboard-interactive", **how):
    return files.log_in_by_sftp(getattr(somebody, "person", somebody), *answers, method=method, **how).entered


def test_given_mod_sftp_then_it_asks_for_password_and_code(files, enrolled, neighbor, journal):
    password, phone = enrolled.person.password, enrolled.phone
    code = phone.fresh()
    assert enters(files, enrolled, password, code)
    journal.find("accepted", f"user={enrolled.name}", "service=proftpd-sftp", "rhost=127.0.0.1", "factor=totp")
    assert not enters(files, enrolled, password, code)
    assert not enters(files, enrolled, password, phone.wrong()) and not enters(files, enrolled, "wrong", phone.fresh())
    assert enters(files, neighbor, neighbor.password) and not enters(files, neighbor, "wrong")


def test_given_no_service_name_then_mod_sftp_uses_that_of_sshd(view, person, journal):
    recipes.write_pam("proftpd-sftp", "sshd")
    settings = recipes.settings("proftpd-sftp")
    plain = "".join(f"{line}\n" for line in settings.splitlines() if "SFTPPAMServiceName" not in line)
    assert plain != settings
    proftpd.install()
    running = proftpd.Server(recipes.settings("proftpd") + plain)
    try:
        assert enters(running, person, person.password)
    finally:
        running.stop()
    journal.find(f"user={person.name}", "service=sshd")


def test_given_mod_sftp_then_neither_a_key_nor_a_plain_password_is_taken(files, enrolled, neighbor):
    for somebody in (enrolled.person, neighbor):
        assert not enters(files, somebody, somebody.password, method="password")
        assert not enters(files, somebody, method="publickey", key=sshd.make_key(somebody))


def test_given_the_method_password_then_mod_sftp_takes_application_passwords(view, enrolled, neighbor):
    proftpd.install()
    recipes.write_pam("proftpd")
    settings = recipes.settings("proftpd-sftp").replace("keyboard-interactive", "password")
    running = proftpd.Server(recipes.settings("proftpd") + settings)
    password = app_passwords.create(enrolled, "files", "proftpd")
    try:
        assert enters(running, enrolled, password, method="password")
        assert not enters(running, enrolled, enrolled.person.password, method="password")
        assert enters(running, neighbor, neighbor.password, method="password")
    finally:
        running.stop()
