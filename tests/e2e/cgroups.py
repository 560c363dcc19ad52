"""A cgroup of a test's own, of the kind that its owner can freeze."""

from contextlib import contextmanager
from pathlib import Path

import service

FOLDERS = [Path("/sys/fs/cgroup/freezer"), Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")]
NAME = "twostep-test"


def hierarchies():
    """Those of this machine whose cgroups can be frozen, of either version (cgroups(7))."""
    return [folder for folder in FOLDERS if (folder / "cgroup.procs").exists()]


class Cgroup:
    def __init__(self, folder):
        self.folder = folder
        is_second = not (folder / "freezer.state").exists()
        self.file, self.frozen, self.thawed = (
            ("cgroup.freeze", "1", "0") if is_second else ("freezer.state", "FROZEN", "THAWED"))

    def command(self, *words):
        """The command line that runs `words` in it."""
        return ["sh", "-c", f'echo $$ > {self.folder}/cgroup.procs && exec "$@"', "sh", *words]

    def freeze(self):
        (self.folder / self.file).write_text(self.frozen, encoding="ascii")

    def thaw(self):
        (self.folder / self.file).write_text(self.thawed, encoding="ascii")


@contextmanager
def new(hierarchy):
    folder = hierarchy / NAME
    folder.mkdir()
    group = Cgroup(folder)
    try:
        yield group
    finally:
        group.thaw()
        service.wait_for(lambda: not (folder / "cgroup.procs").read_text(encoding="ascii"))
        folder.rmdir()
