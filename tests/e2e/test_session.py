"""What a session opens with: the notices; and the hand-over from the auth to the account phase."""

import pytest

import configuration
import enrollment
import stacks
from attempts import PERM_DENIED, SUCCESS, log_in


def open_session(somebody, **options):
    told = log_in(somebody, phases="o", tty=options.pop("tty", "/dev/pts/9"), **options)
    assert told.phases["open"] == SUCCESS
    assert told.prompts == []
    somebody.phone.clock.advance(1)     # what happens next is later than what was told
    return told.messages


def test_given_nothing_happened_then_a_session_opens_silently(enrolled):
    open_session(enrolled)      # the authenticator's own notice
    assert log_in(enrolled, enrolled.phone.fresh()).accepted
    assert open_session(enrolled) == []


def test_given_wrong_codes_since_the_last_login_then_it_tells_how_many_and_from_where(enrolled):
    assert log_in(enrolled, enrolled.phone.fresh(), rhost="203.0.113.7").accepted
    open_session(enrolled)
    for number in range(3):
        log_in(enrolled, enrolled.phone.wrong(number), rhost="198.51.100.9")
    assert log_in(enrolled, enrolled.phone.fresh(), rhost="203.0.113.7").accepted
    (notice,) = open_session(enrolled, rhost="203.0.113.7")
    assert "3" in notice
    assert "wrong code" in notice
    assert "198.51.100.9" in notice
    assert open_session(enrolled) == []     # told once


def test_given_a_used_recovery_code_then_it_tells_how_many_are_left(enrolled):
    open_session(enrolled)
    assert log_in(enrolled, enrolled.recovery_codes[0], rhost="203.0.113.7").accepted
    notices = open_session(enrolled)
    assert any("recovery code" in notice and "9" in notice for notice in notices)


def test_given_three_recovery_codes_left_then_each_session_says_so(enrolled):
    for code in enrolled.recovery_codes[:7]:
        assert log_in(enrolled, code).accepted
    for _ in range(2):
        notices = open_session(enrolled)
        assert any("3" in notice and "twostep recovery-codes regenerate" in notice
                   for notice in notices)


def test_given_an_authenticator_added_then_the_next_session_says_so_once(enrolled, clock):
    open_session(enrolled)
    enrollment.enroll(enrolled.person, clock, "--label", "tablet", proof=enrolled.phone.fresh())
    notices = open_session(enrolled)
    assert any("tablet" in notice for notice in notices)
    assert not any("tablet" in notice for notice in open_session(enrolled))


def test_given_pam_silent_then_nothing_is_said_and_it_is_said_later(enrolled):
    open_session(enrolled)
    log_in(enrolled, enrolled.phone.wrong(), rhost="198.51.100.9")
    assert log_in(enrolled, enrolled.phone.fresh()).accepted
    assert open_session(enrolled, silent=True) == []
    assert open_session(enrolled) != []


def test_given_pam_silent_then_a_refusal_says_nothing(enrolled):
    told = log_in(enrolled, enrolled.person.password, enrolled.phone.wrong(), service="cs-login",
                  silent=True)
    assert told.asked
    assert not told.accepted
    assert told.messages == []


def test_given_no_terminal_then_nothing_is_said(enrolled):
    assert open_session(enrolled, tty=None) == []
    assert open_session(enrolled, tty="cron") == []
    assert open_session(enrolled, tty=":0") == []
    assert open_session(enrolled) != []


def test_given_a_person_not_enrolled_then_nothing_is_said(person):
    assert log_in(person, phases="o", tty="/dev/pts/9").messages == []


@pytest.mark.parametrize("phase, name", [("o", "open"), ("x", "close"), ("s", "setcred")])
def test_given_any_damage_then_these_phases_always_succeed(enrolled, phase, name):
    path = enrolled.file
    kept = path.read_bytes()
    path.write_bytes(b"broken")
    try:
        assert log_in(enrolled, phases=phase, tty="/dev/pts/9").phases == {name: SUCCESS}
    finally:
        path.write_bytes(kept)


def test_given_a_change_of_password_then_we_take_no_part(enrolled):
    stacks.write("cs-change", "password required pam_twostep.so\npassword required pam_permit.so\n")
    assert log_in(enrolled, phases="p", service="cs-change").phases == {"password": SUCCESS}
    stacks.write("cs-change", "password [default=bad ignore=ignore] pam_twostep.so\n"
                              "password required pam_permit.so\n")
    assert log_in(enrolled, phases="p", service="cs-change").phases == {"password": SUCCESS}


# What the account phase alone returns: an "ignore" that no pam_permit.so may cover up.
BARE = """\
auth [default=bad success=ok ignore=ignore] pam_twostep.so {options}
auth required pam_permit.so
account [default=bad success=ok ignore=bad] pam_twostep.so {options}
"""


def test_given_an_accepted_code_then_the_account_phase_succeeds(enrolled):
    stacks.write("cs-bare", BARE)
    told = log_in(enrolled, enrolled.phone.fresh(), service="cs-bare")
    assert told.phases == {"auth": SUCCESS, "account": SUCCESS}


