"""Crates rest only on those below them, and the modules of a crate do not import each other in a circle."""

import re
import tomllib
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]

# Each crate rests only on those above it in this list.
FLOORS = ["protocol", "sys", "pam_client", "core", "pam_stacks", "transfer", "host_check", "service", "enroll_cli"]
WITHOUT_CIRCLES = ["pam_stacks", "transfer", "host_check", "enroll_cli"]

TESTS = re.compile(r"#\[cfg\(test\)\]\s*(?:pub )?mod \w+ \{")
IMPORT = re.compile(r"^\s*(pub(?:\([^)]*\))? )?use ([^;]+);", re.MULTILINE)
PATH = re.compile(r"(?<![\w:])\w+(?:::\w+)+")


def rests_on(crate):
    """The crates of this workspace that a crate needs when it is built."""
    needs = tomllib.loads((TOP / crate / "Cargo.toml").read_text(encoding="utf-8"))["dependencies"]
    return {name.removeprefix("twostep-") for name in needs} & set(FLOORS)


def spread(tree):
    """The paths of an import: `a::{b, c::d}` is `a::b` and `a::c::d`."""
    head, brace, rest = tree.partition("{")
    if not brace:
        return [tree.split(" as ")[0].strip()] if tree.strip() else []
    parts, depth = [""], 0
    for letter in rest.rpartition("}")[0]:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        parts = parts + [""] if letter == "," and not depth else parts[:-1] + [parts[-1] + letter]
    return [head.strip() + path for part in parts for path in spread(part)]


def modules(folder):
    """The text of each module without comments and tests, by its path; that of the crate itself is the empty one."""
    found = {}
    for path in folder.rglob("*.rs"):
        name = path.relative_to(folder).with_suffix("").parts
        if name[-1] not in ("tests", "scripted", "main"):
            text = re.sub(r"//.*", "", path.read_text(encoding="utf-8"))
            found[() if name == ("lib",) else name] = TESTS.split(text)[0]
    return found


def target(texts, start, path):
    """The module that a path leads to from a module, also where another one passes the item on."""
    at = start
    for index, name in enumerate(path):
        if at + (name,) not in texts:
            passed_on = [tree for public, tree in IMPORT.findall(texts.get(at, "")) if public]
            for other in (one.split("::") for tree in passed_on for one in spread(tree)):
                if other[-1] == name and len(other) > 1 and other[0] != "crate" and at + (other[0],) in texts:
                    return target(texts, at, other)
            return at
        at += (name,)
    return at


def arrows(texts):
    """The modules that each module names."""
    found = {}
    for module, text in texts.items():
        paths = [path for public, tree in IMPORT.findall(text) if not public for path in spread(tree)]
        paths = [path.split("::") for path in paths + PATH.findall(IMPORT.sub("", text))]
        ends = set()
        for path in paths:
            base = () if path[0] == "crate" else module
            while path and path[0] in ("crate", "super", "self"):
                base = base[:-1] if path[0] == "super" else base
                path = path[1:]
            ends.add(target(texts, base, path))
        found[module] = ends - {module}
    return found


def in_circles(folder):
    """The modules that name each other in a circle, and those between two circles."""
    left = arrows(modules(folder))
    while True:
        named = set().union(*left.values()) if left else set()
        inner = {module: ends & set(left) for module, ends in left.items() if ends & set(left) and module in named}
        if inner == left:
            return sorted("::".join(module) or "lib" for module in left)
        left = inner


def test_no_crate_rests_on_one_above_it():
    for floor, crate in enumerate(FLOORS):
        assert rests_on(crate) <= set(FLOORS[:floor]), crate
    assert rests_on("pam_module") == {"protocol"}
    assert rests_on("host_check") >= {"core", "pam_stacks"} and rests_on("enroll_cli") >= {"host_check", "transfer"}


def floors_of_core():
    """The modules of `core` in the order of docs/architecture.md: each uses only those behind it."""
    page = (TOP / "docs/architecture.md").read_text(encoding="utf-8")
    table = page.split("| modules of `core` |")[1].split("\n\n")[0]
    return [name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])]


def test_the_modules_of_core_use_only_those_below_them():
    floors, used = floors_of_core(), {}
    for module, ends in arrows({name: text for name, text in modules(TOP / "core/src").items() if "tests" not in name}).items():
        used.setdefault(module[:1], set()).update(end[0] for end in ends if end)
    assert set(floors) == {module[0] for module in used if module} and len(floors) > 15
    for place, module in enumerate(floors):
        assert used[(module,)] - {module} <= set(floors[place + 1:]), module


def test_no_modules_import_each_other_in_a_circle():
    for crate in WITHOUT_CIRCLES:
        assert in_circles(TOP / crate / "src") == [], crate


def test_a_circle_is_found(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "lib.rs").write_text("mod a;\nmod d;\n\nuse a::One;\n")
    (tmp_path / "a.rs").write_text("mod b;\nmod c;\n\npub use c::Three;\nuse b::Two;\n")
    (tmp_path / "a" / "b.rs").write_text("use super::Three;\n")
    (tmp_path / "a" / "c.rs").write_text("use crate::{\n    d::Four,\n};\n")
    (tmp_path / "d.rs").write_text("// use crate::a::c;\n")
    assert in_circles(tmp_path) == []
    (tmp_path / "d.rs").write_text("fn f() {\n    crate::a::Three::new();\n}\n")
    assert in_circles(tmp_path) == ["a::c", "d"]
    (tmp_path / "d.rs").write_text("#[cfg(test)]\nmod tests {\n    use crate::a::Three;\n}\n")
    (tmp_path / "a" / "b.rs").write_text("use super::One;\n")
    assert in_circles(tmp_path) == ["a", "a::b"]
