"""The end-to-end tests in several views at once: each view takes the next module when it is done with one.

`run-e2e` loads this where it opens more than one view. They share a pipe, $TWOSTEP_TURNS, that holds the
numbers of the modules, each once: whoever reads one runs that module.
"""

import itertools
import os

import pytest

RECORD = 4      # digits; so short a read from a pipe is whole or nothing


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    """In the place of pytest's own loop, which runs every module."""
    if session.testsfailed or session.config.option.collectonly:
        return None
    queue = tests_in_turn(modules_of(session.items))
    item = next(queue, None)
    while item is not None:
        following = next(queue, None)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.shouldfail or session.shouldstop:
            raise session.Failed(session.shouldfail or session.shouldstop)
        item = following
    return True


def modules_of(items):
    """The tests of each module, in the order of one view: a module finds what some of those before it left."""
    return [list(tests) for _, tests in itertools.groupby(items, key=lambda item: item.path)]


def tests_in_turn(modules):
    pipe = int(os.environ["TWOSTEP_TURNS"])
    while turn := os.read(pipe, RECORD):
        number = int(turn)
        if number < len(modules):
            yield from modules[number]
