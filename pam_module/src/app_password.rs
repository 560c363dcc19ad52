//! The auth phase of a service whose programs cannot ask for a code: takes the one password they
//! have, and leaves it to the following lines when it is theirs to judge.

use twostep_core::audit::Line;
use twostep_core::login::{self, Judged};
use twostep_core::secret::Typed;
use twostep_core::time::SystemClock;
use twostep_core::username::Person;
use twostep_core::words;

use crate::attempt::Attempt;
use crate::ended::Ended;
use crate::failed::Failed;
use crate::ffi::process_users;
use crate::hand_over::Outcome;
use crate::helper_client::{self, Passed};
use crate::question::Question;
use crate::second_step::{not_the_owner, unknown_user};

/// Takes a login with a password only, and leaves the outcome to the account phase.
///
/// Everyone is asked the same, and whoever is refused here without having one of the user's
/// application passwords reads the same. Who is not enrolled is left to the following lines, which
/// take their own time and say what they say.
///
/// # Errors
/// Something failed. The login must be refused then.
pub fn app_password(attempt: &Attempt<'_>) -> Result<Ended, Failed> {
    let question = Question::new(attempt);
    let Ok(password) = question.ask() else {
        return Ok(Ended::refused(Line::new("").with("reason", "no-answer"), None));
    };
    question.pass_on(0).map_err(Failed::Pam)?;
    let Some(person) = attempt.person.clone()? else {
        return Ok(refused(unknown_user()));
    };
    let ended = match process_users() {
        (_, 0) => judge(attempt, &person, &password)?,
        (real, _) if real == person.uid => have_judged(attempt, &password)?,
        _ => refused(not_the_owner()),
    };
    let ended = match ended.outcome {
        Outcome::NotAsked => Ended { outcome: Outcome::NobodyAsked, ..ended },
        _ => ended,
    };
    attempt.hand_over(&person, ended.outcome)?;
    Ok(ended)
}

/// As root, who reaches the account.
fn judge(attempt: &Attempt<'_>, person: &Person, password: &Typed) -> Result<Ended, Failed> {
    let login = attempt.login(person);
    let store = attempt.store();
    let judged = login::app_password(&login, &attempt.config, &store, &SystemClock, password);
    attempt.log_strange(&store);
    let Judged { verdict, told } = judged?;
    Ok(Ended::with(&verdict, told, words::text_for_program(&verdict, &attempt.config)))
}

/// As the user, by the helper.
fn have_judged(attempt: &Attempt<'_>, password: &Typed) -> Result<Ended, Failed> {
    Ok(match helper_client::verify_app_password(&attempt.service, password)? {
        Passed::On(rule) => Ended::not_asked(rule),
        Passed::Judged(judged) => Ended::with_helpers(judged),
    })
}

fn refused(line: Line) -> Ended {
    Ended::refused(line, Some(words::NO_APP_PASSWORD))
}
