"""saslauthd by the recipe of the guide, asked by its own client and by a Postfix that people log in to."""

from contextlib import contextmanager
from pathlib import Path

import app_passwords
import postfix
import recipes
import saslauthd


@contextmanager
def server(settings=None, pam="app-password"):
    """saslauthd with the recipe, or with what Debian has."""
    recipes.write_pam(pam, "smtp")
    running = saslauthd.Server(recipes.settings("saslauthd") if settings is None else settings)
    try:
        yield running
    finally:
        running.stop()


def test_given_the_recipe_then_an_application_password_alone_counts_at_its_service(enrolled, neighbor, journal):
    password = app_passwords.create(enrolled, "mail", "smtp")
    with server() as running:
        recipes.write_pam("app-password", "imap")
        assert running.enters(enrolled, password) and running.enters(neighbor, neighbor.password)
        line = journal.find("accepted", f"user={enrolled.name}", "service=smtp", "label=mail")
        assert "rhost=" not in line
        assert not running.enters(enrolled, enrolled.person.password) and not running.enters(neighbor, "wrong")
        assert not running.enters(enrolled, password, name="imap")
        journal.find("service=imap", "reason=app-password-other-service")


def test_given_a_password_for_a_network_then_it_is_refused(enrolled, journal):
    password = app_passwords.create(enrolled, "desk", "smtp", networks=["0.0.0.0/0", "::/0"])
    with server() as running:
        assert not running.enters(enrolled, password)
        journal.find("service=smtp", "reason=app-password-other-network")


def test_given_the_recipe_then_a_revoked_password_is_refused_at_once(enrolled):
    password = app_passwords.create(enrolled, "mail", "smtp")
    with server() as running:
        assert running.enters(enrolled, password)
        app_passwords.revoke(enrolled, "mail")
        assert not running.enters(enrolled, password)


def test_given_debians_cache_then_a_revoked_password_gets_in_for_eight_hours(enrolled, clock):
    password = app_passwords.create(enrolled, "mail", "smtp")
    with server("") as running:
        assert running.enters(enrolled, password)
        app_passwords.revoke(enrolled, "mail")
        clock.advance(8 * 3600 - 600)
        assert running.enters(enrolled, password)
        clock.advance(601)
        assert not running.enters(enrolled, password)


def test_given_one_answer_then_a_code_counts_once_without_the_cache_alone(enrolled, neighbor):
    for settings, counts_again in ((None, False), ("", True)):
        answer = enrolled.person.password + enrolled.phone.fresh()
        with server(settings, pam="one-answer") as running:
            assert running.enters(enrolled, answer)
            assert running.enters(enrolled, answer) is counts_again
            assert not running.enters(enrolled, enrolled.person.password)
            assert running.enters(neighbor, neighbor.password)


def test_given_a_postfix_that_asks_saslauthd_then_mail_takes_the_application_password(enrolled, neighbor, journal):
    password = app_passwords.create(enrolled, "mail", "smtp")
    Path("/etc/postfix/sasl").mkdir(exist_ok=True)
    Path("/etc/postfix/sasl/smtpd.conf").write_text(recipes.settings("smtpd"))
    with server():
        mail = postfix.Server(sasl=postfix.CYRUS)
        try:
            for somebody, typed, is_in in ((enrolled.person, password, True), (enrolled.person, enrolled.person.password, False),
                                           (neighbor, neighbor.password, True), (neighbor, "wrong", False)):
                told = mail.log_in(somebody, typed)
                assert told.entered is is_in, told.text
            journal.find("accepted", f"user={enrolled.name}", "service=smtp", "label=mail")
        finally:
            mail.stop()
