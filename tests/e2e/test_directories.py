"""Passwords that a directory judges and this host has not: each recipe of docs/directories.md, with the
real module and the real server."""

import json
import os
import subprocess
from pathlib import Path

import pytest

import app_passwords
import enrollment
import kerberos
import openldap
import people
import sssd
import stacks
from attempts import log_in
from guide import blocks

# The first word of a recipe's name is the directory that it is for.
DIRECTORIES = {"krb5": kerberos.Server, "ldap": openldap.Server, "sssd": sssd.Server}
RECIPES = {block.name: block.text for found in blocks("pam directory").values() for block in found}
NSSWITCH = Path("/etc/nsswitch.conf")
LOCAL = "account required pam_unix.so\naccount required pam_twostep.so\n"
# The pam_twostep line stands above: with sssd's profile the phase ends in common-account for users of the host.
DEBIAN = "account required pam_twostep.so\n@include common-account\n"
REST = "session required pam_permit.so\n"


def write(service, lines):
    stacks.write(service, (lines + REST).replace("{", "{{").replace("}", "}}"))


class Recipe:
    """One recipe as a service, and its directory."""

    def __init__(self, name, directory, clock):
        self.directory, self.clock = directory, clock
        self.in_one = name.endswith("one-answer")
        self.as_debian = "@include common-auth" in RECIPES[name]
        self.has_host_users = "alone" not in name
        self.service = f"cs-{name}"
        write(self.service, f"{RECIPES[name]}\n{DEBIAN if self.as_debian else LOCAL}")

    def newcomer(self):
        person = people.add()
        people.lock_password(person.name)
        self.directory.add(person)
        return person

    def enrolled(self):
        return enrollment.enroll(self.newcomer(), self.clock)

    def enter(self, somebody, password, code=""):
        answers = (password + code,) if self.in_one else (password, code) if code else (password,)
        return log_in(somebody, *answers, service=self.service, timeout=60)


class Directories:
    """Each directory's server from the first test that needs it, and Debian's profile for the one in use."""

    def __init__(self):
        self.running, self.profile = {}, None
        self.kept = {file: file.read_bytes() for file in stacks.FOLDER.glob("common-*")}

    def at(self, kind):
        if kind not in self.running:
            self.running[kind] = DIRECTORIES[kind]()
        self.use(self.running[kind].profile)
        return self.running[kind]

    def use(self, profile):
        if profile != self.profile:
            self._switch("--disable", self.profile)
            self._switch("--enable", profile)
            self.profile = profile

    @staticmethod
    def _switch(how, profile):
        if profile:
            subprocess.run(["pam-auth-update", "--force", how, profile], check=True, capture_output=True,
                           env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})

    def stop(self):
        self.use(None)
        for file, text in self.kept.items():
            file.write_bytes(text)
        for server in self.running.values():
            server.stop()


@pytest.fixture(scope="module")
def directories(view):
    directories = Directories()
    yield directories
    directories.stop()


@pytest.fixture(scope="module", params=RECIPES)
def recipe(request, directories, clock):
    return Recipe(request.param, directories.at(request.param.partition("-")[0]), clock)


def test_given_the_password_of_the_directory_and_a_code_then_both_are_judged_once(recipe, journal):
    somebody = recipe.enrolled()
    password, code = somebody.person.password, somebody.phone.fresh()
    told = recipe.enter(somebody, password, code)
    assert told.accepted and len(told.prompts) == (1 if recipe.in_one else 2), told
    journal.find("accepted", f"user={somebody.name}", "factor=totp")
    assert not recipe.enter(somebody, password, code).accepted
    assert not recipe.enter(somebody, password, somebody.phone.wrong()).accepted
    assert not recipe.enter(somebody, password).accepted


def test_given_a_wrong_password_before_a_right_code_then_the_code_stays_good(recipe):
    somebody = recipe.enrolled()
    code = somebody.phone.fresh()
    assert not recipe.enter(somebody, "wrong", code).accepted
    assert recipe.enter(somebody, somebody.person.password, code).accepted


def test_given_a_recovery_code_then_it_counts_once(recipe):
    somebody = recipe.enrolled()
    password, code = somebody.person.password, somebody.recovery_codes[0]
    assert recipe.enter(somebody, password, code).accepted
    assert not recipe.enter(somebody, password, code).accepted


def test_given_somebody_who_is_not_enrolled_then_the_password_of_the_directory_is_enough(recipe):
    newcomer = recipe.newcomer()
    assert recipe.enter(newcomer, newcomer.password).accepted
    assert not recipe.enter(newcomer, "wrong").accepted


def test_given_a_directory_that_does_not_answer_then_codes_stay_good_and_users_of_the_host_get_in(recipe, enrolled):
    somebody = recipe.enrolled()
    code = somebody.phone.fresh()
    recipe.directory.stop()
    try:
        assert not recipe.enter(somebody, somebody.person.password, code).accepted
        told = recipe.enter(enrolled, enrolled.person.password, enrolled.phone.fresh())
        assert told.accepted == recipe.has_host_users, told
    finally:
        recipe.directory.start()
    assert recipe.enter(somebody, somebody.person.password, code).accepted


