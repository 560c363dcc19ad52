"""One login through libpam by the small program `attempt`, told line by line.

sshd, sudo, su and login have tests of their own. Where a test is about a verdict and not about a
program, this is the quicker door, and it shows what every phase returned."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

BUILT = Path("/usr/lib/twostep-test")
SUCCESS, PERM_DENIED, AUTH_ERR, SERVICE_ERR, NEW_AUTHTOK_REQD, IGNORE = 0, 6, 7, 3, 12, 25
# After an IGNORE the pam_permit.so below the pam_twostep line decides, so "not asked" reads as success with no
# prompt. libpam never returns it; a stack that shows it is in fault_scenarios.py.


@dataclass
class Told:
    """What one login said and returned."""

    prompts: list = field(default_factory=list)
    messages: list = field(default_factory=list)
    phases: dict = field(default_factory=dict)
    user: str = ""

    @property
    def accepted(self):
        return bool(self.phases) and all(code == SUCCESS for code in self.phases.values())

    @property
    def asked(self):
        """Whether a code was asked. The last prompt of a stack is ours; pam_unix says Password."""
        return any("code" in prompt.lower() for prompt in self.prompts)

    def read(self, line):
        kind, _, text = line.rstrip("\n").partition("\t")
        if kind in ("hidden", "visible"):
            self.prompts.append(text)
        elif kind in ("info", "error"):
            self.messages.append(text)
        elif kind == "user":
            self.user = text
        else:
            self.phases[kind] = int(text)
        return kind


def words(person, *answers, service="cs-code", phases="ac", rhost=None, tty=None, ruser=None,
          silent=False, keep_going=False, variables=(), next_user=None, next_service=None, alarms=None):
    """The command line of one login."""
    line = [str(BUILT / "attempt"), "-u", getattr(person, "name", person), "-s", service,
            "-p", phases]
    for item, value in (("rhost", rhost), ("tty", tty), ("ruser", ruser)):
        if value is not None:
            line += ["-i", f"{item}={value}"]
    for variable in variables:
        line += ["-e", variable]
    line += ["-n", next_user.name] if next_user else []
    line += ["-t", next_service] if next_service else []
    line += ["-a", str(alarms)] if alarms else []
    line += ["-S"] * silent + ["-k"] * keep_going
    return line + ["--", *answers]


def log_in(person, *answers, run_as=None, prefix=(), timeout=30, **options):
    """Runs one login to its end, as root or as another person."""
    line = [*prefix, *words(person, *answers, **options)]
    if run_as is not None:
        line = run_as.command(*line)
    done = subprocess.run(line, capture_output=True, timeout=timeout, cwd="/")
    assert done.returncode in (0, 1) or prefix, (done.returncode, done.stderr)
    return told_by(done)


def told_by(done):
    """What the program that ran to its end has told."""
    told = Told()
    for line in done.stdout.decode("utf-8", "surrogateescape").splitlines():
        told.read(line)
    return told


class AtThePrompt:
    """A login that stands at its first prompt until it gets its answer."""

    def __init__(self, person, **options):
        self.told = Told()
        self.process = subprocess.Popen(
            words(person, "-", "-", **options), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, bufsize=1, cwd="/")
        while not self.told.prompts:
            line = self.process.stdout.readline()
            assert line, f"the login ended before its prompt: {self.told}"
            self.told.read(line)

    def answer(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.close()
        for line in self.process.stdout:
            self.told.read(line)
        self.process.wait(timeout=30)
        return self.told

    def abandon(self):
        self.process.kill()
        self.process.wait(timeout=30)


def race(*runners, service="cs-code", password=None, run_as=None):
    """Logins (person, source, answer) that are let go together; who got in."""
    line = [str(BUILT / "race"), "-s", service] + (["-p", password] if password else [])
    for person, source, answer in runners:
        line += [person.name, source, answer]
    if run_as is not None:
        line = run_as.command(*line)
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=True, cwd="/")
    results = [int(result) for result in done.stdout.split()]
    assert len(results) == len(runners)
    return results
