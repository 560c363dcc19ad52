//! `twostep admin apply`, `confirm` and `revert`: a change of the ways in, with a way back.

use std::path::Path;

use host_check::apply::{
    self, AnswerForm, Change, Journal, Keys, Lineage, LoginProof, Plan, Sshd, State, Undone, Wish,
};
use host_check::dates;
use host_check::host::Host;
use nix::unistd::geteuid;
use pam_stacks::Files;
use serde::Serialize;
use twostep_core::audit::{Audit, Line};

use super::consent::{Consent, make_sure};
use crate::arguments::{Apply, Revert};
use crate::audit::Syslog;
use crate::client;
use crate::error::CommandError;
use crate::layout::harmless;
use crate::messages;
use crate::output::Output;
use crate::prompter::{Echo, Prompter};
use crate::terminal::who_types;

/// The shortest and the longest time to confirm, in seconds.
const TIMES: std::ops::RangeInclusive<u64> = 90..=3600;

/// The shortest and the longest time in which a second step counts again, in seconds.
const RECENT: std::ops::RangeInclusive<u64> = 1..=24 * 3600;

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
pub fn apply(output: &mut Output, wishes: &Apply) -> Result<(), CommandError> {
    client::only_root(geteuid())?;
    let seconds = wishes.confirm_within.as_secs();
    if !TIMES.contains(&seconds) {
        return Err(CommandError::usage(messages::apply::CONFIRM_WITHIN));
    }
    let recent = wishes.recent.map(|time| time.as_secs());
    if recent.is_some_and(|seconds| !RECENT.contains(&seconds)) {
        return Err(CommandError::usage(messages::apply::RECENT));
    }
    let (host, journal, mut prompter) = (Host::open(), Journal::of_host(), who_types()?);
    none_is_open(&journal)?;
    let files = Files::below(Path::new("/"));
    let keys = keys(output, &mut *prompter, wishes, &files)?;
    let mut plan =
        Plan::make(&files, &host, &Wish { services: wishes.services.clone(), keys, form: wishes.form(), recent })?;
    let objections = plan.objections(&host, &output.environment.administrator);
    show(output, &plan, &objections)?;
    let mut shown = Shown {
        services: &plan.services,
        files: differences(&plan),
        notes: &plan.notes,
        objections: &objections,
        change: None,
        confirm_within: seconds,
    };
    if !objections.is_empty() {
        output.object(&shown)?;
        return Err(CommandError::here("objections", messages::apply::nothing_changed(&objections)));
    }
    if plan.steps.is_empty() {
        output.object(&shown)?;
        return output.say(messages::apply::NOTHING_TO_CHANGE);
    }
    for service in &plan.services {
        apply::trial(plan.files(), service)?;
    }
    if wishes.dry_run {
        output.object(&shown)?;
        return output.say(messages::apply::DRY_RUN);
    }
    make_sure(&mut *prompter, Consent::by_flag(wishes.yes), messages::apply::IN_FORCE)?;
    // Asked without the lock: whoever leaves the question open holds nobody up.
    let alone = journal.lock()?;
    none_is_open(&journal)?;
    let change = journal.begin(&plan.services, &output.environment.administrator, seconds, &plan.steps)?;
    let change = Change { opens_no_session: plan.opens_no_session(), ..change };
    let started = apply::start(change.number).map_err(CommandError::from);
    let sshd = match started.and_then(|()| put_in_force(&journal, &change, &plan)) {
        Ok(sshd) => sshd,
        Err(error) => {
            apply::undo(&journal, &change, "failed", &Syslog)?;
            return Err(error);
        }
    };
    drop(alone);
    shown.change = Some(change.number);
    output.object(&shown)?;
    tell(output, &change, sshd)
}

/// One change at a time: what goes back by itself must find what it left.
fn none_is_open(journal: &Journal) -> Result<(), CommandError> {
    let open = journal.all_as_found()?.into_iter().find(|change| change.state == State::Unconfirmed);
    let Some(open) = open else { return Ok(()) };
    Err(CommandError::here("unconfirmed", messages::apply::unconfirmed(open.number)))
}

fn unconfirmed(journal: &Journal) -> Result<Option<Change>, CommandError> {
    Ok(journal.all()?.into_iter().find(|change| change.state == State::Unconfirmed))
}

