//! `twostep admin app-passwords`: the application passwords of a user, listed or revoked by root.

use nix::unistd::geteuid;
use serde::Serialize;
use twostep_core::request::{Request, Response};
use twostep_core::secret::Typed;

use crate::app_password::revoke::can_be_revoked;
use crate::app_password::{AppPasswordList, list, listed};
use crate::messages::admin;
use crate::page::Page;
use crate::reach::{self, Direct, Reach};
use crate::trouble::Trouble;

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
pub fn run(page: &mut Page, user: &str, which: Which<'_>) -> Result<(), Trouble> {
    reach::only_root(geteuid())?;
    let mut account = Direct::open(user)?;
    match which {
        Which::None => show(page, user, &mut account),
        Which::One(label) => revoke(page, user, &mut account, Some(label)),
        Which::All => revoke(page, user, &mut account, None),
    }
}

fn show(page: &mut Page, user: &str, account: &mut dyn Reach) -> Result<(), Trouble> {
    let of = Of { user, listed: listed(account)? };
    page.object(&of)?;
    page.say(&admin::app_passwords_of(user))?;
    list::show(page, &of.listed.app_passwords)
}

fn revoke(page: &mut Page, user: &str, account: &mut dyn Reach, label: Option<&str>) -> Result<(), Trouble> {
    can_be_revoked(&listed(account)?.app_passwords, label)?;
    let no_proof = Typed::new(String::new());
    let request = Request::RevokeAppPasswords { label: label.map(str::to_owned), proof: no_proof };
    let Response::Revoked { labels } = account.ask(request)? else {
        return Err(reach::broken("nothing revoked"));
    };
    page.say(&admin::revoked(user, &labels))?;
    page.object(&Revoked { user, revoked: labels })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app_password::scripted::{all, one};
    use crate::page::scripted::page;
    use crate::reach::scripted::Script;
    use crate::view::Form;
    use twostep_core::request::Refusal;

    fn holds_one(and_then: Vec<crate::reach::scripted::Expected>) -> Script {
        let mut turns: Vec<crate::reach::scripted::Expected> = vec![(|_| true, all(vec![one("laptop")], vec![]))];
        turns.extend(and_then);
        Script::root(turns)
    }

    #[test]
    fn a_list_says_whose_it_is() {
        for (form, expected) in [(Form::Text, "Application passwords of alice"), (Form::Json, "{\"user\":\"alice\",")] {
            let (mut page, printed) = page(160);
            page.form = form;
            show(&mut page, "alice", &mut holds_one(vec![])).unwrap();
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
        let (mut page, printed) = page(80);
        page.form = Form::Json;
        revoke(&mut page, "alice", &mut account, None).unwrap();
        assert_eq!(printed.text(), "{\"user\":\"alice\",\"revoked\":[\"laptop\"]}\n");
    }

    #[test]
    fn what_is_not_there_is_said_with_what_is() {
        let (mut page, _) = page(80);
        let trouble = revoke(&mut page, "alice", &mut holds_one(vec![]), Some("phone")).unwrap_err();
        assert!(trouble.is(Refusal::NoAppPassword) && trouble.message.contains("laptop"), "{trouble}");
    }
}
