//! Recovery codes: `twostep recovery-codes regenerate`, and handing a new set over.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use host_check::dates;
use serde::Serialize;
use twostep_core::request::{Refusal, Request, Response};
use twostep_core::secret::Typed;

use crate::environment::Form;
use crate::error::CommandError;
use crate::messages::account;
use crate::output::Output;
use crate::prompter::Echo;
use crate::session::Session;
use crate::{client, proof, save};

/// The command that prints what it reads.
const PRINTER: &str = "lp";

/// A new set, as programs read it.
#[derive(Debug, Serialize)]
struct NewSet {
    recovery_codes: Vec<Typed>,
}

/// Replaces all recovery codes.
pub fn run(session: &mut Session, file: Option<&Path>) -> Result<(), CommandError> {
    file.map_or(Ok(()), save::check)?;
    let status = session.status()?;
    if !status.enrolled {
        return Err(CommandError::refused(Refusal::NoAuthenticator, account::user_not_enrolled(&status.user)));
    }
    let request = |proof| Request::RegenerateRecoveryCodes { proof };
    let (response, proof) = proof::ask_with(session, request)?;
    let Response::RecoveryCodes { recovery_codes } = response else {
        return Err(client::broken("no recovery codes"));
    };
    let set = NewSet { recovery_codes };
    session.output.object(&set)?;
    proof::tell_spent(session, proof)?;
    let sheet = Sheet::new(&session.output.environment.host, &status.user, &set.recovery_codes);
    hand_over(session, &sheet, file)?;
    session.output.say(account::OLDER_CODES_STOPPED)
}

/// A set of recovery codes on a sheet of paper.
pub struct Sheet {
    /// The file's name, when the person names none.
    name: String,
    /// Where and whose they are.
    head: String,
    /// The codes, numbered.
    list: Typed,
}

impl Sheet {
    /// The sheet for the codes of this user of this host.
    pub fn new(host: &str, user: &str, codes: &[Typed]) -> Self {
        let mut list = String::new();
        for (place, code) in codes.iter().enumerate() {
            list.push_str(&format!("{:4}. {}\n", place + 1, code.expose()));
        }
        Self {
            name: format!("twostep-recovery-codes-{}.txt", as_file_name(host)),
            head: account::sheet_head(host, user, &dates::now()),
            list: Typed::new(list),
        }
    }

    /// The whole sheet.
    fn text(&self) -> Typed {
        Typed::new(account::sheet(&self.head, self.list.expose()))
    }
}

/// Shows a new set the only time, and makes sure that the person keeps it.
pub fn hand_over(session: &mut Session, sheet: &Sheet, file: Option<&Path>) -> Result<(), CommandError> {
    let output = &mut session.output;
    output.say(account::RECOVERY_CODES)?;
    output.draw(sheet.list.expose())?;
    output.say("")?;
    if let Some(path) = file {
        return save_to(output, sheet, path);
    }
    output.say(account::NOT_SHOWN_AGAIN)?;
    if output.form == Form::Json || !output.environment.is_interactive {
        return Ok(());
    }
    offer(session, sheet)
}

fn offer(session: &mut Session, sheet: &Sheet) -> Result<(), CommandError> {
    loop {
        let answer = session.prompter.answer(account::KEEP_RECOVERY_CODES, Echo::Shown)?;
        let done = match answer.expose().trim().to_ascii_lowercase().as_str() {
            "s" | "save" => save_where(session, sheet),
            "p" | "print" => print(sheet).and_then(|()| session.output.say(account::PRINTED)),
            "c" | "continue" => return Ok(()),
            _ => continue,
        };
        match done {
            Ok(()) => return Ok(()),
            // The codes are still on the screen, and there is another way to keep them.
            Err(error) if error.reason != "no_input" => session.output.complain(&error)?,
            Err(error) => return Err(error),
        }
    }
}

fn save_where(session: &mut Session, sheet: &Sheet) -> Result<(), CommandError> {
    let home = session.output.environment.home.clone().unwrap_or_default();
    let default = home.join(&sheet.name);
    let question = account::which_file(&default);
    let answer = session.prompter.answer(&question, Echo::Shown)?;
    let path = match answer.expose().trim() {
        "" => default,
        typed => match typed.strip_prefix("~/") {
            Some(below) => home.join(below),
            None => PathBuf::from(typed),
        },
    };
    save_to(&mut session.output, sheet, &path)
}

