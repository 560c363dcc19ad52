"""docs/faults.md names tests that are there."""

import re
from pathlib import Path

TOP = Path(__file__).parent.parent.parent
ROW = re.compile(r"^\| (\d+) \|", re.MULTILINE)
TEST = re.compile(r"`([\w/.]+\.(?:py|rs))::(\w+)`")
DEFINITION = {".py": "def {}(", ".rs": "fn {}("}


def text():
    return (TOP / "docs/faults.md").read_text(encoding="utf-8")


def test_given_the_map_then_each_fault_has_a_test():
    rows = [line for line in text().splitlines() if ROW.match(line)]
    assert [int(ROW.match(row).group(1)) for row in rows] == list(range(1, 22))
    assert [row for row in rows if not TEST.search(row)] == []


def test_given_the_map_then_each_test_that_it_names_is_there():
    named = TEST.findall(text())
    assert len(named) == text().count("::")
    missing = [f"{file}::{name}" for file, name in named
               if DEFINITION[Path(file).suffix].format(name) not in (TOP / file).read_text(encoding="utf-8")]
    assert missing == []
