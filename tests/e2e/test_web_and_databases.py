"""Web servers and databases, set up as the guide says: as users of their own that the configuration lists, or with
a helper that runs as root. Their clients send one password."""

import subprocess
from dataclasses import dataclass

import pytest

import app_passwords
import attempts
import configuration
import people
import postgresql
import stacks
from guide import recipe


def configure(name, more=""):
    configuration.write_text(f"version = 1\n{more}{recipe('toml part', name)}")


@dataclass
class Program:
    """A server by its recipe, and the PAM service that it has there."""

    server: object
    service: str

    def enters(self, somebody, password):
        return self.server.log_in(getattr(somebody, "person", somebody), password).entered

    def log_in(self, somebody, password):
        return self.server.log_in(getattr(somebody, "person", somebody), password)


@pytest.fixture(scope="module")
def database(view):
    stacks.write("postgresql", recipe("pam program", "own-user"))
    server = postgresql.Server(recipe("conf program", "postgresql"))
    yield Program(server, "postgresql")
    server.stop()


@pytest.fixture
def postgres(database, enrolled, neighbor):
    configure("postgresql")
    for somebody in (enrolled, neighbor):
        database.server.run(f"create role {somebody.name} login")
    return database


def test_given_postgresql_then_an_application_password_of_the_service_alone_opens_it(postgres, enrolled, neighbor, journal):
    assert_only_application_passwords_enter(postgres, enrolled, neighbor, journal, "postgres")


def assert_only_application_passwords_enter(program, enrolled, neighbor, journal, caller):
    lost, kept = (app_passwords.create(enrolled, label, program.service) for label in ("lost", "kept"))
    assert program.enters(enrolled, lost) and program.enters(enrolled, lost)
    line = journal.find("accepted", f"user={enrolled.name}", f"service={program.service}", "factor=app-password", "label=lost")
    assert f"caller={caller} " in line
    app_passwords.revoke(enrolled, "lost")
    assert not program.enters(enrolled, lost)
    journal.find("refused", f"user={enrolled.name}", "reason=wrong-app-password")
    for label, options, reason in (("mail", {"services": ["imap"]}, "other-service"), ("here", {"networks": ["127.0.0.0/8"]}, "other-network")):
        other = app_passwords.create(enrolled, label, *options.pop("services", [program.service]), **options)
        assert not program.enters(enrolled, other)
        journal.find("refused", f"user={enrolled.name}", f"reason=app-password-{reason}")
    code = enrolled.phone.fresh()
    for answer in (enrolled.person.password, code, enrolled.person.password + code):
        assert not program.enters(enrolled, answer)
    journal.find("refused", f"user={enrolled.name}", "reason=not-an-app-password")
    assert attempts.log_in(enrolled, code).accepted, "the code is not used up"
    for answer in (neighbor.password, kept, "wrong"):
        assert not program.enters(neighbor, answer)
    assert program.enters(enrolled, kept)


def test_given_postgresql_that_nobody_lists_then_enrolled_users_are_refused(postgres, enrolled, journal):
    password = app_passwords.create(enrolled, "psql", "postgresql")
    configuration.write()
    assert not postgres.enters(enrolled, password)
    journal.find("refused", f"user={enrolled.name}", "service=postgresql", "reason=not-a-listed-caller")
    configure("postgresql")
    assert postgres.enters(enrolled, password)


def test_given_a_suspended_user_then_the_application_password_opens_postgresql_and_the_accounts_does_not(postgres, enrolled):
    password = app_passwords.create(enrolled, "psql", "postgresql")
    subprocess.run(["twostep", "admin", "suspend", enrolled.name, "--for", "2d", "--reason", "new phone"], check=True, capture_output=True)
    assert postgres.enters(enrolled, password)
    assert not postgres.enters(enrolled, enrolled.person.password)


def test_given_all_application_passwords_revoked_then_the_user_is_shut_out(postgres, enrolled):
    password = app_passwords.create(enrolled, "psql", "postgresql")
    assert postgres.enters(enrolled, password)
    subprocess.run(["usermod", "--expiredate", "1", enrolled.name], check=True, capture_output=True)
    assert postgres.enters(enrolled, password), "nobody looks at expired accounts"
    subprocess.run(["twostep", "admin", "app-passwords", enrolled.name, "--revoke-all"], check=True, capture_output=True)
    assert not postgres.enters(enrolled, password)


def test_given_pam_unix_then_postgresql_lets_nobody_in(postgres, enrolled, neighbor, journal):
    password = app_passwords.create(enrolled, "psql", "postgresql")
    stacks.write("postgresql", stacks.APP_PASSWORD)
    try:
        assert not postgres.enters(neighbor, neighbor.password)
        assert not postgres.enters(enrolled, password), "its account line cannot look at the account"
        journal.find("accepted", f"user={enrolled.name}", "factor=app-password")
    finally:
        stacks.write("postgresql", recipe("pam program", "own-user"))


def test_given_psql_that_asks_then_its_first_connection_is_a_refusal_without_an_answer(postgres, enrolled, journal):
    password = app_passwords.create(enrolled, "psql", "postgresql")
    told = postgres.server.ask(enrolled.person, password)
    assert told.prompts == [f"Password for user {enrolled.name}:"] and told.output.split()[-1] == enrolled.name
    journal.find("refused", f"user={enrolled.name}", "service=postgresql", "reason=no-answer")
    journal.find("accepted", f"user={enrolled.name}", "service=postgresql", "factor=app-password")


def test_given_a_password_module_that_needs_no_root_then_postgresql_takes_password_and_code_in_one_answer(enrolled, neighbor):
    """A test has no directory with pam_sss: the group `shadow` lets pam_unix do without root."""
    people.add_to_group("postgres", "shadow")
    stacks.write("postgresql", stacks.FORWARD_PASS)
    configure("postgresql")
    server = postgresql.Server(recipe("conf program", "postgresql"))
    try:
        for somebody in (enrolled, neighbor):
            server.run(f"create role {somebody.name} login")
        answer = enrolled.person.password + enrolled.phone.fresh()
        assert server.log_in(enrolled.person, answer).entered
        assert not server.log_in(enrolled.person, answer).entered
        for wrong in (enrolled.person.password, enrolled.person.password + enrolled.phone.wrong(), "wrong" + enrolled.phone.fresh()):
            assert not server.log_in(enrolled.person, wrong).entered
        assert server.log_in(neighbor, neighbor.password).entered
    finally:
        server.stop()
        subprocess.run(["gpasswd", "--delete", "postgres", "shadow"], check=True, capture_output=True)
