//! The chapter of the guide that has every command, from the one list of flags.

use std::fmt::Write;

use clap::{Arg, Command};

use crate::{built, described, typed};

const HEAD: &str = "\
# Commands

<!-- Written by `make reference` from the list of flags of the program. -->

`twostep` is for users, `sudo twostep admin` for administrators. `--json` prints data and errors for programs, one object a line; `--help` says what stands here. Without a \
terminal a command takes codes as lines of standard input; never as arguments, where other users could read them. \
Exit codes are [here](files.md#exit-codes).
";

/// The chapter.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    built()
        .get_subcommands()
        .for_each(|one| typed(one, "twostep", &mut |name, command| entry(name, command, &mut page)));
    page
}

/// What a command does, and its arguments. Writing to a string cannot fail.
fn entry(name: &str, command: &Command, page: &mut String) {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let _ = write!(page, "\n## {name}\n\n{about}.\n");
    let shown = |argument: &&Arg| !argument.is_hide_set() && !argument.is_global_set() && argument.get_id() != "help";
    let mut rows = command.get_arguments().filter(shown).map(row).peekable();
    if rows.peek().is_some() {
        page.push_str("\n| argument | what it says |\n|---|---|\n");
        page.extend(rows);
    }
    if let Some(help) = command.get_after_help() {
        examples(&help.to_string(), page);
    }
}

/// A row of the table; a word that may be left out is in brackets.
fn row(argument: &Arg) -> String {
    let value = argument.get_value_names().and_then(|names| names.first()).map(ToString::to_string).unwrap_or_default();
    let name = match argument.get_long() {
        Some(long) if argument.get_action().takes_values() => format!("--{long} {value}"),
        Some(long) => format!("--{long}"),
        None if argument.is_required_set() => argument.get_id().as_str().to_uppercase(),
        None => format!("[{}]", argument.get_id().as_str().to_uppercase()),
    };
    format!("| `{name}` | {} |\n", described(argument).replace('|', "\\|"))
}

/// What stands below the flags: what is typed in a block, the rest as text.
fn examples(help: &str, page: &mut String) {
    let (typed, told): (Vec<&str>, Vec<&str>) = help.lines().partition(|line| line.starts_with("  "));
    page.push_str("\n```sh example\n");
    typed.iter().for_each(|line| page.extend([line.trim(), "\n"]));
    page.push_str("```\n");
    let told = told.into_iter().filter(|line| !line.starts_with("Example")).collect::<Vec<_>>().join("\n");
    if !told.trim().is_empty() {
        let _ = write!(page, "\n{}\n", told.trim());
    }
}
