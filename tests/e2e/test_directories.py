"""Passwords that a directory judges and this host has not: each recipe of docs/directories.md, with the
real module and the real server."""

import os
import subprocess

import pytest

import app_passwords
import enrollment
import kerberos
import openldap
import people
import stacks
from attempts import log_in
from guide import blocks

# The first word of a recipe's name is the directory that it is for.
DIRECTORIES = {"krb5": kerberos.Server, "ldap": openldap.Server}
RECIPES = {block.name: block.text for found in blocks("pam directory").values() for block in found}
LOCAL = "account required pam_unix.so\n"
DEBIAN = "@include common-account\n"
REST = "account required pam_twostep.so\nsession required pam_permit.so\n"


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
            subprocess.run(["pam-auth-update", how, profile], check=True, capture_output=True,
                           env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})

    def stop(self):
        self.use(None)
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
    assert log_in(newcomer, newcomer.password, newcomer.password, service="cs-mail").accepted
