"""`make install` and `make uninstall`, each in a view of its own, with what `make build` built."""

import re
import shutil

import pytest

from views import in_view, lines

INSTALL = 'install() { make --no-print-directory -s -C "$TOP" install "$@"; }\n'
PLACES = ("/etc/twostep /var/lib/twostep /usr/bin/twostep /usr/libexec/twostep /usr/share/twostep "
          "/usr/lib/tmpfiles.d/twostep.conf /usr/lib/systemd/user/twostep-app-passwords.service "
          "/usr/lib/systemd/catalog/twostep.catalog /usr/lib/systemd/system/twostep* /usr/lib/systemd/system/*.target.wants/twostep* /etc/init.d/twostepd "
          "/usr/share/man/man?/*twostep* /etc/apparmor.d/abstractions/twostep /etc/pam.d/twostep-password "
          "/usr/share/bash-completion/completions/twostep /usr/share/zsh/vendor-completions/_twostep "
          "/usr/share/fish/vendor_completions.d/twostep.fish /run/twostep "
          "/usr/lib/*/security/pam_twostep.so*")
SHOW = f"show() {{ find {PLACES} -printf '%M %u:%g %p\\n' 2>/dev/null | sort -k3; }}\n"
MODULE = "$(dirname /usr/lib/*/security/pam_unix.so)/pam_twostep.so"

INSTALLED = """\
-rw-r--r-- root:root /etc/apparmor.d/abstractions/twostep
-rw-r--r-- root:root /etc/pam.d/twostep-password
drwxr-xr-x root:root /etc/twostep
-rw-r--r-- root:root /etc/twostep/config.toml
-rw------- root:root /etc/twostep/seal.key
drwxr-xr-x root:root /run/twostep
drwx------ root:root /run/twostep/ledgers
-rw-r--r-- root:root /run/twostep/since
-rwxr-xr-x root:root /usr/bin/twostep
-rw-r--r-- root:root /usr/lib/systemd/catalog/twostep.catalog
lrwxrwxrwx root:root /usr/lib/systemd/system/multi-user.target.wants/twostep-key.service
lrwxrwxrwx root:root /usr/lib/systemd/system/multi-user.target.wants/twostep-revert.service
lrwxrwxrwx root:root /usr/lib/systemd/system/multi-user.target.wants/twostepd.service
lrwxrwxrwx root:root /usr/lib/systemd/system/sockets.target.wants/twostepd-admin.socket
lrwxrwxrwx root:root /usr/lib/systemd/system/sockets.target.wants/twostepd-password.socket
lrwxrwxrwx root:root /usr/lib/systemd/system/sockets.target.wants/twostepd-user.socket
lrwxrwxrwx root:root /usr/lib/systemd/system/sockets.target.wants/twostepd.socket
-rw-r--r-- root:root /usr/lib/systemd/system/twostep-key.service
-rw-r--r-- root:root /usr/lib/systemd/system/twostep-revert.service
-rw-r--r-- root:root /usr/lib/systemd/system/twostepd-admin.socket
-rw-r--r-- root:root /usr/lib/systemd/system/twostepd-password.socket
-rw-r--r-- root:root /usr/lib/systemd/system/twostepd-password@.service
-rw-r--r-- root:root /usr/lib/systemd/system/twostepd-user.socket
-rw-r--r-- root:root /usr/lib/systemd/system/twostepd.service
-rw-r--r-- root:root /usr/lib/systemd/system/twostepd.socket
-rw-r--r-- root:root /usr/lib/systemd/user/twostep-app-passwords.service
-rw-r--r-- root:root /usr/lib/tmpfiles.d/twostep.conf
drwxr-xr-x root:root /usr/libexec/twostep
-rwxr-xr-x root:root /usr/libexec/twostep/setup-host
-rwxr-xr-x root:root /usr/libexec/twostep/twostepd
-rw-r--r-- root:root /usr/share/bash-completion/completions/twostep
-rw-r--r-- root:root /usr/share/fish/vendor_completions.d/twostep.fish
-rw-r--r-- root:root /usr/share/man/man1/twostep.1
-rw-r--r-- root:root /usr/share/man/man5/twostep.toml.5
-rw-r--r-- root:root /usr/share/man/man8/pam_twostep.8
-rw-r--r-- root:root /usr/share/man/man8/twostep-admin.8
drwxr-xr-x root:root /usr/share/twostep
-rw-r--r-- root:root /usr/share/twostep/app-passwords.sh
drwxr-xr-x root:root /usr/share/twostep/apparmor
-rw-r--r-- root:root /usr/share/twostep/apparmor/twostepd
drwxr-xr-x root:root /usr/share/twostep/authselect
-rwxr-xr-x root:root /usr/share/twostep/authselect/make-profile
-rw-r--r-- root:root /usr/share/twostep/config.toml
-rw-r--r-- root:root /usr/share/zsh/vendor-completions/_twostep
drwx------ root:root /var/lib/twostep
drwx------ root:root /var/lib/twostep/accounts
drwx------ root:root /var/lib/twostep/uids""".splitlines()


