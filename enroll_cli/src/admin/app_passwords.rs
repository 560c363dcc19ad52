//! `twostep admin app-passwords`: the application passwords of a user, listed or revoked by root.

use nix::unistd::geteuid;
use serde::Serialize;
use twostep_core::request::{Request, Response};
use twostep_core::secret::Typed;

use crate::app_password::revoke::can_be_revoked;
use crate::app_password::{AppPasswordList, list, listed};
use crate::client::{self, Client, Direct};
use crate::error::CommandError;
use crate::messages::admin;
use crate::output::Output;

/// Which ones are to be revoked.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// None: they are listed.
    None,
    /// The one of this label.
    One(&'a str),
    /// All.
    All,
}

/// What there is, as programs read it.
#[derive(Debug, Serialize)]
struct Of<'a> {
    user: &'a str,
    #[serde(flatten)]
    listed: AppPasswordList,
}

/// What is revoked, as programs read it.
#[derive(Debug, Serialize)]
struct Revoked<'a> {
    user: &'a str,
    revoked: Vec<String>,
}

/// Lists the application passwords of a user, or revokes some.
pub fn run(output: &mut Output, user: &str, which: Which<'_>) -> Result<(), CommandError> {
    client::only_root(geteuid())?;
    let mut account = Direct::open(user)?;
    match which {
        Which::None => show(output, user, &mut account),
        Which::One(label) => revoke(output, user, &mut account, Some(label)),
        Which::All => revoke(output, user, &mut account, None),
    }
}

fn show(output: &mut Output, user: &str, account: &mut dyn Client) -> Result<(), CommandError> {
    let of = Of { user, listed: listed(account)? };
    output.object(&of)?;
    output.say(&admin::app_passwords_of(user))?;
    list::show(output, &of.listed.app_passwords)
}

fn revoke(output: &mut Output, user: &str, account: &mut dyn Client, label: Option<&str>) -> Result<(), CommandError> {
    can_be_revoked(&listed(account)?.app_passwords, label)?;
    let no_proof = Typed::new(String::new());
    let request = Request::RevokeAppPasswords { label: label.map(str::to_owned), proof: no_proof };
    let Response::Revoked { labels } = account.ask(request)? else {
        return Err(client::broken("nothing revoked"));
    };
    output.say(&admin::revoked(user, &labels))?;
    output.object(&Revoked { user, revoked: labels })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app_password::scripted::{all, one};
    use crate::client::scripted::Script;
    use crate::environment::Form;
    use crate::output::scripted::output;
    use twostep_core::request::Refusal;

    fn holds_one(and_then: Vec<crate::client::scripted::Expected>) -> Script {
        let mut turns: Vec<crate::client::scripted::Expected> = vec![(|_| true, all(vec![one("laptop")], vec![]))];
        turns.extend(and_then);
        Script::root(turns)
    }

    #[test]
    fn a_list_says_whose_it_is() {
        for (form, expected) in [(Form::Text, "Application passwords of alice"), (Form::Json, "{\"user\":\"alice\",")] {
            let (mut output, printed) = output(160);
            output.form = form;
            show(&mut output, "alice", &mut holds_one(vec![])).unwrap();
            assert!(printed.text().starts_with(expected), "{}", printed.text());
            assert!(printed.text().contains("laptop"), "{}", printed.text());
        }
    }

    #[test]
    fn root_revokes_without_a_proof() {
        let mut account = holds_one(vec![(
            |request| matches!(request, Request::RevokeAppPasswords { label: None, .. }),
            Response::Revoked { labels: vec!["laptop".into()] },
        )]);
        let (mut output, printed) = output(80);
        output.form = Form::Json;
        revoke(&mut output, "alice", &mut account, None).unwrap();
        assert_eq!(printed.text(), "{\"user\":\"alice\",\"revoked\":[\"laptop\"]}\n");
    }

    #[test]
    fn what_is_not_there_is_said_with_what_is() {
        let (mut output, _) = output(80);
        let error = revoke(&mut output, "alice", &mut holds_one(vec![]), Some("phone")).unwrap_err();
        assert!(error.is(Refusal::NoAppPassword) && error.message.contains("laptop"), "{error}");
    }
}
