//! The auth phase: asks for the code and has the answers judged.

use protocol::secret::Typed;
use twostep_core::audit::Line;
use twostep_core::login::{self, Exchange, LoginStep};
use twostep_core::messages;
use twostep_core::refusals::Told;
use twostep_core::throttle::Origin;
use twostep_core::time::Clock;
use twostep_core::username::Person;
use twostep_core::verdict::Verdict;

use super::hand_over::{Enrolling, Passage};
use super::relation::Relation;
use super::{Came, Ended, Failed, LoginHost, Turn, enrollment, relation, unanswered, unknown_user};

/// Takes a login one step further through its second step.
///
/// # Errors
/// Something failed. The login must be refused then.
pub fn second_step<H: LoginHost>(turn: &Turn<'_, H>) -> Result<Came, Failed> {
    if turn.login.unanswered {
        return Ok(unanswered().into());
    }
    if let Some(ended) = relation::turned_away(turn)? {
        return Ok(ended.into());
    }
    match turn.person.clone()? {
        Some(person) => judge(turn, &person),
        None => Ok(stranger(turn)),
    }
}

fn judge<H: LoginHost>(turn: &Turn<'_, H>, person: &Person) -> Result<Came, Failed> {
    let Some(attempt) = turn.attempt(person) else { return Err(Failed::Unknown) };
    let (store, clock) = (&turn.store, &turn.clock);
    let exchange = Exchange { id: &turn.login.attempt, answers: &turn.login.answers };
    let is_repeated = login::is_repeated(&attempt, &exchange, store, clock);
    let step = login::second_step(&attempt, &exchange, &turn.config, store, clock);
    turn.log_strange();
    Ok(match step? {
        LoginStep::Ask => asks(turn, turn.options.question()),
        LoginStep::AskNext { first, why } => {
            turn.log_ended(&repeated(Ended::with(&first, Told::ALONE, None), is_repeated));
            asks(turn, &why)
        }
        LoginStep::Done(Verdict::MustEnroll) if enrollment::is_offered(turn) => enrolls_now().into(),
        LoginStep::Done(verdict) => {
            let is_forwarded = turn.login.holds_code && turn.relation == Relation::Root && turn.is_first_step_proved();
            if is_forwarded && matches!(verdict, Verdict::NotAsked(_)) {
                login::forget_peeks(&attempt, store);
            }
            let ended = Ended::with(&verdict, Told::ALONE, messages::text(&verdict, &turn.config));
            repeated(ended, is_repeated).into()
        }
    })
}

/// Asks the person.
pub fn asks<H: LoginHost>(turn: &Turn<'_, H>, prompt: &str) -> Came {
    Came::Asks { prompt: Typed::new(prompt.to_owned()), echo: turn.options.echo, hand_over: None }
}

/// A verdict that was given before is only told again. The log says so.
fn repeated(ended: Ended, is_repeated: bool) -> Ended {
    let said = |pairs: String| Line::new(&pairs).with("repeated", "yes").finish();
    let pairs = ended.pairs.map(|pairs| if is_repeated { said(pairs) } else { pairs });
    Ended { pairs, ..ended }
}

/// Let through to the account phase, which comes only after every first step is passed.
fn enrolls_now() -> Ended {
    let line = Line::new("").with("rule", "must-enroll").with("next", "enrollment");
    Ended { pairs: Some(line.finish()), ..Ended::quiet(Passage::EnrollsNow(Enrolling::Code)) }
}

/// Who is unknown is asked when one who is not enrolled would be refused, so that the question does
/// not tell who exists.
fn stranger<H: LoginHost>(turn: &Turn<'_, H>) -> Came {
    let rhost = turn.login.rhost.clone().filter(|_| turn.relation == Relation::Root);
    let origin = Origin { rhost, ..Origin::default() };
    let refuses = turn.config.refuses_newcomers(&turn.login.service, &origin, turn.clock.now().wall);
    match turn.login.answers.is_empty() {
        true if refuses => asks(turn, turn.options.question()),
        true => Ended::refused(unknown_user(), None).into(),
        false => Ended::refused(unknown_user(), Some(messages::GENERIC).filter(|_| refuses)).into(),
    }
}
