"""No link of the guide leads nowhere, and each page can be reached."""

import re

import pytest

from pages import DOCS, TOP, anchors_of, guide, name_of, prose_of

LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"")
SUMMARY = DOCS / "SUMMARY.md"


def links_of(path):
    return [first or second for first, second in LINK.findall(re.sub(r"`[^`\n]*`", "", prose_of(path)))]


@pytest.mark.parametrize("path", [*guide(), SUMMARY, TOP / "CONTRIBUTING.md", TOP / "SECURITY.md"], ids=name_of)
def test_every_link_leads_somewhere(path):
    for link in links_of(path):
        if "://" in link or link.startswith("mailto:"):
            continue
        file, _, place = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), f"{name_of(path)}: {link}"
        if place:
            assert place in anchors_of(target), f"{name_of(path)}: {link}"


def test_every_page_is_a_chapter():
    chapters = {(DOCS / link).resolve() for link in links_of(SUMMARY)}
    pages = {path.resolve() for path in guide() if path.is_relative_to(DOCS)}
    assert chapters == pages, pages ^ chapters
