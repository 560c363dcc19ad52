"""Web servers and databases, set up as the guide says: as users of their own that the configuration lists, or with
a helper that runs as root. Their clients send one password."""

import json
import re
import subprocess
from dataclasses import dataclass

import pytest

import app_passwords
import attempts
import configuration
import mariadb
import people
import postgresql
import stacks
import web
from guide import recipe

# Each recipe has the name of its PAM service.
START = {"postgresql": postgresql.Server, "nginx": web.Nginx, "apache2": web.Apache, "pwauth": web.Apache, "mariadb": mariadb.Server}
KINDS = {"mariadb": "sql program"}
CALLERS = {"postgresql": "postgres", "nginx": "www-data", "apache2": "www-data"}
HELPERS = [name for name in START if name not in CALLERS]


@dataclass
class Program:
    """A server, set up by its recipe."""

    service: str
    server: object

    def enters(self, somebody, password):
        return self.server.log_in(getattr(somebody, "person", somebody), password).entered

    def admit(self, *users):
        for somebody in users:
            self.server.admit(getattr(somebody, "person", somebody))


def configure(name):
    """What the recipe wants of PAM and of Twostep."""
    kind = "own-user" if name in CALLERS else name
    stacks.write(name, recipe("pam program", kind).replace("@include common-auth", "@include cs-common-auth"))
    if name in CALLERS:
        configuration.write_text(f"version = 1\n{recipe('toml part', name)}")


@pytest.fixture(scope="module")
def running(view):
    """The servers, each started when a test needs it."""
    running = {}
    yield running
    for server in running.values():
        server.stop()


@pytest.fixture
def start(running, enrolled, neighbor):
    def start(name):
        configure(name)
        if name not in running:
            running[name] = START[name](recipe(KINDS.get(name, "conf program"), name))
        program = Program(name, running[name])
        program.admit(enrolled, neighbor)
        return program
    return start


@pytest.fixture
def postgres(start):
    return start("postgresql")


@pytest.mark.parametrize("name", START)
def test_given_an_enrolled_user_then_an_application_password_of_the_service_alone_logs_in(start, enrolled, journal, name):
    program = start(name)
    password = app_passwords.create(enrolled, "own", name)
    assert program.enters(enrolled, password) and program.enters(enrolled, password)
    line = journal.find("accepted", f"user={enrolled.name}", f"service={name}", "factor=app-password", "label=own")
    assert re.findall(r" caller=(\S+)", line) == ([CALLERS[name]] if name in CALLERS else [])
    for label, services, networks, reason in (("mail", ["imap"], [], "service"), ("here", [name], ["127.0.0.0/8"], "network")):
        other = app_passwords.create(enrolled, label, *services, networks=networks)
        assert not program.enters(enrolled, other)
        journal.find("refused", f"user={enrolled.name}", f"reason=app-password-other-{reason}")
    code = enrolled.phone.fresh()
    for answer in (enrolled.person.password, code, enrolled.person.password + code):
        journal.mark()
        assert not program.enters(enrolled, answer)
        journal.find("refused", f"user={enrolled.name}", "reason=not-an-app-password")
    assert attempts.log_in(enrolled, code).accepted, "the code is not used up"


@pytest.mark.parametrize("name", START)
def test_given_a_revoked_password_then_it_is_refused_at_once(start, enrolled, journal, name):
    program = start(name)
    lost, kept = (app_passwords.create(enrolled, label, name) for label in ("lost", "kept"))
    assert program.enters(enrolled, lost)
    app_passwords.revoke(enrolled, "lost")
    assert not program.enters(enrolled, lost)
    journal.find("refused", f"user={enrolled.name}", "reason=wrong-app-password")
    assert program.enters(enrolled, kept)


@pytest.mark.parametrize("name", START)
def test_given_a_user_who_is_not_enrolled_then_a_helper_alone_lets_them_in(start, enrolled, neighbor, name):
    program = start(name)
    password = app_passwords.create(enrolled, "own", name)
    assert program.enters(neighbor, neighbor.password) == (name in HELPERS)
    for wrong in ("wrong", password):
        assert not program.enters(neighbor, wrong)


@pytest.mark.parametrize("name", CALLERS)
def test_given_a_caller_that_is_not_listed_then_enrolled_users_are_refused(start, enrolled, journal, name):
    program = start(name)
    password = app_passwords.create(enrolled, "own", name)
    configuration.write()
    assert not program.enters(enrolled, password)
    journal.find("refused", f"user={enrolled.name}", f"service={name}", "reason=not-a-listed-caller")
    configure(name)
    assert program.enters(enrolled, password)


@pytest.mark.parametrize("name", START)
def test_given_a_suspended_user_then_the_application_password_still_logs_in(start, enrolled, name):
    program = start(name)
    password = app_passwords.create(enrolled, "own", name)
    admin("suspend", enrolled.name, "--for", "2d", "--reason", "new phone")
    assert program.enters(enrolled, password)
    assert program.enters(enrolled, enrolled.person.password) == (name in HELPERS)


@pytest.mark.parametrize("name", START)
def test_given_an_expired_account_then_a_helper_alone_refuses_it(start, enrolled, name):
    program = start(name)
    password = app_passwords.create(enrolled, "own", name)
    subprocess.run(["usermod", "--expiredate", "1", enrolled.name], check=True, capture_output=True)
    assert program.enters(enrolled, password) == (name in CALLERS)
    admin("app-passwords", enrolled.name, "--revoke-all")
    assert not program.enters(enrolled, password)


