"""Running a script in a view of its own, for the tests of the view and of the installation."""

import os
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
ENTER = HERE / "enter"


def in_view(script, **options):
    """Runs a bash script as root in a new view. Its output is what it printed, errors included."""
    names = ("PATH", "LANG", "BUILT", "CARGO_TARGET_DIR")
    environment = {name: os.environ[name] for name in names if name in os.environ}
    environment["TOP"] = str(TOP)
    return subprocess.run([ENTER, "bash", "-uc", script], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                          env=environment, cwd=TOP, **options)


def lines(script):
    """The lines that a script prints. It must succeed."""
    done = in_view(script)
    assert done.returncode == 0, done.stdout
    return done.stdout.splitlines()
