//! `twostep admin edit`: an editor, and no way to leave a mistake in force.

use std::io::IsTerminal;

use host_check::host::Host;
use nix::unistd::geteuid;
use twostep_core::config::ConfigError;

use super::consent::{self, Consent};
use crate::arguments::Edit;
use crate::configuration::{CHANGED_MEANWHILE, ConfigFile, EditReport, Proposal, ProposalError, TextDiff};
use crate::layout::harmless;
use crate::messages::configuration;
use crate::page::Page;
use crate::person::{Echo, Person};
use crate::reach;
use crate::terminal::who_types;
use crate::trouble::Trouble;

mod editor;
mod working_copy;

use editor::{Editor, Program};
use working_copy::WorkingCopy;

/// Opens an editor until the configuration is right, and puts it in force.
pub fn run(page: &mut Page, wishes: &Edit) -> Result<(), Trouble> {
    reach::only_root(geteuid())?;
    let file = ConfigFile::open()?;
    let named = page.view.editor.clone();
    if named.is_none() && !std::io::stdin().is_terminal() {
        return Err(editor::no_terminal());
    }
    let mut editor = Program { named };
    let work = Work { host: &Host::open(), file: &file, consent: Consent::by_flag(wishes.yes) };
    work.until_done(page, &mut *who_types()?, &mut editor)
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
    fn until_done(&self, page: &mut Page, person: &mut dyn Person, editor: &mut dyn Editor) -> Result<(), Trouble> {
        for left in working_copy::leftovers(self.file.folder()) {
            page.say(&configuration::edit_left(left.display()))?;
        }
        let copy = WorkingCopy::of(self.file)?;
        loop {
            editor.edit(copy.path())?;
            let text = copy.read()?;
            if text == self.file.text() {
                let (file, change) = (self.file.shown(), &TextDiff::default());
                page.object(&EditReport { changed: false, file, change, impact: None, warnings: &[] })?;
                return page.say(configuration::UNCHANGED);
            }
            match Proposal::new(self.host, self.file.text(), text.clone(), &page.view.administrator) {
                Ok(proposal) => {
                    proposal.show(page, self.file)?;
                    match self.decide(person)? {
                        Next::PutInForce => return self.put_in_force(page, &proposal, copy),
                        Next::EditAgain => {}
                        Next::Quit => return Err(left()),
                    }
                }
                Err(ProposalError::Trouble(trouble)) => return Err(trouble),
                Err(ProposalError::Mistake(error)) => {
                    let trouble = mistake(self.file, &error);
                    if !person.sees_questions() {
                        return Err(trouble);
                    }
                    page.draw(&pointed_at(&text, &error))?;
                    page.complain(&trouble)?;
                    if ask(person, configuration::MISTAKE, Next::EditAgain)? == Next::Quit {
                        return Err(left());
                    }
                }
            }
        }
    }

    fn decide(&self, person: &mut dyn Person) -> Result<Next, Trouble> {
        match self.consent {
            Consent::Given => Ok(Next::PutInForce),
            Consent::ToBeAsked if !person.sees_questions() => Err(consent::not_asked()),
            Consent::ToBeAsked => ask(person, configuration::IN_FORCE, Next::PutInForce),
        }
    }

    fn put_in_force(&self, page: &mut Page, proposal: &Proposal, copy: WorkingCopy) -> Result<(), Trouble> {
        match proposal.put_in_force(page, self.file, "edit") {
            Ok(()) => page.say(configuration::NOW_IN_FORCE),
            Err(mut trouble) => {
                if trouble.reason == CHANGED_MEANWHILE {
                    trouble.message.push_str(&configuration::edit_kept(copy.keep().display()));
                }
                Err(trouble)
            }
        }
    }
}

/// Asks until the answer is one of those that are offered: `e`, `q`, and `y` where that can be meant.
fn ask(person: &mut dyn Person, question: &str, most: Next) -> Result<Next, Trouble> {
    loop {
        let answer = person.answer(question, Echo::Shown)?;
        match answer.expose().trim().to_ascii_lowercase().as_str() {
            "y" | "yes" if most == Next::PutInForce => return Ok(Next::PutInForce),
            "e" | "edit" => return Ok(Next::EditAgain),
            "q" | "quit" => return Ok(Next::Quit),
            _ => {}
        }
    }
}

/// The administrator had enough of it.
fn left() -> Trouble {
    Trouble::here("not_confirmed", configuration::LEFT)
}

/// File, line, column and remedy.
fn mistake(file: &ConfigFile, error: &ConfigError) -> Trouble {
    Trouble::here("broken_configuration", configuration::mistake(file.shown(), error))
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
