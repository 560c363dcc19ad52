"""What is in the view before the story begins: Alice, the PAM services, a real sshd."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

TOP = Path(os.environ["TWOSTEP_TOP"])
LOG = Path(os.environ["TWOSTEP_LOG"])
CLIENT = Path("/root/alice-laptop")
PASSWORD = "open sesame"

SSHD_CONFIG = """\
ListenAddress 127.0.0.1
HostKey /etc/ssh/demo_host_key
UsePAM yes
KbdInteractiveAuthentication yes
PasswordAuthentication no
AuthenticationMethods publickey,keyboard-interactive keyboard-interactive
AcceptEnv LANG NO_COLOR
PrintMotd no
PrintLastLog no
"""

# What Alice's own machine knows: `ssh host` and `ssh host-with-key`.
SSH_CONFIG = """\
Host host host-with-key
    HostName 127.0.0.1
    User alice
    SendEnv LANG NO_COLOR
    UserKnownHostsFile {client}/known_hosts
    NumberOfPasswordPrompts 1
    IdentitiesOnly yes
Host host
    PubkeyAuthentication no
Host host-with-key
    IdentityFile {client}/id_ed25519
"""

PAM_SERVICES = {
    "sshd": "sshd-key-or-password", "sudo": "sudo", "su": "su", "login": "login", "dovecot": "dovecot",
}

DOVECOT_CONFIG = """\
base_dir = /run/dovecot-demo
state_dir = /var/lib/dovecot-demo
log_path = /run/dovecot-demo.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:~/Maildir
passdb {
  driver = pam
}
userdb {
  driver = passwd
}
"""


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def set_up():
    # So that the clocks of the view can be moved.
    Path("/etc/ld.so.preload").write_text("/usr/lib/twostep-test/timeshim.so\n")
    start_service()
    add_alice()
    for service, example in PAM_SERVICES.items():
        shutil.copyfile(TOP / "packaging/pam" / example, Path("/etc/pam.d") / service)
    write_sudoers()
    write_ssh_config()
    # After a login only Twostep speaks.
    Path("/etc/motd").write_text("")
    shutil.rmtree("/etc/update-motd.d", ignore_errors=True)
    start_sshd()
    start_dovecot()


def add_alice():
    run("useradd", "--create-home", "--shell", "/bin/bash", "alice")
    run("chpasswd", input=f"alice:{PASSWORD}\n")
    # A short prompt and no escapes around it, so that the transcript is easy to read.
    home = Path("/home/alice")
    (home / ".bash_profile").write_text("PS1='alice@host:~$ '\n")
    (home / ".inputrc").write_text("set enable-bracketed-paste off\n")
    CLIENT.mkdir(mode=0o700)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(CLIENT / "id_ed25519"))
    (home / ".ssh").mkdir(mode=0o700)
    shutil.copyfile(CLIENT / "id_ed25519.pub", home / ".ssh/authorized_keys")
    run("chown", "-R", "alice:", str(home))


def write_sudoers():
    # Without tickets every sudo asks, and the story needs no pause.
    sudoers = Path("/etc/sudoers.d/demo")
    sudoers.write_text("Defaults timestamp_timeout=0, passwd_tries=1, !lecture\nalice ALL=(ALL:ALL) ALL\n")
    sudoers.chmod(0o440)


def write_ssh_config():
    folder = Path("/root/.ssh")
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "config").write_text(SSH_CONFIG.format(client=CLIENT))
    (folder / "config").chmod(0o600)


def start_sshd():
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/etc/ssh/demo_host_key")
    known = Path("/etc/ssh/demo_host_key.pub").read_text()
    (CLIENT / "known_hosts").write_text(f"127.0.0.1 {known}")
    Path("/etc/ssh/sshd_config").write_text(SSHD_CONFIG)
    subprocess.run(["/usr/sbin/sshd"], check=True, cwd="/")
    wait_for("sshd", 22)


def start_dovecot():
    config = Path("/etc/dovecot/demo.conf")
    config.write_text(DOVECOT_CONFIG)
    subprocess.run(["/usr/sbin/dovecot", "-c", str(config)], check=True, cwd="/")
    wait_for("Dovecot", 143)


def start_service():
    """What systemd does at boot."""
    subprocess.Popen(["/usr/libexec/twostep/twostepd", "--listen"], stdin=subprocess.DEVNULL, cwd="/")
    for _ in range(100):
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex("/run/twostep/user.sock") == 0:
                return
        time.sleep(0.05)
    raise SystemExit("demo: the service did not start")


def wait_for(name, port):
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"demo: {name} did not start")


def next_code():
    """Half a minute passes on every clock of the view."""
    run(os.environ["TWOSTEP_CLOCK"], "advance", "30")


INSTRUCTIONS = f"""
You are root in a throw-away view of this machine. Try, in this order:

  ssh host                 log in as alice. Her password: {PASSWORD}
  twostep enroll           there: scan the QR code with your own phone, type the code that it shows
  exit

  ssh host                 now it asks for the password and then for the code
  ssh host-with-key        the key, then the code
  sudo whoami              there: the password, then the next code (wait for it: each counts once)
  twostep status           how her account stands
  twostep app-password create laptop --service dovecot
  curl imap://localhost/INBOX --user alice     a mail client: try that password, and hers

  twostep admin show alice       what an administrator sees
  cat {LOG}    what was logged
  ls -l /etc/pam.d /etc/twostep /var/lib/twostep/accounts

`exit` or Ctrl-D here ends the view; nothing of it remains.
"""


def leave_to_person():
    print(INSTRUCTIONS, flush=True)
    shell = Path("/root/.bashrc-demo")
    shell.write_text("PS1='(view of this machine) \\w# '\ncd /root\n")
    # The shell's own last status says nothing about the demo.
    subprocess.run(["/bin/bash", "--noprofile", "--rcfile", str(shell), "-i"], check=False)
    return 0


class Journal:
    """What Twostep logs from now on."""

    def __init__(self):
        self.start = LOG.stat().st_size

    def lines(self):
        with open(LOG, "rb") as log:
            log.seek(self.start)
            text = log.read().decode("utf-8", "backslashreplace")
        return [line for line in text.splitlines() if "pam_twostep" in line]
