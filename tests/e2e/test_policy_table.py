"""Who is asked: every state of a person, in every situation, at three places in a stack.

A line of the table says what one meets who has enrolled, and what all others meet, whether they
have begun to enroll or not."""

from dataclasses import dataclass

import pytest

import configuration
import enrollment
import people
import stacks
from attempts import AUTH_ERR, PERM_DENIED, SUCCESS, log_in
from policies import (CONTACT, DAY, GENERIC, MUST_ENROLL, admin, begin_to_enroll, dated,
                      make_group)

HOME, ELSEWHERE = "192.0.2.7", "198.51.100.9"
CAPPED = {"cap": 2}

# Behind pam_permit.so, a line that is ignored reads as a success; before pam_debug.so it shows.
ALONE_AND_SHOWN = """\
auth [success=done ignore=ignore default=die] pam_twostep.so after_first_step
auth required pam_debug.so auth=cred_unavail
account [success=done ignore=ignore default=die] pam_twostep.so after_first_step
account required pam_debug.so acct=acct_expired
"""
IGNORED = {"auth": 15, "account": 13}     # PAM_CRED_UNAVAIL, PAM_ACCT_EXPIRED
DEBUGGED = ["auth=cred_unavail", "acct=acct_expired"]


@dataclass(frozen=True)
class Met:
    """What one meets: what the log says of it, and how it ends."""

    kind: str
    words: tuple
    text: str = None


ASKED = Met("asked", ("accepted", "factor=totp"))
REFUSED = Met("refused", ("refused", "reason=must-enroll"), MUST_ENROLL)
LOCKED = Met("locked", ("refused", "reason=closed-to-strangers"), "given for you from elsewhere")
DISABLED = Met("locked", ("refused", "reason=codes-disabled"), "Too many wrong codes were given for you.")


def not_asked(rule, text=None):
    return Met("not asked", ("not-asked", *f"rule={rule}".split()), text)


@dataclass(frozen=True)
class Row:
    """The policy as of now, for a person; what happens before the login; what is met."""

    policy: callable
    enrolled: Met
    others: Met
    before: callable = lambda somebody, clock: None
    to_the_second: bool = False


def always(**more):
    return lambda now, name: {"required": True, "contact": CONTACT, **more}


def left(seconds):
    return lambda now, name: dated(now, left=seconds)


def was_here_before(somebody, clock):
    """A login in the time to enroll: whoever comes later for the first time has their own."""
    configuration.write(policy=dated(clock.now(), left=DAY))
    person = getattr(somebody, "person", somebody)
    answers = [somebody.phone.fresh()] if somebody is not person else []
    assert log_in(person, *answers).accepted


def suspended(somebody, clock):
    admin("suspend", somebody.name, "--for", "1h")


def suspension_ended(somebody, clock):
    admin("suspend", somebody.name, "--for", "2s")
    clock.advance(2)


def passed_the_step(somebody, clock):
    if isinstance(somebody, enrollment.Enrolled):
        for service in PLACES:
            answers = [somebody.person.password] if service == "cs-unix" else []
            assert log_in(somebody, *answers, somebody.phone.fresh(), service=service, rhost=HOME).accepted


def guessed_at(somebody, clock, rhost=ELSEWHERE):
    configuration.write(policy={"required": True, "contact": CONTACT}, throttle=CAPPED)
    if isinstance(somebody, enrollment.Enrolled):
        for number in range(2):
            told = log_in(somebody, somebody.phone.wrong(number), rhost=rhost)
            assert told.phases == {"auth": AUTH_ERR}


def guessed_at_from_home(somebody, clock):
    if isinstance(somebody, enrollment.Enrolled):
        assert log_in(somebody, somebody.phone.fresh(), rhost=HOME).accepted
    guessed_at(somebody, clock, rhost=HOME)


