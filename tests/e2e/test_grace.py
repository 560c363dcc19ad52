"""The time that people have to enroll: when it begins, how long it is, what they are told."""

import pytest

import configuration
import enrollment
import people
import sshd
import stacks
import terminals
from attempts import log_in
from policies import DAY, admin, begin_to_enroll, dated, grace_since, require
from test_disks import DISKS, store_on_a_small_disk

LONG_AGO = -100 * DAY


@pytest.fixture(scope="module", autouse=True)
def services(view):
    stacks.write("cs-app-grace", "auth [success=done ignore=ignore default=die] pam_twostep.so mode=app_password\n"
                           "auth required pam_unix.so nodelay use_first_pass\n"
                           "account required pam_unix.so\naccount required pam_twostep.so\n")
    stacks.write("cs-app-account", "auth [success=done ignore=ignore default=die] pam_twostep.so mode=app_password\n"
                 "auth required pam_unix.so nodelay use_first_pass\n"
                 "account required pam_unix.so\naccount required pam_twostep.so mode=app_password\n")


def reminders(told):
    return [message for message in told.messages if "This host will require" in message]


def log_in_with_password(person, password=people.PASSWORD, **options):
    return log_in(person, password, service="cs-login", **options)


def test_given_everyone_has_time_then_it_ends_for_all_at_once(person, neighbor, clock):
    require(clock, left=2 * DAY)
    assert log_in_with_password(person).accepted
    clock.advance(DAY)
    assert log_in_with_password(neighbor).accepted     # a day later, and no day longer
    clock.advance(DAY)
    for each in (person, neighbor):
        assert not log_in_with_password(each).accepted


def test_given_a_newer_user_then_the_first_login_begins_the_same_time(person, clock):
    require(clock, left=LONG_AGO, grace=3 * DAY)
    assert len(reminders(log_in_with_password(person))) == 1
    assert grace_since(person) is not None
    clock.advance(3 * DAY - 60)
    assert log_in_with_password(person).accepted
    clock.advance(60)
    told = log_in_with_password(person)
    assert not told.accepted
    assert told.prompts == ["Password: "]


def test_given_logins_within_the_time_then_it_does_not_begin_anew(person, clock):
    require(clock, left=LONG_AGO, grace=3 * DAY)
    log_in_with_password(person)
    began = grace_since(person)
    clock.advance(2 * DAY)
    log_in_with_password(person)
    assert grace_since(person) == began


def test_given_a_stranger_without_the_password_then_no_time_begins(person, clock):
    require(clock, left=LONG_AGO, grace=3 * DAY)
    for service in ("cs-login", "cs-app-grace"):
        assert not log_in(person, "wrong horse", service=service).accepted
        assert not log_in(person, ":fail", service=service).accepted
    assert grace_since(person) is None
    clock.advance(4 * DAY)
    assert log_in_with_password(person).accepted


def test_given_the_auth_phase_alone_then_no_time_begins(person, clock):
    require(clock, left=LONG_AGO, grace=3 * DAY)
    assert log_in_with_password(person, phases="a").accepted
    assert log_in(person, phases="a").accepted
    assert grace_since(person) is None
    log_in_with_password(person)
    assert grace_since(person) is not None


def test_given_an_account_line_that_refuses_before_ours_then_no_time_begins(person, clock):
    stacks.write("cs-closed", stacks.PASSWORD_AND_CODE.replace("account required pam_unix.so",
                                                               "account requisite pam_deny.so"))
    require(clock, left=LONG_AGO, grace=3 * DAY)
    assert not log_in(person, people.PASSWORD, service="cs-closed").accepted
    assert grace_since(person) is None


@pytest.mark.parametrize("policy", [
    lambda now: dated(now, left=20 * DAY),                                  # not required yet
    lambda now: {},
    lambda now: dated(now, left=LONG_AGO, exempt_users=["EVERYBODY"]),
    lambda now: dated(now, left=LONG_AGO, exempt_services=["cs-login"]),
], ids=["before since", "not required", "exempt user", "exempt service"])
def test_given_one_of_whom_nothing_is_required_then_no_time_begins(person, clock, policy):
    policy = policy(clock.now())
    if "exempt_users" in policy:
        policy["exempt_users"] = [person.name]
    configuration.write(policy=policy)
    told = log_in_with_password(person)
    assert told.accepted and told.messages == []
    assert grace_since(person) is None


def test_given_a_clock_set_back_then_the_time_that_is_over_stays_over(person, clock):
    require(clock, left=LONG_AGO, grace=3 * DAY)
    log_in_with_password(person)
    clock.advance(3 * DAY)
    assert not log_in_with_password(person).accepted
    clock.set_wrong(-4 * DAY)
    try:
        assert not log_in_with_password(person).accepted
    finally:
        clock.set_wrong(4 * DAY)


@pytest.mark.parametrize("date", [True, False])
def test_given_a_reset_then_a_new_time_begins_then_and_there(enrolled, clock, date):
    if date:
        require(clock, left=LONG_AGO, grace=3 * DAY)
    else:
        configuration.write(policy={"required": True, "grace": "3d"})
    admin("reset", enrolled.name)
    began = grace_since(enrolled)
    assert began is not None
    clock.advance(3 * DAY - 60)     # no login began it
    assert log_in_with_password(enrolled).accepted
    assert grace_since(enrolled) == began
    clock.advance(60)
    assert not log_in_with_password(enrolled).accepted
    admin("reset", enrolled.name)
    assert log_in_with_password(enrolled).accepted


