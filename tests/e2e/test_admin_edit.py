"""`twostep admin edit`: an editor, and no way to leave a mistake in force."""

import grp
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pexpect
import pytest

import configuration
import terminals
from attempts import log_in
from test_admin_report import NO_TERMINAL
from test_admin_require import COMMENTED

FOLDER = configuration.FILE.parent


@pytest.fixture(autouse=True)
def commented(view):
    configuration.write_text(COMMENTED)
    yield
    assert [name for name in os.listdir(FOLDER) if name.startswith(".")] == []


@pytest.fixture
def script(tmp_path):
    """An editor that does what a shell script says; "$1" is the file."""
    def write(text, name="editor"):
        file = tmp_path / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
        return str(file)
    return write


def edit(editor, *words, **environment):
    named = {"EDITOR": editor} if editor else {}
    return subprocess.run(["/usr/bin/twostep", "admin", "edit", *words],
                          env={**terminals.ENVIRONMENT, **named, **environment}, **NO_TERMINAL)


def at_a_terminal(editor, *words, **options):
    return terminals.spawn(["twostep", "admin", "edit", *words],
                           env={**terminals.ENVIRONMENT, "EDITOR": editor}, **options)


def ended(program):
    program.expect(pexpect.EOF)
    program.close()
    return program.exitstatus


def test_given_a_right_edit_then_it_is_in_force_and_logged(person, script, journal):
    editor = script("sed -i 's/^count = 10/count = 4/; s/^grace.*/required = true/' \"$1\"")
    done = edit(editor, "--yes")
    assert done.returncode == 0, done.stderr
    assert "- count = 10" in done.stdout and "+ count = 4" in done.stdout and "in force" in done.stdout
    assert "count = 4" in configuration.FILE.read_text() and "# Written by hand." in configuration.FILE.read_text()
    assert not log_in(person, "123456").accepted
    line = journal.find("policy-edited", "by=edit", "admin=root")
    assert "count = 4" in line and "required = true" in line
    assert "count = 4" in configuration.LAST_GOOD.read_text()


def test_given_lines_that_are_new_alone_then_the_log_tells_of_no_others(script, journal):
    assert edit(script("echo '# more' >>\"$1\""), "--yes").returncode == 0
    line = journal.find("policy-edited", 'added="# more"')
    assert "removed=" not in line


def test_given_a_copy_then_it_is_roots_alone_and_has_its_name(script, tmp_path):
    seen = tmp_path / "seen"
    edit(script(f'stat -c "%a %U %n" "$1" "$(dirname "$1")" >{seen}'))
    lines = seen.read_text().splitlines()
    assert re.fullmatch(r"600 root /etc/twostep/\.edit-[0-9-]+/config\.toml", lines[0])
    assert lines[1].startswith("700 root /etc/twostep/.edit-")


def test_given_no_change_then_nothing_is_written_and_nothing_asked(script):
    before = configuration.FILE.stat().st_ino
    done = edit(script("true"))
    assert done.returncode == 0 and "Nothing was changed" in done.stdout
    assert configuration.FILE.stat().st_ino == before
    done = edit(script("true"), "--json")
    assert json.loads(done.stdout)["changed"] is False


def test_given_visual_then_it_goes_before_editor_and_may_have_arguments(script):
    wrong, good = script("exit 9", "wrong"), script('[ "$1" = -x ] && sed -i "s/count = 10/count = 5/" "$2"', "good")
    assert edit(wrong, "--yes", VISUAL=f"{good} -x").returncode == 0
    assert "count = 5" in configuration.FILE.read_text()


@pytest.mark.parametrize("name", ["sensible-editor", "vi"])
def test_given_no_editor_of_ones_own_then_it_is_the_hosts(script, tmp_path, name):
    script('sed -i "s/count = 10/count = 6/" "$1"', name)
    for tool in ("sed", "sh", "getent"):
        (tmp_path / tool).symlink_to(Path("/usr/bin") / tool)
    program = terminals.spawn(["/usr/bin/twostep", "admin", "edit", "--yes"],
                              env={**terminals.ENVIRONMENT, "PATH": str(tmp_path)})
    assert ended(program) == 0, program.before
    assert "count = 6" in configuration.FILE.read_text()


@pytest.mark.parametrize("editor", ["/nonexistent/editor", "false"])
def test_given_an_editor_that_fails_then_nothing_is_changed(editor):
    done = edit(editor, "--yes")
    assert done.returncode == 1
    assert editor in done.stderr and "EDITOR" in done.stderr
    assert configuration.FILE.read_text() == COMMENTED


def test_given_no_terminal_and_no_program_then_no_editor_is_opened():
    done = edit(None, "--yes")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no terminal" in done.stderr and "EDITOR" in done.stderr
    assert configuration.FILE.read_text() == COMMENTED


def test_given_no_terminal_and_no_yes_then_a_right_edit_is_not_put_in_force(script):
    done = edit(script("echo >>\"$1\""))
    assert done.returncode == 1 and "--yes" in done.stderr
    assert configuration.FILE.read_text() == COMMENTED


def test_given_a_mistake_without_a_terminal_then_it_is_said_where_and_nothing_is_changed(script):
    done = edit(script("sed -i 's/^count/cuont/' \"$1\""), "--yes", "--json")
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert error["reason"] == "broken_configuration"
    assert "config.toml, line 13, column 1: unknown field `cuont`" in error["message"]
    assert configuration.FILE.read_text() == COMMENTED


