//! `twostep admin apply`, `confirm` and `revert`: a change of the ways in, with a way back.

use std::path::Path;

use nix::unistd::geteuid;
use serde::Serialize;
use twostep_core::audit::{Audit, Line};

use super::consent::{Consent, make_sure};
use crate::apply::{self, Change, Journal, Keys, Lineage, Plan, Proof, Sshd, State, Undone, Wish};
use crate::arguments::{Apply, Revert};
use crate::audit::Syslog;
use crate::host::Host;
use crate::layout::harmless;
use crate::page::Page;
use crate::person::{Echo, Person, who_types};
use crate::stack::Files;
use crate::trouble::Trouble;
use crate::{dates, reach};

/// The shortest and the longest time to confirm, in seconds.
const TIMES: std::ops::RangeInclusive<u64> = 5..=3600;

/// A plan, as programs read it.
#[derive(Serialize)]
struct Shown<'a> {
    services: &'a [String],
    files: Vec<Difference>,
    notes: &'a [String],
    objections: &'a [String],
    change: Option<u32>,
    confirm_within: u64,
}

#[derive(Serialize)]
struct Difference {
    path: String,
    lines: Vec<String>,
}

/// Changes the services that were named.
pub fn apply(page: &mut Page, wishes: &Apply) -> Result<(), Trouble> {
    reach::only_root(geteuid())?;
    let seconds = wishes.confirm_within.as_secs();
    if !TIMES.contains(&seconds) {
        return Err(Trouble::usage("--confirm-within takes 5s to 1h. Give it enough to log in anew."));
    }
    let (host, journal, mut person) = (Host::open(), Journal::of_host(), who_types()?);
    none_is_open(&journal)?;
    let keys = keys(page, &mut *person, wishes)?;
    let mut plan = Plan::make(&Files::below(Path::new("/")), &host, &Wish { services: wishes.services.clone(), keys })?;
    let objections = plan.objections(&host, &page.view.administrator);
    show(page, &plan, &objections)?;
    let mut shown = Shown {
        services: &plan.services,
        files: differences(&plan),
        notes: &plan.notes,
        objections: &objections,
        change: None,
        confirm_within: seconds,
    };
    if !objections.is_empty() {
        page.object(&shown)?;
        return Err(Trouble::here("objections", format!("Nothing was changed: {}", objections.join(" "))));
    }
    if plan.steps.is_empty() {
        page.object(&shown)?;
        return page.say("Nothing is to be changed.");
    }
    for service in &plan.services {
        apply::trial(plan.files(), service)?;
    }
    if wishes.dry_run {
        page.object(&shown)?;
        return page.say("Nothing was changed (--dry-run).");
    }
    make_sure(&mut *person, Consent::by_flag(wishes.yes), "Put this in force?")?;
    // Asked without the lock: whoever leaves the question open holds nobody up.
    let alone = journal.lock()?;
    none_is_open(&journal)?;
    let change = journal.begin(&plan.services, &page.view.administrator, seconds, &plan.steps)?;
    let sshd = match apply::start(change.number).and_then(|()| put_in_force(&journal, &change, &plan)) {
        Ok(sshd) => sshd,
        Err(trouble) => {
            apply::undo(&journal, &change, "failed")?;
            return Err(trouble);
        }
    };
    drop(alone);
    shown.change = Some(change.number);
    page.object(&shown)?;
    tell(page, &change, sshd)
}

/// One change at a time: what goes back by itself must find what it left.
fn none_is_open(journal: &Journal) -> Result<(), Trouble> {
    let Some(open) = unconfirmed(journal)? else { return Ok(()) };
    Err(Trouble::here(
        "unconfirmed",
        format!(
            "Change {} is not confirmed yet. Confirm it from a new login (twostep admin confirm), or undo it (twostep admin revert).",
            open.number
        ),
    ))
}

fn unconfirmed(journal: &Journal) -> Result<Option<Change>, Trouble> {
    Ok(journal.all()?.into_iter().find(|change| change.state == State::Unconfirmed))
}