def test_given_debians_lines_for_kerberos_then_one_answer_is_asked_for_the_password_again(directories, clock):
    """pam_krb5 comes first there, without use_first_pass."""
    right = Recipe("krb5-one-answer", directories.at("krb5"), clock)
    write("cs-again", f"auth requisite pam_twostep.so forward_pass\n{RECIPES['krb5-two-questions']}\n{DEBIAN}")
    somebody = right.enrolled()
    code = somebody.phone.fresh()
    told = log_in(somebody, somebody.person.password + code, service="cs-again")
    assert not told.accepted and told.prompts[1:] == ["Password: "]
    assert right.enter(somebody, somebody.person.password, code).accepted


@pytest.mark.parametrize("kind", DIRECTORIES)
def test_given_an_application_password_then_it_replaces_the_password_of_the_directory(directories, clock, kind):
    recipe = Recipe(f"{kind}-two-questions", directories.at(kind), clock)
    (block,) = [block for found in blocks("pam app-password").values() for block in found]
    write("cs-mail", f"{block.text}\n{DEBIAN}")
    somebody, newcomer = recipe.enrolled(), recipe.newcomer()
    mail = app_passwords.create(somebody, "mail", "cs-mail")
    assert log_in(somebody, mail, service="cs-mail").accepted
    assert not log_in(somebody, somebody.person.password, service="cs-mail").accepted
    # As a mail server does, which gives each question the same password.
    told = log_in(newcomer, newcomer.password, newcomer.password, service="cs-mail")
    assert told.accepted and len(told.prompts) == (2 if kind == "krb5" else 1), told


@pytest.fixture
def sssd_names(view):
    """The host finds users of sssd that its own files do not have."""
    before = NSSWITCH.read_text(encoding="utf-8")
    NSSWITCH.write_text("passwd: files sss\ngroup: files sss\nshadow: files\n", encoding="utf-8")
    yield
    NSSWITCH.write_text(before, encoding="utf-8")


@pytest.fixture
def stranger(directories, sssd_names, clock):
    """Somebody enrolled whom the directory alone knows."""
    directory = directories.at("sssd")
    known = people.add()
    person = people.Person(f"only-{known.name}", known.uid + 10000, known.home, known.password)
    os.chown(person.home, person.uid, person.uid)
    directory.add(person)
    return enrollment.enroll(person, clock)


def test_given_a_user_whom_the_directory_alone_knows_then_every_spelling_of_the_name_is_that_user(stranger, directories, clock):
    recipe = Recipe("sssd-one-answer", directories.at("sssd"), clock)
    password, code, shout = stranger.person.password, stranger.phone.fresh(), stranger.name.upper()
    assert not recipe.enter(shout, password).accepted
    assert not recipe.enter(shout, password, stranger.phone.wrong()).accepted
    assert recipe.enter(shout, password, code).accepted
    assert not recipe.enter(stranger, password, code).accepted
    assert recipe.enter(stranger, password, stranger.phone.fresh()).accepted


def test_given_a_password_that_sssd_has_kept_then_the_code_is_still_asked_without_the_directory(directories, clock):
    recipe = Recipe("sssd-one-answer", directories.at("sssd"), clock)
    somebody = recipe.enrolled()
    password = somebody.person.password
    assert recipe.enter(somebody, password, somebody.phone.fresh()).accepted
    recipe.directory.stop()
    try:
        assert not recipe.enter(somebody, password, somebody.phone.wrong()).accepted
        assert not recipe.enter(somebody, "wrong", somebody.phone.fresh()).accepted
        assert recipe.enter(somebody, password, somebody.phone.fresh()).accepted
    finally:
        recipe.directory.start()


def test_given_debians_account_lines_for_sssd_then_a_pam_twostep_line_below_never_runs_and_check_says_so(directories, enrolled):
    directories.at("sssd")
    line, common = "account required pam_twostep.so require_step\n", "@include common-account\n"
    for lines, is_in in ((line + common, False), (common + line, True)):
        write("cs-account", lines)
        assert log_in(enrolled, service="cs-account", phases="c").accepted == is_in
        assert ("account-line-skipped" in findings_at("cs-account")) == is_in


def findings_at(service):
    """The ids of what `admin check` finds wrong with a service."""
    done = subprocess.run(["twostep", "admin", "check", "--json"], capture_output=True, text=True, timeout=60, cwd="/")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["id"] for line in lines if "severity" in line and service in line["about"] + line["what"].split(":")[0]}


@pytest.mark.parametrize("left_behind", [True, False], ids=["its socket is there", "its socket is gone"])
def test_given_an_sssd_that_does_not_run_then_prune_takes_none_of_its_users_for_deleted(stranger, directories, left_behind):
    directory = directories.at("sssd")
    directory.stop()
    directory.client.stop()
    try:
        for file in Path("/var/lib/sss/mc").iterdir():
            file.unlink()
        if not left_behind:
            Path("/var/lib/sss/pipes/nss").unlink()
        assert subprocess.run(["getent", "passwd", stranger.name], capture_output=True).returncode == 2
        done = subprocess.run(["twostep", "admin", "prune", "--yes"], capture_output=True, text=True)
        assert done.returncode == 1 and "Nothing was removed." in done.stderr
        assert stranger.file.exists()
    finally:
        directory.start()
