"""A service in trouble: root's programs log in without it, users' programs are told what to do, and nothing
counts twice."""

import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

import app_passwords
import judges
import service
import stacks
from attempts import AUTH_ERR, SERVICE_ERR, SUCCESS, AtThePrompt, log_in

WRONG = "000000"
REFUSED = ({"auth": SERVICE_ERR}, {"auth": AUTH_ERR})
# So much of a login's time is the service's, that no fault may lengthen it (s).
PATIENCE = 30


def make_ledger(somebody, clock):
    """One that is new takes no code of before."""
    assert not log_in(somebody, WRONG).accepted
    clock.advance(120)


def assert_once_everywhere(somebody, journal):
    """Root's programs log in, each code counts once, and users are told."""
    code = somebody.phone.fresh()
    journal.mark()
    assert log_in(somebody, code).accepted
    judges.assert_once(journal.find("accepted", f"user={somebody.name}"))
    assert not log_in(somebody, code).accepted
    told = log_in(somebody, somebody.phone.fresh(), run_as=somebody.person)
    assert told.phases == {"auth": SERVICE_ERR} and not told.asked
    done = somebody.person.run("twostep", "status")
    assert done.returncode != 0 and "twostep service" in done.stderr


def assert_served(somebody, journal):
    """As ever: by the service, also for users."""
    journal.mark()
    assert log_in(somebody, somebody.phone.fresh()).accepted
    judges.assert_by_the_service(journal.find("accepted", f"user={somebody.name}"))
    assert log_in(somebody, somebody.phone.fresh(), run_as=somebody.person).accepted


@contextmanager
def killed():
    judges.kill()
    try:
        yield
    finally:
        service.start()


@contextmanager
def without_sockets():
    for path in (service.LOGIN, service.ADMIN, service.USER):
        path.unlink(missing_ok=True)
    try:
        yield
    finally:
        service.restart()


@contextmanager
def without_the_directory():
    subprocess.run(["rm", "-rf", service.RUN], check=True)
    try:
        yield
    finally:
        service.restart()


TROUBLES = {"stopped": judges.stopped, "killed": killed, "ended": judges.gone, "without sockets": without_sockets,
            "without its directory": without_the_directory}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
def test_given_a_service_in_trouble_then_root_does_without_it_and_users_are_told(enrolled, clock, journal, trouble):
    with trouble():
        make_ledger(enrolled, clock)
        assert_once_everywhere(enrolled, journal)
    assert_served(enrolled, journal)


def test_given_a_service_that_never_accepts_then_root_does_without_it_and_users_are_told(enrolled, journal):
    """As systemd holds the sockets of a service that ends at each start."""
    with judges.gone(), judges.Stranger():
        assert_once_everywhere(enrolled, journal)
    assert_served(enrolled, journal)


def test_given_a_service_that_ends_at_each_request_then_root_does_without_it(enrolled, journal):
    with judges.gone(), judges.Stranger(hangs_up=True):
        assert_once_everywhere(enrolled, journal)
    assert_served(enrolled, journal)


def test_given_a_service_of_a_later_version_then_root_does_without_it(enrolled, journal):
    with judges.gone(), judges.Stranger(answer={"version": {"knows": 9}}):
        assert_once_everywhere(enrolled, journal)
    assert_served(enrolled, journal)


