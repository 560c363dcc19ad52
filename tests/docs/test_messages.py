"""What the guide quotes, the program says."""

import re
import shlex

import pytest

import sources
from pages import DOCS, all_blocks, prose_of, table_rows

LOGS = [(block.place, line) for block in all_blocks("text log") for line in block.text.splitlines()]
SCREENS = [(block.place, line) for block in all_blocks("text screen") for line in block.text.split("\n\n")]


@pytest.mark.parametrize("place, line", LOGS, ids=[f"{place}-{number}" for number, (place, _) in enumerate(LOGS)])
def test_a_log_line_is_one_that_the_program_writes(place, line):
    word, *rest = shlex.split(line)
    assert word in sources.events()
    known = {"reason": sources.reasons(), "rule": sources.rules(), "host_clock": sources.host_clocks()}
    for pair in rest:
        key, _, value = pair.partition("=")
        assert key in sources.pairs(), pair
        if key in known and " " not in value:
            assert value in known[key], pair
        elif key in ("reason", "error") and word != "suspended":
            assert is_said_in_pieces(value), value


def is_said_in_pieces(text):
    """The program says it, or each of the pieces that it is put together of."""
    text = text.strip()
    if sources.is_said(text):
        return True
    pieces = re.split(r"(?<=[.?!;:]) +", text)
    return len(pieces) > 1 and all(sources.is_said(piece) or sources.is_said(piece.rstrip(";.:")) for piece in pieces)


@pytest.mark.parametrize("place, text", SCREENS, ids=[f"{place}-{number}" for number, (place, _) in enumerate(SCREENS)])
def test_what_a_screen_shows_the_program_says(place, text):
    for line in text.splitlines():
        typed = re.sub(r"(?<=: )[0-9A-Za-z-]+$", "", line).strip()
        if not sources.is_said(typed):
            assert is_said_in_pieces(" ".join(text.split())), f"{place}: {text!r}"
            return


QUOTES = [row[0].strip('"') for row in table_rows(DOCS / "not-accepted.md", "it says")]


@pytest.mark.parametrize("quote", QUOTES)
def test_what_a_person_is_told_the_program_says(quote):
    assert is_said_in_pieces(quote), quote


ERRORS = [row[0].strip("`") for row in table_rows(DOCS / "troubleshooting.md", "it says")]


@pytest.mark.parametrize("error", ERRORS)
def test_the_beginning_of_an_error_is_in_the_program(error):
    pieces = [piece.strip() for piece in error.split("...")]
    assert all(piece in text_of_all() for piece in pieces), error


def text_of_all():
    return "\n".join(sources.sentences())


def test_there_is_something_to_hold_against_the_program():
    assert len(LOGS) > 5 and len(QUOTES) > 8 and len(ERRORS) > 8


def test_the_words_of_refusals_are_all_explained():
    """Each reason of a refused login has its line in the troubleshooting."""
    told = set(re.findall(r"reason=([a-z-]+)", prose_of(DOCS / "troubleshooting.md")))
    logins = {row[0].strip("`") for row in table_rows(DOCS / "log.md", "reason") if row[0].strip("`") in verdicts()}
    assert logins <= told, logins - told


def verdicts():
    return set(re.findall(r'=> "([a-z-]+)"', sources.function("core/src/verdict/describe.rs", "reason"))) \
        | set(re.findall(r'=> "([a-z-]+)"', sources.function("core/src/app_password.rs", "reason")))
