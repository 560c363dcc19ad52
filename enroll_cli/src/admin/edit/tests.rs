//! Edits by a scripted editor.

use std::fs;
use std::path::{Path, PathBuf};

use crate::scripted::host;

use super::*;
use crate::messages::configuration::{IN_FORCE, MISTAKE};
use crate::output::scripted::{Printed, output};
use crate::prompter::scripted::{Answers, lines};

const OLD: &str = "version = 1\n# mine\n";

/// Writes these texts, one after the other.
struct Writes(Vec<&'static str>);

impl Editor for Writes {
    fn edit(&mut self, file: &Path) -> Result<(), CommandError> {
        fs::write(file, self.0.remove(0)).unwrap();
        Ok(())
    }
}

struct Edited {
    done: Result<(), CommandError>,
    printed: Printed,
    text: String,
    left: Vec<PathBuf>,
}

fn edited(texts: &[&'static str], prompter: &mut dyn Prompter, consent: Consent) -> Edited {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    fs::write(&path, OLD).unwrap();
    let file = ConfigFile::alone(&path).unwrap();
    let (host, _accounts) = host(OLD);
    let (mut output, printed) = output(80);
    let mut editor = Writes(texts.to_vec());
    let done = Work { host: &host, file: &file, consent }.until_done(&mut output, prompter, &mut editor);
    assert!(editor.0.is_empty(), "the editor was not opened often enough");
    Edited { done, printed, text: fs::read_to_string(&path).unwrap(), left: working_copy::leftovers(folder.path()) }
}

#[test]
fn a_right_text_is_shown_asked_for_and_put_in_force() {
    let mut prompter = Answers::new(&[(IN_FORCE, Echo::Shown, "what"), (IN_FORCE, Echo::Shown, "y")]);
    let new = "version = 1\n# mine\n[policy]\nrequired = true\nsince = 2999-01-01T00:00:00Z\n";
    let edited = edited(&[new], &mut prompter, Consent::ToBeAsked);
    assert_eq!((edited.done, edited.text.as_str(), edited.left), (Ok(()), new, vec![]));
    let text = edited.printed.text();
    for part in ["+ required = true", "Required of", "was 0", "in force"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    assert!(!text.contains("WARNING"), "{text}");
}

#[test]
fn a_mistake_is_pointed_at_and_can_be_corrected_or_left() {
    let wrong = "version = 1\n  digits = 9\n";
    let right = "version = 1\n[totp]\ndigits = 8\n";
    let mut prompter =
        Answers::new(&[(MISTAKE, Echo::Shown, "y"), (MISTAKE, Echo::Shown, "e"), (IN_FORCE, Echo::Shown, "y")]);
    let corrected = edited(&[wrong, right], &mut prompter, Consent::ToBeAsked);
    assert_eq!((corrected.done, corrected.text.as_str()), (Ok(()), right));
    let text = corrected.printed.text();
    assert!(text.contains("\n    digits = 9\n    ^\n") && text.contains("line 2, column 3"), "{text}");
    let mut prompter = Answers::new(&[(MISTAKE, Echo::Shown, "q")]);
    let left = edited(&[wrong], &mut prompter, Consent::Given);
    assert_eq!(left.done.unwrap_err().reason, "not_confirmed");
    assert_eq!((left.text.as_str(), left.left), (OLD, vec![]));
}

#[test]
fn without_a_terminal_a_mistake_ends_it_and_a_change_needs_the_flag() {
    let wrong = edited(&["version = 2"], &mut *lines("e\n"), Consent::Given);
    assert!(wrong.done.unwrap_err().message.contains("line 1, column 1: version must be 1"));
    let right = "version = 1\n";
    let unasked = edited(&[right], &mut *lines("y\n"), Consent::ToBeAsked);
    assert_eq!((unasked.done.unwrap_err().reason.as_str(), unasked.text.as_str()), ("not_confirmed", OLD));
    let given = edited(&[right], &mut *lines(""), Consent::Given);
    assert_eq!((given.done, given.text.as_str()), (Ok(()), right));
}

#[test]
fn nothing_changed_is_said_and_quitting_changes_nothing() {
    let same = edited(&[OLD], &mut *lines(""), Consent::ToBeAsked);
    assert!(same.done.is_ok() && same.printed.text().contains("Nothing was changed"));
    let mut prompter = Answers::new(&[(IN_FORCE, Echo::Shown, "e"), (IN_FORCE, Echo::Shown, "q")]);
    let quit = edited(&["version = 1\n", "version = 1\n\n"], &mut prompter, Consent::ToBeAsked);
    assert_eq!((quit.done.unwrap_err().reason.as_str(), quit.text.as_str()), ("not_confirmed", OLD));
}

#[test]
fn whoever_would_be_locked_out_is_named_before_the_question() {
    let mut prompter = Answers::new(&[(IN_FORCE, Echo::Shown, "q")]);
    let (host, _accounts) = host(OLD);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    fs::write(&path, OLD).unwrap();
    let file = ConfigFile::alone(&path).unwrap();
    let (mut output, printed) = output(80);
    output.environment.administrator = "root".into();
    let work = Work { host: &host, file: &file, consent: Consent::ToBeAsked };
    let mut editor = Writes(vec!["version = 1\n[policy]\nrequired = true\n"]);
    assert!(work.until_done(&mut output, &mut prompter, &mut editor).is_err());
    assert!(printed.text().contains("WARNING: root"), "{}", printed.text());
}

/// Writes into the file itself too, as somebody else would.
struct WritesBoth<'a>(&'a Path);

impl Editor for WritesBoth<'_> {
    fn edit(&mut self, file: &Path) -> Result<(), CommandError> {
        fs::write(self.0, "version = 1\n# theirs\n").unwrap();
        fs::write(file, "version = 1\n# my long work\n").unwrap();
        Ok(())
    }
}

#[test]
fn what_two_wrote_at_once_is_kept_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    fs::write(&path, OLD).unwrap();
    let file = ConfigFile::alone(&path).unwrap();
    let (host, _accounts) = host(OLD);
    let (mut output, printed) = output(80);
    let work = Work { host: &host, file: &file, consent: Consent::Given };
    let error = work.until_done(&mut output, &mut *lines(""), &mut WritesBoth(&path)).unwrap_err();
    assert_eq!(error.reason, CHANGED_MEANWHILE);
    assert_eq!(fs::read_to_string(&path).unwrap(), "version = 1\n# theirs\n");
    let left = working_copy::leftovers(folder.path());
    assert!(error.message.contains(&left[0].display().to_string()), "{error}");
    assert_eq!(fs::read_to_string(left[0].join("config.toml")).unwrap(), "version = 1\n# my long work\n");
    assert!(!printed.text().contains("in force"));
    drop(file);
    let again = ConfigFile::alone(&path).unwrap();
    let again = Work { host: &host, file: &again, consent: Consent::Given };
    again.until_done(&mut output, &mut *lines(""), &mut Writes(vec!["version = 1\n# theirs\n"])).unwrap();
    assert!(printed.text().contains("broke off"), "{}", printed.text());
}