def test_given_a_second_service_then_it_refuses_to_start_and_the_first_one_serves_on(enrolled, journal):
    second = subprocess.run([service.PROGRAM, "--listen"], capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode != 0 and "running already" in second.stderr
    assert_served(enrolled, journal)


def test_given_a_directory_that_went_and_a_second_service_then_the_end_of_the_first_leaves_the_sockets_alone(
        enrolled, clock, journal):
    subprocess.run(["rm", "-rf", service.RUN], check=True)
    make_ledger(enrolled, clock)
    first = service.process()
    service.start()
    first.terminate()
    first.wait(timeout=PATIENCE)
    assert_served(enrolled, journal)


@pytest.mark.parametrize("how", [service.restart, lambda: (judges.kill(), service.start())], ids=["restarted", "killed"])
def test_given_a_service_that_is_restarted_while_a_person_types_then_the_code_counts(enrolled, journal, how):
    waiting = AtThePrompt(enrolled)
    how()
    assert waiting.answer(enrolled.phone.fresh()).accepted
    judges.assert_by_the_service(journal.find("accepted", f"user={enrolled.name}"))


def test_given_a_service_that_ends_while_a_person_types_then_the_code_counts_once(enrolled, journal):
    waiting = AtThePrompt(enrolled)
    with judges.gone():
        code = enrolled.phone.fresh()
        assert waiting.answer(code).accepted
        judges.assert_once(journal.find("accepted", f"user={enrolled.name}"))
    assert not log_in(enrolled, code).accepted


def test_given_a_service_that_comes_while_a_person_types_then_the_code_counts_once(enrolled):
    with judges.gone():
        waiting = AtThePrompt(enrolled)
    code = enrolled.phone.fresh()
    assert waiting.answer(code).accepted
    assert not log_in(enrolled, code).accepted


def test_given_a_syslog_that_does_not_read_then_logins_go_on_and_what_was_lost_is_counted(enrolled, journal):
    with judges.stopped(judges.syslog()):
        for _ in range(30):
            assert log_in(enrolled, enrolled.phone.fresh()).accepted
            assert log_in(enrolled, enrolled.phone.fresh(), run_as=enrolled.person).accepted
        assert not log_in(enrolled, WRONG).accepted
    assert log_in(enrolled, enrolled.phone.fresh(), run_as=enrolled.person).accepted
    judges.assert_by_it(journal.find("dropped", "count="))
    assert_served(enrolled, journal)


def test_given_a_directory_that_hangs_then_root_logs_in_and_users_are_refused(enrolled, journal):
    with judges.hanging_directory():
        code = enrolled.phone.fresh()
        assert log_in(enrolled, code).accepted
        assert not log_in(enrolled, code).accepted
        assert log_in(enrolled, enrolled.phone.fresh(), run_as=enrolled.person).phases in REFUSED
    assert_served(enrolled, journal)


CAPABILITIES = "-chown,-fowner,-dac_override"
WALLS = {
    "without capabilities for files": ["setpriv", f"--bounding-set={CAPABILITIES}", f"--inh-caps={CAPABILITIES}", "--"],
    "no new privileges": ["setpriv", "--no-new-privs", "--"],
    "no file may grow": ["prlimit", "--fsize=0"],
    "few descriptors": ["prlimit", "--nofile=8"],
    "no more processes": ["setpriv", "--bounding-set=-sys_resource,-sys_admin", "--inh-caps=-sys_resource,-sys_admin",
                          "--", "prlimit", "--nproc=1"],
    "a read-only world": ["unshare", "--mount", "sh", "-c",
                          'mount -o remount,bind,ro / && mount --bind -o ro /var /var && exec "$@"', "sh"],
}


@pytest.mark.skipif(service.IS_ONCE, reason="these walls stand around --once, too")
@pytest.mark.parametrize("wall", WALLS.values(), ids=WALLS.keys())
def test_given_walls_around_a_root_process_then_it_logs_in_by_everything_that_counts(enrolled, journal, wall):
    assert_everything_counts(enrolled, journal, wall)


@pytest.mark.skipif(service.IS_ONCE, reason="these walls stand around --once, too")
def test_given_a_chroot_with_the_socket_alone_then_it_logs_in_by_everything_that_counts(enrolled, journal):
    with judges.chroot_with(service.LOGIN) as chroot:
        assert not Path(f"{chroot[1]}{service.PROGRAM}").exists()
        assert_everything_counts(enrolled, journal, chroot)


def assert_everything_counts(somebody, journal, prefix):
    stacks.write("cs-app-wall", "auth required pam_twostep.so mode=app_password\naccount required pam_permit.so\n")
    password = app_passwords.create(somebody, "mail", "cs-app-wall")
    journal.mark()
    code = somebody.phone.fresh()
    assert not log_in(somebody, WRONG, prefix=prefix).accepted
    assert log_in(somebody, code, prefix=prefix).accepted
    assert not log_in(somebody, code, prefix=prefix).accepted
    assert log_in(somebody, somebody.recovery_codes[0], prefix=prefix).accepted
    assert not log_in(somebody, somebody.recovery_codes[0]).accepted
    assert log_in(somebody, password, service="cs-app-wall", phases="a", prefix=prefix).phases == {"auth": SUCCESS}
    judges.assert_by_the_service(journal.find("accepted", f"user={somebody.name}"))
