"""Application passwords at real servers, with the recipes as they are shipped: IMAP, ManageSieve and
submission by Dovecot, submission by Postfix, FTP by vsftpd, SFTP by a second sshd."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

import app_passwords
import attempts
import configuration
import dovecot
import postfix
import servers
import sftp
import sshd
import stacks
import vsftpd
from servers import DESK, DESK6, ELSEWHERE, HERE, HERE6

SERVICES = {"imap": "imap", "submission": "smtp", "dovecot-submission": "submission", "sieve": "sieve", "ftp": "vsftpd", "sftp": "sshd-sftp"}
DOORS = tuple(SERVICES)


@dataclass
class House:
    """The servers of one host, each started when a test needs it."""

    running: dict

    def at(self, door):
        if door not in self.running:
            self.running[door] = START[door](self)
        return self.running[door]

    def log_in(self, door, somebody, password, **where):
        return self.at(door).log_in(getattr(somebody, "person", somebody), password, **where)

    def enters(self, door, somebody, password, **where):
        return self.log_in(door, somebody, password, **where).entered


START = {
    "imap": lambda house: dovecot.Server(),
    "submission": lambda house: postfix.Server(house.at("imap").relay),
    "dovecot-submission": lambda house: house.at("submission") and dovecot.Submission(house.at("imap")),
    "sieve": lambda house: dovecot.Sieve(house.at("imap")),
    "ftp": lambda house: vsftpd.Server(),
    "sftp": lambda house: sftp.Server(),
}


@pytest.fixture(scope="module")
def house(view):
    servers.add_addresses()
    stacks.write_recipe("dovecot", "imap", "smtp", "sieve", "submission")
    house = House({})
    yield house
    for server in reversed(house.running.values()):
        server.stop()


@pytest.fixture
def laptop(enrolled):
    """An application password for all the servers here, from anywhere."""
    return app_passwords.create(enrolled, "laptop", *SERVICES.values())


@pytest.mark.parametrize("door", DOORS)
def test_given_an_application_password_then_it_opens_its_own_service_only(
        house, enrolled, journal, door):
    password = app_passwords.create(enrolled, f"for {door}", SERVICES[door])
    assert house.enters(door, enrolled, password)
    line = journal.find("accepted", f"user={enrolled.name}", f"service={SERVICES[door]}")
    assert "factor=app-password" in line
    assert f"for {door}" in line
    for other in DOORS:
        if other != door:
            assert not house.enters(other, enrolled, password)
            journal.find("refused", f"service={SERVICES[other]}", "app-password-other-service")


@pytest.mark.parametrize("door", DOORS)
def test_given_an_enrolled_user_then_the_account_password_is_refused(
        house, enrolled, laptop, journal, door):
    assert not house.enters(door, enrolled, enrolled.person.password)
    journal.find("refused", f"user={enrolled.name}", f"service={SERVICES[door]}",
                 "reason=not-an-app-password")
    assert house.enters(door, enrolled, laptop)


@pytest.mark.parametrize("door", DOORS)
def test_given_a_code_then_it_is_refused_and_not_spent(house, enrolled, laptop, journal, door):
    code = enrolled.phone.fresh()
    assert not house.enters(door, enrolled, code)
    assert not house.enters(door, enrolled, enrolled.recovery_codes[0])
    journal.find("refused", f"service={SERVICES[door]}", "reason=not-an-app-password")
    assert attempts.log_in(enrolled, code).accepted
    assert attempts.log_in(enrolled, enrolled.recovery_codes[0]).accepted


def test_given_the_password_of_somebody_else_then_it_is_refused(
        house, enrolled, enroll_another, laptop, journal):
    other = enroll_another()
    app_passwords.create(other, "own", "imap")
    assert not house.enters("imap", other, laptop)
    journal.find("refused", f"user={other.name}", "reason=wrong-app-password")


def test_given_other_spelling_then_it_is_the_same_password(house, enrolled, laptop):
    for typed in (laptop.lower(), laptop.replace("-", ""), laptop.replace("-", " "),
                  laptop.replace("0", "O").replace("1", "l")):
        assert house.enters("imap", enrolled, typed), typed
    for near in (laptop[:-1], laptop + "0", laptop[:-1] + ("0" if laptop[-1] != "0" else "2")):
        assert not house.enters("imap", enrolled, near), near


@pytest.mark.parametrize("door", DOORS)
def test_given_a_revoked_password_then_it_is_refused_at_once(house, enrolled, journal, door):
    lost = app_passwords.create(enrolled, "lost", SERVICES[door])
    kept = app_passwords.create(enrolled, "kept", SERVICES[door])
    assert house.enters(door, enrolled, lost)
    app_passwords.revoke(enrolled, "lost")
    assert not house.enters(door, enrolled, lost)
    journal.find("refused", f"service={SERVICES[door]}", "reason=wrong-app-password")
    assert house.enters(door, enrolled, kept)


def test_given_an_expiry_then_the_password_counts_until_then(house, enrolled, journal, clock):
    short = app_passwords.create(enrolled, "short", "imap", expires="2h")
    lasting = app_passwords.create(enrolled, "lasting", "imap")
    clock.advance(3600)
    assert house.enters("imap", enrolled, short)
    clock.advance(3601)
    assert not house.enters("imap", enrolled, short)
    journal.find("refused", "reason=app-password-expired", "label=short")
    assert house.enters("imap", enrolled, lasting)
    assert app_passwords.listed(enrolled)["short"]["state"] == "expired"


FROM = (("127.0.5.0/24", HERE, DESK, ELSEWHERE), ("2001:db8:5::/64", HERE6, DESK6, HERE6))


@pytest.mark.parametrize("door", DOORS)
def test_given_networks_then_the_password_counts_from_these_only(house, enrolled, journal, door):
    """vsftpd tells the address of an IPv4 client as an IPv4-mapped one."""
    for number, (network, host, inside, outside) in enumerate(FROM):
        label = f"at-the-desk-{number}"
        password = app_passwords.create(enrolled, label, SERVICES[door], networks=[network])
        assert house.enters(door, enrolled, password, host=host, source=inside)
        assert not house.enters(door, enrolled, password, host=host, source=outside)
        line = journal.find("refused", "reason=app-password-other-network", f"label={label}")
        assert outside in line


@pytest.mark.parametrize("door", DOORS)
def test_given_a_user_who_is_not_enrolled_then_the_account_password_logs_in(house, person, door):
    assert house.enters(door, person, person.password)
    assert not house.enters(door, person, "wrong horse")


@pytest.mark.parametrize("door", DOORS)
def test_given_a_required_step_then_a_user_who_is_not_enrolled_is_refused(
        house, enrolled, person, neighbor, laptop, journal, door):
    configuration.write(policy={"required": True})
    assert not house.enters(door, neighbor, neighbor.password)
    journal.find("refused", f"user={neighbor.name}", "reason=must-enroll")
    assert house.enters(door, enrolled, laptop)


def test_given_five_connections_of_one_client_then_all_get_in(house, enrolled, laptop):
    server = house.at("imap")
    clients = [server.connect() for _ in range(5)]
    with ThreadPoolExecutor(5) as client:
        replies = list(client.map(lambda one: dovecot.log_in(one, enrolled, laptop), clients))
    assert [reply.text for reply in replies if not reply.entered] == []
    for one in clients:
        one.logout()


def test_given_a_program_that_shows_what_pam_says_then_its_owner_reads_why(house, enrolled, laptop):
    """Dovecot and vsftpd keep it to themselves; sshd shows it."""
    away = app_passwords.create(enrolled, "away", "sshd-sftp", networks=["127.0.5.0/24"])
    told = house.log_in("sftp", enrolled, away, method="keyboard-interactive")
    assert not told.entered
    assert '"away" is for other networks' in told.text
    assert house.enters("sftp", enrolled, laptop, method="keyboard-interactive")


def test_given_the_last_authenticator_removed_then_the_account_password_counts_again(
        house, enrolled, laptop):
    done = enrolled.person.run("twostep", "remove", input=enrolled.phone.fresh() + "\n")
    assert done.returncode == 0, done.stderr
    assert not house.enters("imap", enrolled, laptop)
    assert house.enters("imap", enrolled, enrolled.person.password)


def test_given_a_suspended_user_then_both_passwords_log_in(house, enrolled, laptop, journal):
    suspend(enrolled)
    assert house.enters("imap", enrolled, laptop)
    journal.find("accepted", "factor=app-password")
    assert house.enters("imap", enrolled, enrolled.person.password)
    journal.find(f"user={enrolled.name}", "rule=suspended")
    assert not house.enters("imap", enrolled, "wrong horse")


def suspend(enrolled):
    line = ["twostep", "admin", "suspend", enrolled.name, "--for", "2d", "--reason", "new phone"]
    subprocess.run(line, check=True, capture_output=True, timeout=60)


def test_given_the_interactive_sshd_then_an_application_password_opens_nothing(
        house, enrolled, laptop):
    server = sshd.Server(stacks.PASSWORD_AND_CODE)
    try:
        person = enrolled.person
        assert not sshd.log_in(server, person, laptop, enrolled.phone.fresh()).entered
        assert not sshd.log_in(server, person, person.password, laptop).entered
        assert sshd.log_in(server, person, person.password, enrolled.phone.code()).entered
    finally:
        server.stop()


def test_given_a_key_then_the_sftp_server_does_not_take_it(house, enrolled):
    key = sshd.make_key(enrolled.person)
    assert not house.log_in("sftp", enrolled, "", method="publickey", key=key).entered


def test_given_a_key_and_no_list_of_methods_then_require_step_refuses_it(
        enrolled, neighbor, journal):
    server = sftp.Server(without="AuthenticationMethods")
    try:
        for somebody, enters in ((neighbor, True), (enrolled.person, False)):
            key = sshd.make_key(somebody)
            told = server.log_in(somebody, "", method="publickey", key=key)
            assert told.entered is enters
            assert ("give an application password for this service" in told.text) is not enters
        journal.find("require_step", f"user={enrolled.name}")
    finally:
        server.stop()
