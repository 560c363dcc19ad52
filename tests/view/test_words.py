"""No sentence that a person can read stands outside the catalogues of words.

A sentence is a literal of three words or more that begins with a capital letter, or one that holds the
end of a sentence and the beginning of the next. What the log holds begins with a small letter.
"""

import re
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
CRATES = ["core", "pam_module", "helper"]
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
WORDS = re.compile(r"[A-Z][a-z]* (?:\S+ )+\S+|.*[a-z}][.?] [A-Z][a-z]* .*", re.DOTALL)


def shown(source):
    """The text of a source file without comments and tests."""
    source = re.split(r"#\[cfg\(test\)\]\nmod tests \{", source)[0]
    return re.sub(r"^\s*//.*$", "", source, flags=re.MULTILINE)


def sentences(path):
    literals = LITERAL.findall(shown(path.read_text(encoding="utf-8")))
    return [text for text in literals if WORDS.fullmatch(text)]


def elsewhere():
    for crate in CRATES:
        for path in sorted((TOP / crate / "src").rglob("*.rs")):
            inner = path.relative_to(TOP / crate / "src")
            if inner.parts[0] not in ("words", "words.rs") and "tests" not in inner.parts and inner.name != "tests.rs":
                yield from ((path.relative_to(TOP), text) for text in sentences(path))


def test_every_sentence_stands_in_a_catalogue():
    assert list(elsewhere()) == []


def test_the_catalogues_have_sentences():
    assert len(sentences(TOP / "core/src/words/login.rs")) > 20
