//! `manuals FOLDER`: writes the manual pages of `twostep`, its completions, and the chapter of the guide
//! that has every command, into a folder. All come from the one list of flags. The pages of the PAM module
//! and of the configuration are written by hand (packaging/man); tests hold them against the code.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use roff::{Roff, bold, italic, roman};
use twostep_cli::arguments::Arguments;

mod guide;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else { return ExitCode::from(2) };
    match write(Path::new(&folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "manuals: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("twostep.1"), user_page())?;
    fs::write(folder.join("twostep-admin.8"), admin_page())?;
    fs::write(folder.join("commands.md"), guide::page())?;
    let mut command = Arguments::command();
    for (shell, name) in [(Shell::Bash, "twostep.bash"), (Shell::Zsh, "_twostep"), (Shell::Fish, "twostep.fish")] {
        clap_complete::generate(shell, &mut command, "twostep", &mut File::create(folder.join(name))?);
    }
    Ok(())
}

/// `twostep(1)`: what users type.
fn user_page() -> String {
    let command = built();
    let mut page = title("twostep", "1", "two-step authentication: enroll a phone and look after your account");
    page.control("SH", ["SYNOPSIS"]);
    page.text([bold("twostep"), roman(" [COMMAND] [OPTIONS]")]);
    page.control("SH", ["DESCRIPTION"]);
    page.text([roman(
        "Adds your phone as a second step of your logins, and keeps that in order. Without a command it shows how your \
         account stands. Once a phone is enrolled, each change asks for a code first.",
    )]);
    page.control("SH", ["COMMANDS"]);
    let commands = command.get_subcommands().filter(|one| one.get_name() != "admin");
    commands.for_each(|one| typed(one, "twostep", &mut |name, command| entry(name, command, &mut page)));
    ending(&mut page, &["twostep-admin(8)", "pam_twostep(8)", "twostep.toml(5)"], EXIT);
    page.to_roff()
}

/// `twostep-admin(8)`: what administrators type.
fn admin_page() -> String {
    let command = built();
    let mut page = title("twostep-admin", "8", "look after the second step of a host and of its users");
    page.control("SH", ["SYNOPSIS"]);
    page.text([bold("twostep admin"), roman(" COMMAND [OPTIONS]")]);
    page.control("SH", ["DESCRIPTION"]);
    page.text([roman("Only root can use these commands. Each change is logged, and is in the history of the user.")]);
    page.control("SH", ["COMMANDS"]);
    let admin = command.get_subcommands().find(|one| one.get_name() == "admin");
    admin
        .into_iter()
        .flat_map(Command::get_subcommands)
        .for_each(|one| typed(one, "twostep admin", &mut |name, command| entry(name, command, &mut page)));
    ending(&mut page, &["twostep(1)", "pam_twostep(8)", "twostep.toml(5)"], ADMIN_EXIT);
    page.to_roff()
}

fn built() -> Command {
    let mut command = Arguments::command();
    command.build();
    command
}

/// The head of a page, with its NAME.
fn title(name: &str, section: &str, what: &str) -> Roff {
    let mut page = Roff::new();
    page.control("TH", [name, section, "", concat!("Twostep ", env!("CARGO_PKG_VERSION")), "Two-step authentication"]);
    page.control("SH", ["NAME"]);
    page.text([roman(format!("{name} \\- {what}").replace("\\-", "-"))]);
    page
}

/// Visits a command by its whole name, or those below it: what a person can type.
fn typed(command: &Command, before: &str, visit: &mut impl FnMut(&str, &Command)) {
    if command.is_hide_set() || command.get_name() == "help" {
        return;
    }
    let name = format!("{before} {}", command.get_name());
    if command.has_subcommands() {
        command.get_subcommands().for_each(|below| typed(below, &name, visit));
    } else {
        visit(&name, command);
    }
}

/// How a command is typed, what it does, and its arguments.
fn entry(name: &str, command: &Command, page: &mut Roff) {
    let words = command.get_positionals().map(|word| {
        let shown = word.get_id().as_str().to_uppercase();
        if word.is_required_set() { format!(" {shown}") } else { format!(" [{shown}]") }
    });
    page.control("SS", [format!("{name}{} [OPTIONS]", words.collect::<String>()).as_str()]);
    page.text([roman(format!("{}.", command.get_about().map(ToString::to_string).unwrap_or_default()))]);
    for argument in command.get_arguments().filter(|argument| !argument.is_hide_set() && !argument.is_global_set()) {
        page.control("TP", []);
        let value = argument.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
        match argument.get_long() {
            Some("help") => page.text([bold("--help")]),
            Some(long) if argument.get_action().takes_values() => {
                page.text([bold(format!("--{long}")), roman(" "), italic(value.unwrap_or_default())])
            }
            Some(long) => page.text([bold(format!("--{long}"))]),
            None => page.text([italic(argument.get_id().as_str().to_uppercase())]),
        };
        page.text([roman(described(argument))]);
    }
    if let Some(examples) = command.get_after_help() {
        examples.to_string().lines().for_each(|line| example(line, page));
    }
}

/// A line of what stands below the flags: what is typed stands as it is, the rest is text.
fn example(line: &str, page: &mut Roff) {
    match line.strip_prefix("  ") {
        Some(typed) => {
            page.control("br", []);
            page.text([roman("    "), bold(typed)]);
        }
        None if line.is_empty() => {
            page.control("PP", []);
        }
        None => {
            page.control(if line.starts_with("Example") { "PP" } else { "br" }, []);
            page.text([roman(line)]);
        }
    }
}

/// What an argument does, with its default and its choices.
fn described(argument: &clap::Arg) -> String {
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let defaults = argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned());
    let defaults = defaults.filter(|_| argument.get_action().takes_values()).collect::<Vec<_>>().join(", ");
    let choices = argument.get_possible_values().iter().map(|one| one.get_name().to_owned()).collect::<Vec<_>>();
    let choices = if argument.get_action().takes_values() { choices.join(", ") } else { String::new() };
    let note = |word: &str, text: &str| if text.is_empty() { String::new() } else { format!(" {word}: {text}.") };
    format!("{help}.{}{}", note("Choices", &choices), note("Default", &defaults))
}

