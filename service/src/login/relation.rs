//! What a peer is to the user who logs in: that decides what it may ask.

use protocol::request::Login;
use twostep_core::audit::Line;
use twostep_core::config::Config;
use twostep_core::login;
use twostep_core::messages;
use twostep_core::policy::{LoginContext, Requirement};
use twostep_core::refusals::Told;
use twostep_core::store::Store;
use twostep_core::throttle::{Origin, Source};
use twostep_core::time::Clock;
use twostep_core::username::{LookupError, Person, Username};
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
    /// Another system user, with this uid. It learns which users need no second step.
    System(u32),
    /// Another person, with this uid. It learns nothing.
    Stranger(u32),
}

impl Relation {
    /// What a process with this uid is to the user who logs in, and that user. If the user database fails, that error
    /// is returned for every user alike.
    pub fn of_user<H: LoginHost>(
        uid: u32,
        login: &Login,
        (host, config): (&H, &Config),
    ) -> (Self, Result<Option<Person>, LookupError>) {
        let own = match host.person_of(uid) {
            Ok(own) => own,
            Err(error) => return (Self::Own, Err(error)),
        };
        let is_named = |name: &str| own.as_ref().is_some_and(|own| own.name.as_str() == name);
        if is_named(&login.user) {
            return (Self::Own, Ok(own));
        }
        let is_theirs = |person: &Result<Option<Person>, _>| matches!(person, Ok(Some(user)) if user.uid == uid);
        let is_peer = |name: &str| is_named(name) || is_theirs(&host.person(name));
        let listed = config.callers.iter().find(|caller| caller.serves(&login.service) && is_peer(&caller.user));
        if let Some(caller) = listed {
            return (Self::Caller(caller.user.clone()), host.person(&login.user));
        }
        let person = host.stranger(&login.user);
        let relation = match &person {
            person if is_theirs(person) || person.is_err() => Self::Own,
            _ if uid < host.first_person() => Self::System(uid),
            _ => Self::Stranger(uid),
        };
        (relation, person)
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
        Relation::Stranger(uid) => {
            let line = Line::new("").with("reason", "not-the-process-owner");
            Ok(Some(refused(turn, uid, line, messages::CANNOT_CHECK_FOR_ANOTHER)))
        }
        Relation::System(uid) => Ok(Some(match required_of(turn)? {
            Requirement::NotAsked(rule) => Ended::with(&Verdict::NotAsked(rule), Told::ALONE, None),
            Requirement::Asked | Requirement::MustEnroll => {
                let line = Line::new("").with("reason", "not-a-listed-caller").with("remedy", REMEDY);
                refused(turn, uid, line, messages::NOT_A_LISTED_CALLER)
            }
        })),
    }
}

/// A refusal that costs nothing, so that there may be thousands a second. The log counts those of each peer.
fn refused<H: LoginHost>(turn: &Turn<'_, H>, uid: u32, line: Line, text: &str) -> Ended {
    // No user's name has a colon.
    let peer = Person { name: Username::new(&format!("uid:{uid}")), alias: None.into(), uid, gid: uid };
    let told = turn.store.count_refusal(&peer, &Source::of_user(uid), turn.clock.now().uptime);
    Ended { pairs: told.line(line.with("uid", uid)).map(Line::finish), ..Ended::refused(Line::new(""), Some(text)) }
}

/// What this host requires of the user, wherever the login comes from. A user whom nobody knows is one of
/// whom something is.
fn required_of<H: LoginHost>(turn: &Turn<'_, H>) -> Result<Requirement, Failed> {
    let Some(person) = turn.person.as_ref().map_err(|error| *error)? else { return Ok(Requirement::Asked) };
    let origin = Origin::default();
    let now = turn.clock.now().wall;
    let context = LoginContext { person, service: &turn.login.service, origin: &origin, now, earlier: None };
    Ok(login::standing(&context, &turn.config, &turn.store).map_err(login::LoginError::from)?.requirement)
}

const REMEDY: &str = "if this program may check the codes of others, list its user and this service under \
                      [[callers]] in the configuration";