/// What sshd is to do with keys: a question that nobody can answer for an administrator.
fn keys(page: &mut Page, person: &mut dyn Person, wishes: &Apply) -> Result<Option<Keys>, Trouble> {
    let is_sshd = wishes.services.iter().any(|service| service == "sshd");
    if wishes.keys.is_some() && !is_sshd {
        return Err(Trouble::usage("--keys is for sshd. Name sshd too, or leave it out."));
    }
    if !is_sshd || wishes.keys.is_some() {
        return Ok(wishes.keys);
    }
    if !person.sees_questions() {
        return Err(Trouble::usage("Say what sshd does with keys: --keys with-code, --keys refuse or --keys alone."));
    }
    page.say("What shall sshd do with keys?\n  1  a key and then the code, or the password and then the code\n  2  no keys: the password and then the code\n  3  a key alone opens the door, without a code")?;
    let answer = person.answer("1, 2 or 3: ", Echo::Shown)?;
    match answer.expose().trim() {
        "1" => Ok(Some(Keys::WithCode)),
        "2" => Ok(Some(Keys::Refuse)),
        "3" => Ok(Some(Keys::Alone)),
        _ => Err(Trouble::usage("That is none of the three. Nothing was changed.")),
    }
}

fn differences(plan: &Plan) -> Vec<Difference> {
    plan.differences().map(|(path, lines)| Difference { path: path.display().to_string(), lines }).collect()
}

fn show(page: &mut Page, plan: &Plan, objections: &[String]) -> Result<(), Trouble> {
    for (path, lines) in plan.differences() {
        page.say(&format!("{}:", path.display()))?;
        for line in lines {
            page.draw(&format!("  {}\n", harmless(&line)))?;
        }
        page.say("")?;
    }
    for note in &plan.notes {
        page.say(&format!("{note}\n"))?;
    }
    if !objections.is_empty() {
        page.say("Against it speaks:")?;
    }
    objections.iter().try_for_each(|objection| page.item(objection))
}

fn put_in_force(journal: &Journal, change: &Change, plan: &Plan) -> Result<Sshd, Trouble> {
    for (path, before, after) in &plan.steps {
        // Whoever stood still too long finds it undone.
        if !journal.is_open(change)? {
            return Err(Trouble::here("too_late", "It took too long, and was undone meanwhile. Apply it again."));
        }
        apply::replace(path, before.as_ref(), after.as_ref())?;
    }
    apply::relabel(plan.steps.iter().map(|(path, ..)| path.as_path()));
    let changes_sshd = plan.steps.iter().any(|(path, ..)| path.starts_with("/etc/ssh"));
    let sshd = if changes_sshd {
        apply::reload_sshd().map_err(|why| Trouble::here("sshd", format!("{why}. The change was undone.")))?
    } else {
        Sshd::Reloaded
    };
    if change.services.iter().any(|service| service.starts_with("sudo")) {
        apply::end_sudo_tickets();
    }
    let (applied_at, started_after) = (apply::hundredths_since_boot(), apply::now_in_ticks());
    if started_after.is_none() {
        return Err(Trouble::here(
            "clock",
            "The kernel does not say when processes start (/proc). The change was undone.",
        ));
    }
    journal.record(&Change { applied_at, started_after, ..change.clone() })?;
    let line = Line::new("change-applied").with("change", change.number).with("by", &change.by);
    Syslog.record(
        &line.with("services", change.services.join(",")).with("confirm_within", change.confirm_within).finish(),
    );
    Ok(sshd)
}

fn tell(page: &mut Page, change: &Change, sshd: Sshd) -> Result<(), Trouble> {
    if sshd == Sshd::NotFound {
        page.say(
            "No running sshd was found. One that is started for each connection needs nothing; start any other anew.\n",
        )?;
    }
    page.say(&format!(
        "In force now, as change {}. It goes back by itself in {}. Keep this session open, and in another terminal {}:\n\n  sudo twostep admin confirm",
        change.number,
        dates::duration(change.confirm_within),
        proof_of(change),
    ))
}

/// What proves a change.
fn proof_of(change: &Change) -> String {
    let services = apply::proving(&change.services);
    let verb = if services.iter().all(|service| apply::is_inner(service)) { "use" } else { "log in by" };
    format!("{verb} {} anew", services.join(" or "))
}

