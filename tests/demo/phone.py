"""Alice's phone: it reads the QR code from the screen and shows codes, as any phone would.

zbarimg decodes the picture and oathtool computes the codes. Neither knows anything of Twostep."""

import re
import subprocess
from urllib.parse import parse_qs, unquote, urlsplit

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# A line of the drawing: half blocks, each two dots high and one wide.
DRAWN = re.compile(r" *[█▀▄ ]{20,}")
SCALE = 4
MARGIN = 4


def photograph(screen):
    """The rows of dots on a screen; True where there is ink."""
    lines = [line.rstrip("\r") for line in ESCAPES.sub("", screen).split("\n")]
    lines = [line for line in lines if DRAWN.fullmatch(line)]
    width = max(map(len, lines), default=0)
    rows = []
    for line in lines:
        line = line.ljust(width)
        rows.append([letter in "█▀" for letter in line])
        rows.append([letter in "█▄" for letter in line])
    return rows


def bitmap(rows, ink_is_black):
    """A picture in the plain text format of netpbm, with a light margin."""
    width = len(rows[0]) + 2 * MARGIN
    light = [[False] * width] * MARGIN
    side = [False] * MARGIN
    dots = light + [side + [dot == ink_is_black for dot in row] + side for row in rows] + light
    lines = [" ".join("1 " * SCALE if dot else "0 " * SCALE for dot in row) for row in dots]
    pixels = "\n".join(line for line in lines for _ in range(SCALE))
    return f"P1 {width * SCALE} {len(dots) * SCALE}\n{pixels}\n"


def read_qr_code(screen):
    """The text of the QR code drawn on a screen, or None."""
    rows = photograph(screen)
    for ink_is_black in (True, False) if rows else ():
        done = subprocess.run(
            ["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", "pbm:-"],
            input=bitmap(rows, ink_is_black), capture_output=True, text=True)
        if done.stdout.strip():
            return done.stdout.strip()
    return None


class Phone:
    def __init__(self, uri):
        address = urlsplit(uri)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        self.title = unquote(address.path.lstrip("/"))
        self.secret = query["secret"]
        self.algorithm = query.get("algorithm", "SHA1")
        self.digits = query.get("digits", "6")
        self.period = query.get("period", "30")

    def code(self):
        """What it shows now, by the clock of the view."""
        return self._codes(0)[0]

    def wrong_code(self):
        """A code that it does not show in the hours around now."""
        near = set(self._codes(500) + self._codes(500, "4 hours ago"))
        candidates = (f"{number:0{self.digits}d}" for number in range(123456, 999999))
        return next(code for code in candidates if code not in near)

    def _codes(self, window, now="now"):
        return subprocess.run(
            ["oathtool", f"--totp={self.algorithm}", f"--digits={self.digits}",
             f"--time-step-size={self.period}s", f"--now={now}", f"--window={window}",
             "--base32", self.secret],
            check=True, capture_output=True, text=True).stdout.split()
