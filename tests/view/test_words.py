"""No sentence that a person can read stands outside the catalogues of words.

A sentence is a literal of three words or more that begins with a capital letter, or one that holds the
end of a sentence and the beginning of the next. What the log holds begins with a small letter.
"""

import re
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
CRATES = ["protocol", "core", "pam_stacks", "host_check", "transfer", "service", "pam_module", "enroll_cli"]
LITERAL = re.compile(r"""(?<!['\\])"((?:[^"\\]|\\.)*)\"""", re.DOTALL)
WORDS = re.compile(r"[A-Z][a-z]* (?:\S+ )+\S+|.*[a-z}][.?] [A-Z][a-z]* .*", re.DOTALL)

# What a flag means stands with the flag: the help, the manual pages and the completions come from there.
WITH_THE_FLAGS = ("arguments", "arguments.rs")
CATALOGUES = ("messages", "messages.rs")

# What other programs say, by which their messages are told apart.
OF_OTHERS = [r"Disabled method \"keyboard-interactive\""]


def shown(source):
    """The text of a source file without comments and tests."""
    source = re.split(r"#\[cfg\(test\)\]\nmod tests \{", source)[0]
    return re.sub(r"^\s*//.*$", "", source, flags=re.MULTILINE)


def sentences(path):
    literals = LITERAL.findall(shown(path.read_text(encoding="utf-8")))
    return [text for text in literals if WORDS.fullmatch(text)]


def sources():
    """Each source file that may hold no sentence: neither a catalogue, nor flags, nor tests."""
    for crate in CRATES:
        folder = TOP / crate / "src"
        for path in sorted(folder.rglob("*.rs")):
            inner = path.relative_to(folder)
            is_test = "tests" in inner.parts or inner.name == "tests.rs"
            if inner.parts[0] not in CATALOGUES + WITH_THE_FLAGS and not is_test:
                yield path


def elsewhere():
    for path in sources():
        yield from ((str(path.relative_to(TOP)), text) for text in sentences(path) if text not in OF_OTHERS)


def test_every_sentence_stands_in_a_catalogue():
    assert list(elsewhere()) == []


def test_the_catalogues_have_sentences():
    assert len(sentences(TOP / "core/src/messages/login.rs")) > 20
    assert len(sentences(TOP / "enroll_cli/src/messages/apply.rs")) > 20


def test_a_sentence_that_stands_elsewhere_is_found(tmp_path):
    source = tmp_path / "some.rs"
    source.write_text("""
//! "A comment is no sentence that a person can read."
let (quote, known) = ('"', "change.json");
page.say("Nothing was changed, as you wished.")?;
format!("{name} cannot be read. Check the name.")
#[cfg(test)]
mod tests {
    "A test may say what it likes."
}
""")
    assert sentences(source) == ["Nothing was changed, as you wished.", "{name} cannot be read. Check the name."]
