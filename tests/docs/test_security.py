"""Each promise has a test that proves it, and each test that the page names is there."""

import re
from functools import cache

import sources
from pages import DOCS, TOP, codes_in, inline_code, table_rows

PAGE = DOCS / "security.md"


@cache
def known():
    """The names of all tests, end-to-end and beside the code."""
    found = set()
    for path in (TOP / "tests").rglob("test_*.py"):
        found |= set(re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), flags=re.MULTILINE))
    for crate in (*sources.CRATES, "packaging", "fuzz"):
        for path in (TOP / crate).rglob("*.rs"):
            text = path.read_text(encoding="utf-8")
            found |= set(re.findall(r"#\[test\]\s+(?:#\[[^\]]*\]\s+)*fn (\w+)", text))
            found |= set(re.findall(r"proptest! {.*?fn (\w+)", text, flags=re.DOTALL))
    return found


def named():
    return {code for page, code in inline_code() if page == "docs/security.md" and code.count("_") >= 3}


def test_every_test_that_is_named_is_there():
    assert len(named()) > 50
    assert named() <= known(), named() - known()


def test_every_promise_names_a_test():
    rows = table_rows(PAGE, "promise")
    assert len(rows) > 20
    without = [row[0] for row in rows if not any(code in known() for code in codes_in(row[1]))]
    assert not without, without


def test_every_standard_is_met_by_something_that_is_named():
    """A row says by which setting, command, test or rule, or that it is not met."""
    rows = [*table_rows(PAGE, "section"), *table_rows(PAGE, "number"), *table_rows(PAGE, "rule")]
    assert len(rows) > 35
    assert all(len(row) == 3 and row[2] for row in rows)
