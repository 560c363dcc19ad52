"""The reference has all that the program has, and nothing else."""

import re
import tomllib

import sources
from pages import DOCS, TOP, codes_in, inline_code, table_rows

CONFIGURATION = DOCS / "configuration.md"


def sections():
    """The tables of the reference of the configuration: each key with its default, by table."""
    found, table = {}, ""
    for line in CONFIGURATION.read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"## \[+([\w.]+)\]+", line):
            table = heading[1]
        elif row := re.match(r"\| `(\w+)` \| (.*?) \|", line):
            found.setdefault(table, {})[row[1]] = row[2]
    return found


def test_every_key_of_the_configuration_is_there():
    told = {table: sorted(keys) for table, keys in sections().items()}
    assert told == {table: sorted(keys) for table, keys in sources.configuration_keys().items()}


def defaults():
    """The defaults, as the commented configuration shows them; tests of the program hold that one against the code."""
    lines = (TOP / "packaging/config.toml").read_text(encoding="utf-8").splitlines()
    is_example = False
    kept = []
    for line in lines:
        if line.startswith("#[["):
            is_example = True
        elif not line.startswith("#"):
            is_example = False
        kept += [] if is_example else [line]
    settings = [re.sub(r"^#(?=[a-z_]+ = )", "", line) for line in kept]
    return tomllib.loads("\n".join(line for line in settings if not line.startswith("#")))


def test_every_default_is_that_of_the_program():
    shipped = defaults()
    for table, keys in sections().items():
        for key, default in keys.items():
            if default.startswith("`"):
                value = tomllib.loads(f"x = {default.strip('`')}")["x"]
                assert value == (shipped[table] if table else shipped)[key], (table, key)


def test_every_option_of_the_module_is_there():
    told = {code.split("=")[0] for row in table_rows(DOCS / "module.md", "option") for code in codes_in(row[0])}
    names = re.search(r"NAMES: \[&str; \d+\] =\s*\[(.*?)\]", sources.source("protocol/src/options.rs"), flags=re.DOTALL)[1]
    assert told == set(re.findall(r'"(\w+)"', names))


def test_every_value_of_an_option_is_there():
    text = (DOCS / "module.md").read_text(encoding="utf-8")
    for name in ("mode", "charset"):
        values = re.findall(r'^ *"(\w+)" => (?:return )?Ok', sources.function("protocol/src/options.rs", name), flags=re.MULTILINE)
        assert values
        option = {"mode": "mode", "charset": "qr"}[name]
        assert set(re.findall(rf"`{option}=(\w+)`", text)) == set(values)


def first_column(page, *head):
    return {code for row in table_rows(DOCS / page, *head) for code in codes_in(row[0])}


def test_every_log_event_is_there():
    assert first_column("log.md", "event") == sources.events()


def test_every_reason_is_there():
    assert first_column("log.md", "reason") | {"wrong-clock"} == sources.reasons()


def test_every_pair_is_there():
    assert first_column("log.md", "key", "what it holds") == sources.pairs()


def test_every_rule_is_there():
    told = first_column("policy.md", "rule")
    assert told | {"enrolled", "required"} == sources.rules() | {"must-enroll"}


def test_every_exit_code_is_there():
    codes = re.findall(r"= (\d),", re.search(r"pub enum Exit {.*?^}", sources.source("enroll_cli/src/error.rs"), flags=re.MULTILINE | re.DOTALL)[0])
    assert first_column("files.md", "code") == {"0", *codes}


def test_every_file_is_where_the_program_has_it():
    installed = (TOP / "packaging/install").read_text() + (TOP / "packaging/setup-host").read_text() + (TOP / "packaging/tmpfiles.conf").read_text()
    code = sources.everything() + installed.replace("$PREFIX", "/usr").replace("$prefix", "/usr").replace("$libexec", "/usr/libexec/twostep") \
        .replace("$state", "/var/lib/twostep").replace("$run", "/run/twostep")
    for row in table_rows(DOCS / "files.md", "what", "where"):
        for path in codes_in(row[1]):
            folder, _, last = path.rpartition("/")
            last = last.rstrip("*")
            wanted = folder if last.isupper() or last.startswith("NAME") else path
            wanted = wanted.removeprefix("~/")
            assert wanted in code or (folder in code and last in code), path


def test_what_checks_finds_is_all_there():
    """The names of the findings of `admin check`."""
    text = "\n".join(text for path, text in sources.sources().items() if path.startswith("host_check/src/check"))
    found = set(re.findall(r'(?:error|warning|notice|Finding::\w+|finding)\(\s*"([a-z]+(?:-[a-z]+)+)"', text))
    assert len(found) > 20
    assert found <= first_column("checks.md", "id"), found - first_column("checks.md", "id")


def test_no_word_of_the_log_is_made_up():
    """`reason=wrong-code` in a sentence is one that the program logs."""
    known = {"reason": sources.reasons(), "rule": sources.rules() | {"must-enroll"}, "host_clock": sources.host_clocks(),
             "mode": {"code", "app_password", "ssh_key"}, "qr": {"utf8", "ascii"}}
    wrong = []
    for page, code in inline_code():
        for key, value in re.findall(r"\b(reason|rule|host_clock|mode|qr)=([a-z0-9_-]+)", code):
            if value not in known[key]:
                wrong.append(f"{page}: {key}={value}")
    assert not wrong, "\n".join(wrong)


def test_no_key_of_the_configuration_is_made_up():
    """`grace = "14d"` in a sentence is a key that the program reads."""
    keys = {key for table in sources.configuration_keys().values() for key in table}
    wrong = [f"{page}: {code}" for page, code in inline_code()
             if (found := re.fullmatch(r"(?:\[[\w.]+\] )?([a-z_]+) = [\"\[\dtf].*", code)) and found[1] not in keys]
    assert not wrong, "\n".join(wrong)
