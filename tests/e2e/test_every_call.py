"""Every system call of the module, `twostepd --once`, the service and root's commands, failed and killed in
turn: never an acceptance that was not recorded, never IGNORE, the account old or new and whole, the next
login works.

CI strikes with each fault at each name of a call once, and kills around every change, beside a resident
service. With TWOSTEP_ALL_FAULTS=1, as `make test-faults` has it, each fault strikes at every call, and the
service is struck too."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

import fault_table
import faults
import service
import stacks
from attempts import SERVICE_ERR, SUCCESS, log_in
from fault_changes import CHANGES
from fault_peers import PEERS
from fault_scenarios import IGNORED, LOGINS, SERVICE, STACK, write_services

EVERY = os.environ.get("TWOSTEP_ALL_FAULTS") == "1"


@pytest.fixture(scope="module", autouse=True)
def services(view):
    write_services()
    faults.build_the_preloaded()


OWN = [kind for kind in LOGINS + CHANGES if kind.OWN]
SERVED = [kind for kind in LOGINS + CHANGES if kind.SERVED]


@pytest.mark.skipif(service.IS_ONCE and not EVERY, reason="make test-faults strikes twostepd --once")
@pytest.mark.parametrize("kind", OWN, ids=lambda kind: kind.NAME)
def test_given_a_fault_at_any_call_then_nothing_is_accepted_twice_or_lost(kind, clock, tmp_path):
    scenarios = [kind(clock) for _ in range(faults.WORKERS)]
    clock.advance(90)       # what was given to make them is over
    rows = faults.all_rows(scenarios, clock, tmp_path / "trace", EVERY)
    fault_table.add(rows)
    assert [str(row) for row in rows if row.wrong and not kind.is_libpams(row)] == []
    # Most kills leave no answer, and what fails is seen: else the table proves nothing.
    assert_they_strike(rows, lambda row: "no answer" in row.outcome or row.outcome.startswith(kind.BEREFT or "-"))
    scarcities = {fault for fault, _, _ in faults.SCARCITIES.values()} if kind.SCARCE else set()
    assert {row.fault for row in rows} == set(faults.FAULTS) | scarcities


@pytest.mark.skipif(not EVERY, reason="make test-faults strikes the service")
@pytest.mark.parametrize("kind", SERVED, ids=lambda kind: kind.NAME)
def test_given_a_fault_at_any_call_of_the_service_then_nothing_is_accepted_twice_or_lost(kind, clock, tmp_path):
    """Root's programs do without it then, and the next one is served."""
    scenario = kind(clock)
    clock.advance(90)
    rows = faults.all_rows_of_the_service(scenario, clock, tmp_path / "trace", EVERY)
    fault_table.add(replace(row, scenario=f"{row.scenario}, the service") for row in rows)
    assert [str(row) for row in rows if row.wrong] == []
    assert_they_strike(rows, lambda row: faults.ENDED in row.outcome)
    assert len({row.fault for row in rows}) > 5


def assert_they_strike(rows, is_struck):
    kills = [row for row in rows if row.fault == faults.KILLED]
    assert len(kills) > 5
    assert len([row for row in kills if is_struck(row)]) > 0.8 * len(kills)
    assert len({row.outcome for row in rows}) > 1


def test_given_somebody_who_is_not_asked_then_the_stack_of_these_tests_shows_the_ignore(neighbor):
    told = log_in(neighbor, service=SERVICE, phases="ac", keep_going=True)
    assert told.phases == IGNORED


def test_given_a_user_database_that_fails_after_the_code_then_it_is_an_error_and_never_ignored(enrolled, journal):
    """The next source of nsswitch.conf does not know the user, and the C library tells that alone."""
    passwd = Path("/etc/passwd")
    away = passwd.with_suffix(".away")
    lose = f"account requisite pam_exec.so quiet /usr/bin/mv {passwd} {away}\naccount [success"
    stacks.write("cs-fault-lost", STACK.replace("{line}", "pam_twostep.so").replace("account [success", lose, 1))
    try:
        told = log_in(enrolled, enrolled.phone.fresh(), service="cs-fault-lost")
    finally:
        away.rename(passwd)
    assert told.phases == {"auth": SUCCESS, "account": SERVICE_ERR}
    journal.find("error", f"user={enrolled.name}", "nsswitch.conf")
    assert log_in(enrolled, enrolled.phone.fresh(), service=SERVICE).accepted


@pytest.mark.skipif(not EVERY, reason="make test-faults compares")
@pytest.mark.parametrize("kind", PEERS, ids=lambda kind: kind.MARKER)
def test_given_another_module_then_the_same_faults_strike_it(kind, clock, tmp_path):
    scenarios = [kind(clock) for _ in range(faults.WORKERS)]
    clock.advance(90)
    rows = faults.all_rows(scenarios, clock, tmp_path / "trace", EVERY)
    fault_table.add(rows)
    assert len(rows) > 100