/// What sshd is to do with keys: a question that nobody can answer for an administrator, unless sshd
/// takes nothing else now.
fn keys(
    output: &mut Output,
    prompter: &mut dyn Prompter,
    wishes: &Apply,
    files: &Files,
) -> Result<Option<Keys>, CommandError> {
    let is_sshd = wishes.services.iter().any(|service| service == "sshd");
    if wishes.form() != AnswerForm::Question {
        return Ok(None);
    }
    if wishes.keys.is_some() && !is_sshd {
        return Err(CommandError::usage(messages::apply::KEYS_OF_SSHD));
    }
    if !is_sshd || wishes.keys.is_some() {
        return Ok(wishes.keys);
    }
    if apply::takes_keys_alone(files) {
        output.say(messages::apply::KEYS_ONLY)?;
        return Ok(Some(Keys::Only));
    }
    if !prompter.sees_questions() {
        return Err(CommandError::usage(messages::apply::SAY_KEYS));
    }
    output.say(messages::apply::WHAT_OF_KEYS)?;
    let answer = prompter.answer(messages::apply::ONE_OF_FOUR, Echo::Shown)?;
    match answer.expose().trim() {
        "1" => Ok(Some(Keys::WithCode)),
        "2" => Ok(Some(Keys::Refuse)),
        "3" => Ok(Some(Keys::Alone)),
        "4" => Ok(Some(Keys::Only)),
        _ => Err(CommandError::usage(messages::apply::NONE_OF_FOUR)),
    }
}

fn differences(plan: &Plan) -> Vec<Difference> {
    plan.differences().map(|(path, lines)| Difference { path: path.display().to_string(), lines }).collect()
}

fn show(output: &mut Output, plan: &Plan, objections: &[String]) -> Result<(), CommandError> {
    for (path, lines) in plan.differences() {
        output.say(&format!("{}:", path.display()))?;
        for line in lines {
            // A tab is what PAM's files have between words.
            let words = line.split('\t').map(harmless).collect::<Vec<_>>();
            output.draw(&format!("  {}\n", words.join("\t")))?;
        }
        output.say("")?;
    }
    for note in &plan.notes {
        output.say(&format!("{note}\n"))?;
    }
    if !objections.is_empty() {
        output.say(messages::apply::AGAINST_IT)?;
    }
    objections.iter().try_for_each(|objection| output.item(objection))
}

fn put_in_force(journal: &Journal, change: &Change, plan: &Plan) -> Result<Sshd, CommandError> {
    for (path, before, after) in &plan.steps {
        // Whoever stood still too long finds it undone.
        if !journal.is_open(change)? {
            return Err(CommandError::here("too_late", messages::apply::TOO_SLOW));
        }
        apply::replace(path, before.as_ref(), after.as_ref())?;
    }
    apply::relabel(plan.steps.iter().map(|(path, ..)| path.as_path()));
    let changes_sshd = plan.steps.iter().any(|(path, ..)| path.starts_with("/etc/ssh"));
    let sshd = if changes_sshd {
        apply::reload_sshd().map_err(|why| CommandError::here("sshd", messages::apply::undone(&why)))?
    } else {
        Sshd::Reloaded
    };
    if change.services.iter().any(|service| service.starts_with("sudo")) {
        apply::end_sudo_tickets();
    }
    let (applied_at, started_after) = (apply::hundredths_since_boot(), apply::now_in_ticks());
    if started_after.is_none() {
        return Err(CommandError::here("clock", messages::apply::NO_TIMES));
    }
    journal.record(&Change { applied_at, started_after, ..change.clone() })?;
    let line = Line::new("change-applied").with("change", change.number).with("by", &change.by);
    Syslog.record(
        &line.with("services", change.services.join(",")).with("confirm_within", change.confirm_within).finish(),
    );
    Ok(sshd)
}

fn tell(output: &mut Output, change: &Change, sshd: Sshd) -> Result<(), CommandError> {
    if sshd == Sshd::NotFound {
        output.say(messages::apply::NO_SSHD_RUNS)?;
    }
    let within = dates::duration(change.confirm_within);
    if change.opens_no_session {
        return output.say(&messages::apply::in_force_without_session(
            change.number,
            &within,
            &change.services.join(" "),
        ));
    }
    output.say(&messages::apply::in_force(change.number, &within, &proof_of(change)))
}

/// What proves a change.
fn proof_of(change: &Change) -> String {
    let services = apply::proving(&change.services);
    let is_inner = services.iter().all(|service| apply::is_inner(service));
    messages::apply::proof(&services.join(" or "), is_inner)
}