def without_module(rows):
    module = [row for row in rows if "/security/" in row]
    assert len(module) == 1 and module[0].startswith("-rw-r--r-- root:root "), module
    return [row for row in rows if row not in module]


def test_everything_has_its_place_owner_and_mode():
    told = lines(INSTALL + SHOW + "umask 077; install >/dev/null && show")
    assert without_module(told) == INSTALLED


def test_no_user_and_no_group_is_made_and_the_key_is_random():
    told = lines(INSTALL + "cat /etc/passwd /etc/group >/run/names; install >/dev/null; "
                 "cat /etc/passwd /etc/group | diff /run/names - && echo same; "
                 "stat -c %s /etc/twostep/seal.key; od -An -tx1 /etc/twostep/seal.key | xargs")
    other = lines(INSTALL + "install >/dev/null; od -An -tx1 /etc/twostep/seal.key | xargs")
    assert told[:2] == ["same", "32"] and told[2:] != other


def test_installing_again_keeps_key_configuration_and_accounts():
    told = lines(INSTALL + SHOW + """
        install >/dev/null; show >/run/before
        echo '# mine' >>/etc/twostep/config.toml; echo x >/var/lib/twostep/accounts/alice.toml
        sha256sum /etc/twostep/* /var/lib/twostep/accounts/* /run/twostep/since >/run/sums
        chmod 644 /etc/twostep/seal.key; install >/dev/null && sha256sum --quiet --check /run/sums
        rm /var/lib/twostep/accounts/alice.toml; show | diff /run/before - && echo same""")
    assert told == ["same"]


def test_an_interrupted_installation_is_completed_and_modes_are_corrected():
    told = lines(INSTALL + SHOW + """
        install >/dev/null; show >/run/before
        rm /etc/twostep/seal.key /etc/twostep/config.toml; rm -r /run/twostep
        echo half >/etc/twostep/.seal.key.abcdef; echo half >/usr/bin/twostep.new
        mkdir /run/.twostep-setup-abcdef; chmod 777 /var/lib/twostep/accounts
        chown daemon:daemon /usr/libexec/twostep/twostepd /var/lib/twostep
        install >/dev/null; show | diff /run/before - && stat -c %s /etc/twostep/seal.key
        ls -A /etc/twostep /run | grep '^\\.'; ls /usr/bin/twostep*""")
    assert told == ["32", "/usr/bin/twostep"]


def test_owners_and_modes_that_a_backup_has_lost_are_corrected_and_times_stay():
    told = lines(INSTALL + """
        install >/dev/null
        cd /var/lib/twostep; echo x >accounts/alice.toml; ln -s ../accounts/alice.toml uids/1000; mkdir -p changes/1; echo x >changes/1/0
        touch -d 2020-01-01 accounts/alice.toml; chown -hR daemon:daemon . /etc/twostep; chmod -R a+rwX .
        install >/dev/null; stat -c '%n %U:%G %a' accounts accounts/alice.toml uids changes changes/1 changes/1/0
        stat -c '%U %N' uids/1000; stat -c %y accounts/alice.toml | cut -c1-10""")
    assert told == ["accounts root:root 700", "accounts/alice.toml root:root 600", "uids root:root 700", "changes root:root 700",
                    "changes/1 root:root 700", "changes/1/0 root:root 600", "root 'uids/1000' -> '../accounts/alice.toml'", "2020-01-01"]


def test_the_settings_that_the_configuration_shows_are_settings():
    # With a setting that is none, or a value out of bounds, the whole file would not count.
    told = lines(INSTALL + r"""
        install >/dev/null; useradd alice; sed -i 's/^#\(\[\[\|[a-z_]* = \)/\1/' /etc/twostep/config.toml
        grep -c '^[a-z_]* = ' /etc/twostep/config.toml
        twostep enroll --user alice --json </dev/null || true""")
    assert told[0] == "36" and '"issuer":"host.example.org"' in told[1], told


