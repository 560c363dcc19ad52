"""Every system call of the module, the helper and root's commands, failed and killed in turn: never an
acceptance that was not recorded, never IGNORE, the account old or new and whole, the next login works.

CI strikes with each fault at each name of a call once, and kills at every call. With
TWOSTEP_ALL_FAULTS=1, as `make test-faults` has it, each fault strikes at every call."""

import os
import subprocess

import pytest

import fault_table
import faults
import syscalls
from attempts import SERVICE_ERR, SUCCESS, log_in, told_by, words
from fault_changes import CHANGES
from fault_peers import PEERS
from fault_scenarios import IGNORED, LOGINS, SERVICE, write_services

EVERY = os.environ.get("TWOSTEP_ALL_FAULTS") == "1"


@pytest.fixture(scope="module", autouse=True)
def services(view):
    write_services()
    faults.build_the_preloaded()


@pytest.mark.parametrize("kind", LOGINS + CHANGES, ids=lambda kind: kind.NAME)
def test_given_a_fault_at_any_call_then_nothing_is_accepted_twice_or_lost(kind, clock, tmp_path):
    scenarios = [kind(clock) for _ in range(faults.WORKERS)]
    clock.advance(90)       # what was given to make them is over
    rows = faults.all_rows(scenarios, clock, tmp_path / "trace", EVERY)
    fault_table.add(rows)
    assert [str(row) for row in rows if row.wrong] == []
    assert_the_faults_strike(rows, kind)


def assert_the_faults_strike(rows, kind):
    """Most kills leave no answer, and what fails is seen: else the table proves nothing."""
    kills = [row for row in rows if row.fault == faults.KILLED]
    assert len(kills) > 5
    assert len([row for row in kills if "no answer" in row.outcome or row.outcome == kind.BEREFT]) > 0.8 * len(kills)
    assert len({row.outcome for row in rows}) > 1
    scarcities = {fault for fault, _, _ in faults.SCARCITIES.values()} if kind.SCARCE else set()
    assert {row.fault for row in rows} == set(faults.FAULTS) | scarcities


def test_given_somebody_who_is_not_asked_then_the_stack_of_these_tests_shows_the_ignore(neighbor):
    told = log_in(neighbor, service=SERVICE, phases="ac", keep_going=True)
    assert told.phases == IGNORED


def test_given_a_user_database_that_fails_after_the_code_then_it_is_an_error_and_never_ignored(
        enrolled, tmp_path, journal):
    """The next source of nsswitch.conf does not know the user, and the C library tells that alone."""
    assert log_in(enrolled, enrolled.phone.fresh()).accepted     # the first one of a day makes other calls
    calls = syscalls.trace(words(enrolled, enrolled.phone.fresh(), service=SERVICE), tmp_path / "trace")
    told_auth = next(index for index, (_, line) in enumerate(calls) if r'"auth\t0' in line)
    opened = next(place for place, line in calls[told_auth:] if '"/etc/passwd"' in line)
    line = syscalls.with_fault(opened, "error=EIO", words(enrolled, enrolled.phone.fresh(), service=SERVICE))
    told = told_by(subprocess.run(line, capture_output=True, timeout=30, cwd="/"))
    assert told.phases == {"auth": SUCCESS, "account": SERVICE_ERR}
    journal.find("error", f"user={enrolled.name}", "nsswitch.conf")


@pytest.mark.skipif(not EVERY, reason="make test-faults compares")
@pytest.mark.parametrize("kind", PEERS, ids=lambda kind: kind.MARKER)
def test_given_another_module_then_the_same_faults_strike_it(kind, clock, tmp_path):
    scenarios = [kind(clock) for _ in range(faults.WORKERS)]
    clock.advance(90)
    rows = faults.all_rows(scenarios, clock, tmp_path / "trace", EVERY)
    fault_table.add(rows)
    assert len(rows) > 100