DAYS = "you have {} left, after that you cannot log in. Enroll now: twostep enroll"
TABLE = {
    "nothing is required": Row(lambda now, name: {}, ASKED, not_asked("not-enrolled")),
    "required since ever": Row(always(), ASKED, REFUSED),
    "required, but not yet": Row(left(15 * DAY), ASKED, not_asked("not-required-yet")),
    "required in a second": Row(left(14 * DAY + 1), ASKED, not_asked("not-required-yet"), to_the_second=True),
    "the first second of grace": Row(left(14 * DAY), ASKED, not_asked("grace", DAYS.format("14 days")),
                                     to_the_second=True),
    "in grace": Row(left(5 * DAY + 300), ASKED, not_asked("grace", DAYS.format("5 days"))),
    "the last day": Row(left(5 * 3600 + 300), ASKED, not_asked("grace", DAYS.format("5 hours"))),
    "the last second": Row(left(1), ASKED, not_asked("grace", DAYS.format("1 second")), to_the_second=True),
    "the end of grace": Row(left(0), ASKED, REFUSED, before=was_here_before, to_the_second=True),
    "an exempt user": Row(lambda now, name: always(exempt_users=["root", name])(now, name),
                          not_asked("exempt-user"), not_asked("exempt-user")),
    "an exempt group": Row(always(exempt_groups=["no-such-group", "cs-exempt"]),
                           not_asked("exempt-group group=cs-exempt"), not_asked("exempt-group group=cs-exempt"),
                           before=lambda somebody, clock: people.add_to_group(somebody.name, "cs-exempt")),
    "an exempt service": Row(always(exempt_services=["cs-unix", "CS-ALONE", "cs-shown"]),
                             not_asked("exempt-service"), not_asked("exempt-service")),
    "an exempt network": Row(always(exempt_networks=["2001:db8::/32", "192.0.2.0/24"]),
                             not_asked("exempt-network"), not_asked("exempt-network")),
    "suspended": Row(always(), not_asked("suspended"), not_asked("suspended"), before=suspended),
    "just after a suspension": Row(always(), ASKED, REFUSED, before=suspension_ended),
    "remembered": Row(always(remember="1h"), not_asked("remembered"), REFUSED, before=passed_the_step),
    "locked to strangers": Row(always(), LOCKED, REFUSED, before=guessed_at),
    "locked": Row(always(), DISABLED, REFUSED, before=guessed_at_from_home),
}
STATES = ["enrolled", "not enrolled", "pending"]
PLACES = {"cs-unix": stacks.PASSWORD_AND_CODE, "cs-alone": stacks.CODE_ONLY, "cs-shown": ALONE_AND_SHOWN}


@pytest.fixture(scope="module", autouse=True)
def services(view):
    for service, stack in PLACES.items():
        stacks.write(service, stack)
    make_group("cs-exempt")


def somebody_who_is(state, clock):
    person = people.add()
    if state == "pending":
        begin_to_enroll(person)
    return enrollment.enroll(person, clock) if state == "enrolled" else person


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("situation", TABLE)
def test_given_a_state_and_a_situation_then_the_table_says_who_is_asked(situation, state, clock, journal):
    row = TABLE[situation]
    somebody = somebody_who_is(state, clock)
    met = row.enrolled if state == "enrolled" else row.others
    throttle = {"throttle": CAPPED} if met.kind == "locked" else {}
    configuration.write(policy=row.policy(clock.now(), somebody.name), **throttle)
    row.before(somebody, clock)
    for service in PLACES:
        journal.mark()
        told = meet(row, somebody, service, clock, throttle)
        check(told, met, service, state)
        line = journal.find(met.words[0], f"user={somebody.name}", f"service={service}")
        assert [word for word in met.words if word not in line] == [], line


def meet(row, somebody, service, clock, throttle):
    """One login under the policy of that very moment; once more, if the second is over too soon."""
    for _ in range(20):
        answers = [somebody.phone.fresh()] if isinstance(somebody, enrollment.Enrolled) else ["123456"]
        answers[:0] = [people.PASSWORD] if service == "cs-unix" else []
        now = int(clock.now())
        configuration.write(policy=row.policy(now, somebody.name), **throttle)
        told = log_in(somebody, *answers, service=service, rhost=HOME, keep_going=service == "cs-shown")
        if int(clock.now()) == now or not row.to_the_second:
            return told
    raise AssertionError("no login was over within a second")


