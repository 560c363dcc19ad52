"""Logins to a real sshd with a ticket of a real Kerberos realm: what is asked after it."""

import pytest

import enrollment
import kerberos
import people
import sshd
import stacks
from guide import blocks

METHODS = "gssapi-with-mic,keyboard-interactive"
REST = "account required pam_unix.so\naccount required pam_twostep.so\nsession required pam_permit.so\n"
((SETTINGS,),) = blocks("conf sshd-ticket").values()
((LINES,),) = blocks("pam sshd-ticket").values()


@pytest.fixture(scope="module")
def realm(view):
    realm = kerberos.Server()
    yield realm
    realm.stop()


@pytest.fixture
def start(view):
    """sshd with these methods in the recipe's settings."""
    running = []

    def with_methods(methods, stack):
        settings = SETTINGS.text.replace("gssapi-with-mic,keyboard-interactive", methods)
        running.append(sshd.Server(stack, more=settings + "\nGSSAPIStrictAcceptorCheck no"))
        return running[-1]

    yield with_methods
    for server in running:
        server.stop()
    stacks.write("sshd", stacks.PASSWORD_AND_CODE)


@pytest.fixture
def somebody(realm, clock):
    person = people.add()
    realm.add(person)
    return enrollment.enroll(person, clock)


def enter(server, somebody, *answers, ticket=True):
    return sshd.log_in(server, somebody.person, *answers, methods=METHODS,
                       ticket=kerberos.ticket(somebody.person) if ticket else None)


def test_given_a_ticket_and_a_code_then_ssh_logs_in(start, somebody):
    server = start("gssapi-with-mic,keyboard-interactive", LINES.text + "\n" + REST)
    login = enter(server, somebody, somebody.phone.fresh())
    assert login.entered and login.prompts == ["Verification code:"], login.output
    assert not enter(server, somebody, somebody.phone.wrong()).entered
    assert not enter(server, somebody, somebody.phone.fresh(), ticket=False).entered


def test_given_a_ticket_that_is_enough_for_sshd_then_no_code_is_asked(start, somebody):
    login = enter(start("gssapi-with-mic keyboard-interactive", stacks.PASSWORD_AND_CODE), somebody)
    assert login.entered and login.prompts == []


def test_given_methods_without_tickets_then_one_is_no_use(start, somebody):
    server = start("keyboard-interactive", stacks.PASSWORD_AND_CODE)
    assert not enter(server, somebody).entered
    assert enter(server, somebody, somebody.person.password, somebody.phone.fresh()).entered


def test_given_a_ticket_or_none_before_password_and_code_then_both_are_asked_either_way(start, somebody):
    server = start("gssapi-with-mic,keyboard-interactive keyboard-interactive", stacks.PASSWORD_AND_CODE)
    for ticket in (True, False):
        login = enter(server, somebody, somebody.person.password, somebody.phone.fresh(), ticket=ticket)
        assert login.entered and len(login.prompts) == 2, login.output
        assert not enter(server, somebody, somebody.phone.fresh(), ticket=ticket).entered
