"""A preprocessor of mdbook: the same pages are read in the repository, where they link to files
beside docs/. The book has no such files, so there these links become plain text."""

import json
import re
import sys
from pathlib import Path
from posixpath import normpath

DOCS = Path(__file__).resolve().parents[2] / "docs"
LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
# Files of the repository that are chapters under another name.
CHAPTERS = {"SECURITY.md": "security.md", "CONTRIBUTING.md": "contributing.md", "README.md": "README.md"}


def mended(text):
    """A page whose links all lead into the book or to the web."""
    def link(found):
        words, target = found.groups()
        if "://" in target or target.startswith("#"):
            return found[0]
        path, _, place = target.partition("#")
        path = CHAPTERS.get(path.removeprefix("../"), path) if not (DOCS / path).exists() else path
        # CONTRIBUTING.md is included, and its links begin at the top of the repository.
        path = normpath(path.removeprefix("docs/"))
        if path.startswith("..") or not (DOCS / path).exists():
            return words
        return f"[{words}]({path}{'#' + place if place else ''})"
    pieces = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(piece if piece.startswith("```") else LINK.sub(link, piece) for piece in pieces)


def fix(items):
    for item in items:
        chapter = item.get("Chapter") if isinstance(item, dict) else None
        if chapter:
            chapter["content"] = mended(chapter["content"])
            fix(chapter["sub_items"])


def main():
    if sys.argv[1:2] == ["supports"]:
        return
    _, book = json.load(sys.stdin)
    fix(book.get("items") or book.get("sections"))
    json.dump(book, sys.stdout)


if __name__ == "__main__":
    main()
