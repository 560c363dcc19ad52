"""QR codes as a camera sees them: drawn in a terminal or in a picture, read by zbarimg."""

import re
import subprocess

# What each block character shows in the upper and the lower half of its cell.
HALVES = {" ": (0, 0), "█": (1, 1), "▀": (1, 0), "▄": (0, 1)}
QUIET = 4       # light modules around the code
SCALE = 8       # pixels a module


def from_terminal(text):
    """What the QR code says that a program drew with half blocks or with `#` and spaces."""
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line).rstrip("\r") for line in text.split("\n")]
    for rows in (half_block_rows(lines), ascii_rows(lines)):
        for dark in (1, 0):     # light on dark, or dark on light
            said = read_bitmap([[int(cell == dark) for cell in row] for row in rows]) if rows else None
            if said:
                return said
    return None


def half_block_rows(lines):
    rows = []
    for line in lines:
        if any(cell in line for cell in "█▀▄") and set(line) <= set(HALVES):
            rows.append([HALVES[cell][0] for cell in line])
            rows.append([HALVES[cell][1] for cell in line])
    return rows


def ascii_rows(lines):
    """Two characters a module."""
    drawn = [line for line in lines if line.count("#") >= 14 and set(line) <= set("# ")]
    return [[int(cell == "#") for cell in line[::2]] for line in drawn]


def read_bitmap(rows):
    width = max(map(len, rows))
    light = bytes([255])
    edge = [light * ((width + 2 * QUIET) * SCALE)] * (QUIET * SCALE)
    lines = list(edge)
    for row in rows:
        cells = row + [0] * (width - len(row))
        middle = b"".join((b"\0" if cell else light) * SCALE for cell in cells)
        lines += [light * (QUIET * SCALE) + middle + light * (QUIET * SCALE)] * SCALE
    lines += edge
    header = b"P5 %d %d 255\n" % (len(lines[0]), len(lines))
    return zbarimg("pgm:-", header + b"".join(lines))


def from_svg(path):
    png = subprocess.run(["rsvg-convert", "--width=600", "--background-color=white", path],
                         check=True, capture_output=True).stdout
    return zbarimg("png:-", png)


def zbarimg(name, image):
    done = subprocess.run(["zbarimg", "-q", "--raw", "-Sdisable", "-Sqrcode.enable", name],
                          input=image, capture_output=True)
    return done.stdout.decode().rstrip("\n") or None
