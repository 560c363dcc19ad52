"""links.py BOOK: every link inside the built book leads to a page, a file or a heading of it."""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote


class Page(HTMLParser):
    """What a page links to, and the places in it that can be linked to."""

    def __init__(self, path):
        super().__init__()
        self.links, self.places = [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("id", "name"):
                self.places.add(value)
            elif value and (name in ("href", "src") or name == "srcset"):
                self.links.append(value)


def leads_nowhere(path, link, pages):
    if "://" in link or link.startswith(("data:", "mailto:", "javascript:")):
        return False
    file, _, place = unquote(link).partition("#")
    target = (path.parent / file).resolve() if file else path
    if target.is_dir():
        target = target / "index.html"
    if not target.exists():
        return True
    return bool(place) and target in pages and place not in pages[target].places


def main():
    book = Path(sys.argv[1]).resolve()
    pages = {path: Page(path) for path in book.rglob("*.html")}
    # One page with all chapters, and one for what is not found, hold the same links once more.
    read = {path: page for path, page in pages.items() if path.name not in ("print.html", "404.html", "toc.html")}
    broken = [f"{path.relative_to(book)}: {link}" for path, page in read.items() for link in page.links if leads_nowhere(path, link, pages)]
    print("\n".join([*broken, f"{len(read)} pages, {sum(len(page.links) for page in read.values())} links, {len(broken)} of them lead nowhere"]))
    return 1 if broken or len(read) < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