/// Keeps the change that is not confirmed yet, if this comes from a new login.
pub fn confirm(page: &mut Page) -> Result<(), Trouble> {
    reach::only_root(geteuid())?;
    let journal = Journal::of_host();
    let _alone = journal.lock()?;
    let Some(change) = unconfirmed(&journal)? else {
        return Err(Trouble::here(
            "nothing",
            "There is no change to confirm. `twostep admin revert --list` shows what was changed.",
        ));
    };
    if change.has_to_go() {
        return Err(gone(page, &journal, &change));
    }
    let again = format!("In another terminal {}, and type it there.", proof_of(&change));
    match Lineage::own().proves(&change.services, change.started_after.unwrap_or(u64::MAX)) {
        Proof::NewLogin(_) => {}
        Proof::OldLogin(program) => {
            return Err(Trouble::here(
                "old_login",
                format!("This login ({program}) is older than the change, so it proves nothing. {again}"),
            ));
        }
        Proof::NoLogin => {
            return Err(Trouble::here(
                "no_login",
                format!(
                    "This session comes from no login by a service that was changed, so it proves nothing. {again}"
                ),
            ));
        }
    }
    journal.record(&Change { state: State::Confirmed, ..change.clone() })?;
    let line = Line::new("change-confirmed").with("change", change.number).with("admin", &page.view.administrator);
    Syslog.record(&line.finish());
    page.object(&Change { state: State::Confirmed, ..change.clone() })?;
    page.say(&format!("Change {} stays. To undo it one day: sudo twostep admin revert", change.number))
}

/// Undoes what cannot be confirmed any more, should nobody have done so, and says why.
fn gone(page: &mut Page, journal: &Journal, change: &Change) -> Trouble {
    let why = if change.is_overdue() { "Its time was over" } else { "The command that made it was ended in between" };
    match apply::undo(journal, change, "unconfirmed").and_then(|undone| told(page, &undone)) {
        Ok(()) => Trouble::here("too_late", format!("{why}, so nothing was confirmed. Apply it again.")),
        Err(trouble) => trouble,
    }
}

/// Undoes changes, or shows them.
pub fn revert(page: &mut Page, wishes: &Revert) -> Result<(), Trouble> {
    reach::only_root(geteuid())?;
    let journal = Journal::of_host();
    if wishes.detached {
        apply::detach()?;
        return apply::guard(&journal);
    }
    if wishes.unconfirmed {
        return apply::watch(&journal)?.iter().try_for_each(|undone| told(page, undone));
    }
    if wishes.list {
        return list(page, &journal);
    }
    let going = standing(&journal, wishes.all)?;
    if going.is_empty() {
        return page.say("There is no change to undo.");
    }
    for change in &going {
        page.say(&format!(
            "Change {} ({}), made {} by {}:",
            change.number,
            change.services.join(", "),
            dates::minute(change.made_at),
            change.by
        ))?;
        change.files.iter().try_for_each(|entry| page.item(&entry.path.display().to_string()))?;
    }
    make_sure(&mut *who_types()?, Consent::by_flag(wishes.yes), "Undo it?")?;
    // Asked without the lock: whoever leaves the question open keeps nothing from going back by itself.
    let _alone = journal.lock()?;
    let by = format!("by {}", page.view.administrator);
    let numbers = going.iter().map(|change| change.number).collect::<Vec<_>>();
    let still = standing(&journal, true)?.into_iter().filter(|change| numbers.contains(&change.number));
    still.into_iter().try_for_each(|change| told(page, &apply::undo(&journal, &change, &by)?))
}

/// The changes that are in force, the newest first: all, or that one alone.
fn standing(journal: &Journal, all: bool) -> Result<Vec<Change>, Trouble> {
    let standing = journal.all()?.into_iter().rev().filter(|change| change.state != State::Reverted);
    Ok(standing.take(if all { usize::MAX } else { 1 }).collect())
}

fn told(page: &mut Page, undone: &Undone) -> Result<(), Trouble> {
    page.object(undone)?;
    if !undone.failed.is_empty() {
        return Err(Trouble::here(
            "failed",
            format!(
                "Change {} is not undone: {}. Mend that, and type it again.",
                undone.change,
                undone.failed.join("; ")
            ),
        ));
    }
    page.say(&format!("Change {} is undone.", undone.change))?;
    undone.kept.iter().try_for_each(|path| {
        page.say(&format!("What somebody else had written meanwhile is kept in {}.", path.display()))
    })
}

fn list(page: &mut Page, journal: &Journal) -> Result<(), Trouble> {
    let all = journal.all()?;
    if all.is_empty() {
        page.say("Nothing was changed yet.")?;
    }
    for change in &all {
        page.object(change)?;
        let state = match change.state {
            State::Unconfirmed if change.has_to_go() => "has to go back".to_owned(),
            State::Unconfirmed => format!("goes back in {}", dates::duration(change.seconds_left())),
            State::Confirmed => "in force".to_owned(),
            State::Reverted => "undone".to_owned(),
        };
        page.entry(
            &format!("{} {}", change.number, dates::minute(change.made_at)),
            &format!("{}, by {}: {state}", change.services.join(", "), change.by),
        )?;
    }
    Ok(())
}
