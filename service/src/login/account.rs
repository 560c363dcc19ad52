//! The account phase: what the auth phase of the same login came to. It acts on nobody who merely
//! passes by, such as cron, su by root or sudo with a cached ticket.

use protocol::options::Mode;
use twostep_core::audit::Line;
use twostep_core::login::{self, Passed};
use twostep_core::messages;
use twostep_core::username::Person;
use twostep_core::verdict::Verdict;

use super::hand_over::{HandOver, Passage};
use super::relation::{self, Relation};
use super::{Came, Ended, Failed, LoginHost, Turn, enrollment};

/// What the account phase comes to.
///
/// # Errors
/// Something failed. The login must be refused then.
pub fn account_phase<H: LoginHost>(turn: &Turn<'_, H>) -> Result<Came, Failed> {
    let hand_over = turn.login.hand_over.as_deref();
    let passes_by = hand_over.is_none() && !turn.options.require_step;
    if !passes_by && let Some(ended) = relation::turned_away(turn)? {
        return Ok(by_the_way(ended).into());
    }
    let Some(person) = turn.person.clone()? else {
        return unknown(turn).map(Came::from);
    };
    let left = hand_over.map(|text| HandOver::read_for(text, person.name.as_str(), &turn.login.service));
    let passage = match left.transpose() {
        Ok(left) => left.map(|left| left.passage),
        Err(foreign) => return Ok(refused(turn, foreign.line(), Some(messages::LOGIN_CHANGED)).into()),
    };
    match passage {
        Some(Passage::EnrollsNow(how_far)) if turn.options.enroll && turn.relation == Relation::Root => {
            enrollment::enroll(turn, &person, how_far)
        }
        passage => ended(turn, &person, passage).map(Came::from),
    }
}

/// What was logged in the auth phase is not logged again, unless it is a refusal.
fn by_the_way(ended: Ended) -> Ended {
    if ended.passage == Passage::NotAsked { Ended::quiet(Passage::NotAsked) } else { ended }
}

fn ended<H: LoginHost>(turn: &Turn<'_, H>, person: &Person, passage: Option<Passage>) -> Result<Ended, Failed> {
    Ok(match passage {
        Some(Passage::MustEnroll) => must_enroll(turn, Line::new("").with("reason", "must-enroll")),
        Some(Passage::EnrollsNow(_)) => {
            let line = Line::new("").with("reason", "must-enroll").with("remedy", "give the account line enroll too");
            must_enroll(turn, line)
        }
        None | Some(Passage::NobodyAsked) if turn.options.require_step && applies(turn, person)? => {
            let line = Line::new("").with("reason", "no-second-step").with("option", "require_step");
            refused(turn, line.with("remedy", REMEDY), Some(messages::NO_SECOND_STEP))
        }
        Some(passage) => Ended { text: finish(turn, person, passage)?, ..Ended::quiet(passage) },
        // For pam_setcred: this stack has an account line.
        None => Ended::quiet(Passage::NobodyAsked),
    })
}

/// Nobody knows the user, or so it seems: where one source of the user database fails and the next one
/// does not know the name, the C library says just that. Whom the auth phase knew is known.
fn unknown<H: LoginHost>(turn: &Turn<'_, H>) -> Result<Ended, Failed> {
    if turn.login.hand_over.is_some() || turn.options.require_step {
        return Err(Failed::Unknown);
    }
    Ok(Ended::quiet(Passage::NotAsked))
}

/// Records what belongs to a login that goes on, and says what the person is reminded of. A line for
/// programs has nobody to remind.
fn finish<H: LoginHost>(turn: &Turn<'_, H>, person: &Person, passage: Passage) -> Result<Option<String>, Failed> {
    let passed = match passage {
        Passage::CodeAccepted => Passed::Code,
        Passage::NotAsked => Passed::NotAsked,
        _ => Passed::Otherwise,
    };
    if turn.options.mode != Mode::Code {
        return Ok(None);
    }
    let Some(attempt) = turn.attempt(person) else { return Ok(None) };
    Ok(login::afterwards(&attempt, &turn.config, &turn.store, &turn.clock, passed)?)
}

/// Whether a second step would have been asked of this person.
fn applies<H: LoginHost>(turn: &Turn<'_, H>, person: &Person) -> Result<bool, Failed> {
    let Some(attempt) = turn.attempt(person) else { return Ok(true) };
    Ok(login::applies(&attempt, &turn.config, &turn.store, &turn.clock)?)
}

fn must_enroll<H: LoginHost>(turn: &Turn<'_, H>, line: Line) -> Ended {
    refused(turn, line, messages::text(&Verdict::MustEnroll, &turn.config).as_deref())
}

/// Where application passwords count, one would have helped in any case.
fn refused<H: LoginHost>(turn: &Turn<'_, H>, line: Line, text: Option<&str>) -> Ended {
    let text = if turn.options.mode == Mode::AppPassword { Some(messages::NO_APP_PASSWORD) } else { text };
    Ended::refused(line, text)
}

const REMEDY: &str = "let the login go through the auth lines of this stack too; in sshd, \
                      AuthenticationMethods must not let a key be enough";
