"""`twostep admin check` on servers that do not leave a login to PAM. Each real server says by a login whether
what is found is so. Pure-FTPd, which Debian has beside no other FTP server, is not run: unit tests read its files."""

import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

import app_passwords
import configuration
import cups
import dovecot
import proftpd
import recipes
import saslauthd
import servers
import service
import stacks
import terminals
from checks import GOOD, expect, found, host, rehearse  # noqa: F401 - host is for every test

# The recipe's account password is refused by PAM where somebody is enrolled, so it gets in only beside PAM.
APP_PASSWORDS = stacks.APP_PASSWORD


@contextmanager
def running(server):
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def text_of(path, text):
    """A file with this text, and afterwards as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_bytes() if path.exists() else None
    path.write_text(text)
    try:
        yield
    finally:
        path.unlink() if before is None else path.write_bytes(before)


def found_ids():
    return set(found(("error", "warning", "notice"))[0])


ADDRESSES = "UseReverseDNS off\n"
HOST = "<VirtualHost 127.0.5.7>\n  Port 21\n{order}</VirtualHost>\n"
ORDER = "AuthOrder mod_auth_pam.c* mod_auth_unix.c\n"

# What is below Debian's own settings, the address that is logged in at, and whether the account's password gets in.
ORDERS = {
    "Debian's": ("", servers.HERE, True),
    "for all": (f"<Global>\n{ORDER}</Global>\n", servers.HERE, False),
    "PAM may be passed by": (ORDER.replace("*", ""), servers.HERE, True),
    "PAM is named last": ("AuthOrder mod_auth_unix.c mod_auth_pam.c*\n", servers.HERE, False),
    "PAM alone": ("AuthOrder mod_auth_pam.c\n", servers.HERE, False),
    "without PAM": ("AuthOrder mod_auth_unix.c\n", servers.HERE, True),
    "PAM is off": (f"AuthPAM off\n{ORDER}", servers.HERE, True),
    "a virtual host without an order": (ORDER + HOST.format(order=""), servers.DESK, True),
    "a virtual host with its own": (ORDER + HOST.format(order=ORDER), servers.DESK, False),
    "a module that is there": (f"<IfModule mod_auth_pam.c>\n{ORDER}</IfModule>\n", servers.HERE, False),
    "a module that is there, negated": (f"<IfModule !mod_auth_pam.c>\n{ORDER}</IfModule>\n", servers.HERE, True),
}


@pytest.mark.parametrize("settings, address, enters", ORDERS.values(), ids=ORDERS.keys())
def test_given_an_order_of_proftpd_then_it_is_found_where_the_password_alone_gets_in(enrolled, settings, address, enters):
    proftpd.install()
    stacks.write("proftpd", APP_PASSWORDS)
    with running(proftpd.Server(ADDRESSES + settings)) as ftp:
        assert ftp.log_in(enrolled.person, enrolled.person.password, host=address).entered == enters
        assert ("password-beside-pam" in found_ids()) == enters
        if enters:
            expect("password-beside-pam", "error", "AuthOrder mod_auth_pam.c* mod_auth_unix.c")
            rehearsal, _ = rehearse(enrolled.person, "--service", "proftpd")
            assert rehearsal["outcome"].split(" But ")[-1].startswith("ProFTPD "), rehearsal


@pytest.mark.parametrize("settings, rhost", [("", "localhost"), (ADDRESSES, servers.HERE)])
def test_given_a_proftpd_that_looks_names_up_then_it_is_found(enrolled, journal, settings, rhost):
    proftpd.install()
    stacks.write("proftpd", APP_PASSWORDS)
    with running(proftpd.Server(settings + ORDERS["for all"][0])) as ftp:
        assert not ftp.enters(enrolled, enrolled.person.password)
        journal.find("service=proftpd", f"rhost={rhost}")
        assert ("address-is-a-name" in found_ids()) == (rhost != servers.HERE)


CUPS = Path("/etc/cups/cupsd.conf")
PRINTING = """\
Port {port}
ServerAlias *
DefaultAuthType Basic
DefaultEncryption Never
HostNameLookups {lookups}
<Location />
  Order allow,deny
  Allow all
</Location>
<Location /admin/log>
  AuthType Default
  Require user @SYSTEM
  Allow all
