"""The demo: Alice enrolls her phone and logs in. It ends with what was seen of what was promised.

With --shell the same view is left to the person instead."""

import imaplib
import re
import sys

import pexpect

import stage
from phone import Phone, read_qr_code
from stage import PASSWORD, Journal, next_code
from terminal import Terminal, paint, say, title

# A story that breaks off has told fewer.
PROMISES = 17

PASSWORD_PROMPT = r"[Pp]assword(?: for alice)?: ?$"
CODE_PROMPT = r"Verification code: ?$"
SHELL_PROMPT = r"alice@host:~\$ $"
APP_PROMPT = r"Code shown by the app: ?$"
KEEP_PROMPT = r"\[s\]ave to a file[^\r\n]*: ?$"
FILE_PROMPT = r"File \[[^\]]*\]: ?$"
PROOF_PROMPT = r"Current code, or a recovery code: ?$"
APP_PASSWORD = r"\b[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){5}\b"
RECOVERY_CODE = r"\b[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){3}\b"


class Story:
    def __init__(self):
        self.seen = []
        self.phone = None
        self.recovery_codes = []

    def note(self, happened, what):
        """One promise, kept or not."""
        self.seen.append((bool(happened), what))

    def verdict(self):
        title("What you saw")
        for happened, what in self.seen:
            say(f"  {paint('32', '✓') if happened else paint('1;31', '✗ NOT SEEN:')} {what}")
        return all(happened for happened, _ in self.seen)


def answer(terminal, replies):
    """Answers each prompt once, in whatever order they come. Returns the prompts that came, or
    stops with Ctrl-C at a prompt for which there is no answer left."""
    came = []
    patterns = list(replies)
    while (which := terminal.wait_for(*patterns)) is not None:
        prompt = patterns[which]
        came.append(prompt)
        if came.count(prompt) > 1:
            terminal.interrupt()
            break
        terminal.type_unseen(*replies[prompt])
    return came


def ssh(host, code=None, shown="the code on her phone"):
    """One login by ssh that runs `whoami`. Returns whether it got in, and what was asked."""
    terminal = Terminal("ssh", host, "whoami")
    replies = {PASSWORD_PROMPT: (PASSWORD, "her password")}
    replies[CODE_PROMPT] = (code or "", f"{code}: {shown}")
    asked = answer(terminal, replies)
    status = terminal.end()
    return status == 0 and re.search(r"^alice\r?$", terminal.seen, re.MULTILINE), asked


def show_log(journal):
    for line in journal.lines():
        if re.search(r"\b(accepted|refused)\b", line):
            say(paint("2", f"    log: {line}"))


def enroll(story):
    title("1. Alice enrolls her phone")
    say("She is not enrolled yet, so her password alone lets her in, as before.")
    terminal = Terminal("ssh", "-t", "host", "twostep enroll")
    asked = [terminal.wait_for(PASSWORD_PROMPT, CODE_PROMPT)]
    terminal.type_unseen(PASSWORD, "her password")
    asked.append(terminal.wait_for(APP_PROMPT, CODE_PROMPT))
    story.note(asked == [0, 0], "who has not enrolled logs in as before")
    uri = read_qr_code(terminal.seen)
    story.note(uri, "`twostep enroll` draws a QR code that a camera reads")
    if not uri:
        terminal.interrupt()
        return
    story.phone = Phone(uri)
    typed = re.sub(r"\s", "", terminal.seen)
    story.note(story.phone.secret in typed, "the same key is shown for typing")
    terminal.type(story.phone.code())
    if terminal.wait_for(KEEP_PROMPT, APP_PROMPT) == 0:
        terminal.type("s")
        terminal.wait_for(FILE_PROMPT)
        terminal.type("")
    status = terminal.end()
    story.recovery_codes = re.findall(RECOVERY_CODE, terminal.seen)
    story.note(status == 0, "one code from the phone confirms the enrollment")
    story.note(len(set(story.recovery_codes)) == 10, "ten recovery codes are shown")
    say(f"The phone has read the code from the screen. It shows codes for “{story.phone.title}”.")


def log_in_with_password(story):
    title("2. SSH: the password, then the code")
    say("Half a minute later the phone shows its next code. (The demo moves the view's clock: nobody waits.)")
    next_code()
    journal = Journal()
    code = story.phone.code()
    entered, asked = ssh("host", code)
    show_log(journal)
    story.note(entered and asked == [PASSWORD_PROMPT, CODE_PROMPT], "SSH asks for the password and then for the code")

    say("\nSomeone has seen that code and knows the password:")
    journal = Journal()
    entered, asked = ssh("host", code, "the same code again")
    show_log(journal)
    story.note(not entered and CODE_PROMPT in asked, "the same code a second time is refused")

    say("\nOr only guesses:")
    journal = Journal()
    entered, asked = ssh("host", story.phone.wrong_code(), "a wrong code")
    show_log(journal)
    story.note(not entered and CODE_PROMPT in asked, "a wrong code is refused")