def test_nothing_runs_at_the_start_of_a_session_until_it_is_switched_on():
    told = lines(INSTALL + "install >/dev/null; grep -rl twostep /etc/profile* /etc/systemd || true; "
                 "find /etc/profile.d /etc/systemd -name '*twostep*'")
    assert told == []


def test_the_profile_snippet_is_harmless_in_every_shell():
    # Where the program fails or hangs, where it is not there, and where the shell minds everything.
    told = lines(INSTALL + r"""
        install >/dev/null; useradd -m alice; snippet=/usr/share/twostep/app-passwords.sh; cd /
        as() { setpriv --reuid=alice --regid=alice --init-groups --reset-env -- "$@"; }
        for shell in "dash -eu" "bash --norc -eu" "bash --posix --norc -eu"; do
            as $shell -ic ". $snippet; echo \"$shell: \$?\"" 2>&1 </dev/null | grep -v 'job control\|ioctl'
        done
        rm -rf /run/twostep/*.sock; as bash -eic ". $snippet; echo refused: \$?" 2>/dev/null
        printf '#!/bin/sh\necho started; exec sleep 60\n' >/usr/bin/twostep
        before=$(cut -d. -f1 /proc/uptime); as bash -eic ". $snippet; echo hung: \$?" 2>/dev/null
        [ $(($(cut -d. -f1 /proc/uptime) - before)) -lt 20 ] && echo in time
        as bash -ec ". $snippet; echo no prompt: \$?"; bash -eic ". $snippet; echo root: \$?" 2>/dev/null
        rm /usr/bin/twostep; as bash -eic ". $snippet; echo removed: \$?" 2>/dev/null""")
    assert told == ["dash -eu: 0", "bash --norc -eu: 0", "bash --posix --norc -eu: 0", "refused: 0",
                    "started", "hung: 0", "in time", "no prompt: 0", "root: 0", "removed: 0"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="this machine has no systemd-analyze")
def test_the_user_unit_is_one_that_systemd_reads():
    told = lines(INSTALL + "install >/dev/null; mkdir -m 700 /run/user/0; export XDG_RUNTIME_DIR=/run/user/0; "
                 "systemd-analyze --user verify --man=no --recursive-errors=no "
                 "/usr/lib/systemd/user/twostep-app-passwords.service 2>&1")
    assert told == []


def test_the_units_are_ones_that_systemd_reads():
    told = lines(INSTALL + "install >/dev/null; cd /usr/lib/systemd/system; "
                 "systemd-analyze verify --man=no --recursive-errors=no twostep*.service twostepd*.socket 2>&1")
    assert told == []


def test_the_service_is_confined_and_may_do_what_it_needs():
    told = lines(INSTALL + "install >/dev/null; systemd-analyze security --offline=true --no-pager twostepd.service | tail -n 1; "
                 "cat /usr/lib/systemd/system/twostepd.service")
    exposure = float(re.search(r"exposure level for twostepd.service: ([0-9.]+)", told[0])[1])
    assert exposure <= 1.5
    # What would lower it further and break it: the clock's state, a later host name, and root itself.
    settings = {line.partition("=")[0] for line in told[1:] if not line.startswith("#")}
    assert not settings & {"ProtectClock", "ProtectHostname", "PrivateUsers", "RuntimeDirectory", "User", "DynamicUser"}
    assert any(line.startswith("SystemCallFilter=adjtimex") for line in told) and "CapabilityBoundingSet=" in told


def test_who_checks_passwords_has_what_pam_needs_and_no_account():
    told = lines(INSTALL + "install >/dev/null; cd /usr/lib/systemd/system; systemd-analyze security --offline=true --no-pager twostepd-password@.service | tail -n 1; "
                 "cat twostepd-password@.service twostepd-password.socket")
    exposure = float(re.search(r"exposure level for twostepd-password@\S+: ([0-9.]+)", told[0])[1])
    assert exposure <= 4
    settings = {}
    for line in told[1:]:
        key, is_setting, value = line.partition("=")
        if is_setting and not line.startswith("#"):
            settings[key] = value
    # Modules read any password, keep their own state, reach a directory and execute programs.
    for capability in ("DAC_OVERRIDE", "DAC_READ_SEARCH", "SETUID", "SETGID", "AUDIT_WRITE", "CHOWN", "FOWNER", "KILL"):
        assert f"CAP_{capability}" not in settings["CapabilityBoundingSet"].split()
    assert {"AF_UNIX", "AF_INET", "AF_INET6"} <= set(settings["RestrictAddressFamilies"].split())
    assert not set(settings) & {"PrivateNetwork", "User", "DynamicUser", "PrivateUsers", "NoNewPrivileges", "MemoryDenyWriteExecute"}
    assert settings["ProtectSystem"] == "full" and "/var/lib/twostep" in settings["InaccessiblePaths"]
    # The service gives up after 10 seconds.
    assert 10 < int(settings["RuntimeMaxSec"]) <= 20 and settings["SocketMode"] == "0600" and settings["Accept"] == "yes"