def test_given_no_authentication_then_the_account_phase_is_ignored(enrolled):
    stacks.write("cs-bare", BARE)
    assert log_in(enrolled, phases="c", service="cs-bare").phases["account"] != SUCCESS
    assert log_in(enrolled, phases="c").phases == {"account": SUCCESS}     # ignored, then permitted


def test_given_require_step_then_the_account_phase_alone_is_refused(enrolled, neighbor, journal):
    stacks.write("cs-strict", stacks.CODE_ONLY.replace(
        "account required pam_twostep.so", "account required pam_twostep.so require_step"))
    told = log_in(enrolled, phases="c", service="cs-strict")
    assert told.phases == {"account": PERM_DENIED}
    journal.find(f"user={enrolled.name}", "require_step")
    assert log_in(neighbor, phases="c", service="cs-strict").phases == {"account": SUCCESS}
    assert log_in(enrolled, enrolled.phone.fresh(), service="cs-strict").accepted
    configuration.write(policy={"required": True})
    assert log_in(neighbor, phases="c", service="cs-strict").phases == {"account": PERM_DENIED}


def test_given_require_step_and_a_program_that_is_not_root_then_the_service_says_whether_it_applies(
        enrolled, neighbor):
    stacks.write("cs-strict", stacks.CODE_ONLY.replace(
        "account required pam_twostep.so", "account required pam_twostep.so require_step"))

    def alone(somebody, run_as):
        return log_in(somebody, phases="c", service="cs-strict", run_as=run_as).phases["account"]

    assert alone(enrolled, enrolled.person) == PERM_DENIED
    assert alone(neighbor, neighbor) == SUCCESS
    assert alone(neighbor, enrolled.person) == PERM_DENIED     # nobody can say it there


def test_given_another_user_after_the_auth_phase_then_the_step_counts_for_the_first_one_alone(
        enrolled, enroll_another):
    other = enroll_another()
    stacks.write("cs-strict", stacks.CODE_ONLY.replace(
        "account required pam_twostep.so", "account required pam_twostep.so require_step"))
    for next_user, account in ((enrolled, SUCCESS), (other, PERM_DENIED)):
        told = log_in(enrolled, enrolled.phone.fresh(), service="cs-strict", next_user=next_user)
        assert told.phases == {"auth": SUCCESS, "account": account}


def test_given_a_user_or_service_changed_after_the_auth_phase_then_the_login_is_refused(
        enrolled, neighbor, enroll_another, journal):
    other = enroll_another()
    stacks.write("cs-changed", stacks.CODE_ONLY)
    for next_user in (other, neighbor):
        told = log_in(enrolled, enrolled.phone.fresh(), service="cs-code", next_user=next_user)
        assert told.phases == {"auth": SUCCESS, "account": PERM_DENIED}
        journal.find("refused", f"user={next_user.name}", "reason=user-changed", f"was={enrolled.name}")
    # Also one of whom nothing was asked.
    told = log_in(neighbor, service="cs-code", next_user=other)
    assert told.phases == {"auth": SUCCESS, "account": PERM_DENIED}
    told = log_in(enrolled, enrolled.phone.fresh(), service="cs-code", next_service="cs-changed")
    assert told.phases == {"auth": SUCCESS, "account": PERM_DENIED}
    journal.find("refused", f"user={enrolled.name}", "service=cs-changed", "reason=service-changed", "was=cs-code")
    assert log_in(enrolled, enrolled.phone.fresh(), service="cs-code", next_user=enrolled, next_service="cs-code").accepted


def test_given_require_step_behind_another_account_line_then_the_account_phase_alone_is_refused(enrolled):
    ours = "account required pam_twostep.so"
    stacks.write("cs-strict", stacks.CODE_ONLY.replace(ours, f"{ours} enroll\n{ours} require_step"))
    assert log_in(enrolled, phases="c", service="cs-strict").phases == {"account": PERM_DENIED}
    assert log_in(enrolled, enrolled.phone.fresh(), service="cs-strict").accepted


def test_given_require_step_and_a_broken_account_then_the_account_phase_never_passes(enrolled):
    stacks.write("cs-strict", stacks.CODE_ONLY.replace(
        "account required pam_twostep.so", "account required pam_twostep.so require_step"))
    path = enrolled.file
    kept = path.read_bytes()
    path.write_bytes(b"broken")
    told = log_in(enrolled, phases="c", service="cs-strict")
    assert told.phases["account"] not in (0, 25)
    path.write_bytes(kept)


def test_given_a_refused_second_authentication_then_the_first_ones_hand_over_is_gone(enrolled):
    stacks.write("cs-strict", stacks.CODE_ONLY.replace(
        "account required pam_twostep.so", "account required pam_twostep.so require_step"))
    told = log_in(enrolled, enrolled.phone.fresh(), enrolled.phone.wrong(), service="cs-strict",
                  phases="aac", keep_going=True)
    assert told.phases["account"] == PERM_DENIED
