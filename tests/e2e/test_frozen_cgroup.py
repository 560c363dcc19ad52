"""Logins in a cgroup whose owner freezes it: whoever judges them is out of it before the lock."""

import os
import random
import subprocess
import time

import pytest

import cgroups
from attempts import BUILT, log_in

AT_ONCE, ROUNDS = 8, 12
STRANGER, VICTIM = "198.51.100.7", "203.0.113.9"
# By then a login that was let go is over, however slow (s).
OVER = 0.04


@pytest.fixture(params=cgroups.hierarchies(), ids=lambda folder: folder.name)
def group(request):
    if not os.access(request.param, os.W_OK):
        pytest.skip("the cgroups of this machine belong to somebody else")
    with cgroups.new(request.param) as made:
        yield made


def test_given_logins_whose_cgroup_is_frozen_then_their_code_counts_once_and_the_next_one_gets_in(
        enroll_another, clock, group):
    chances, accepted = random.Random(0), []
    for _ in range(ROUNDS):
        somebody = enroll_another()
        code = somebody.phone.fresh()
        line = [str(BUILT / "race"), "-g", "-s", "cs-code"]
        line += [word for number in range(AT_ONCE) for word in (somebody.name, f"{STRANGER}{number}", code)]
        race = subprocess.Popen(group.command(*line), stdout=subprocess.PIPE, text=True, cwd="/")
        assert race.stdout.readline() == "gate\n"
        time.sleep(chances.random() * OVER)
        group.freeze()
        assert log_in(somebody, somebody.phone.fresh(), rhost=VICTIM, timeout=15).accepted
        group.thaw()
        out, _ = race.communicate(timeout=120)
        accepted.append(out.split().count("0") + log_in(somebody, code, rhost=VICTIM).accepted)
        clock.advance(90)
    assert max(accepted) == 1
