"""The clock of the view: real programs see the machine's time plus two offsets.

A preloaded shim reads the offsets, so a test moves the time of sshd, sudo and su instead of
sleeping. The time since boot can be moved with the clock (time passes) or left alone (somebody
sets the clock)."""

import time
from pathlib import Path

FOLDER = Path("/run/twostep-clock")
SHIM = Path("/usr/lib/twostep-test/timeshim.so")
PRELOAD = Path("/etc/ld.so.preload")


class Clock:
    def __init__(self):
        FOLDER.mkdir(mode=0o755, exist_ok=True)
        self.realtime = FOLDER / "realtime"
        self.boottime = FOLDER / "boottime"
        for file in (self.realtime, self.boottime):
            if not file.exists():
                file.write_text("0\n")
                file.chmod(0o644)
        if not PRELOAD.exists() or str(SHIM) not in PRELOAD.read_text():
            PRELOAD.write_text(f"{SHIM}\n")
        # Python reads the clock through the shim too, if it was started under it.
        self.shimmed_here = SHIM.name in Path("/proc/self/maps").read_text()

    def now(self):
        """Seconds since 1970 as the programs of the view see them."""
        return time.time() + (0 if self.shimmed_here else self.offset())

    def uptime(self):
        """Seconds since boot as the programs of the view see them."""
        real = time.clock_gettime(time.CLOCK_BOOTTIME)
        return int(real) + (0 if self.shimmed_here else int(self.boottime.read_text()))

    def reboot(self):
        """The time since boot begins again; the clock goes on."""
        self._add(self.boottime, -self.uptime())

    def offset(self):
        return int(self.realtime.read_text())

    def advance(self, seconds):
        """Time passes: the clock and the time since boot move together."""
        self._add(self.boottime, seconds)
        self._add(self.realtime, seconds)

    def begin_step(self, period=30):
        """Time passes until phones have just shown a new code, so that none changes before it counts."""
        self.advance(period - int(self.now()) % period)

    def set_wrong(self, seconds):
        """Somebody sets the clock: it jumps by so much, and no time passes."""
        self._add(self.realtime, seconds)

    @staticmethod
    def _add(file, seconds):
        # A reader sees the old number or the new one, never half of it.
        new = file.with_suffix(".new")
        new.write_text(f"{int(file.read_text()) + int(seconds)}\n")
        new.chmod(0o644)
        new.rename(file)
