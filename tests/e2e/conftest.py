"""What every test stands on: a view with Twostep installed, a clock that can be moved, a log that
can be read, users that no other test has touched."""

import os
import subprocess
from pathlib import Path

import pytest

import attempts
import configuration
import enrollment
import fault_table
import people
import service
import stacks
from clock import Clock
from journal import Journal

PROGRAMS = Path(__file__).parent.parent / "programs"


def pytest_sessionstart(session):
    if os.environ.get("TWOSTEP_VIEW") != "1":
        pytest.exit("these tests rewrite /etc: run them by tests/view/run-e2e", returncode=64)


def pytest_terminal_summary(terminalreporter):
    for line in fault_table.lines():
        terminalreporter.write_line(line)


@pytest.fixture(scope="session", autouse=True)
def view():
    """Services, test programs and the shim, once for all tests."""
    attempts.BUILT.mkdir(parents=True, exist_ok=True)
    for source in set(PROGRAMS.glob("*.c")) - {PROGRAMS / "scarce.c"}:     # a library
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-o", attempts.BUILT / source.stem, source,
                        "-lpam"], check=True)
    attempts.BUILT.chmod(0o755)
    stacks.write_all()
    clock = Clock()
    service.start()
    # The first login makes the ledgers; then the host has been up for a while.
    attempts.log_in(people.add(), service="cs-code")
    clock.advance(600)
    yield
    service.stop()


@pytest.fixture(scope="session")
def clock(view):
    return Clock()


@pytest.fixture(autouse=True)
def running_service(view):
    """Each test begins with a service that listens, whatever the one before did to it."""
    service.ensure()


@pytest.fixture
def journal():
    return Journal()


@pytest.fixture(autouse=True)
def default_configuration(running_service):
    """Each test begins and leaves with a configuration that sets nothing, read by a root process
    already."""
    reset_configuration()
    yield
    reset_configuration()


def reset_configuration():
    plain = configuration.text_of()
    if not configuration.FILE.exists() or configuration.FILE.read_text() != plain:
        configuration.FILE.unlink(missing_ok=True)
        configuration.write_text(plain)
        attempts.log_in("root", service="cs-code")


@pytest.fixture
def person(view):
    return people.add()


@pytest.fixture
def neighbor(view):
    """Somebody else, who is not enrolled."""
    return people.add()


@pytest.fixture
def enrolled(person, clock):
    """A person with one authenticator and ten recovery codes."""
    return enrollment.enroll(person, clock)


@pytest.fixture
def enroll_another(clock):
    """Enrolls as many more people as a test needs."""
    def enroll(*options, name=None):
        return enrollment.enroll(people.add(name), clock, *options)
    return enroll
