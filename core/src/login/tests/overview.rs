//! What an auditor sees of one user.

use std::fs;

use super::*;
use crate::groups::Database;
use crate::overview::{Overview, Row};

impl World {
    fn row(&self) -> Row {
        Overview { config: &self.config, store: &self.store(), clock: &self.clock, groups: &Database }.row(&alice())
    }
}

#[test]
fn a_user_who_enrolled() {
    let world = World::enrolled("[policy]\nrequired = true\n");
    assert!(world.gets_in(&world.code(0)));
    let row = world.row();
    assert_eq!((row.enrolled, row.required, row.overdue, row.locked), (true, true, false, false));
    assert_eq!((row.authenticators, row.recovery_codes_left), (vec!["phone".to_owned()], Some(10)));
    assert_eq!(row.enrolled_since, Some(START));
    assert_eq!(row.last_second_step.unwrap().source, "192.0.2.1");
}

#[test]
fn a_user_who_did_not() {
    let row = World::new("").row();
    assert_eq!((row.enrolled, row.required, row.overdue), (false, false, false));
    assert!(World::new("[policy]\nrequired = true\n").row().overdue);
    let row = World::new("[policy]\nrequired = true\nsince = 2027-01-15T00:00:00Z\ngrace = \"10d\"\n").row();
    assert_eq!((row.overdue, row.grace_until), (false, Some(1_799_971_200 + 10 * 86_400)));
    let row = World::new("[policy]\nrequired = true\nsince = 2027-02-01T00:00:00Z\ngrace = \"10d\"\n").row();
    assert_eq!((row.required, row.grace_until), (true, Some(1_801_440_000 + 10 * 86_400)), "not required yet");
    assert_eq!(World::new("[policy]\nexempt_users = [\"alice\"]\n").row().exempt.as_deref(), Some("exempt-user"));
}

#[test]
fn a_user_who_is_locked_or_suspended() {
    let world = World::enrolled("[throttle]\ncap = 3\nwait = \"1s\"\nmax_wait = \"1s\"\n");
    assert!(world.gets_in(&world.code(0)));
    for _ in 0..3 {
        assert_eq!(reason(&world.login("000000")), "wrong-code");
        world.pass(2);
    }
    assert!(world.row().locked);
    let administrator = world.manager(Authority::Administrator);
    administrator.suspend(std::time::Duration::from_secs(60), "root", "phone lost").unwrap();
    let row = world.row();
    assert_eq!((row.suspended_until.is_some(), row.suspension_reason.as_deref()), (true, Some("phone lost")));
    assert_eq!(row.suspended_by.as_deref(), Some("root"));
    world.pass(60);
    assert_eq!(world.row().suspended_until, None);
}

#[test]
fn a_user_who_is_invited_until_the_code_does_not_count() {
    let world = World::new("[policy]\nrequired = true\n");
    let administrator = world.manager(Authority::Administrator);
    let issued = administrator.invite(std::time::Duration::from_secs(60), "root").unwrap();
    let shown = administrator.show().unwrap();
    assert_eq!((world.row().invited_until, shown.invited_until), (Some(issued.expires_at.0), Some(START + 60)));
    assert!(world.row().overdue && shown.overdue);
    world.pass(60);
    assert_eq!((world.row().invited_until, administrator.show().unwrap().invited_until), (None, None));
}

#[test]
fn a_file_that_does_not_count_is_said_and_nothing_is_made() {
    let world = World::enrolled("[policy]\nrequired = true\n");
    fs::write(world.account(), "garbage").unwrap();
    let row = world.row();
    assert!(row.trouble.unwrap().contains("alice.toml") && !row.overdue);
    let empty = World::new("");
    assert!(!empty.row().enrolled && !empty.ledger().exists());
    assert_eq!(world.store().account_names().unwrap(), ["alice"]);
    assert!(world.store().prune("../alice", 0).is_err());
}

#[test]
fn what_is_pruned_leaves_nothing_and_nothing_of_others_goes() {
    let world = World::enrolled("");
    let refusals = world.ledger().with_file_name("alice.refusals");
    let link = |uid: u32| world.account().parent().unwrap().with_file_name("uids").join(uid.to_string());
    fs::write(&refusals, "").unwrap();
    let (own, other) = (alice().uid, alice().uid + 1);
    std::os::unix::fs::symlink("../accounts/bob.toml", link(other)).unwrap();
    for refused in [world.store().prune("alice", other), world.store().prune("bob", other)] {
        assert!(refused.is_err());
    }
    assert!(world.account().exists() && world.ledger().exists() && refusals.exists());
    assert!(link(own).is_symlink() && link(other).is_symlink());
    world.store().prune("alice", own).unwrap();
    assert!(world.store().account_names().unwrap().is_empty());
    assert!(!world.ledger().exists() && !refusals.exists() && !link(own).is_symlink() && link(other).is_symlink());
    fs::write(world.account(), "broken").unwrap();
    world.store().prune("alice", own).unwrap();
    assert!(world.store().account_names().unwrap().is_empty());
}

/// The file is written when there is something new to say, and not at each login.
#[test]
fn an_account_learns_each_new_place_and_the_first_login_of_each_day() {
    let world = World::enrolled("");
    let learned = |rhost: &str| {
        world.pass(60);
        let verdict = world.try_from(&world.code(0), rhost).unwrap();
        assert!(matches!(verdict, Verdict::Accepted(_)), "{verdict:?}");
        let account = world.store().find(&alice()).unwrap().unwrap();
        let is_written = account.last_second_step.as_ref().is_some_and(|last| last.at == world.clock.now().wall.0);
        let knows = |source: &str| account.known_sources.iter().any(|known| known == source);
        (is_written, knows("192.0.2.1"), knows("192.0.2.2"))
    };
    assert_eq!(learned("192.0.2.1"), (true, true, false), "a first login");
    assert_eq!(learned("192.0.2.1"), (false, true, false), "nothing new");
    assert_eq!(learned("192.0.2.2"), (true, true, true), "a new place");
    world.pass(86_400);
    assert_eq!(learned("192.0.2.1"), (true, true, true), "a new day");
}
