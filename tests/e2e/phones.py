"""The phone of a person: codes from oathtool, a generator that shares nothing with Twostep."""

import subprocess
from urllib.parse import parse_qs, unquote, urlsplit


class Phone:
    def __init__(self, uri, clock):
        self.uri = uri
        self.clock = clock
        address = urlsplit(uri)
        query = {key: values[0] for key, values in parse_qs(address.query).items()}
        self.label = unquote(address.path.lstrip("/"))
        self.issuer = query.get("issuer")
        self.secret = query["secret"]
        self.algorithm = query.get("algorithm", "SHA1")
        self.digits = int(query.get("digits", "6"))
        self.period = int(query.get("period", "30"))
        self.last_shown = None

    def step(self):
        return int(self.clock.now()) // self.period

    def codes(self, first_step, count=1):
        """The codes of `count` steps, oldest first."""
        out = subprocess.run(
            ["oathtool", f"--totp={self.algorithm}", f"--digits={self.digits}",
             f"--time-step-size={self.period}s", f"--now=@{first_step * self.period}",
             f"--window={count - 1}", "--base32", self.secret],
            check=True, capture_output=True, text=True)
        return out.stdout.split()

    def code(self, offset=0):
        """What the phone shows, `offset` steps from now."""
        step = self.step() + offset
        self.last_shown = max(step, self.last_shown or step)
        return self.codes(step)[0]

    def fresh(self):
        """A code that was never shown before. Time passes until the phone has one."""
        if self.last_shown is not None and self.step() <= self.last_shown:
            next_step = (self.last_shown + 1) * self.period
            self.clock.advance(int(next_step - self.clock.now()) + 1)
        return self.code()

    def wrong(self, number=0):
        """A well-formed code that no step near now has."""
        near = set(self.codes(self.step() - 100, 201))
        candidates = (f"{n:0{self.digits}d}" for n in range(10 ** self.digits - 1, 0, -1))
        return next(c for i, c in enumerate(c for c in candidates if c not in near) if i == number)