@pytest.mark.parametrize("name", [*START, "mariadb-code"])
def test_given_a_recipe_then_check_finds_nothing_wrong_with_it(view, name):
    configure(name)
    done = subprocess.run(["twostep", "admin", "check", "--json"], capture_output=True, text=True, timeout=60)
    findings = [json.loads(line) for line in done.stdout.splitlines() if "severity" in line]
    named = re.compile(rf"(?<![\w-]){name}(?![\w-])")
    wrong = [one for one in findings if one["severity"] in ("error", "warning") and named.search(one["about"] + " " + one["what"])]
    assert findings and not wrong


def admin(*words):
    subprocess.run(["twostep", "admin", *words], check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize("name", CALLERS)
def test_given_pam_unix_then_a_program_that_is_not_root_lets_nobody_in(start, enrolled, neighbor, journal, name):
    program = start(name)
    password = app_passwords.create(enrolled, "own", name)
    stacks.write(name, stacks.APP_PASSWORD)
    assert not program.enters(neighbor, neighbor.password)
    assert not program.enters(enrolled, password), "its account line cannot look at the account"
    journal.find("accepted", f"user={enrolled.name}", "factor=app-password")


def test_given_psql_that_asks_then_its_first_connection_is_a_refusal_without_an_answer(postgres, enrolled, journal):
    password = app_passwords.create(enrolled, "psql", "postgresql")
    told = postgres.server.ask(enrolled.person, password)
    assert told.prompts == [f"Password for user {enrolled.name}:"] and told.output.split()[-1] == enrolled.name
    journal.find("refused", f"user={enrolled.name}", "service=postgresql", "reason=no-answer")
    journal.find("accepted", f"user={enrolled.name}", "service=postgresql", "factor=app-password")


def test_given_a_password_module_that_needs_no_root_then_postgresql_takes_password_and_code_in_one_answer(postgres, enrolled, neighbor):
    """There is no directory with pam_sss here: the group `shadow` lets pam_unix do without root."""
    people.add_to_group("postgres", "shadow")
    stacks.write("postgresql", stacks.FORWARD_PASS)
    database = Program("postgresql", postgresql.Server(recipe("conf program", "postgresql"), "with-shadow"))
    try:
        database.admit(enrolled, neighbor)
        answer = enrolled.person.password + enrolled.phone.fresh()
        assert database.enters(enrolled, answer)
        assert not database.enters(enrolled, answer)
        for wrong in (enrolled.person.password, enrolled.person.password + enrolled.phone.wrong(), "wrong" + enrolled.phone.fresh()):
            assert not database.enters(enrolled, wrong)
        assert database.enters(neighbor, neighbor.password)
    finally:
        database.server.stop()
        subprocess.run(["gpasswd", "--delete", "postgres", "shadow"], check=True, capture_output=True)


def ask_mariadb(start, enrolled, text):
    program = start("mariadb")
    stacks.write("mariadb-code", text.replace("@include common-auth", "@include cs-common-auth"))
    program.server.admit(enrolled.person, recipe("sql program", "mariadb-code"))
    return lambda *answers: program.server.ask(enrolled.person, *answers)


def test_given_mariadbs_client_then_it_asks_for_the_code_behind_the_password(start, enrolled):
    ask = ask_mariadb(start, enrolled, recipe("pam program", "mariadb-code"))
    password, code = enrolled.person.password, enrolled.phone.fresh()
    told = ask(password, code)
    assert told.status == 0 and enrolled.name in told.output
    assert told.prompts == ["Enter password:", "[mariadb] Verification code:"]
    for answers in ((password, code), (password, enrolled.phone.wrong()), ("wrong", enrolled.phone.fresh()), (password + enrolled.phone.fresh(),)):
        assert ask(*answers).status != 0, answers


def test_given_one_answer_then_mariadbs_client_asks_once(start, enrolled):
    ask = ask_mariadb(start, enrolled, stacks.FORWARD_PASS)
    password = enrolled.person.password
    answer = password + enrolled.phone.fresh()
    told = ask(answer)
    assert told.status == 0 and told.prompts == ["Enter password:"]
    for wrong in (answer, password + enrolled.phone.wrong(), "wrong" + enrolled.phone.fresh()):
        assert ask(wrong).status != 0


@pytest.mark.parametrize("name", ["nginx", "apache2"])
def test_given_many_requests_then_each_is_a_login(start, enrolled, journal, name):
    program = start(name)
    password = app_passwords.create(enrolled, "own", name)
    journal.mark()
    assert all(program.enters(enrolled, password) for _ in range(20))
    accepted = [line for line in journal.lines() if "accepted" in line and f"user={enrolled.name}" in line]
    assert len(accepted) == 20


def test_given_apaches_cache_then_a_revoked_password_works_until_its_time_is_over(start, enrolled, clock, journal):
    start("apache2")
    text = recipe("conf program", "apache2-cache")
    (timeout,) = map(int, re.findall(r"AuthnCacheTimeout (\d+)", text))
    web_site = Program("apache2", web.Apache(text))
    try:
        password = app_passwords.create(enrolled, "own", "apache2")
        journal.mark()
        assert web_site.enters(enrolled, password) and web_site.enters(enrolled, password)
        assert journal.text().count("accepted") == 1
        app_passwords.revoke(enrolled, "own")
        clock.advance(timeout - 60)
        assert web_site.enters(enrolled, password)
        clock.advance(120)
        assert not web_site.enters(enrolled, password)
        journal.find("refused", f"user={enrolled.name}", "reason=wrong-app-password")
    finally:
        web_site.server.stop()
