"""Where a login comes from, as the throttle sees it: five wrong codes make a source wait, and the
others show which logins are of the same source."""

import pytest

import configuration
from attempts import log_in
from test_throttle import FREE, HOME, STRANGER, fail, gets_in


@pytest.fixture(autouse=True)
def long_wait(default_configuration):
    """Time passes until a phone has its next code. A wait that is longer is seen."""
    configuration.write(throttle={"wait": "10m"})


def test_given_a_success_elsewhere_then_another_source_still_waits(enrolled):
    fail(enrolled, FREE, rhost=STRANGER)
    assert gets_in(enrolled, rhost=HOME)
    assert not gets_in(enrolled, rhost=STRANGER)


def test_given_addresses_of_one_ipv6_network_then_they_are_one_source(enrolled):
    for host in range(FREE):
        fail(enrolled, rhost=f"2001:db8:1:2::{host + 1}")
    assert not gets_in(enrolled, rhost="2001:db8:1:2:ffff::9")
    assert gets_in(enrolled, rhost="2001:db8:1:3::1")


def test_given_an_ipv4_address_in_ipv6_form_then_it_is_the_same_source(enrolled):
    fail(enrolled, FREE, rhost=f"::ffff:{STRANGER}")
    assert not gets_in(enrolled, rhost=STRANGER)


def test_given_host_names_then_each_is_a_source(enrolled):
    fail(enrolled, FREE, rhost="desk.example.org")
    assert not gets_in(enrolled, rhost="desk.example.org")
    assert gets_in(enrolled, rhost="laptop.example.org")


def test_given_a_configured_proxy_then_its_address_counts_as_none(enrolled):
    configuration.write(policy={"proxies": [STRANGER]}, throttle={"wait": "10m"})
    fail(enrolled, FREE, rhost=STRANGER, tty="/dev/tty7")
    assert not gets_in(enrolled, tty="/dev/tty7")       # the terminal is the source
    assert gets_in(enrolled, rhost=STRANGER, tty="/dev/tty8")


def test_given_no_address_then_the_terminal_is_the_source(enrolled):
    fail(enrolled, FREE, tty="/dev/tty7")
    assert not gets_in(enrolled, tty="/dev/tty7")
    assert gets_in(enrolled, tty="/dev/tty8")
    assert gets_in(enrolled)


def test_given_neither_address_nor_terminal_then_local_is_the_source(enrolled):
    fail(enrolled, FREE)
    assert not gets_in(enrolled)
    assert gets_in(enrolled, tty="/dev/tty8")


def test_given_local_programs_then_the_real_uid_is_the_source(enrolled, neighbor):
    """su of one neighbor does not make the own sudo of the person wait, whatever terminal it names."""
    su_of_the_neighbor = as_real_uid(neighbor)
    for number in range(FREE):
        told = log_in(enrolled, enrolled.phone.wrong(number), prefix=su_of_the_neighbor,
                      tty=f"/dev/pts/{number}")
        assert not told.accepted
    assert not log_in(enrolled, enrolled.phone.fresh(), prefix=su_of_the_neighbor,
                      tty="/dev/pts/99").accepted
    assert log_in(enrolled, enrolled.phone.code(), prefix=as_real_uid(enrolled.person)).accepted


def as_real_uid(person):
    """What a setuid program is: the real uid of its caller, root's effective one."""
    return ["setpriv", f"--ruid={person.uid}", "--"]


@pytest.mark.parametrize("service", ["cs-code", "cs-login"])
def test_given_failures_at_one_service_then_they_count_at_every_service(enrolled, service):
    fail(enrolled, FREE, rhost=STRANGER)
    answers = [enrolled.phone.fresh()]
    if service == "cs-login":
        answers.insert(0, enrolled.person.password)
    assert not log_in(enrolled, *answers, service=service, rhost=STRANGER).accepted
