"""Many application passwords at once: right ones, which all count, and wrong ones, which stand in
nobody's way and fill no log."""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import app_passwords
import dovecot
import enrollment
import judges
import servers
import service
import sshd
import stacks
from attempts import log_in, race

SERVICE = "cs-app"
HOME, STRANGER = "192.0.2.7", "198.51.100.9"
WRONG = "0123-4567-89AB-CDEF-GHJK-MNPQ"
AT_ONCE = 16
ROUNDS = 5
# Refusals of a source that are logged each.
EACH = 10


@pytest.fixture
def laptop(enrolled):
    return app_passwords.create(enrolled, "laptop", SERVICE, "imap")


def storm(somebody, count, source=STRANGER, password=WRONG):
    """So many refused logins at once."""
    results = []
    while len(results) < count:
        now = min(count - len(results), 100)
        results += race(*[(somebody.person, source, password)] * now, service=SERVICE)
    assert 0 not in results


def one_by_one(somebody, count, source=STRANGER):
    """So many refused logins, each after the other."""
    for _ in range(count):
        assert not log_in(somebody, WRONG, service=SERVICE, rhost=source).accepted


def refusals(journal, somebody):
    """The lines about refused passwords, each as the number of others that it counts."""
    journal.find("refused", f"user={somebody.name}")
    lines = [line for line in journal.text().splitlines()
             if f"user={somebody.name} " in line and "app-password" in line and "refused" in line]
    return [int((re.search(r"unlogged=(\d+)", line) or [0, 0])[1]) for line in lines]


def test_given_two_clients_of_sixteen_processes_then_none_is_refused(enrolled, laptop, clock):
    phone = app_passwords.create(enrolled, "phone", SERVICE)
    for _ in range(ROUNDS):
        crowd = [(enrolled.person, HOME, laptop)] * AT_ONCE
        crowd += [(enrolled.person, STRANGER, phone)] * AT_ONCE
        assert race(*crowd, service=SERVICE) == [0] * 2 * AT_ONCE
    uses = {label: one["last_use"] for label, one in app_passwords.listed(enrolled).items()}
    assert (uses["laptop"]["source"], uses["phone"]["source"]) == (HOME, STRANGER)
    assert all(abs(use["at"] - clock.now()) < 30 for use in uses.values())


def test_given_an_account_that_is_replaced_while_another_login_reads_it_then_both_get_in(
        enrolled, laptop, clock, tmp_path):
    """The first use of a day writes the account; whoever has just opened the old one reads that."""
    request = service.login(enrolled.person, SERVICE, laptop, options=["mode=app_password"])
    calls = judges.calls_of_once(request, tmp_path / "calls")
    opened = next(place for place, call in calls
                  if place.name == "openat" and f'"{enrolled.file.name}"' in call)
    clock.advance(86_400)
    reader = judges.Standing(request, opened, tmp_path / "told")
    before = enrolled.file.stat().st_ino
    assert log_in(enrolled, laptop, service=SERVICE).accepted
    assert enrolled.file.stat().st_ino != before
    assert service.is_accepted(reader.go_on())


def test_given_logins_with_code_and_with_password_at_once_then_all_get_in(enrolled, laptop):
    """They share the ledger, and neither takes anything from the other."""
    for _ in range(ROUNDS):
        code = enrolled.phone.fresh()
        others = threading.Thread(target=lambda: kept.append(race(
            *[(enrolled.person, HOME, laptop)] * AT_ONCE, service=SERVICE)))
        kept = []
        others.start()
        assert race(*[(enrolled.person, HOME, code)] * AT_ONCE).count(0) == 1
        others.join()
        assert kept == [[0] * AT_ONCE]


def test_given_revocation_amid_logins_then_none_gets_in_after_it(enrolled, laptop):
    lost = app_passwords.create(enrolled, "lost", SERVICE)
    with ThreadPoolExecutor(1) as other:
        around = other.submit(race, *[(enrolled.person, HOME, lost)] * AT_ONCE, service=SERVICE)
        app_passwords.revoke(enrolled, "lost")
        around.result()
    assert 0 not in race(*[(enrolled.person, HOME, lost)] * AT_ONCE, service=SERVICE)
    assert race((enrolled.person, HOME, laptop), service=SERVICE) == [0]