def check(told, met, service, state):
    is_asked = met.kind in ("asked", "locked")
    own_prompts = [prompt for prompt in told.prompts if prompt != "Password: "]
    assert own_prompts == ["Verification code: "] * is_asked
    assert told.phases == {
        "asked": {"auth": SUCCESS, "account": SUCCESS},
        "not asked": IGNORED if service == "cs-shown" else {"auth": SUCCESS, "account": SUCCESS},
        "refused": {"auth": AUTH_ERR, **({"account": PERM_DENIED} if service == "cs-shown" else {})},
        "locked": {"auth": AUTH_ERR, **({"account": IGNORED["account"]} if service == "cs-shown" else {})},
    }[met.kind]
    told_by_us = [message for message in told.messages if message not in DEBUGGED]
    if met.text is None:
        assert told_by_us == []
        return
    is_trusted = service != "cs-alone" or met.kind == "not asked"
    # Twice where both phases are refused.
    times = 1 + (service == "cs-shown" and met.kind == "refused")
    assert [met.text in message if is_trusted else message == GENERIC for message in told_by_us] == [True] * times, \
        told_by_us


# Whether a login of a user whom nobody knows is asked: exactly where one of whom nothing is known would be refused.
STRANGERS = {
    "nothing is required": (lambda now, name: {}, False),
    "required since ever": (always(), True),
    "required of a group": (lambda now, name: {"required_groups": ["root"]}, False),
    "required, but not yet": (left(15 * DAY), False),
    "in grace": (left(DAY), False),
    "a newer user's own time": (left(-100 * DAY), False),
    "no grace at all": (lambda now, name: dated(now, left=-60, grace=0), True),
    "another exempt user": (always(exempt_users=["root"]), True),
    "an exempt group": (always(exempt_groups=["cs-exempt"]), True),
    "an exempt service": (always(exempt_services=["CS-ALONE", "cs-shown"]), False),
    "another exempt service": (always(exempt_services=["cs-unix"]), True),
    "an exempt network": (always(exempt_networks=["192.0.2.0/24"]), False),
    "a proxy in an exempt network": (always(exempt_networks=["192.0.2.0/24"], proxies=[HOME]), True),
    "another exempt network": (always(exempt_networks=["198.51.100.0/24"]), True),
    "remembered": (always(remember="1h"), True),
    "enrolled in a login": (always(after_grace="enroll"), True),
}


@pytest.mark.parametrize("situation", STRANGERS)
def test_given_an_unknown_user_then_never_in_and_asked_where_a_newcomer_would_be_refused(
        situation, clock, journal):
    policy, is_asked = STRANGERS[situation]
    configuration.write(policy=policy(clock.now(), "nobody-here"))
    for service in ("cs-alone", "cs-shown"):
        journal.mark()
        told = log_in("nobody-here", "123456", service=service, rhost=HOME)
        assert told.phases == {"auth": AUTH_ERR}
        assert told.prompts == ["Verification code: "] * is_asked
        assert told.messages == [GENERIC] * is_asked
        assert "reason=unknown-user" in journal.find("refused", "user=nobody-here", f"service={service}")
    told = log_in("nobody-here", "guess", "123456", service="cs-unix", rhost=HOME)
    assert (told.accepted, told.prompts) == (False, ["Password: "])
    assert log_in("nobody-here", service="cs-shown", phases="c").phases == {"account": IGNORED["account"]}


@pytest.mark.parametrize("situation", STRANGERS)
def test_given_one_who_comes_for_the_first_time_then_refused_where_a_stranger_is_asked(situation, person, clock):
    policy, is_asked = STRANGERS[situation]
    configuration.write(policy=policy(clock.now(), person.name))
    told = log_in(person, "123456", service="cs-alone", rhost=HOME, phases="a")
    assert (told.accepted, told.prompts) == (not is_asked, [])
