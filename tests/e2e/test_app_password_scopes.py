"""Where, when and for whom an application password counts. The verdicts come through libpam; the
real servers are in test_app_password_servers.py."""

import pytest

import app_passwords
import attempts
import configuration
import stacks
from attempts import log_in
from test_disks import DISKS, STORE, small_disk
from test_reboot import reboot, settled  # noqa: F401  (a fixture that runs by itself)
from test_sudo_su_login import allow_sudo, sudo

SERVICE = "cs-app"
HOME, AWAY = "192.0.2.7", "198.51.100.9"


def enters(somebody, password, **where):
    return log_in(somebody, password, service=SERVICE, **where).accepted


@pytest.fixture
def laptop(enrolled):
    return app_passwords.create(enrolled, "laptop", SERVICE)


NETWORKS = {
    "IPv4": ("192.0.2.0/24", ["192.0.2.7", "::ffff:192.0.2.7"], ["192.0.3.7", "::ffff:192.0.3.7"]),
    "one address": ("192.0.2.7", ["192.0.2.7"], ["192.0.2.8"]),
    "IPv6": ("2001:db8:5::/64", ["2001:db8:5::7"], ["2001:db8:6::7", "192.0.2.7"]),
    "IPv4-mapped": ("::ffff:192.0.2.0/120", ["192.0.2.7", "::ffff:192.0.2.7"], ["192.0.3.7"]),
}


@pytest.mark.parametrize("network, inside, outside", NETWORKS.values(), ids=NETWORKS.keys())
def test_given_a_network_then_the_password_counts_from_its_addresses_only(
        enrolled, journal, network, inside, outside):
    password = app_passwords.create(enrolled, "desk", SERVICE, networks=[network])
    for address in inside:
        assert enters(enrolled, password, rhost=address), address
    for address in [*outside, "desk.example.org", "::192.0.2.7", None]:
        assert not enters(enrolled, password, rhost=address), address
    journal.find("refused", "reason=app-password-other-network", "label=desk")


def test_given_two_networks_then_the_password_counts_from_both(enrolled):
    password = app_passwords.create(enrolled, "both", SERVICE,
                                    networks=["192.0.2.0/24", "2001:db8:5::/64"])
    assert enters(enrolled, password, rhost=HOME)
    assert enters(enrolled, password, rhost="2001:db8:5::7")
    assert not enters(enrolled, password, rhost=AWAY)


def test_given_a_proxy_then_its_address_lies_in_no_network(enrolled, laptop):
    """Whoever is behind a webmail or a gateway is not at the gateway's place."""
    password = app_passwords.create(enrolled, "desk", SERVICE, networks=["192.0.2.0/24"])
    configuration.write(policy={"proxies": [HOME]})
    assert not enters(enrolled, password, rhost=HOME)
    assert enters(enrolled, password, rhost="192.0.2.8")
    assert enters(enrolled, laptop, rhost=HOME)


def test_given_several_services_then_each_is_open_and_no_other(enrolled):
    stacks.write("cs-app-too", stacks.APP_PASSWORD)
    stacks.write("cs-app-more", stacks.APP_PASSWORD)
    password = app_passwords.create(enrolled, "two", SERVICE, "cs-app-too")
    accepted = [log_in(enrolled, password, service=service).accepted
                for service in (SERVICE, "cs-app-too", "cs-app-more")]
    assert accepted == [True, True, False]


def test_given_a_service_that_becomes_interactive_then_the_password_counts_there_no_more(
        enrolled, laptop, journal):
    assert enters(enrolled, laptop)
    configuration.write(app_password={"interactive_services": ["sshd", SERVICE]})
    assert not enters(enrolled, laptop)
    journal.find("refused", "reason=app-password-other-service", "label=laptop")


@pytest.mark.parametrize("service", ["sshd", "sudo", "su", "login", "SSHD"])
def test_given_an_interactive_service_then_no_password_is_made_for_it(enrolled, service):
    done = app_passwords.run(enrolled, "create", "shell", "--service", service)
    assert done.returncode in (1, 2)
    assert service.lower() in done.stderr.lower()
    assert app_passwords.listed(enrolled) == {}


def test_given_sudo_then_an_application_password_is_neither_password_nor_code(enrolled, laptop):
    stacks.write("sudo", stacks.PASSWORD_AND_CODE)
    allow_sudo(enrolled)
    assert sudo(enrolled, laptop, enrolled.phone.fresh()).status != 0
    assert sudo(enrolled, enrolled.person.password, laptop).status != 0
    assert sudo(enrolled, enrolled.person.password, enrolled.phone.code()).status == 0


def test_given_an_unused_password_then_it_expires_and_a_use_keeps_it(
        enrolled, laptop, clock, journal):
    forgotten = app_passwords.create(enrolled, "forgotten", SERVICE)
    configuration.write(app_password={"unused": "2d"})
    clock.advance(86_400)
    assert enters(enrolled, laptop)
    clock.advance(86_400 + 60)
    assert enters(enrolled, laptop)
    assert not enters(enrolled, forgotten)
    journal.find("refused", "reason=app-password-unused", "label=forgotten")
    states = {label: one["state"] for label, one in app_passwords.listed(enrolled).items()}
    assert states == {"laptop": "active", "forgotten": "unused"}