def test_given_hundreds_of_wrong_passwords_then_ssh_with_a_code_is_undisturbed(enrolled, laptop):
    """From the very address of the person: it does not wait, and nothing is closed."""
    storm(enrolled, 200, source="127.0.0.1")
    storm(enrolled, 100, source="127.0.0.1", password=enrolled.person.password)
    for number in range(10):
        storm(enrolled, 2, source=f"198.51.100.{number + 1}", password="123456")
    server = sshd.Server(stacks.PASSWORD_AND_CODE)
    try:
        login = sshd.log_in(server, enrolled.person, enrolled.person.password,
                            enrolled.phone.fresh())
    finally:
        server.stop()
    assert login.entered
    assert "wrong" not in login.output
    assert not enrollment.status(enrolled.person)["disabled"]
    assert log_in(enrolled, enrolled.phone.fresh(), rhost="203.0.113.77").accepted
    assert log_in(enrolled, laptop, service=SERVICE, rhost="127.0.0.1").accepted


def test_given_a_storm_at_this_moment_then_ssh_with_a_code_gets_in(enrolled, laptop):
    server = sshd.Server(stacks.PASSWORD_AND_CODE)
    stop = threading.Event()

    def blow():
        while not stop.is_set():
            race(*[(enrolled.person, "127.0.0.1", WRONG)] * AT_ONCE, service=SERVICE)

    others = threading.Thread(target=blow)
    others.start()
    try:
        for _ in range(3):
            assert sshd.log_in(server, enrolled.person, enrolled.person.password,
                               enrolled.phone.fresh()).entered
            assert log_in(enrolled, laptop, service=SERVICE).accepted
    finally:
        stop.set()
        others.join()
        server.stop()


def test_given_a_storm_over_imap_then_the_person_s_client_gets_in(enrolled, laptop):
    servers.add_addresses()
    stacks.write_recipe("dovecot", "imap", "smtp")
    server = dovecot.Server()
    try:
        with ThreadPoolExecutor(20) as clients:
            replies = list(clients.map(
                lambda _: server.log_in(enrolled.person, WRONG, source=servers.ELSEWHERE),
                range(100)))
        assert not any(reply.entered for reply in replies)
        assert server.log_in(enrolled.person, laptop).entered
    finally:
        server.stop()


def test_given_a_client_that_goes_on_trying_then_the_log_has_ten_lines_and_then_one_a_minute(
        enrolled, laptop, journal, clock):
    one_by_one(enrolled, 60)
    assert refusals(journal, enrolled) == [0] * EACH
    clock.advance(61)
    one_by_one(enrolled, 30)
    assert refusals(journal, enrolled) == [0] * EACH + [60 - EACH]
    clock.advance(61)
    one_by_one(enrolled, 1)
    assert refusals(journal, enrolled) == [0] * EACH + [60 - EACH, 29]


def test_given_hundreds_at_once_then_the_log_stays_short(enrolled, laptop, journal):
    """A login that does not get at the count in time is logged: rather one line too many."""
    storm(enrolled, 300)
    assert EACH <= len(refusals(journal, enrolled)) <= 3 * EACH


def test_given_another_source_then_its_refusals_are_logged_on_their_own(
        enrolled, laptop, journal):
    one_by_one(enrolled, 15)
    journal.mark()
    one_by_one(enrolled, 3, source=HOME)
    assert refusals(journal, enrolled) == [0] * 3


def test_given_another_user_then_their_refusals_are_logged_on_their_own(
        enrolled, enroll_another, journal):
    other = enroll_another()
    one_by_one(enrolled, 15)
    one_by_one(other, 3)
    assert refusals(journal, other) == [0] * 3


def test_given_an_hour_without_refusals_then_ten_are_logged_again(
        enrolled, laptop, journal, clock):
    one_by_one(enrolled, 15)
    clock.advance(3601)
    journal.mark()
    one_by_one(enrolled, 15)
    assert refusals(journal, enrolled) == [15 - EACH] + [0] * (EACH - 1)


def test_given_a_storm_then_the_right_password_is_logged_each_time(enrolled, laptop, journal):
    storm(enrolled, 30)
    for _ in range(15):
        assert log_in(enrolled, laptop, service=SERVICE, rhost=STRANGER).accepted
    right = f"accepted user={enrolled.name} "
    accepted = [line for line in journal.text().splitlines() if right in line]
    assert len([line for line in accepted if "label=laptop" in line]) == 15
