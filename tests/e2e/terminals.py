"""A person at a terminal: programs that ask there, and what they are answered."""

import re
from dataclasses import dataclass, field

import pexpect

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "xterm", "LANG": "C.UTF-8",
               "HOME": "/root"}
PROMPT = re.compile(r"([^\r\n]*(?:password[^\r\n:]*|code|login): ?)$", re.IGNORECASE)


@dataclass
class Session:
    """How one program ended."""

    status: int = None
    prompts: list = field(default_factory=list)
    output: str = ""


def spawn(line, **options):
    options = {"timeout": 30, "encoding": "utf-8", "echo": False, "cwd": "/",
               "env": ENVIRONMENT, "dimensions": (60, 120), **options}
    return pexpect.spawn(str(line[0]), [str(word) for word in line[1:]], **options)


def answer(line, *answers, prompt=PROMPT, **options):
    """Runs a program and gives it one answer a prompt. A prompt without an answer ends the
    program as Ctrl-C does."""
    program, session, left = spawn(line, **options), Session(), list(answers)
    while program.expect([prompt, pexpect.EOF]) == 0:
        session.output += program.before + program.match.group(0)
        session.prompts.append(program.match.group(1).strip())
        if not left:
            interrupt(program)
            break
        program.sendline(left.pop(0))
    session.output += program.before or ""
    program.close()
    session.status = program.exitstatus if program.exitstatus is not None \
        else 128 + (program.signalstatus or 0)
    return session


def interrupt(program):
    """Ctrl-C until the program ends: one that is changing its terminal's mode may lose it."""
    for _ in range(20):
        program.sendintr()
        if program.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=3) == 0:
            return
    raise AssertionError(f"it does not end: {program.before!r}")


def login(name, *answers):
    """login(1) on a terminal. It runs as root, as getty starts it."""
    line = ["login", name] if name else ["login"]
    program, session, left = spawn(line), Session(), list(answers)
    shell = re.compile(r"[$#] $")
    while True:
        found = program.expect([shell, PROMPT, pexpect.EOF])
        session.output += program.before or ""
        if found == 0:
            program.sendline("echo I-AM $(id -un); exit")
            program.expect(pexpect.EOF)
            session.output += program.before
            break
        if found == 2:
            break
        session.prompts.append(program.match.group(1).strip())
        if not left:
            break
        program.sendline(left.pop(0))
    program.close(force=True)
    return session


def talk(program, *steps):
    """Answers one pattern after the other; an answer may be made of all that was shown so far.
    What was shown, and how many patterns came before the program ended."""
    shown, answered = "", 0
    for pattern, reply in steps:
        if program.expect([pattern, pexpect.EOF]) == 1:
            break
        shown += program.before + program.match.group(0)
        program.sendline(reply(shown) if callable(reply) else reply)
        answered += 1
    else:
        program.expect(pexpect.EOF)
    shown += program.before or ""
    program.close()
    return shown, answered
