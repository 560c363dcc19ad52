"""A screen as SVG. Half blocks are drawn as squares, so that a QR code in a picture can be scanned; text
is stretched to its cells, whatever font the page has."""

from html import escape

THEMES = {
    "light": {"page": "#ffffff", "edge": "#d0d7de", "bar": "#f6f8fa", "text": "#1f2328", "dim": "#656d76", "green": "#1a7f37", "red": "#cf222e",
              "brown": "#9a6700", "blue": "#0969da", "cyan": "#1b7c83", "magenta": "#8250df"},
    "dark": {"page": "#0d1117", "edge": "#30363d", "bar": "#161b22", "text": "#e6edf3", "dim": "#8b949e", "green": "#3fb950", "red": "#ff7b72",
             "brown": "#d29922", "blue": "#58a6ff", "cyan": "#39c5cf", "magenta": "#bc8cff"},
}
WIDE, HIGH = 8.0, 16.0
MARGIN, BAR = 16.0, 34.0
SIZE = 13.3
FONT = "ui-monospace, SFMono-Regular, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"
# The parts of a cell that are ink: x, y, width and height in cells.
BLOCKS = {"█": (0, 0, 1, 1), "▀": (0, 0, 1, 0.5), "▄": (0, 0.5, 1, 0.5)}


def color(name, theme, usual):
    """A color by its name or its six digits."""
    if name == "default":
        return usual
    if len(name) == 6 and all(letter in "0123456789abcdef" for letter in name.lower()):
        return f"#{name}"
    return {"black": "#000000", "white": "#ffffff", **THEMES[theme]}.get(name.removeprefix("bright"), usual)


def inks(cell, theme):
    """Its ink and its ground; none where the ground is the page's."""
    ink = color(cell.fg, theme, THEMES[theme]["text"])
    ground = color(cell.bg, theme, None)
    if cell.reverse:
        ink, ground = ground or THEMES[theme]["page"], ink
    return ink, ground


def runs(row, theme):
    """Neighbors that look alike: where they begin, what they say, ink, ground, bold."""
    found = []
    for x, cell in enumerate(row):
        look = (*inks(cell, theme), cell.bold)
        if found and found[-1][2] == look:
            found[-1][1].append(cell.data or " ")
        else:
            found.append((x, [cell.data or " "], look))
    return [(x, "".join(letters), *look) for x, letters, look in found]


def box(x, y, width, height, fill):
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{fill}"/>'


def words(x, y, text, ink, bold):
    """Text in pieces without wide gaps, each as wide as its cells."""
    found, start = [], 0
    for piece in text.replace("  ", "\0\0").split("\0"):
        stripped = piece.strip()
        if stripped:
            at = x + (start + len(piece) - len(piece.lstrip())) * WIDE
            weight = ' font-weight="600"' if bold else ""
            found.append(f'<text x="{at:g}" y="{y:g}" fill="{ink}" textLength="{len(stripped) * WIDE:g}" lengthAdjust="spacingAndGlyphs"{weight}>{escape(stripped)}</text>')
        start += len(piece) + 1
    return found


def line(row, number, theme):
    top = BAR + MARGIN + number * HIGH
    grounds, inked, texts = [], [], []
    for x, text, ink, ground, bold in runs(row, theme):
        left = MARGIN + x * WIDE
        if ground:
            grounds.append(box(left, top, len(text) * WIDE, HIGH, ground))
        plain = ""
        for index, letter in enumerate(text):
            if letter in BLOCKS:
                dx, dy, width, height = BLOCKS[letter]
                inked.append(box(left + (index + dx) * WIDE, top + dy * HIGH, width * WIDE, height * HIGH, ink))
            plain += " " if letter in BLOCKS else letter
        texts += words(left, top + HIGH * 0.74, plain, ink, bold)
    return grounds, inked, texts


def svg(rows, theme, title):
    """The picture of a screen, in the frame of a window."""
    columns = max(len("".join(cell.data for cell in row).rstrip()) for row in rows)
    columns = max(columns, len(rows[0]))
    width, height = columns * WIDE + 2 * MARGIN, len(rows) * HIGH + 2 * MARGIN + BAR
    colors = THEMES[theme]
    lines = [line(row, number, theme) for number, row in enumerate(rows)]
    squares = "".join(square for grounds, inked, _ in lines for square in [*grounds, *inked])
    texts = "\n".join(text for _, _, found in lines for text in found)
    dots = "".join(f'<circle cx="{MARGIN + 4 + 20 * number:g}" cy="{BAR / 2:g}" r="6" fill="{fill}"/>' for number, fill in enumerate(("#ff5f57", "#febc2e", "#28c840")))
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img" aria-label="{escape(title)}" font-family="{FONT}" font-size="{SIZE:g}">
<rect x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}" rx="10" fill="{colors["page"]}" stroke="{colors["edge"]}"/>
<path d="M0.5 {BAR:g} V10.5 A10 10 0 0 1 10.5 0.5 H{width - 10.5:g} A10 10 0 0 1 {width - 0.5:g} 10.5 V{BAR:g} Z" fill="{colors["bar"]}" stroke="{colors["edge"]}"/>
{dots}<text x="{width / 2:g}" y="{BAR / 2 + 4.5:g}" fill="{colors["dim"]}" text-anchor="middle" font-size="12.5">{escape(title)}</text>
<g shape-rendering="crispEdges">{squares}</g>
<g xml:space="preserve">
{texts}
</g>
</svg>
"""
