"""A hardware token that counts (HOTP): codes from oathtool, its key in hexadecimal."""

import subprocess

KEY = "3132333435363738393031323334353637383930"


class Token:
    """Every press of its button shows the next code."""

    def __init__(self, key=KEY, counter=0):
        self.key, self.counter = key, counter

    def at(self, counter):
        """The code of a counter, whoever pressed the button."""
        out = subprocess.run(["oathtool", "--hotp", f"--counter={counter}", self.key],
                             check=True, capture_output=True, text=True)
        return out.stdout.strip()

    def press(self, times=1):
        """The code that it shows after so many presses."""
        self.counter += times
        return self.at(self.counter - 1)