STACKS = {"debian-12": "common-auth common-account", "ubuntu-24.04": "common-auth common-account",
          "fedora-42-local": "password-auth password-auth", "fedora-42-sssd": "password-auth password-auth",
          "arch": "system-auth system-auth", "alpine": "base-auth base-account", "alpine-older": "base-auth base-account"}


@pytest.mark.parametrize("host, stacks", STACKS.items())
def test_passwords_are_checked_by_the_stack_that_services_share(host, stacks):
    told = lines(INSTALL + f"""
        rm -r /etc/pam.d; cp -r "$TOP/tests/stacks/{host}" /etc/pam.d; install >/dev/null
        sed -n 's/ include / /p' /etc/pam.d/twostep-password | xargs; ls -A /etc/pam.d | grep -c twostep""")
    auth, account = stacks.split()
    assert told == [f"auth {auth} account {account}", "1"]


def test_a_stack_for_passwords_that_is_there_is_kept_and_a_host_without_one_is_told():
    told = lines(INSTALL + """
        echo mine >/etc/pam.d/twostep-password; install >/dev/null; cat /etc/pam.d/twostep-password
        rm -r /etc/pam.d; mkdir /etc/pam.d; /usr/libexec/twostep/setup-host 2>&1; ls -A /etc/pam.d""")
    assert told == ["mine", 'twostep: no stack that all services share was found in /etc/pam.d. For enrollment = "password", write /etc/pam.d/twostep-password.']


def test_the_units_name_the_prefix():
    told = lines(INSTALL + r"""
        mkdir /opt/built; cp "$BUILT"/{libpam_twostep.so,twostep,twostepd} /opt/built/
        for file in libpam_twostep.so twostep; do echo /opt/libexec/twostep/twostepd >>/opt/built/$file; done
        install PREFIX=/opt BUILT=/opt/built DESTDIR=/run/stage >/dev/null
        grep -h ^ExecStart= /run/stage/opt/lib/systemd/system/twostep*.service""")
    assert sorted(told) == ["ExecStart=/opt/bin/twostep admin give-key", "ExecStart=/opt/bin/twostep admin revert --unconfirmed",
                            "ExecStart=/opt/libexec/twostep/twostepd", "ExecStart=/opt/libexec/twostep/twostepd --password"]


def test_where_openrc_starts_services_it_gets_a_script():
    told = lines(INSTALL + """
        printf '#!/bin/sh\n' >/sbin/openrc-run; chmod 755 /sbin/openrc-run
        install >/dev/null; stat -c '%A %U:%G' /etc/init.d/twostepd; sh -n /etc/init.d/twostepd
        make -s -C "$TOP" uninstall >/dev/null; ls /etc/init.d/twostepd 2>&1""".replace("2>&1", "2>&1 || true"))
    assert told == ["-rwxr-xr-x root:root", "ls: cannot access '/etc/init.d/twostepd': No such file or directory"]


def test_a_key_that_is_missing_below_accounts_is_not_made_anew():
    done = in_view(INSTALL + "install >/dev/null; rm /etc/twostep/seal.key; "
                   "echo x >/var/lib/twostep/accounts/alice.toml; install; ls /etc/twostep/seal.key")
    assert done.returncode != 0 and "Bring it back from a backup" in done.stdout


def test_a_service_that_cannot_be_executed_is_told_of():
    done = in_view(INSTALL + "mkdir -p /usr/libexec/twostep; mount -t tmpfs -o noexec noexec /usr/libexec/twostep; "
                   "install; sh /usr/libexec/twostep/setup-host; echo status=$?")
    assert "noexec, where it cannot run" in done.stdout and done.stdout.endswith("status=1\n")


