"""The recipes for sshd in the guide: each started as a real sshd, and tried with each way to come."""

import pytest

import sshd
from guide import blocks

METHODS = "publickey,keyboard-interactive,password"


def named(kind):
    return {block.name: block for found in blocks(kind).values() for block in found}


SETTINGS, STACKS = named("conf sshd"), named("pam sshd")

# What each recipe takes: the way one comes, and whether that gets in. K: a key, P: the password, C: a code, PC: both in one answer.
WAYS = {
    "password-code": {"PC": False, "P C": True, "K": False, "K C": False, "P": False},
    "key-or-password": {"P C": True, "K C": True, "K": False, "P": False, "K P": False},
    "key-code": {"K C": True, "K": False, "P C": False, "C": False},
    "key-password-code": {"K P C": True, "K C": False, "P C": False, "K P": False},
    "key-alone": {"K": True, "P C": True, "P": False},
    "one-answer": {"PC": True, "P": False, "K": False},
}


def test_given_the_recipes_then_each_is_tried():
    assert set(STACKS) == set(WAYS)
    assert set(SETTINGS) - set(STACKS) == {"", "automation"}, "one for all, and one that test_automation.py tries"


def keywords(text):
    return {line.split()[0]: line for line in text.splitlines()}


@pytest.fixture(params=WAYS)
def recipe(request, view):
    stack = STACKS[request.param].text.replace("@include common-auth", "@include cs-common-auth").replace("pam_unix.so use", "pam_unix.so nodelay use")
    settings = {**keywords(SETTINGS[""].text), **keywords(SETTINGS[request.param].text)}
    server = sshd.Server(f"{stack}\naccount required pam_unix.so\naccount required pam_twostep.so\nsession required pam_permit.so\n",
                         kbdint=settings.pop("KbdInteractiveAuthentication").split()[1],
                         password=settings.pop("PasswordAuthentication").split()[1],
                         more="\n".join(line for word, line in settings.items() if word != "UsePAM"))
    yield request.param, server
    server.stop()


def test_given_a_recipe_then_the_right_ways_alone_get_in(recipe, enrolled):
    name, server = recipe
    key = sshd.make_key(enrolled.person)
    for way, gets_in in WAYS[name].items():
        answers = {"P": enrolled.person.password, "C": enrolled.phone.fresh, "PC": lambda: enrolled.person.password + enrolled.phone.fresh()}
        steps = way.split()
        login = sshd.log_in(server, enrolled.person, *[answers[step] for step in steps if step != "K"],
                            methods=METHODS, key=key if "K" in steps else None)
        assert login.entered == gets_in, (name, way, login.prompts, login.output)


def test_given_a_recipe_then_who_has_not_enrolled_needs_the_first_step_alone(recipe, person):
    name, server = recipe
    first = {"password-code": "P", "key-or-password": "P", "key-code": "K", "key-password-code": "K P", "key-alone": "P", "one-answer": "P"}[name]
    login = sshd.log_in(server, person, *[person.password for step in first.split() if step == "P"], methods=METHODS,
                        key=sshd.make_key(person) if "K" in first else None)
    assert login.entered, (name, login.output)