/// Options of all commands, how they end, and where more stands.
fn ending(page: &mut Roff, also: &[&str], exit: &str) {
    page.control("SH", ["OPTIONS"]);
    page.control("TP", []);
    page.text([bold("--json")]);
    page.text([roman("Print JSON, one object a line, also for errors.")]);
    page.control("TP", []);
    page.text([bold("--help"), roman(", "), bold("--version")]);
    page.text([roman("Say more about a command; say which Twostep this is.")]);
    page.control("SH", ["EXIT STATUS"]);
    page.text([roman(exit)]);
    page.control("SH", ["FILES"]);
    for (file, what) in [
        ("/etc/twostep/config.toml", "the configuration"),
        ("/var/lib/twostep", "the accounts"),
        ("/run/twostep", "what was spent and failed since boot"),
    ] {
        page.control("TP", []);
        page.text([italic(file)]);
        page.text([roman(format!("{what}."))]);
    }
    page.control("SH", ["SEE ALSO"]);
    page.text([roman(also.join(", "))]);
}

const EXIT: &str = "0 done, 1 refused, 2 wrong usage, 3 Twostep is not set up on this host.";
const ADMIN_EXIT: &str = "0 done, 1 refused (or an error was found), 2 wrong usage, 3 Twostep is not set up on this host, 4 only warnings were found.";

#[cfg(test)]
mod tests {
    use super::*;

    /// The page without what roff adds.
    fn plain(page: &str) -> String {
        page.replace("\\-", "-").replace("\\fB", "").replace("\\fR", "").replace("\\fI", "")
    }

    fn every(command: &Command, visit: &mut dyn FnMut(&Command)) {
        visit(command);
        command
            .get_subcommands()
            .filter(|one| one.get_name() != "help" && !one.is_hide_set())
            .for_each(|one| every(one, visit));
    }

    #[test]
    fn every_flag_is_in_a_page() {
        let pages = plain(&format!("{}{}", user_page(), admin_page()));
        let mut seen = 0;
        every(&built(), &mut |command| {
            for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
                if let Some(long) = argument.get_long() {
                    assert!(pages.contains(&format!("--{long}")), "--{long} of {} is in no page", command.get_name());
                    seen += 1;
                }
            }
        });
        assert!(seen > 60, "only {seen} flags were looked at");
    }

    #[test]
    fn the_guide_has_every_command_as_it_is() {
        let page = include_str!("../../../docs/commands.md");
        assert!(page == guide::page(), "docs/commands.md is not as the program is. Write it again: make reference");
    }

    #[test]
    fn the_page_of_the_module_has_each_of_its_options() {
        let page = plain(include_str!("../../man/pam_twostep.8"));
        for name in twostep_core::options::NAMES {
            assert!(
                page.contains(&format!("\n.BR {name}")) || page.contains(&format!("\n.B {name}")),
                "{name} is not in pam_twostep(8)"
            );
        }
    }

    #[test]
    fn the_page_of_the_configuration_has_each_of_its_keys() {
        let page = plain(include_str!("../../man/twostep.toml.5"));
        let config = include_str!("../../config.toml");
        let keys = config.lines().filter_map(|line| {
            let (key, _) = line.trim_start_matches('#').split_once(" = ")?;
            key.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_').then_some(key)
        });
        let mut seen = 0;
        for key in keys {
            assert!(page.contains(&format!("\n.B {key}\n")), "{key} is not in twostep.toml(5)");
            seen += 1;
        }
        assert!(seen >= 34, "only {seen} keys were looked at");
    }
}
