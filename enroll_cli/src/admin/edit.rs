//! `twostep admin edit`: an editor, and no way to leave a mistake in force.

use std::io::IsTerminal;

use host_check::host::Host;
use nix::unistd::geteuid;
use twostep_core::config::ConfigError;

use super::consent::{self, Consent};
use crate::arguments::Edit;
use crate::client;
use crate::configuration::{CHANGED_MEANWHILE, ConfigFile, EditReport, Proposal, ProposalError, TextDiff};
use crate::error::CommandError;
use crate::layout::harmless;
use crate::messages::configuration;
use crate::output::Output;
use crate::prompter::{Echo, Prompter};
use crate::terminal::who_types;

mod editor;
mod working_copy;

use editor::{Editor, Program};
use working_copy::WorkingCopy;

/// Opens an editor until the configuration is right, and puts it in force.
pub fn run(output: &mut Output, wishes: &Edit) -> Result<(), CommandError> {
    client::only_root(geteuid())?;
    let file = ConfigFile::open()?;
    let named = output.environment.editor.clone();
    if named.is_none() && !std::io::stdin().is_terminal() {
        return Err(editor::no_terminal());
    }
    let mut editor = Program { named };
    let work = Work { host: &Host::open(), file: &file, consent: Consent::by_flag(wishes.yes) };
    work.until_done(output, &mut *who_types()?, &mut editor)
}

/// One edit.
struct Work<'a> {
    host: &'a Host,
    file: &'a ConfigFile,
    consent: Consent,
}

/// What the administrator wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    PutInForce,
    EditAgain,
    Quit,
}

impl Work<'_> {
    fn until_done(
        &self,
        output: &mut Output,
        prompter: &mut dyn Prompter,
        editor: &mut dyn Editor,
    ) -> Result<(), CommandError> {
        for left in working_copy::leftovers(self.file.folder()) {
            output.say(&configuration::edit_left(left.display()))?;
        }
        let copy = WorkingCopy::of(self.file)?;
        loop {
            editor.edit(copy.path())?;
            let text = copy.read()?;
            if text == self.file.text() {
                let (file, change) = (self.file.shown(), &TextDiff::default());
                output.object(&EditReport { changed: false, file, change, impact: None, warnings: &[] })?;
                return output.say(configuration::UNCHANGED);
            }
            match Proposal::new(self.host, self.file.text(), text.clone(), &output.environment.administrator) {
                Ok(proposal) => {
                    proposal.show(output, self.file)?;
                    match self.decide(prompter)? {
                        Next::PutInForce => return self.put_in_force(output, &proposal, copy),
                        Next::EditAgain => {}
                        Next::Quit => return Err(left()),
                    }
                }
                Err(ProposalError::Failed(error)) => return Err(error),
                Err(ProposalError::Mistake(error)) => {
                    let refused = mistake(self.file, &error);
                    if !prompter.sees_questions() {
                        return Err(refused);
                    }
                    output.draw(&pointed_at(&text, &error))?;
                    output.complain(&refused)?;
                    if ask(prompter, configuration::MISTAKE, Next::EditAgain)? == Next::Quit {
                        return Err(left());
                    }
                }
            }
        }
    }

    fn decide(&self, prompter: &mut dyn Prompter) -> Result<Next, CommandError> {
        match self.consent {
            Consent::Given => Ok(Next::PutInForce),
            Consent::ToBeAsked if !prompter.sees_questions() => Err(consent::not_asked()),
            Consent::ToBeAsked => ask(prompter, configuration::IN_FORCE, Next::PutInForce),
        }
    }

    fn put_in_force(&self, output: &mut Output, proposal: &Proposal, copy: WorkingCopy) -> Result<(), CommandError> {
        match proposal.put_in_force(output, self.file, "edit") {
            Ok(()) => output.say(configuration::NOW_IN_FORCE),
            Err(mut error) => {
                if error.reason == CHANGED_MEANWHILE {
                    error.message.push_str(&configuration::edit_kept(copy.keep().display()));
                }
                Err(error)
            }
        }
    }
}

/// Asks until the answer is one of those that are offered: `e`, `q`, and `y` where that can be meant.
fn ask(prompter: &mut dyn Prompter, question: &str, most: Next) -> Result<Next, CommandError> {
    loop {
        let answer = prompter.answer(question, Echo::Shown)?;
        match answer.expose().trim().to_ascii_lowercase().as_str() {
            "y" | "yes" if most == Next::PutInForce => return Ok(Next::PutInForce),
            "e" | "edit" => return Ok(Next::EditAgain),
            "q" | "quit" => return Ok(Next::Quit),
            _ => {}
        }
    }
}

/// The administrator had enough of it.
fn left() -> CommandError {
    CommandError::here("not_confirmed", configuration::LEFT)
}

/// File, line, column and remedy.
fn mistake(file: &ConfigFile, error: &ConfigError) -> CommandError {
    CommandError::here("broken_configuration", configuration::mistake(file.shown(), error))
}

/// The line with the mistake, and a mark below the place.
fn pointed_at(text: &str, error: &ConfigError) -> String {
    let Some((line, column)) = error.at else { return String::new() };
    let shown = text.lines().nth(line - 1).unwrap_or_default();
    let before = shown.chars().take(column - 1).collect::<String>();
    let indent = harmless(&before).chars().count();
    format!("\n  {}\n  {}^\n", harmless(shown), " ".repeat(indent))
}

#[cfg(test)]
mod tests;