</Location>
"""
# CUPS calls every address of the loopback by one name, whatever its settings.
PRINTER, NAMES = "192.0.2.5", "192.0.2.5 desk.example.org\n"


@pytest.mark.parametrize("lookups, rhost", [("On", "desk.example.org"), ("Off", PRINTER)])
def test_given_a_cups_that_looks_names_up_then_it_is_found(enrolled, journal, lookups, rhost):
    stacks.write("cups", APP_PASSWORDS)
    subprocess.run(["ip", "address", "replace", f"{PRINTER}/32", "dev", "lo"], check=True)
    hosts = Path("/etc/hosts")
    with text_of(hosts, hosts.read_text() + NAMES), text_of(CUPS, PRINTING.format(port=cups.PORT, lookups=lookups)), running(cups.Server()):
        address = f"http://{PRINTER}:{cups.PORT}/admin/log/error_log"
        subprocess.run(["curl", "--silent", "--interface", PRINTER, "--basic", "--user", f"{enrolled.name}:wrong", address],
                       stdout=subprocess.DEVNULL, check=True, timeout=60)
        journal.find("service=cups", f"rhost={rhost}")
        assert ("address-is-a-name" in found_ids()) == (rhost != PRINTER)


DOVECOT = Path("/etc/dovecot/dovecot.conf")
PAM = "passdb {{\n  driver = pam\n  args = *\n{more}}}\n"
FILE = "passdb {{\n  driver = passwd-file\n  args = scheme=PLAIN {folder}/users\n{more}}}\n"
PASSDBS = {
    "PAM alone": ((PAM, ""), False),
    "behind PAM": ((PAM, ""), (FILE, ""), True),
    "before PAM": ((FILE, ""), (PAM, ""), True),
    "behind PAM whose refusal ends it": ((PAM, "  result_failure = return-fail\n"), (FILE, ""), False),
    "one that denies": ((FILE, "  deny = yes\n"), (PAM, ""), False),
    "one that lets go on": ((FILE, "  result_success = continue\n"), (PAM, ""), False),
    "one for masters": ((FILE, "  master = yes\n"), (PAM, ""), False),
}


@contextmanager
def imap(monkeypatch, passdbs, more=""):
    """Dovecot with these databases, in the file where administrators have them."""
    text = "".join(one.replace("{more}", settings).replace("{{", "{").replace("}}", "}").replace("{folder}", str(dovecot.FOLDER))
                   for one, settings in passdbs) + more
    text = text.replace("{", "{{").replace("}", "}}")
    monkeypatch.setattr(dovecot, "CONFIG", dovecot.CONFIG.replace("{recipe}\n", text))
    with running(dovecot.Server()) as server, text_of(DOVECOT, (dovecot.FOLDER / "dovecot.conf").read_text()):
        yield server


@pytest.mark.parametrize("case", PASSDBS.values(), ids=PASSDBS.keys())
def test_given_databases_of_dovecot_then_one_beside_pam_is_found_where_its_password_gets_in(enrolled, monkeypatch, case):
    *passdbs, enters = case
    stacks.write("imap", APP_PASSWORDS)
    with imap(monkeypatch, passdbs) as server:
        (dovecot.FOLDER / "users").write_text(f"{enrolled.name}:other-words\n")
        assert server.log_in(enrolled.person, "other-words").entered == enters
        assert ("password-beside-pam" in found_ids()) == enters
        if enters:
            expect("password-beside-pam", "error", "passwd-file")
            rehearsal, _ = rehearse(enrolled.person, "--service", "imap")
            assert "But Dovecot also asks passwd-file" in rehearsal["outcome"]


@pytest.mark.parametrize("args, more, kept", [
    ("*", "auth_cache_size = 10 M\n", False),
    ("cache_key=%u%s *", "auth_cache_size = 10 M\n", True),
    ("cache_key=%u%s *", "", False),
])
def test_given_a_cache_of_dovecot_then_it_is_found_where_a_revoked_password_gets_in(enrolled, monkeypatch, args, more, kept):
    stacks.write("imap", APP_PASSWORDS)
    password = app_passwords.create(enrolled, "mail", "imap")
    with imap(monkeypatch, [(PAM.replace("*", args), "")], more) as server:
        assert server.log_in(enrolled.person, password).entered
        app_passwords.revoke(enrolled, "mail")
        assert server.log_in(enrolled.person, password).entered == kept
        assert ("answers-cached" in found_ids()) == kept


POSTFIX = Path("/etc/postfix/main.cf")
BY_DOVECOT = "smtpd_sasl_type = dovecot\n"


@pytest.mark.parametrize("options, postfix, kept, is_found", [
    ("-c -m /var/run/saslauthd", "", True, True),
    ("-m /var/run/saslauthd", "", False, False),
    ("-c -m /var/run/saslauthd", BY_DOVECOT, True, False),
], ids=["Debian's", "without", "nobody asks it"])
def test_given_a_cache_of_saslauthd_then_it_is_found_where_a_revoked_password_gets_in(enrolled, options, postfix, kept, is_found):
    stacks.write("smtp", APP_PASSWORDS)
    settings = saslauthd.SETTINGS.read_text() + f'\nOPTIONS="{options}"\n'
    password = app_passwords.create(enrolled, "mail", "smtp")
    with text_of(POSTFIX, postfix), text_of(saslauthd.SETTINGS, settings), running(saslauthd.Server()) as server:
        assert server.enters(enrolled, password)
        app_passwords.revoke(enrolled, "mail")
        assert server.enters(enrolled, password) == kept
        assert ("answers-cached" in found_ids()) == is_found
        if is_found:
            expect("answers-cached", "warning", "8 hours", "Take -c out of OPTIONS")


APACHE = Path("/etc/apache2")
SITE = """\
ServerRoot /usr/lib/apache2
ServerName localhost
Listen {here}:{port}
User www-data
Group www-data
PidFile {folder}/pid
DefaultRuntimeDir {folder}
ErrorLog {folder}/log
DocumentRoot {folder}
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authn_core_module modules/mod_authn_core.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule authz_user_module modules/mod_authz_user.so
LoadModule auth_basic_module modules/mod_auth_basic.so
LoadModule authnz_pam_module modules/mod_authnz_pam.so
LoadModule socache_shmcb_module modules/mod_socache_shmcb.so
IncludeOptional {apache}/mods-enabled/*.load
<Location />
  AuthType Basic
  AuthName "Members"
  AuthBasicProvider socache PAM
  AuthPAMService web
  AuthnCacheProvideFor {provider}
  Require valid-user
</Location>
"""
LOAD = "LoadModule authn_socache_module modules/mod_authn_socache.so\n"


@pytest.mark.skipif(service.IS_ONCE, reason="Apache's workers are a user's programs, which the service alone answers")
@pytest.mark.parametrize("provider, kept", [("PAM", True), ("dbd", False)])
def test_given_a_cache_of_apache_then_it_is_found_where_a_revoked_password_gets_in(enrolled, tmp_path, provider, kept):
    stacks.write("web", "auth requisite pam_twostep.so mode=app_password\naccount required pam_permit.so\n")
    configuration.write_text('version = 1\n[[callers]]\nuser = "www-data"\nservices = ["web"]\n')
    password = app_passwords.create(enrolled, "web", "web")
    folder = Path("/srv/twostep-check")
    folder.mkdir(exist_ok=True)
    (folder / "index").write_text("members only\n")
    port = servers.free_port()
    site = SITE.format(here=servers.HERE, port=port, folder=folder, apache=APACHE, provider=provider)

    def enters():
        line = ["curl", "--silent", "--basic", "--user", f"{enrolled.name}:{password}", f"http://{servers.HERE}:{port}/index"]
        return subprocess.run(line, capture_output=True, text=True, timeout=60).stdout == "members only\n"

    with text_of(APACHE / "apache2.conf", site), text_of(APACHE / "mods-enabled/authn_socache.load", LOAD):
        line = [servers.require("apache2"), "-DFOREGROUND", "-f", APACHE / "apache2.conf"]
        with running(servers.Process(line, port, folder / "output")):
            assert enters()
            app_passwords.revoke(enrolled, "web")
            assert enters() == kept
            assert ("answers-cached" in found_ids()) == kept
            if kept:
                expect("answers-cached", "warning", "5 minutes", "apache2.conf:23")


def test_given_a_server_that_never_asks_pam_then_it_is_found_while_it_listens(tmp_path):
    assert "door-without-pam" not in found_ids()
    key = tmp_path / "key"
    subprocess.run(["dropbearkey", "-t", "ed25519", "-f", key], check=True, capture_output=True)
    port = servers.free_port()
    with running(servers.Process(["dropbear", "-F", "-R", "-r", key, "-p", f"127.0.0.1:{port}"], port, tmp_path / "output")):
        expect("door-without-pam", "warning", f"Dropbear listens at port {port}", "systemctl disable --now dropbear")
    assert "door-without-pam" not in found_ids()


@pytest.mark.parametrize("setting, prompts", [
    ("passprompt_override", ["My password:", "My password:"]),
    ("!passprompt_override", ["My password:", "Verification code:"]),
])
def test_given_sudos_own_prompt_in_place_of_all_then_it_is_found_where_the_question_is_hidden(enrolled, setting, prompts):
    rules = f'Defaults passprompt="My password: ", {setting}\n{enrolled.name} ALL=(ALL:ALL) ALL\n'
    stacks.write("sudo", GOOD)
    with text_of(Path("/etc/sudoers.d/wrong"), rules):
        line = enrolled.person.command("sudo", "-k", "id", "-u")
        assert terminals.answer(line, enrolled.person.password, enrolled.phone.fresh()).prompts == prompts
        assert ("sudo-prompt-hides-question" in found_ids()) == ("!" not in setting)
