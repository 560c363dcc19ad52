"""Every change of an account is told to syslog, as an event of authpriv, and kept in the account's history."""

import json

import configuration
import enrollment
from policies import admin, begin_to_enroll

RECORDED = 50


def history(somebody):
    shown = json.loads(admin("show", somebody.name, "--json").stdout)
    return [(one["event"], one.get("detail", "")) for one in shown["history"]]


def changed(journal, somebody, event, *pairs, by="administrator", detail=""):
    """The newest change is this one, here and there."""
    line = journal.find(f" {event} user={somebody.name} by={by}", *pairs)
    assert line.startswith("authpriv.notice twostep"), line
    assert history(somebody)[-1] == (event, detail)
    journal.mark()


def test_given_what_a_user_changes_then_the_log_and_the_history_have_it(person, clock, journal):
    somebody = enrollment.enroll(person, clock)
    changed(journal, somebody, "enrolled", "authenticator=phone", by="user", detail="phone")
    tablet = enrollment.enroll(person, clock, "--label", "my tablet", proof=somebody.phone.fresh())
    changed(journal, somebody, "enrolled", 'authenticator="my tablet"', by="user", detail="my tablet")
    done = person.run("twostep", "remove", "phone", input=tablet.phone.fresh() + "\n")
    assert done.returncode == 0, done.stderr
    changed(journal, somebody, "removed", "authenticator=phone", by="user", detail="phone")
    done = person.run("twostep", "recovery-codes", "regenerate", "--json", input=tablet.phone.fresh() + "\n")
    assert done.returncode == 0, done.stderr
    changed(journal, somebody, "recovery-codes-regenerated", by="user")


def test_given_what_an_administrator_changes_then_the_log_and_the_history_have_it_and_who(enrolled, journal):
    admin("suspend", enrolled.name, "--for", "1h", "--reason", "phone in repair")
    changed(journal, enrolled, "suspended", "admin=root", 'reason="phone in repair"', detail="by root: phone in repair")
    admin("suspend", enrolled.name, "--for", "1h")
    changed(journal, enrolled, "suspended", "admin=root", 'reason=""', detail="by root")
    for words, event in ((["resume"], "resumed"), (["unlock"], "unlocked"), (["recovery-code"], "recovery-code-issued"),
                         (["reset"], "reset"), (["enroll", "--invite"], "invited")):
        admin(*words, enrolled.name)
        changed(journal, enrolled, event, "admin=root", detail="by root")


def test_given_an_enrollment_that_is_begun_then_the_log_alone_has_it_and_no_secret(person, journal):
    shown = json.loads(begin_to_enroll(person))
    line = journal.find(f" enrollment-begun user={person.name} by=user", "authenticator=phone")
    assert line.startswith("authpriv.notice twostepd[") and shown["secret"] not in journal.text()
    assert history(person) == []


def test_given_a_look_or_a_change_that_was_refused_then_the_history_stays(enrolled):
    before = history(enrolled)
    enrollment.status(enrolled.person)
    enrolled.person.run("twostep", "recovery-codes", "regenerate", "--json", input="000000\n")
    assert history(enrolled) == before


def test_given_very_many_changes_then_the_last_ones_are_kept(enrolled):
    for number in range(RECORDED):
        admin("suspend", enrolled.name, "--for", "1h", "--reason", f"number {number}")
    kept = history(enrolled)
    assert len(kept) == RECORDED
    assert kept[0] == ("suspended", "by root: number 0") and kept[-1] == ("suspended", f"by root: number {RECORDED - 1}")
    admin("resume", enrolled.name)
    assert history(enrolled) == [*kept[1:], ("resumed", "by root")]


def test_given_a_policy_that_is_edited_then_the_log_has_it_under_authpriv(view, journal):
    configuration.write(policy={"contact": "help@example.org"})
    admin("require", "--all", "--within", "2d", "--yes")
    line = journal.find(" policy-edited admin=root by=require", "file=/etc/twostep/config.toml", "required = true")
    assert line.startswith("authpriv.notice twostep[")
