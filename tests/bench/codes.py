"""Verification codes (RFC 6238), made here: a generator in a process of its own would take longer than
the logins that are measured."""

import base64
import hashlib
import hmac
import time

PERIOD = 30
DIGITS = 6
# Every step around now in which a module may look for a code that came at another time.
NEAR = 130
# A code is given this long before its step ends, at least.
MARGIN = 3


class Device:
    """What shows codes."""

    def __init__(self, key):
        self.key = key

    @classmethod
    def of(cls, secret):
        return cls(base64.b32decode(secret + "=" * (-len(secret) % 8)))

    def code(self, step):
        digest = hmac.new(self.key, step.to_bytes(8, "big"), hashlib.sha1).digest()
        start = digest[-1] & 15
        number = int.from_bytes(digest[start:start + 4], "big") & 0x7FFFFFFF
        return f"{number % 10 ** DIGITS:0{DIGITS}}"

    def right(self):
        stay_clear()
        return self.code(step())

    def wrong(self):
        """A code that no step near now has."""
        near = {self.code(step() + offset) for offset in range(-NEAR, NEAR + 1)}
        return next(code for code in (f"{n:0{DIGITS}}" for n in range(10 ** DIGITS)) if code not in near)


def step():
    return int(time.time()) // PERIOD


def stay_clear():
    """Waits where the step is about to end: its code would be judged in the next one."""
    left = PERIOD - time.time() % PERIOD
    if left < MARGIN:
        time.sleep(left + 0.05)


def next_step():
    """Waits until devices show a code that was never given."""
    time.sleep(PERIOD - time.time() % PERIOD + 0.05)
