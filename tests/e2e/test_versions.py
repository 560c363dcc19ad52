"""One host with parts of two builds, as while a package is upgraded: the module and the commands of one,
the service of the other. `make test-versions` says which the other is."""

import os
import shutil
from pathlib import Path

import pytest

import app_passwords
import enrollment
import service
import stacks
from attempts import AtThePrompt, log_in

OTHER = os.environ.get("TWOSTEP_OTHER_BUILD")
MODULE = next(Path("/usr/lib").glob("*/security/pam_twostep.so"))
PARTS = {
    "module": {"libpam_twostep.so": MODULE, "twostep": Path("/usr/bin/twostep")},
    "service": {"twostepd": Path(service.PROGRAM)},
}

pytestmark = pytest.mark.skipif(not OTHER, reason="make test-versions has another build")


def install(files):
    """Puts each file in its place at once, as a package does."""
    for source, place in files:
        shutil.copy2(source, place.with_suffix(".new"))
        place.with_suffix(".new").replace(place)


@pytest.fixture
def own(tmp_path):
    """What was installed, put back when it is called and when the test is over."""
    places = [place for files in PARTS.values() for place in files.values()]
    for place in places:
        shutil.copy2(place, tmp_path / place.name)

    def put_back():
        install((tmp_path / place.name, place) for place in places)
        service.restart()

    yield put_back
    put_back()


def upgrade(part):
    install((Path(OTHER, name), place) for name, place in PARTS[part].items())
    service.restart()


@pytest.fixture(params=PARTS)
def mixed(request, own):
    """This part is of the other build."""
    upgrade(request.param)


def test_given_parts_of_two_builds_then_everything_of_a_login_works(person, clock, mixed):
    somebody = enrollment.enroll(person, clock)
    code = somebody.phone.fresh()
    assert not log_in(somebody, somebody.phone.wrong()).accepted
    assert log_in(somebody, code).accepted
    assert not log_in(somebody, code).accepted
    assert log_in(somebody, somebody.recovery_codes[0]).accepted
    assert not log_in(somebody, somebody.recovery_codes[0]).accepted
    imap = stacks.write("cs-app-versions", stacks.APP_PASSWORD)
    password = app_passwords.create(somebody, "mail", imap)
    assert log_in(somebody, password, service=imap).accepted
    app_passwords.revoke(somebody, "mail")
    assert not log_in(somebody, password, service=imap).accepted


def test_given_a_clock_that_is_off_then_two_codes_correct_it_across_builds(enrolled, clock, mixed):
    clock.advance(3600)     # else its codes are from before the enrollment
    phone = enrolled.phone
    late = phone.codes(phone.step() - 15, 3)
    assert log_in(enrolled, enrolled.person.password, *late[:2], service="cs-login").accepted
    assert log_in(enrolled, late[2]).accepted


@pytest.mark.parametrize("part", PARTS)
def test_given_an_upgrade_while_a_person_types_then_the_code_counts_once(enrolled, own, part):
    code = enrolled.phone.fresh()
    waiting = AtThePrompt(enrolled)
    upgrade(part)
    assert waiting.answer(code).accepted
    assert not log_in(enrolled, code).accepted


@pytest.mark.parametrize("part", PARTS)
def test_given_an_account_and_codes_spent_before_an_upgrade_then_they_are_known_after_it_and_after_the_way_back(
        enrolled, own, part):
    spent = enrolled.phone.fresh()
    assert log_in(enrolled, spent).accepted
    assert log_in(enrolled, enrolled.recovery_codes[0]).accepted
    upgrade(part)
    assert not log_in(enrolled, spent).accepted
    assert not log_in(enrolled, enrolled.recovery_codes[0]).accepted
    between = enrolled.phone.fresh()
    assert log_in(enrolled, between).accepted
    assert log_in(enrolled, enrolled.recovery_codes[1]).accepted
    own()
    for used in (spent, between, *enrolled.recovery_codes[:2]):
        assert not log_in(enrolled, used).accepted
    assert log_in(enrolled, enrolled.phone.fresh()).accepted
