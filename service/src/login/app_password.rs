//! The auth phase of a service whose programs cannot ask for a code: takes the one password they
//! have. The module leaves it to the following lines when it is theirs to judge.

use protocol::secret::Typed;
use twostep_core::audit::Line;
use twostep_core::login::{self, Judged};
use twostep_core::messages;
use twostep_core::username::Person;

use super::hand_over::Passage;
use super::{Came, Ended, Failed, LoginHost, Turn, relation, unknown_user};

/// Takes a login with a password only.
///
/// Everyone is asked the same, and whoever is refused here without having one of the user's
/// application passwords reads the same. Who is not enrolled is left to the following lines, which
/// take their own time and say what they say.
///
/// # Errors
/// Something failed. The login must be refused then.
pub fn app_password<H: LoginHost>(turn: &Turn<'_, H>) -> Result<Came, Failed> {
    let Some(password) = turn.login.answers.first().filter(|_| !turn.login.unanswered) else {
        return Ok(Ended::refused(Line::new("").with("reason", "no-answer"), None).into());
    };
    let ended = match (relation::turned_away(turn)?, turn.person.clone()?) {
        (Some(ended), _) => Ended { text: ended.text.map(|_| messages::NO_APP_PASSWORD.to_owned()), ..ended },
        (None, Some(person)) => judge(turn, &person, password)?,
        (None, None) => Ended::refused(unknown_user(), Some(messages::NO_APP_PASSWORD)),
    };
    Ok(match ended.passage {
        Passage::NotAsked => Ended { passage: Passage::NobodyAsked, ..ended }.into(),
        _ => ended.into(),
    })
}

fn judge<H: LoginHost>(turn: &Turn<'_, H>, person: &Person, password: &Typed) -> Result<Ended, Failed> {
    let Some(attempt) = turn.attempt(person) else { return Err(Failed::Unknown) };
    let judged = login::app_password(&attempt, &turn.config, &turn.store, &turn.clock, password);
    turn.log_strange();
    let Judged { verdict, told } = judged?;
    Ok(Ended::with(&verdict, told, messages::text_for_program(&verdict, &turn.config)))
}
