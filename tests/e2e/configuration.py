"""The configuration file of the view."""

from pathlib import Path

FILE = Path("/etc/twostep/config.toml")
LAST_GOOD = Path("/var/lib/twostep/config.last-good")


def text_of(**tables):
    """TOML of the tables, e.g. totp={"digits": 8}."""
    lines = ["version = 1"]
    for table, keys in tables.items():
        lines.append(f"[{table}]")
        lines += [f"{key} = {_value(value)}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"


def write(**tables):
    write_text(text_of(**tables))


def write_text(text):
    new = FILE.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.chmod(0o644)
    new.rename(FILE)


def _value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return str(value)
