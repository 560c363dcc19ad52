"""The pages of the guide as the tests read them: code blocks with what their first line says of them,
tables, inline code, headings."""

import re
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
DOCS = TOP / "docs"

FENCE = re.compile(r"^```(.*)$")
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


@dataclass(frozen=True)
class Block:
    """A code block. The words behind its language say what a test does with it."""

    page: str
    line: int
    language: str
    words: tuple
    text: str

    @property
    def kind(self):
        """`sh alice`, `text log`, `pam sshd=key-code` (as `pam sshd`)."""
        return " ".join([self.language, self.words[0].partition("=")[0] if self.words else ""]).strip()

    @property
    def name(self):
        """What stands behind the = of the first word."""
        return self.words[0].partition("=")[2] if self.words else ""

    @property
    def place(self):
        return f"{self.page}:{self.line}"

    def commands(self):
        """Its lines, without comments; a line that ends with a backslash goes on."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [line for line in lines if line.strip() and not line.startswith("#")]


def guide():
    """The pages, without the list of chapters; and the README."""
    pages = sorted(path for path in DOCS.rglob("*.md") if path.name != "SUMMARY.md")
    return [*pages, TOP / "README.md"]


def name_of(path):
    return str(path.relative_to(TOP))


def blocks_of(path):
    found, opened, lines = [], None, []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fence = FENCE.match(line.strip() if opened is None else line.strip())
        if fence and opened is None:
            opened, lines = (number, fence[1].split()), []
        elif fence:
            at, words = opened
            found.append(Block(name_of(path), at, words[0] if words else "", tuple(words[1:]), "\n".join(lines)))
            opened = None
        elif opened is not None:
            lines.append(line)
    assert opened is None, f"{name_of(path)}: a block is not closed"
    return found


def all_blocks(kind=None):
    found = [block for path in guide() for block in blocks_of(path)]
    return [block for block in found if kind is None or block.kind == kind]


def prose_of(path):
    """A page without its code blocks and comments."""
    text = re.sub(r"^ *```.*?^ *```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)


def inline_code():
    """Every piece of inline code, with its page."""
    return [(name_of(path), code.replace("\\|", "|")) for path in guide() for code in INLINE.findall(prose_of(path))]


def table_rows(path, *head):
    """The rows of all tables of a page whose first line begins with these cells."""
    rows, inside = [], False
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            inside = False
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
        if tuple(cells[:len(head)]) == head:
            inside = True
        elif inside and not set(line) <= set("|-: "):
            rows.append(cells)
    return rows


def codes_in(cell):
    return INLINE.findall(cell)


def anchors_of(path):
    """The anchors of a page's headings, as both GitHub and mdbook make them."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", prose_of(path), flags=re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
        found.add(re.sub(r"[^\w -]", "", plain).replace(" ", "-"))
    return found