def log_in_with_key(story):
    title("3. SSH: the key, then the code; and sudo")
    next_code()
    journal = Journal()
    terminal = Terminal("ssh", "host-with-key")
    code = story.phone.code()
    asked = [terminal.wait_for(CODE_PROMPT, PASSWORD_PROMPT)]
    terminal.type_unseen(code, f"{code}: the code on her phone")
    inside = terminal.wait_for(SHELL_PROMPT, CODE_PROMPT) == 0
    story.note(inside and asked == [0], "with an SSH key the login asks for the code only, not for the password")
    if not inside:
        terminal.interrupt()
        return
    story.note("wrong" in terminal.seen, "after the login Alice is told of the wrong codes")
    use_sudo(story, terminal)
    terminal.type("exit")
    terminal.end()
    show_log(journal)


def use_sudo(story, terminal):
    next_code()
    code = story.phone.code()
    terminal.type("sudo whoami")
    asked = [terminal.wait_for(PASSWORD_PROMPT)]
    terminal.type_unseen(PASSWORD, "her password")
    asked.append(terminal.wait_for(CODE_PROMPT, SHELL_PROMPT))
    terminal.type_unseen(code, f"{code}: the next code on her phone")
    before = len(terminal.seen)
    terminal.wait_for(SHELL_PROMPT)
    root = re.search(r"^root\r?$", terminal.seen[before:], re.MULTILINE)
    story.note(root and asked == [0, 0], "sudo asks for the password and then for a code")
    terminal.type("twostep status")
    terminal.wait_for(SHELL_PROMPT)


def log_in_without_phone(story):
    title("4. The phone is gone: a recovery code")
    code = story.recovery_codes[0]
    entered, asked = ssh("host", code, "a recovery code")
    story.note(entered and CODE_PROMPT in asked, "a recovery code replaces the code")
    say("\nIt counts once:")
    journal = Journal()
    entered, asked = ssh("host", code, "the same recovery code again")
    show_log(journal)
    story.note(not entered and CODE_PROMPT in asked, "the same recovery code a second time is refused")


def read_mail(story):
    title("5. A mail client: an application password")
    say("A mail client cannot ask for a code. Alice makes a password for it, and for nothing else.")
    next_code()
    terminal = Terminal("ssh", "-t", "host", "twostep app-password create laptop --service dovecot")
    terminal.wait_for(PASSWORD_PROMPT)
    terminal.type_unseen(PASSWORD, "her password")
    terminal.wait_for(CODE_PROMPT)
    terminal.type_unseen(story.phone.code(), "the code on her phone")
    terminal.wait_for(PROOF_PROMPT)
    next_code()
    terminal.type_unseen(story.phone.code(), "the next code: a change needs a proof")
    terminal.end()
    made = re.search(APP_PASSWORD, terminal.seen)
    story.note(made, "an application password is shown once")
    if not made:
        return
    say("\nThe mail client reads her inbox with it, as often as it likes:")
    journal = Journal()
    story.note(imap(made[0]) and imap(made[0]), "IMAP opens with the application password, and asks for nothing else")
    say("\nWith the password of her account it does not, though that is right:")
    story.note(not imap(PASSWORD), "IMAP refuses the account's password")
    show_log(journal)
    say("\nAnd who finds the application password cannot log in with it:")
    entered, _ = ssh("host", made[0], "the application password")
    story.note(not entered, "SSH refuses the application password")


def imap(password):
    """One login of a mail client. Returns whether it got in."""
    client = imaplib.IMAP4("127.0.0.1", 143)
    try:
        _, (said,) = client.login("alice", password)
        client.select()
    except imaplib.IMAP4.error as refusal:
        (said,) = refusal.args
    entered = client.state == "SELECTED"
    said = said.decode() if isinstance(said, bytes) else said
    say(f"    mail client: LOGIN alice {password!r} -> {'in' if entered else 'refused'}: {said}")
    client.shutdown()
    return entered


def tell():
    story = Story()
    try:
        enroll(story)
        if story.phone and story.recovery_codes:
            log_in_with_password(story)
            log_in_with_key(story)
            log_in_without_phone(story)
            read_mail(story)
    except (pexpect.TIMEOUT, OSError):  # OSError: the program has ended and hears nothing more
        story.note(False, "a question that the demo waited for, at the place above")
    complete = story.verdict()
    return 0 if complete and len(story.seen) == PROMISES else 1


def main():
    title("Twostep in a throw-away view of this machine")
    stage.set_up()
    say("In it: Twostep, installed by `make install`; the PAM services of packaging/pam; a real sshd on\n"
        "loopback; a user alice. What happens here is gone at the end.")
    if sys.argv[1:] == ["--shell"]:
        return stage.leave_to_person()
    return tell()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\ndemo: interrupted")
