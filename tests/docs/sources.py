"""What the program itself says: read from its source, so that the guide is held against it."""

import re
from functools import cache

from pages import TOP

CRATES = ("protocol", "core", "pam_stacks", "host_check", "transfer", "service", "pam_module", "enroll_cli")
TESTS = re.compile(r"\n#\[cfg\(test\)\]\n(?:pub )?mod \w+ \{")
TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


@cache
def sources():
    """Each file of the program, without its tests, by its path."""
    found = {}
    for crate in CRATES:
        for path in sorted((TOP / crate / "src").rglob("*.rs")):
            is_test = path.stem in ("tests", "scripted") or "tests" in path.parts
            if not is_test:
                found[str(path.relative_to(TOP))] = TESTS.split(path.read_text(encoding="utf-8"))[0]
    return found


def source(path):
    return sources()[path]


def everything():
    return "\n".join(sources().values())


def _literals(code):
    return re.findall(r'"([a-z][a-z0-9-]*)"', code)


def events():
    """The words that log lines begin with."""
    found = set(re.findall(r'(?:Line::new|\bevent|\.line)\(\s*"([a-z-]+)"', everything()))
    found |= set(re.findall(r'"([a-z-]+) reason=', everything()))
    for chosen in re.findall(r"let (?:event|word) = if [^;]*;", everything()):
        found |= set(_literals(chosen))
    found |= set(_literals(function("service/src/login.rs", "log_ended")))
    found |= set(_literals(function("core/src/verdict/describe.rs", "word")))
    assert len(found) > 20
    return found


def reasons():
    """What stands behind `reason=` where it is one word."""
    text = everything()
    found = set(re.findall(r'"reason",\s*"([a-z-]+)"', text)) | set(re.findall(r'" ?[a-z-]+ reason=([a-z-]+)"', text))
    found |= set(re.findall(r'refused\("([a-z-]+)"', source("service/src/login/enrollment.rs")))
    found |= set(_literals(function("core/src/verdict/describe.rs", "reason")))
    found |= set(_literals(function("core/src/app_password.rs", "reason")))
    found |= set(_literals(display("protocol/src/request.rs", "Refusal")))
    assert len(found) > 30
    return found


def rules():
    """What stands behind `rule=`."""
    found = set(_literals(display("core/src/policy.rs", "Rule"))) | set(_literals(display("core/src/policy.rs", "Requirement")))
    return found | set(re.findall(r'with\("rule", "([a-z-]+)"', everything()))


def pairs():
    """The keys of pairs."""
    found = set(re.findall(r'\.with(?:_some)?\(\s*"([a-z_]+)"', everything()))
    return found | set(re.findall(r"\{(?:line|pairs)\} ([a-z_]+)=", everything()))


def host_clocks():
    return set(_literals(display("protocol/src/request/parts.rs", "ClockDoubt")))


def function(path, name):
    """The text of a function, by its indentation."""
    found = re.search(rf"^( *)(?:pub )?(?:const )?fn {name}\(.*?^\1}}", source(path), flags=re.MULTILINE | re.DOTALL)
    assert found, f"{path} has no function {name}"
    return found[0]


def display(path, kind):
    """How a type is written."""
    found = re.search(rf"^impl fmt::Display for {kind} {{.*?^}}", source(path), flags=re.MULTILINE | re.DOTALL)
    assert found, f"{path} does not say how {kind} is written"
    return found[0]


def configuration_keys():
    """The keys of each table of the configuration, as the program reads them."""
    text = "".join(source(f"core/src/config{file}.rs") for file in ("", "/policy", "/app_password", "/callers"))
    tables = {"Config": "", "Totp": "totp", "ThrottleKeys": "throttle", "Recovery": "recovery", "AppPasswordConfig": "app_password",
              "Auto": "app_password.auto", "ListedCaller": "callers", "Seal": "seal", "Policy": "policy"}
    found = {}
    read = r"^#\[serde\([^\n]*deny_unknown_fields[^\n]*\)\]\npub struct (\w+) {(.*?)^}"
    for kind, body in re.findall(read, text, flags=re.MULTILINE | re.DOTALL):
        keys = re.findall(r"^    (?:pub )?(\w+):", body, flags=re.MULTILINE)
        found[tables[kind]] = [key for key in keys if key not in tables.values() and key != "auto"]
    assert set(found) == set(tables.values())
    return found


@cache
def sentences():
    """Everything the program can say, each piece as a pattern: a value stands for anything."""
    found = []
    for text in sources().values():
        for literal in TEXT.findall(re.sub(r"^ *//.*$", "", text, flags=re.MULTILINE)):
            found.append(_plain(literal))
    return found


def _plain(literal):
    literal = re.sub(r"\\\n\s*", "", literal)
    return literal.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")


def is_said(words):
    """Whether the program can say this: a sentence, or a piece of one, with values filled in."""
    squeezed = " ".join(words.split())
    return any(pattern.fullmatch(squeezed) for pattern in patterns())


@cache
def patterns():
    found = set()
    for literal in sentences():
        for piece in [literal, *re.split(r"(?<=[.?!:]) +|\n+", literal)]:
            piece = " ".join(piece.split())
            fixed = re.sub(r"\{[^}]*\}", "", piece)
            if len(re.findall(r"[A-Za-z]", fixed)) >= 8:
                parts = re.split(r"\{[^}]*\}", piece)
                found.add(".+?".join(re.escape(part) for part in parts))
    return [re.compile(pattern) for pattern in sorted(found)]