def test_given_one_prompt_then_whoever_is_not_enrolled_is_asked_once(
        neighbor, enrolled, laptop):
    told = log_in(neighbor, neighbor.password, service=SERVICE)
    assert told.accepted
    assert told.prompts == ["Password: "]
    assert log_in(enrolled, laptop, service=SERVICE).prompts == ["Password: "]
    assert log_in(enrolled, "wrong horse", service=SERVICE).prompts == ["Password: "]


def test_given_one_of_their_own_then_its_owner_is_told_what_is_wrong_with_it(enrolled, clock):
    away = app_passwords.create(enrolled, "away", SERVICE, networks=["192.0.2.0/24"])
    calendar = app_passwords.create(enrolled, "calendar", "caldav")
    brief = app_passwords.create(enrolled, "brief", SERVICE, expires="1h")
    clock.advance(3601)
    for password, said in ((away, '"away" is for other networks'), (brief, '"brief" has expired'),
                           (calendar, '"calendar" is for other services')):
        (message,) = log_in(enrolled, password, service=SERVICE).messages
        assert said in message
        assert "twostep app-password create" in message


def test_given_no_application_password_then_everyone_is_told_the_same(
        enrolled, enroll_another, laptop):
    without = enroll_another()
    texts = {tuple(log_in(somebody, password, service=SERVICE).messages) for somebody, password in (
        (enrolled, enrolled.person.password), (enrolled, "123456"), (enrolled, "0000-" * 6),
        (without, without.person.password), (without, laptop), ("nobody-here", laptop))}
    ((text,),) = texts
    assert "twostep app-password create" in text


def test_given_the_option_prompt_then_it_is_what_is_asked(enrolled, laptop):
    stacks.write("cs-app-words", stacks.APP_PASSWORD, "[prompt=Mail password: ]")
    configured = app_passwords.create(enrolled, "words", "cs-app-words")
    told = log_in(enrolled, configured, service="cs-app-words")
    assert told.accepted
    assert told.prompts == ["Mail password: "]


def test_given_a_program_of_the_user_then_the_password_is_judged_too(enrolled, laptop):
    own = enrolled.person
    assert enters(enrolled, laptop, run_as=own)
    assert not enters(enrolled, own.password, run_as=own)
    elsewhere = app_passwords.create(enrolled, "elsewhere", "imap")
    assert not enters(enrolled, elsewhere, run_as=own)


def test_given_a_program_of_the_user_then_it_cannot_say_where_it_is(enrolled):
    desk = app_passwords.create(enrolled, "desk", SERVICE, networks=["192.0.2.0/24"])
    assert not enters(enrolled, desk, run_as=enrolled.person, rhost=HOME)


def test_given_the_last_use_then_it_is_exact(enrolled, laptop, clock):
    assert app_passwords.listed(enrolled)["laptop"]["last_use"] is None
    for address in (HOME, AWAY, "2001:db8:5::7"):
        clock.advance(60)
        assert enters(enrolled, laptop, rhost=address)
        assert not enters(enrolled, laptop + "0", rhost="192.0.2.99")
        last = app_passwords.listed(enrolled)["laptop"]["last_use"]
        assert abs(last["at"] - clock.now()) < 5
        assert last["source"].startswith(address.removesuffix("7"))


def test_given_many_uses_then_the_account_is_written_once_a_day(enrolled, laptop, clock):
    to_the_noon(clock)
    assert enters(enrolled, laptop)
    written = enrolled.file.stat().st_ctime_ns
    for _ in range(5):
        clock.advance(600)
        assert enters(enrolled, laptop)
    assert enrolled.file.stat().st_ctime_ns == written
    clock.advance(86_400)
    assert enters(enrolled, laptop)
    assert enrolled.file.stat().st_ctime_ns != written


def to_the_noon(clock):
    """The next noon in UTC, by which days are counted."""
    clock.advance((43_200 - int(clock.now())) % 86_400)


def test_given_a_reboot_then_the_last_use_is_that_of_the_day(enrolled, laptop, clock):
    to_the_noon(clock)
    assert enters(enrolled, laptop, rhost=HOME)
    first = app_passwords.listed(enrolled)["laptop"]["last_use"]
    clock.advance(600)
    assert enters(enrolled, laptop, rhost=AWAY)
    assert app_passwords.listed(enrolled)["laptop"]["last_use"]["at"] > first["at"]
    reboot(clock)
    assert app_passwords.listed(enrolled)["laptop"]["last_use"] == first
    assert enters(enrolled, laptop, rhost=AWAY)


@pytest.mark.parametrize("options, damage", DISKS.values(), ids=DISKS.keys())
def test_given_a_disk_that_takes_no_writes_then_the_password_still_logs_in(
        enrolled, laptop, options, damage):
    with small_disk(STORE, options):
        damage()
        assert enters(enrolled, laptop, rhost=HOME)
        assert not enters(enrolled, laptop + "0", rhost=HOME)
        assert app_passwords.listed(enrolled)["laptop"]["last_use"]["source"] == HOME


def test_given_a_store_that_cannot_be_read_then_nobody_gets_in(enrolled, laptop, journal):
    enrolled.file.chmod(0o644)
    try:
        for password in (laptop, enrolled.person.password):
            told = log_in(enrolled, password, service=SERVICE)
            assert told.phases == {"auth": attempts.SERVICE_ERR}
    finally:
        enrolled.file.chmod(0o600)
    journal.find(f"user={enrolled.name}", enrolled.file.name)
    assert enters(enrolled, laptop)
