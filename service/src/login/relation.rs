//! What a peer is to the user who logs in: that decides what it may ask.

use protocol::request::Login;
use twostep_core::audit::Line;
use twostep_core::config::Config;
use twostep_core::login::{self, Peer};
use twostep_core::messages;
use twostep_core::policy::{LoginContext, Requirement};
use twostep_core::refusals::Told;
use twostep_core::throttle::Origin;
use twostep_core::time::Clock;
use twostep_core::username::{LookupError, Person};
use twostep_core::verdict::Verdict;

use super::host::LoginHost;
use super::{Ended, Failed, Turn};

/// What a peer is to the user who logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relation {
    /// Root, who may say anything of anyone.
    Root,
    /// The user.
    Own,
    /// A caller that the configuration lists for this service, by the name that it has there.
    Caller(String),
    /// Another system user: it learns of whom nothing is required.
    System,
    /// Another person. It learns nothing.
    Stranger,
}

impl Relation {
    /// What a peer is to a user.
    pub fn of<H: LoginHost>(
        peer: &Peer,
        person: &Result<Option<Person>, LookupError>,
        login: &Login,
        place: (&H, &Config),
    ) -> Self {
        let (host, config) = place;
        let uid = match peer {
            Peer::Root => return Self::Root,
            Peer::User(uid) => *uid,
        };
        if matches!(person, Ok(Some(person)) if person.uid == uid) {
            return Self::Own;
        }
        let is_peer = |name: &str| matches!(host.person(name), Ok(Some(user)) if user.uid == uid);
        let listed = config.callers.iter().find(|caller| caller.serves(&login.service) && is_peer(&caller.user));
        match listed {
            Some(caller) => Self::Caller(caller.user.clone()),
            None if uid < host.first_person() => Self::System,
            None => Self::Stranger,
        }
    }
}

/// What a peer is told that may not have an answer judged; `None` if it may.
///
/// A person is refused alike whoever the user is, and whether there is one. A system user is told of whom
/// nothing is required, so that a program that nobody lists goes on serving them.
///
/// # Errors
/// The account cannot be read.
pub fn turned_away<H: LoginHost>(turn: &Turn<'_, H>) -> Result<Option<Ended>, Failed> {
    match turn.relation {
        Relation::Root | Relation::Own | Relation::Caller(_) => Ok(None),
        Relation::Stranger => {
            let line = Line::new("").with("reason", "not-the-process-owner");
            Ok(Some(Ended::refused(line, Some(messages::CANNOT_CHECK_FOR_ANOTHER))))
        }
        Relation::System => Ok(Some(match required_of(turn)? {
            Requirement::NotAsked(rule) => Ended::with(&Verdict::NotAsked(rule), Told::ALONE, None),
            Requirement::Asked | Requirement::MustEnroll => {
                let line = Line::new("").with("reason", "not-a-listed-caller").with("remedy", REMEDY);
                Ended::refused(line, Some(messages::NOT_A_LISTED_CALLER))
            }
        })),
    }
}

/// What this host requires of the user, wherever the login comes from. A user whom nobody knows is one of
/// whom something is.
fn required_of<H: LoginHost>(turn: &Turn<'_, H>) -> Result<Requirement, Failed> {
    let Some(person) = turn.person.as_ref().map_err(|error| *error)? else { return Ok(Requirement::Asked) };
    let origin = Origin::default();
    let now = turn.clock.now().wall;
    let context = LoginContext { person, service: &turn.login.service, origin: &origin, now, is_remembered: false };
    Ok(login::standing(&context, &turn.config, &turn.store).map_err(login::LoginError::from)?.requirement)
}

const REMEDY: &str = "if this program may check the codes of others, list its user and this service under \
                      [[callers]] in the configuration";
