//! `twostep admin prune`: removes the accounts of deleted users.

use host_check::host::{Host, Orphan, Why};
use nix::unistd::geteuid;
use serde::Serialize;
use twostep_core::audit::{Audit, Line};

use super::consent::{Consent, make_sure};
use crate::arguments::Prune;
use crate::audit::Syslog;
use crate::client;
use crate::error::CommandError;
use crate::messages::admin;
use crate::output::Output;
use crate::prompter::Prompter;
use crate::terminal::who_types;

/// So few may all be orphans without it being strange.
const FEW: usize = 5;

/// What was removed, as programs read it.
#[derive(Debug, Serialize)]
struct Pruned<'a> {
    account: &'a str,
    user: &'a str,
    uid: u32,
    orphan: &'a Why,
    removed: bool,
}

/// Removes them, after showing them.
pub fn run(output: &mut Output, wishes: &Prune) -> Result<(), CommandError> {
    client::only_root(geteuid())?;
    prune(output, &mut *who_types()?, &Host::open(), wishes)
}

fn prune(output: &mut Output, prompter: &mut dyn Prompter, host: &Host, wishes: &Prune) -> Result<(), CommandError> {
    let (orphans, accounts) = orphans(host)?;
    let (going, staying) = orphans.into_iter().partition::<Vec<_>, _>(Orphan::may_go);
    for one in &staying {
        output.say(&format!("Kept: {}.", one.trouble()))?;
        output.object(&pruned(one, false))?;
    }
    if going.is_empty() {
        return output.say(admin::NO_ORPHANS);
    }
    output.say(admin::ORPHANS)?;
    for one in &going {
        let why = if one.why == Why::UidChanged { admin::NAME_OF_ANOTHER } else { admin::NO_SUCH_USER };
        output.entry(&one.user, &format!("uid {}, {why}", one.uid))?;
    }
    if going.len() > FEW && going.len() * 2 > accounts && !wishes.force {
        return Err(CommandError::here("too_many", admin::too_many_orphans(going.len(), accounts)));
    }
    make_sure(prompter, Consent::by_flag(wishes.yes), &admin::remove_for_good(going.len()))?;
    for one in &going {
        host.store
            .prune(&one.account, one.uid)
            .map_err(|error| CommandError::here("failed", admin::others_kept(&error)))?;
        let line = Line::new("pruned").with("user", &one.user).with("uid", one.uid);
        Syslog.record(&line.with("admin", &output.environment.administrator).finish());
        output.object(&pruned(one, true))?;
    }
    output.say(&admin::orphans_removed(going.len()))
}

/// The accounts that are nobody's, and how many accounts there are.
fn orphans(host: &Host) -> Result<(Vec<Orphan>, usize), CommandError> {
    let mut orphans = Vec::new();
    host.everybody(|subject| -> Result<(), CommandError> {
        orphans.extend(host.orphan(subject));
        Ok(())
    })?;
    Ok((orphans, host.count_accounts()?))
}

fn pruned(one: &Orphan, removed: bool) -> Pruned<'_> {
    Pruned { account: &one.account, user: &one.user, uid: one.uid, orphan: &one.why, removed }
}

#[cfg(test)]
mod tests {
    use crate::scripted::host;

    use super::*;
    use crate::environment::Form;
    use crate::output::scripted::output;
    use crate::prompter::Echo;
    use crate::prompter::scripted::{Answers, lines};

    const YES: Prune = Prune { yes: true, force: false };

    fn with_orphans(names: &[&str]) -> (Host, tempfile::TempDir) {
        let (host, folder) = host("version = 1");
        for name in names {
            let uid = if *name == "renamed-user" { 0 } else { 4_294_967_290_u32 };
            let path = folder.path().join(format!("state/accounts/{name}.toml"));
            std::fs::write(path, format!("user = \"{name}\"\nuid = {uid}\n")).unwrap();
        }
        (host, folder)
    }

    #[test]
    fn what_is_nobodys_goes_after_a_question_and_the_rest_stays() {
        let (host, _folder) = with_orphans(&["no-such-user", "renamed-user"]);
        let (mut output, printed) = output(80);
        let mut prompter = Answers::new(&[("Remove 1 account for good?", Echo::Shown, "y")]);
        prune(&mut output, &mut prompter, &host, &Prune::default()).unwrap();
        assert_eq!(host.store.account_names().unwrap(), ["renamed-user"]);
        for part in ["no-such-user", "uid 4294967290, no such user", "Kept: the account renamed-user", "reset root"] {
            let text = printed.text().split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
    }

    #[test]
    fn nothing_goes_unasked() {
        let (host, _folder) = with_orphans(&["no-such-user"]);
        let (mut output, _) = output(80);
        let mut prompter = Answers::new(&[("Remove 1 account", Echo::Shown, "n")]);
        assert!(prune(&mut output, &mut prompter, &host, &Prune::default()).is_err());
        assert!(prune(&mut output, &mut *lines("y\n"), &host, &Prune::default()).is_err());
        assert_eq!(host.store.account_names().unwrap().len(), 1);
    }

    #[test]
    fn programs_read_what_went() {
        let (host, _folder) = with_orphans(&["no-such-user"]);
        let (mut output, printed) = output(80);
        output.form = Form::Json;
        prune(&mut output, &mut *lines(""), &host, &YES).unwrap();
        let expected = r#"{"account":"no-such-user","user":"no-such-user","uid":4294967290,"orphan":{"why":"no_user"},"removed":true}"#;
        assert_eq!(printed.text(), format!("{expected}\n"));
        prune(&mut output, &mut *lines(""), &host, &YES).unwrap();
        assert_eq!(printed.text().lines().count(), 1);
    }

    #[test]
    fn a_user_database_that_is_not_whole_costs_nobody_the_account() {
        let names = ["gone-1", "gone-2", "gone-3", "gone-4", "gone-5", "gone-6"];
        let (host, _folder) = with_orphans(&names);
        let (mut output, _) = output(80);
        assert_eq!(prune(&mut output, &mut *lines(""), &host, &YES).unwrap_err().reason, "too_many");
        assert_eq!(host.store.account_names().unwrap().len(), 6);
        prune(&mut output, &mut *lines(""), &host, &Prune { yes: true, force: true }).unwrap();
        assert_eq!(host.store.account_names().unwrap().len(), 0);
    }
}
