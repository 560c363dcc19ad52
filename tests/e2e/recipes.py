"""The recipes of docs/servers.md: what an administrator copies from there is what the tests run with."""

import stacks
from guide import blocks

PAGE = "docs/servers.md"


def text(kind, name):
    """The block that is marked so: `conf server=proftpd` is text("conf server", "proftpd")."""
    (block,) = [block for block in blocks(kind)[PAGE] if block.name == name]
    return block.text + "\n"


def settings(name):
    """What belongs into the configuration of a server."""
    return text("conf server", name)


def write_pam(name, service=None):
    """Writes a PAM service. Only its common-auth is one whose pam_unix does not wait after a wrong password."""
    quick = text("pam server", name).replace("@include common-auth", "@include cs-common-auth")
    (stacks.FOLDER / (service or name)).write_text(quick, encoding="utf-8")