/// Keeps the change that is not confirmed yet, if this comes from a new login.
pub fn confirm(output: &mut Output) -> Result<(), CommandError> {
    client::only_root(geteuid())?;
    let journal = Journal::of_host();
    let _alone = journal.lock()?;
    let Some(change) = unconfirmed(&journal)? else {
        return Err(CommandError::here("nothing", messages::apply::NOTHING_TO_CONFIRM));
    };
    if change.has_to_go() {
        return Err(gone(output, &journal, &change));
    }
    let again = messages::apply::type_there(&proof_of(&change));
    match Lineage::own().proves(&change.services, change.started_after.unwrap_or(u64::MAX)) {
        LoginProof::NewLogin(_) => {}
        _ if change.opens_no_session => {}
        LoginProof::OldLogin(program) => {
            return Err(CommandError::here("old_login", messages::apply::old_login(&program, &again)));
        }
        LoginProof::NoLogin => {
            return Err(CommandError::here("no_login", messages::apply::no_login(&again)));
        }
    }
    journal.record(&Change { state: State::Confirmed, ..change.clone() })?;
    let line =
        Line::new("change-confirmed").with("change", change.number).with("admin", &output.environment.administrator);
    Syslog.record(&line.finish());
    output.object(&Change { state: State::Confirmed, ..change.clone() })?;
    output.say(&messages::apply::confirmed(change.number))
}

/// Undoes what cannot be confirmed any more, should nobody have done so, and says why.
fn gone(output: &mut Output, journal: &Journal, change: &Change) -> CommandError {
    let why = if change.is_overdue() { messages::apply::TIME_OVER } else { messages::apply::ENDED_BETWEEN };
    let undone = apply::undo(journal, change, "unconfirmed", &Syslog).map_err(CommandError::from);
    match undone.and_then(|undone| told(output, &undone)) {
        Ok(()) => CommandError::here("too_late", messages::apply::not_confirmed(why)),
        Err(error) => error,
    }
}

/// Undoes changes, or shows them.
pub fn revert(output: &mut Output, wishes: &Revert) -> Result<(), CommandError> {
    client::only_root(geteuid())?;
    let journal = Journal::of_host();
    if wishes.detached {
        apply::detach()?;
        return Ok(apply::guard(&journal, &Syslog)?);
    }
    if wishes.unconfirmed {
        return apply::watch(&journal, &Syslog)?.iter().try_for_each(|undone| told(output, undone));
    }
    if wishes.list {
        return list(output, &journal);
    }
    let going = standing(&journal, wishes.all)?;
    if going.is_empty() {
        return output.say(messages::apply::NOTHING_TO_UNDO);
    }
    for change in &going {
        output.say(&messages::apply::made(
            change.number,
            &change.services.join(", "),
            &dates::minute(change.made_at),
            &change.by,
        ))?;
        change.files.iter().try_for_each(|entry| output.item(&entry.path.display().to_string()))?;
    }
    make_sure(&mut *who_types()?, Consent::by_flag(wishes.yes), messages::apply::UNDO)?;
    // Asked without the lock: whoever leaves the question open keeps nothing from going back by itself.
    let _alone = journal.lock()?;
    let by = format!("by {}", output.environment.administrator);
    let numbers = going.iter().map(|change| change.number).collect::<Vec<_>>();
    let still = standing(&journal, true)?.into_iter().filter(|change| numbers.contains(&change.number));
    still.into_iter().try_for_each(|change| told(output, &apply::undo(&journal, &change, &by, &Syslog)?))
}

/// The changes that are in force, the newest first: all, or that one alone.
fn standing(journal: &Journal, all: bool) -> Result<Vec<Change>, CommandError> {
    let standing = journal.all()?.into_iter().rev().filter(|change| change.state != State::Reverted);
    Ok(standing.take(if all { usize::MAX } else { 1 }).collect())
}

fn told(output: &mut Output, undone: &Undone) -> Result<(), CommandError> {
    output.object(undone)?;
    if !undone.failed.is_empty() {
        return Err(CommandError::here(
            "failed",
            messages::apply::not_undone(undone.change, &undone.failed.join("; ")),
        ));
    }
    output.say(&messages::apply::undone_now(undone.change))?;
    if let Some(why) = &undone.unrecorded {
        output.say(&messages::apply::unrecorded(why))?;
    }
    undone.kept.iter().try_for_each(|path| output.say(&messages::apply::found_kept(path.display())))
}

fn list(output: &mut Output, journal: &Journal) -> Result<(), CommandError> {
    let all = journal.all_as_found()?;
    if all.is_empty() {
        output.say(messages::apply::NO_CHANGES)?;
    }
    for change in &all {
        output.object(change)?;
        let state = match change.state {
            State::Unconfirmed if change.has_to_go() => messages::apply::HAS_TO_GO.to_owned(),
            State::Unconfirmed => messages::apply::goes_back(&dates::duration(change.seconds_left())),
            State::Confirmed => "in force".to_owned(),
            State::Reverted => "undone".to_owned(),
        };
        output.entry(
            &format!("{} {}", change.number, dates::minute(change.made_at)),
            &format!("{}, by {}: {state}", change.services.join(", "), change.by),
        )?;
    }
    Ok(())
}
