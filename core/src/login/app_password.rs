//! One login of a program that cannot ask, from top to bottom.

use super::{Attempt, LoginError, Standing, standing};
use crate::account::Account;
use crate::app_password::{Entrance, HashedPassword, has_form};
use crate::audit;
use crate::config::Config;
use crate::policy::Requirement;
use crate::refusals::Told;
use crate::request::{SecondStep, Use};
use crate::secret::Typed;
use crate::store::{Held, Keep, Store};
use crate::throttle::Source;
use crate::time::{Clock, Moment, Timestamp};
use crate::verdict::{Factor, NoAppPassword, NotACode, Rejection, Verdict, is_fake_of_sshd};

/// A verdict, and what the log gets of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Judged {
    /// What becomes of the login.
    pub verdict: Verdict,
    /// Whether it is worth a line.
    pub told: Told,
}

/// Takes one login through a service whose programs cannot ask for a code.
///
/// A valid application password always passes, also while the second step is suspended; only then
/// the requirement decides whether another password may. A wrong one takes no lock and costs no
/// failure, so that no storm of them is in the way of a code.
///
/// # Errors
/// Something failed. A caller refuses the login then.
pub fn app_password(
    attempt: &Attempt,
    config: &Config,
    store: &impl Store,
    clock: &impl Clock,
    typed: &Typed,
) -> Result<Judged, LoginError> {
    let now = clock.now();
    let Standing { requirement, account } = standing(&attempt.context(now.wall, None), config, store)?;
    let login = PasswordLogin { attempt, config, source: attempt.source(config), now };
    let refused = match known(account.as_ref(), typed) {
        Ok(password) => match store.update(&attempt.person, |held| login.enter(held, &password))? {
            Ok(factor) => return Ok(Judged { verdict: Verdict::Accepted(factor), told: Told::ALONE }),
            Err(refused) => refused,
        },
        Err(refused) => refused,
    };
    let verdict = match requirement {
        Requirement::NotAsked(rule) => return Ok(Judged { verdict: Verdict::NotAsked(rule), told: Told::ALONE }),
        Requirement::MustEnroll => Verdict::MustEnroll,
        Requirement::Asked if is_fake_of_sshd(typed) => Verdict::Refused(Rejection::NotACode(NotACode::FakeOfSshd)),
        Requirement::Asked => Verdict::Refused(Rejection::AppPassword(refused)),
    };
    let told = store.count_refusal(&attempt.person, &login.source, now.uptime);
    Ok(Judged { verdict, told })
}

/// What was typed, if it is an application password of this account.
fn known(account: Option<&Account>, typed: &Typed) -> Result<HashedPassword, NoAppPassword> {
    if !has_form(typed) {
        return Err(NoAppPassword::NotOne);
    }
    let passwords = account.filter(|account| account.is_enrolled()).and_then(|account| account.app_passwords.as_ref());
    let password = passwords.and_then(|passwords| passwords.read(typed).filter(|one| passwords.find(one).is_some()));
    password.ok_or(NoAppPassword::Wrong)
}

/// A login while it is judged.
struct PasswordLogin<'a> {
    attempt: &'a Attempt,
    config: &'a Config,
    source: Source,
    now: Moment,
}

impl PasswordLogin<'_> {
    /// Under the lock: the password may have been revoked a moment ago. The last use is exact in
    /// the ledger; the account gets the first one of each day.
    fn enter(&self, held: &mut Held, password: &HashedPassword) -> Result<Factor, NoAppPassword> {
        let service = self.attempt.service.to_ascii_lowercase();
        let account = held.account.as_mut().filter(|account| account.is_enrolled());
        let passwords = account.and_then(|account| account.app_passwords.as_mut());
        let found = passwords.and_then(|passwords| {
            let index = passwords.find(password)?;
            passwords.list.get_mut(index)
        });
        let one = found.ok_or(NoAppPassword::Wrong)?;
        let last = held.ledger.last_use(&one.id).map(|last| last.at);
        if let Some(barred) = one.barred(&self.door(&service), last) {
            return Err(NoAppPassword::Barred { barred, label: one.label.clone() });
        }
        let at = self.now.wall;
        held.ledger.use_app_password(&one.id, Use { at: at.0, source: self.source.as_str().to_owned() });
        let factor = Factor::AppPassword { label: one.label.clone() };
        if one.last_use.as_ref().is_none_or(|last| Timestamp(last.at).day() < at.day()) {
            let service = audit::printable(&service);
            let step = SecondStep { at: at.0, service, source: self.source.as_str().to_owned() };
            one.first_use.get_or_insert_with(|| step.clone());
            one.last_use = Some(step);
            held.keep(Keep::AccountIfPossible);
        }
        Ok(factor)
    }

    fn door<'a>(&self, service: &'a str) -> Entrance<'a> {
        let Config { policy, app_password, .. } = self.config;
        Entrance {
            service,
            is_interactive: app_password.is_interactive(service),
            address: self.attempt.origin.address(&policy.proxies),
            now: self.now.wall,
            unused: app_password.unused,
        }
    }
}