def test_without_systemd_and_without_a_network_it_installs_too():
    told = lines(INSTALL + "rm -f /usr/bin/systemctl /usr/bin/systemd-tmpfiles; ip link set lo down; "
                 "install >/dev/null; stat -c %A:%G /usr/libexec/twostep/twostepd")
    assert told == ["-rwxr-xr-x:root"]


def test_staging_for_a_package_leaves_the_host_alone():
    told = lines(INSTALL + SHOW + """
        install DESTDIR=/run/stage >/dev/null; show
        cd /run/stage; find . -type f ! -path '*/doc/*' -printf '%M %u:%g %p\\n' | sort -k3""")
    # What setup-host makes or changes is not there yet.
    made = ("/seal.key", "/run/twostep", "/var/lib/twostep", "/etc/pam.d")
    expected = [row for row in INSTALLED if row.startswith("-") and not any(place in row for place in made)]
    expected = [row.replace(" /", " ./") for row in expected]
    assert sorted(row for row in told if "/security/" not in row) == sorted(expected)


def test_what_was_staged_and_set_up_is_what_is_installed():
    told = lines(INSTALL + SHOW + "install DESTDIR=/run/stage >/dev/null; cp -a /run/stage/. /; "
                 "rm -r /run/stage; /usr/libexec/twostep/setup-host && show")
    assert without_module(told) == INSTALLED


def test_a_build_for_another_prefix_is_refused():
    done = in_view(INSTALL + "install PREFIX=/usr/local; ls /usr/local/bin/twostep")
    assert done.returncode != 0 and "make build PREFIX=/usr/local" in done.stdout


def test_the_module_goes_where_pamdir_says():
    told = lines(INSTALL + "install PAMDIR=/opt/pam >/dev/null; ls /opt/pam; [ ! -e " + MODULE + " ]")
    assert told == ["pam_twostep.so"]


def test_uninstalling_waits_until_no_service_names_the_module():
    uninstall = 'make --no-print-directory -s -C "$TOP" uninstall'
    done = in_view(INSTALL + f"install >/dev/null; cd /etc/pam.d; cp su /run/su\n"
                   f"echo 'auth required pam_twostep.so' >>su; {uninstall}; ls {MODULE}")
    assert "/etc/pam.d/su" in done.stdout and done.returncode == 0
    done = in_view(INSTALL + f"install >/dev/null; echo '# pam_twostep.so' >>/etc/pam.d/su; {uninstall} && ls {MODULE}")
    assert "Kept: /etc/twostep" in done.stdout and done.returncode != 0
    done = in_view(INSTALL + "install >/dev/null; echo 'auth required pam_twostep.so' >>/etc/pam.d/su\n"
                   f"{uninstall} FORCE=1 && ls {MODULE}")
    assert "Kept: /etc/twostep" in done.stdout and done.returncode != 0


def test_uninstalling_keeps_what_is_the_hosts():
    told = lines(INSTALL + SHOW + 'install >/dev/null; make -s -C "$TOP" uninstall >/dev/null; '
                 "show | cut -d' ' -f3")
    assert told == ["/etc/twostep", "/etc/twostep/config.toml", "/etc/twostep/seal.key",
                    "/run/twostep", "/run/twostep/ledgers", "/run/twostep/since",
                    "/var/lib/twostep", "/var/lib/twostep/accounts", "/var/lib/twostep/uids"]


def test_only_root_can_install():
    told = in_view('setpriv --reuid=65534 --regid=65534 --clear-groups make -s -C "$TOP" install')
    assert told.returncode != 0 and "only root can install" in told.stdout


@pytest.mark.skipif(not shutil.which("systemd-tmpfiles"), reason="this machine has no systemd-tmpfiles")
def test_boot_cleans_up_and_makes_the_ledgers():
    told = lines(INSTALL + """
        install >/dev/null; cd /var/lib/twostep/accounts; touch al.toml al.toml.0001; rm -r /run/twostep
        systemd-tmpfiles --create --remove twostep.conf 2>/dev/null; ls; ls /run/twostep 2>&1
        systemd-tmpfiles --boot --create --remove twostep.conf 2>/dev/null; ls; echo "$(cat /run/twostep/since)"
        stat -c %A:%U:%G /run/twostep /run/twostep/ledgers""")
    assert told == ["al.toml", "al.toml.0001",
                    "ls: cannot access '/run/twostep': No such file or directory",
                    "al.toml", "0", "drwxr-xr-x:root:root", "drwx------:root:root"]