def test_given_who_enrolls_in_time_then_the_code_is_asked_and_nobody_reminded(person, clock):
    require(clock, left=2 * DAY)
    log_in_with_password(person)
    enrolled = enrollment.enroll(person, clock)
    told = log_in(enrolled, person.password, enrolled.phone.fresh(), service="cs-login")
    assert (told.accepted, told.asked, told.messages) == (True, True, [])
    assert grace_since(person) is None


WORDS = {"14 days": 14 * DAY + 60, "2 days": 2 * DAY + 60, "47 hours": 2 * DAY - 60, "24 hours": DAY + 60,
         "60 minutes": 3600 - 20, "5 minutes": 280}


@pytest.mark.parametrize("after_grace, then", [
    ("deny", "after that you cannot log in"), ("enroll", "after that a login makes you enroll")])
def test_given_the_reminder_then_it_says_how_long_what_then_and_what_to_type(person, clock, after_grace, then):
    for words, left in WORDS.items():
        require(clock, left=left, grace=30 * DAY, after_grace=after_grace)
        (said,) = log_in_with_password(person).messages
        assert said == (f"This host will require two-step authentication: you have {words} left, {then}. "
                        "Enroll now: twostep enroll")


def test_given_a_pending_authenticator_then_the_reminder_comes_all_the_same(person, clock):
    begin_to_enroll(person)
    require(clock, left=2 * DAY)
    assert len(reminders(log_in_with_password(person))) == 1


def test_given_a_pending_authenticator_then_the_persons_time_begins_all_the_same(person, clock):
    begin_to_enroll(person)
    require(clock, left=LONG_AGO, grace=3 * DAY)
    assert log_in_with_password(person).accepted
    assert grace_since(person) is not None


@pytest.mark.parametrize("disk", DISKS)
def test_given_a_disk_that_takes_nothing_then_a_login_in_the_time_goes_on(person, clock, disk):
    options, spoil = DISKS[disk]
    enrollment.forget_accounts()       # also root's own time
    require(clock, left=LONG_AGO, grace=3 * DAY)
    assert log_in("root").accepted     # the last good copy has it
    with store_on_a_small_disk(options):
        spoil()
        told = log_in_with_password(person)
        assert told.accepted and len(reminders(told)) == 1
    assert grace_since(person) is None


def test_given_a_program_that_is_not_root_then_it_goes_on_and_no_time_begins(person, clock):
    require(clock, left=LONG_AGO, grace=3 * DAY)
    told = log_in(person, run_as=person)
    assert (told.accepted, told.messages) == (True, [])
    assert grace_since(person) is None


def test_given_the_log_then_it_has_until_when_there_is_time(person, clock, journal):
    until = int(clock.now()) + 2 * DAY
    configuration.write(policy=dated(until - 2 * DAY, left=2 * DAY))
    assert log_in_with_password(person).accepted
    journal.find("not-asked", f"user={person.name}", "rule=grace", f"until={until}")


def test_given_pam_silent_then_nothing_is_said_and_the_time_begins(person, clock):
    require(clock, left=LONG_AGO, grace=3 * DAY)
    told = log_in_with_password(person, silent=True)
    assert told.accepted and told.messages == []
    assert grace_since(person) is not None


@pytest.mark.parametrize("service", ["cs-app-grace", "cs-app-account"])
def test_given_a_program_that_cannot_ask_then_it_is_told_nothing(person, clock, service):
    require(clock, left=2 * DAY)
    told = log_in(person, person.password, service=service)
    assert told.accepted
    assert told.messages == []


def test_given_who_merely_passes_by_then_nothing_is_said_and_no_time_begins(person, clock):
    require(clock, left=LONG_AGO, grace=3 * DAY)
    told = log_in(person, phases="cso", tty="/dev/pts/9")
    assert told.accepted and told.messages == []
    assert grace_since(person) is None


def test_given_a_full_time_of_zero_then_the_first_login_is_refused(person, clock):
    require(clock, left=-60, grace=0)
    assert not log_in_with_password(person).accepted


@pytest.mark.parametrize("program", ["ssh", "ssh with the password method", "su", "login"])
def test_given_a_real_program_then_the_reminder_is_read_before_it_goes_on(person, neighbor, clock, program):
    stacks.write("login", stacks.PASSWORD_AND_CODE)
    stacks.write("su", stacks.PASSWORD_AND_CODE)
    require(clock, left=2 * DAY + 300)
    if program.startswith("ssh"):
        method = "password" if "method" in program else "keyboard-interactive"
        server = sshd.Server(stacks.PASSWORD_AND_CODE, password="yes")
        try:
            shown = sshd.log_in(server, person, person.password, methods=method, tty=True).output
        finally:
            server.stop()
        went_on = f"{sshd.IN} {person.name}"
    elif program == "su":
        line = neighbor.command("su", person.name, "-c", "echo I-AM $(id -un)")
        shown, went_on = terminals.answer(line, person.password).output, f"I-AM {person.name}"
    else:
        shown, went_on = terminals.login(person.name, person.password).output, f"I-AM {person.name}"
    assert went_on in shown
    reminder = "you have 2 days left, after that you cannot log in. Enroll now: twostep enroll"
    assert shown.count(reminder) == 1
    assert shown.index(reminder) < shown.index(went_on)


@pytest.mark.parametrize("limit", ["fsize=0", "nofile=6", "nofile=7"])
def test_given_a_caller_who_lets_nothing_be_written_then_the_time_is_not_evaded(person, clock, limit):
    require(clock, left=-1)
    told = log_in(person, prefix=("prlimit", f"--{limit}"))
    assert not told.accepted or grace_since(person)
    assert log_in(person).accepted and grace_since(person)