fn save_to(output: &mut Output, sheet: &Sheet, path: &Path) -> Result<(), CommandError> {
    save::write(path, sheet.text().expose())?;
    output.say(&account::saved(path))
}

fn print(sheet: &Sheet) -> Result<(), CommandError> {
    let print = || -> std::io::Result<bool> {
        let mut printer = Command::new(PRINTER).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        if let Some(mut paper) = printer.stdin.take() {
            paper.write_all(sheet.text().expose().as_bytes())?;
        }
        Ok(printer.wait()?.success())
    };
    match print() {
        Ok(true) => Ok(()),
        Ok(false) => Err(CommandError::here("printer", account::NOT_PRINTED)),
        Err(_) => Err(CommandError::here("printer", account::NO_PRINTER)),
    }
}

/// A host's name as a part of a file's name.
fn as_file_name(host: &str) -> String {
    host.chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || ".-_".contains(letter) { letter } else { '_' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::scripted::Script;
    use crate::prompter::scripted::{Answers, lines};
    use crate::session::scripted::{session, status};

    const PROOF: &str = "Current code";

    fn regenerates() -> Script {
        let codes = ["0123-4567-89AB-CDEF", "FEDC-BA98-7654-3210"].map(|code| Typed::new(code.into()));
        Script::user(vec![
            (|_| true, Response::Status(status(&["phone"]))),
            (
                |request| matches!(request, Request::RegenerateRecoveryCodes { proof } if proof.expose() == "123456"),
                Response::RecoveryCodes { recovery_codes: codes.into() },
            ),
        ])
    }

    #[test]
    fn programs_get_the_new_set_in_one_line() {
        let (mut session, printed) = session(regenerates(), lines("123456\n"));
        session.output.form = Form::Json;
        run(&mut session, None).unwrap();
        assert_eq!(printed.text(), "{\"recovery_codes\":[\"0123-4567-89AB-CDEF\",\"FEDC-BA98-7654-3210\"]}\n");
    }

    #[test]
    fn a_person_saves_them_below_the_home_folder() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("taken"), "mine").unwrap();
        let prompter = Answers::new(&[
            (PROOF, Echo::Hidden, "123456"),
            (account::KEEP_RECOVERY_CODES, Echo::Shown, "what?"),
            (account::KEEP_RECOVERY_CODES, Echo::Shown, "S"),
            ("File [", Echo::Shown, "~/taken"),
            (account::KEEP_RECOVERY_CODES, Echo::Shown, "s"),
            ("File [", Echo::Shown, ""),
        ]);
        let (mut session, printed) = session(regenerates(), Box::new(prompter));
        session.output.environment.home = Some(home.path().into());
        run(&mut session, None).unwrap();
        let saved = home.path().join("twostep-recovery-codes-web1.txt");
        let sheet = std::fs::read_to_string(saved).unwrap();
        for part in ["Host: web1", "User: alice", "Made: 2", "   1. 0123-4567-89AB-CDEF\n", "works once"] {
            assert!(sheet.contains(part), "{part} is not in:\n{sheet}");
        }
        assert!(printed.text().contains("exists already"), "{}", printed.text());
        assert!(printed.text().contains("was already used"), "{}", printed.text());
    }

    #[test]
    fn a_file_that_was_named_is_written_without_a_question() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("codes.txt");
        let prompter = Answers::new(&[(PROOF, Echo::Hidden, "123456")]);
        let (mut session, _) = session(regenerates(), Box::new(prompter));
        run(&mut session, Some(&path)).unwrap();
        assert!(std::fs::read_to_string(path).unwrap().contains("FEDC-BA98-7654-3210"));
    }

    #[test]
    fn one_who_is_not_enrolled_is_not_asked_for_a_proof() {
        let script = Script::user(vec![(|_| true, Response::Status(status(&[])))]);
        let (mut session, _) = session(script, lines("123456\n"));
        assert!(run(&mut session, None).unwrap_err().is(Refusal::NoAuthenticator));
    }

    #[test]
    fn a_file_that_is_there_costs_no_proof() {
        let folder = tempfile::tempdir().unwrap();
        let (mut session, _) = session(Script::user(vec![]), lines("123456\n"));
        assert_eq!(run(&mut session, Some(folder.path())).unwrap_err().reason, "file");
    }

    #[test]
    fn a_host_name_is_no_path() {
        assert_eq!(as_file_name("../web 1.example"), ".._web_1.example");
    }
}
