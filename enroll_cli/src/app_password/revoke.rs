//! `twostep app-password revoke`: one, or all, at once and for good.

use serde::Serialize;
use twostep_core::request::{AppPasswordStatus, Refusal, Request, Response};

use super::describe::listed;
use super::stored::{Folder, is_file_name};
use crate::error::CommandError;
use crate::messages::app_password;
use crate::session::Session;
use crate::{client, proof};

/// What is revoked, as programs read it.
#[derive(Debug, Serialize)]
struct Revoked {
    revoked: Vec<String>,
}

/// Revokes the one of this label, or all.
pub fn run(session: &mut Session, label: Option<&str>) -> Result<(), CommandError> {
    can_be_revoked(&listed(&mut *session.client)?.app_passwords, label)?;
    let request = |proof| Request::RevokeAppPasswords { label: label.map(str::to_owned), proof };
    let (response, proof) = proof::ask_with(session, request)?;
    let Response::Revoked { labels } = response else {
        return Err(client::broken("nothing revoked"));
    };
    for label in &labels {
        session.output.say(&format!("{label} is revoked: it opens nothing any more."))?;
        tell_of_file(session, label)?;
    }
    proof::tell_spent(session, proof)?;
    session.output.object(&Revoked { revoked: labels })
}

/// Whether there is something to revoke. No proof is used up to find out.
pub fn can_be_revoked(there_is: &[AppPasswordStatus], label: Option<&str>) -> Result<(), CommandError> {
    let labels = there_is.iter().map(|one| one.label.as_str()).collect::<Vec<_>>();
    let none = |what: String| Err(CommandError::refused(Refusal::NoAppPassword, what));
    match (label, labels.as_slice()) {
        (_, []) => none(app_password::NOTHING_TO_REVOKE.to_owned()),
        (Some(label), labels) if !labels.contains(&label) => none(app_password::none_called(label, labels)),
        _ => Ok(()),
    }
}

/// The file stays: `ensure` makes no new password while it is there.
fn tell_of_file(session: &mut Session, label: &str) -> Result<(), CommandError> {
    let folder = Folder::below(session.output.environment.home.as_deref());
    match folder {
        Ok(folder) if is_file_name(label) && folder.holds(label).unwrap_or(false) => {
            let path = folder.path(label);
            session.output.say(&format!("{} is still there and of no use any more.", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app_password::scripted::{all, one};
    use crate::client::scripted::Script;
    use crate::environment::Form;
    use crate::prompter::Echo;
    use crate::prompter::scripted::{Answers, lines};
    use crate::session::scripted::session;

    const PROOF: &str = "Current code";

    fn revokes(label: Option<&'static str>) -> Script {
        let expected: fn(&Request) -> bool = match label {
            Some(_) => |request| {
                matches!(request, Request::RevokeAppPasswords { label: Some(label), proof }
                    if label == "laptop" && proof.expose() == "123456")
            },
            None => |request| matches!(request, Request::RevokeAppPasswords { label: None, .. }),
        };
        let all_of_them = || vec!["laptop".into(), "mail".into(), "..".into()];
        let gone = if label.is_some() { vec!["laptop".into()] } else { all_of_them() };
        Script::user(vec![
            (|request| matches!(request, Request::AppPasswords {}), all(vec![one("laptop"), one("mail")], vec![])),
            (expected, Response::Revoked { labels: gone }),
        ])
    }

    #[test]
    fn a_person_is_told_what_is_revoked_and_which_file_is_left() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".local/share/twostep");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("mail"), "ABCD\n").unwrap();
        let prompter = Answers::new(&[(PROOF, Echo::Hidden, "123456")]);
        let (mut session, printed) = session(revokes(None), Box::new(prompter));
        session.output.environment.home = Some(home.path().into());
        run(&mut session, None).unwrap();
        let text = printed.text().split_whitespace().collect::<Vec<_>>().join(" ");
        for part in ["laptop is revoked", "mail is revoked", "twostep/mail is still there", "was already used"] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        assert_eq!(text.matches("is still there").count(), 1, "{text}");
    }

    #[test]
    fn programs_read_what_is_revoked() {
        let (mut session, printed) = session(revokes(Some("laptop")), lines("123456\n"));
        session.output.form = Form::Json;
        run(&mut session, Some("laptop")).unwrap();
        assert_eq!(printed.text(), "{\"revoked\":[\"laptop\"]}\n");
    }

    #[test]
    fn what_is_not_there_costs_no_proof() {
        for (labels, label) in [(vec![], None), (vec![one("mail")], Some("laptop"))] {
            let script = Script::user(vec![(|_| true, all(labels, vec![]))]);
            let (mut session, _) = session(script, lines("123456\n"));
            assert!(run(&mut session, label).unwrap_err().is(Refusal::NoAppPassword));
        }
    }
}