def test_given_a_mistake_at_a_terminal_then_it_is_edited_again_or_left(script, tmp_path):
    turn = tmp_path / "turn"
    editor = script(f'if [ -e {turn} ]; then sed -i "s/^cuont = 10/count = 7/" "$1"; '
                    f'else touch {turn}; sed -i "s/^count/cuont/" "$1"; fi')
    program = at_a_terminal(editor)
    program.expect(r"\[e\]dit again, or \[q\]uit")
    assert "line 13, column 1" in program.before and "cuont = 10\r\n  ^" in program.before
    assert configuration.FILE.read_text() == COMMENTED
    program.sendline("e")
    program.expect(r"Put this in force\?")
    assert "+ count = 7" in program.before
    program.sendline("y")
    assert ended(program) == 0
    assert "count = 7" in configuration.FILE.read_text()
    turn.unlink()
    configuration.write_text(COMMENTED)
    program = at_a_terminal(editor)
    program.expect(r"\[q\]uit")
    program.sendline("q")
    assert ended(program) == 1
    assert configuration.FILE.read_text() == COMMENTED


def test_given_a_question_then_quit_changes_nothing(script):
    program = at_a_terminal(script("echo '# more' >>\"$1\""))
    program.expect(r"Put this in force\?")
    program.sendline("q")
    assert ended(program) == 1
    assert configuration.FILE.read_text() == COMMENTED


def test_given_administrators_who_would_be_locked_out_then_they_are_named_before_the_question(script):
    program = at_a_terminal(script("sed -i 's/^grace.*/required = true/' \"$1\""))
    program.expect(r"Put this in force\?")
    assert re.search(r"WARNING: [^.]*root[^.]* would be refused", program.before)
    program.sendline("q")
    assert ended(program) == 1


def test_given_names_that_nobody_has_then_they_are_named(script):
    done = edit(script("sed -i 's/^grace.*/required_groups = [\"no-such-group\"]/' \"$1\""), "--yes")
    assert "names no-such-group, but there is no such group" in " ".join(done.stdout.split())


def test_given_an_edit_is_going_on_then_a_second_one_is_refused(script):
    program = at_a_terminal(script('echo ready; read _; echo "# first" >>"$1"'))
    program.expect("ready")
    done = edit(script("echo '# second' >>\"$1\"", "second"), "--yes")
    assert done.returncode == 1 and "another" in done.stderr
    program.sendline("")
    program.expect(r"Put this in force\?")
    program.sendline("y")
    assert ended(program) == 0
    assert configuration.FILE.read_text() == COMMENTED + "# first\n"


def test_given_somebody_else_writes_meanwhile_then_both_are_kept(script, tmp_path):
    theirs = COMMENTED + "# theirs\n"
    (tmp_path / "theirs").write_text(theirs)
    done = edit(script(f'echo "# mine" >>"$1"; cp {tmp_path}/theirs /etc/twostep/config.toml'), "--yes")
    assert done.returncode == 1 and "somebody else" in done.stderr
    assert configuration.FILE.read_text() == theirs
    kept = Path(re.search(r"kept in (/etc/twostep/\S+/config\.toml)", done.stderr).group(1))
    assert kept.read_text() == COMMENTED + "# mine\n"
    done = edit(script("true"))
    assert str(kept.parent) in done.stdout      # it is not forgotten
    kept.unlink()
    kept.parent.rmdir()


def wait_until_undisturbed(pid):
    """The editor is there a moment before the command waits for it without minding Ctrl-C."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        blocked = re.search(r"^SigBlk:\s+(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
        # While it starts the editor, libc blocks every signal for a moment.
        if int(blocked.group(1), 16) == 1 << signal.SIGINT - 1 | 1 << signal.SIGQUIT - 1:
            return
        time.sleep(0.01)
    raise AssertionError("Ctrl-C ends the command")


def test_given_ctrl_c_in_the_editor_then_only_the_editor_minds_it(script):
    program = at_a_terminal(script('trap "echo caught" INT; echo ready; read _; read _; echo "# kept" >>"$1"'))
    program.expect("ready")
    wait_until_undisturbed(program.pid)
    program.sendintr()
    program.sendline("")
    program.expect("caught")
    program.sendline("")
    program.expect(r"Put this in force\?")
    program.sendline("y")
    assert ended(program) == 0
    assert configuration.FILE.read_text() == COMMENTED + "# kept\n"


def test_given_ctrl_c_at_the_question_then_nothing_is_changed(script):
    program = at_a_terminal(script("echo '# more' >>\"$1\""))
    program.expect(r"Put this in force\?")
    program.sendintr()
    program.expect(pexpect.EOF)
    program.close()
    assert configuration.FILE.read_text() == COMMENTED
    for left in FOLDER.glob(".edit-*"):     # the next edit tells of it
        done = edit(script("true", "again"))
        assert str(left) in done.stdout
        (left / "config.toml").unlink()
        left.rmdir()


def test_given_a_broken_file_then_edit_is_how_it_is_put_right(script):
    configuration.write_text(COMMENTED.replace("count", "cuont"))
    done = edit(script("sed -i 's/^cuont/count/' \"$1\""), "--yes")
    assert done.returncode == 0, done.stderr
    assert configuration.FILE.read_text() == COMMENTED


def test_given_an_edit_then_owner_and_mode_stay(script):
    configuration.FILE.chmod(0o600)
    os.chown(configuration.FILE, 0, grp.getgrnam("adm").gr_gid)
    assert edit(script("echo >>\"$1\""), "--yes").returncode == 0
    status = configuration.FILE.stat()
    assert (status.st_mode & 0o7777, status.st_uid) == (0o600, 0)
    assert grp.getgrgid(status.st_gid).gr_name == "adm"
