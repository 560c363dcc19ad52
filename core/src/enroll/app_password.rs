//! An application password is made, listed, revoked.

use std::time::Duration;

use ipnet::IpNet;

use super::authenticator::is_label;
use super::{AccountManager, Authority, from_store, no_randomness};
use crate::account::Account;
use crate::app_password::{self, AppPassword, AppPasswords, NewAppPassword, SCOPES};
use crate::config::Auto;
use crate::document;
use crate::ledger::Ledger;
use crate::messages::changes;
use crate::request::{AppPasswordState, AppPasswordStatus, Preset, Refusal, Refused, Response};
use crate::secret::Typed;
use crate::store::{Held, Keep, Store};
use crate::time::{Clock, Timestamp};

/// The longest time to live, in seconds: 100 years.
const LONGEST: u64 = 100 * 365 * 86_400;

/// What a user asks for, as it was typed.
pub(super) struct AppPasswordWish {
    pub label: String,
    pub services: Vec<String>,
    pub networks: Vec<String>,
    pub expires_after: Option<u64>,
}

impl<S: Store, C: Clock> AccountManager<S, C> {
    /// The application passwords, and the presets of this host.
    pub(super) fn app_passwords(&self) -> Result<Response, Refused> {
        let Some(account) = self.store.find(&self.person).map_err(|error| from_store(&error))? else {
            return Ok(self.listed(Vec::new()));
        };
        // Without the ledger, what the account knows of the last uses is better than nothing.
        let exact = self.store.update(&self.person, |held| self.statuses(held.account.as_ref(), Some(&held.ledger)));
        Ok(self.listed(exact.unwrap_or_else(|_| self.statuses(Some(&account), None))))
    }

    /// Makes one that the user wants.
    pub(super) fn create_app_password(&self, wish: AppPasswordWish, proof: &Typed) -> Result<Response, Refused> {
        let wanted = self.possible(wish)?;
        let proof = self.proof(Some(proof))?;
        self.change_proved(&proof, |held, question| {
            let makes_room = self.room(held, &wanted)?;
            self.prove(held, &proof, question)?;
            self.make(held, wanted.clone(), makes_room)
        })
    }

    /// Makes the one of a preset. A second step that was just passed counts as the proof, but
    /// not to replace one that still counts: a program of the user could else take its place.
    pub(super) fn ensure_app_password(&self, name: &str, proof: Option<&Typed>) -> Result<Response, Refused> {
        let Some(preset) = self.config.app_password.auto.iter().find(|preset| preset.name == name) else {
            return Err(Refused::new(Refusal::NoAppPassword, changes::NO_PRESET));
        };
        let Auto { name, services, expires } = preset.clone();
        let wanted = NewAppPassword { label: name, services, networks: Vec::new(), expires, preset: true };
        let is_silent = proof.is_none();
        let proof = self.proof(proof)?;
        self.change_proved(&proof, |held, question| {
            let makes_room = self.room(held, &wanted)?;
            let is_needed = makes_room.is_none_or(|index| !self.counts(held, index));
            if !(is_silent && is_needed && held.ledger.passed_just_now(self.clock.now().uptime)) {
                self.prove(held, &proof, question)?;
            }
            self.make(held, wanted.clone(), makes_room)
        })
    }

    /// Revokes one, or all.
    pub(super) fn revoke_app_passwords(&self, label: Option<&str>, proof: &Typed) -> Result<Response, Refused> {
        let proof = self.proof(Some(proof))?;
        self.change_proved(&proof, |held, question| {
            let goes = |one: &AppPassword| label.is_none_or(|label| one.label == label);
            let passwords = held.account.as_ref().and_then(|account| account.app_passwords.as_ref());
            if !passwords.is_some_and(|passwords| passwords.list.iter().any(goes)) {
                return Err(Refused::new(Refusal::NoAppPassword, changes::NO_SUCH_APP_PASSWORD));
            }
            self.prove(held, &proof, question)?;
            held.keep(Keep::Account);
            let now = self.clock.now().wall;
            let Some(account) = held.account.as_mut() else { return Ok(Response::Revoked { labels: Vec::new() }) };
            let mut labels = Vec::new();
            if let Some(passwords) = account.app_passwords.as_mut() {
                let gone = passwords.list.extract_if(.., |one| goes(one));
                labels = gone.map(|one| one.label).collect();
            }
            for label in &labels {
                account.record(now, "app-password-revoked", label);
                self.record(self.event("app-password-revoked").with("label", label));
            }
            Ok(Response::Revoked { labels })
        })
    }

    fn listed(&self, app_passwords: Vec<AppPasswordStatus>) -> Response {
        let preset = |auto: &Auto| Preset {
            name: auto.name.clone(),
            services: auto.services.clone(),
            expires_after: auto.expires.map(|expires| expires.as_secs()),
        };
        let policy = &self.config.app_password;
        Response::AppPasswords {
            app_passwords,
            presets: policy.auto.iter().map(preset).collect(),
            interactive_services: policy.interactive_services.clone(),
        }
    }

    /// Whether the password at this place of the list still opens something.
    fn counts(&self, held: &Held, index: usize) -> bool {
        let statuses = self.statuses(held.account.as_ref(), Some(&held.ledger));
        statuses.get(index).is_some_and(|status| status.state == AppPasswordState::Active)
    }

    fn statuses(&self, account: Option<&Account>, ledger: Option<&Ledger>) -> Vec<AppPasswordStatus> {
        let (now, unused) = (self.clock.now().wall, self.config.app_password.unused);
        let status = |one: &AppPassword| {
            let used = ledger.and_then(|ledger| ledger.last_use(&one.id)).cloned();
            one.status(used, now, unused)
        };
        let passwords = account.and_then(|account| account.app_passwords.as_ref());
        passwords.map_or_else(Vec::new, |passwords| passwords.list.iter().map(status).collect())
    }

    /// What was asked for, if it can be made.
    fn possible(&self, wish: AppPasswordWish) -> Result<NewAppPassword, Refused> {
        let impossible = |text: &str| Err(Refused::new(Refusal::BadRequest, text));
        if !is_label(&wish.label) {
            return impossible(changes::LABEL);
        }
        let mut services: Vec<String> = wish.services.iter().map(|name| name.to_ascii_lowercase()).collect();
        services.sort_unstable();
        services.dedup();
        if !app_password::are_services(&services) {
            return impossible(changes::NO_SERVICES);
        }
        if let Some(name) = services.iter().find(|name| self.config.app_password.is_interactive(name)) {
            return impossible(&changes::people_are_asked(name));
        }
        let networks: Option<Vec<IpNet>> = wish.networks.iter().map(|text| document::network(text)).collect();
        let Some(networks) = networks.filter(|networks| networks.len() <= SCOPES) else {
            return impossible(changes::NO_NETWORKS);
        };
        if wish.expires_after.is_some_and(|seconds| !(1..=LONGEST).contains(&seconds)) {
            return impossible(changes::LIFE);
        }
        let expires = wish.expires_after.map(Duration::from_secs);
        Ok(NewAppPassword { label: wish.label, services, networks, expires, preset: false })
    }

    /// Which one makes room for one more under this label, if one has to: what a preset made before,
    /// or the oldest that is no longer valid. It goes only with the proof.
    fn room(&self, held: &Held, wanted: &NewAppPassword) -> Result<Option<usize>, Refused> {
        if self.authority == Authority::Administrator {
            return Err(Refused::new(Refusal::Policy, changes::EACH_THEIR_OWN));
        }
        let Some(account) = held.account.as_ref().filter(|account| account.is_enrolled()) else {
            return Err(Refused::new(Refusal::NoAuthenticator, changes::ENROLL_BEFORE_APP_PASSWORDS));
        };
        let Some(passwords) = &account.app_passwords else { return Ok(None) };
        match passwords.position(&wanted.label) {
            Some(index) if wanted.preset && passwords.list.get(index).is_some_and(|one| one.preset) => {
                return Ok(Some(index));
            }
            Some(_) => {
                return Err(Refused::new(Refusal::NoRoom, changes::APP_PASSWORD_LABEL_TAKEN));
            }
            None if passwords.list.len() < self.config.app_password.max => return Ok(None),
            None => {}
        }
        let statuses = self.statuses(Some(account), Some(&held.ledger));
        statuses
            .iter()
            .position(|status| status.state != AppPasswordState::Active)
            .map(Some)
            .ok_or_else(|| Refused::new(Refusal::NoRoom, changes::NO_ROOM_FOR_APP_PASSWORDS))
    }

    /// Whatever fails here leaves the account as it was.
    fn make(&self, held: &mut Held, wanted: NewAppPassword, makes_room: Option<usize>) -> Result<Response, Refused> {
        let (now, unused) = (self.clock.now().wall, self.config.app_password.unused);
        let Some(account) = held.account.as_mut() else {
            return Err(Refused::new(Refusal::NoAuthenticator, changes::NOT_ENROLLED));
        };
        let mut passwords = match account.app_passwords.clone() {
            Some(passwords) => passwords,
            None => AppPasswords::new().map_err(no_randomness)?,
        };
        let gone = makes_room.map(|index| passwords.list.remove(index));
        let password = passwords.add(wanted, now).map_err(no_randomness)?;
        let made = passwords.list.last().map(|one| one.status(None, now, unused));
        let Some(made) = made else { return Err(super::failed("nothing was made; report this as a defect")) };
        account.app_passwords = Some(passwords);
        if let Some(gone) = gone {
            account.record(now, "app-password-revoked", &gone.label);
            self.record(self.event("app-password-revoked").with("label", gone.label));
        }
        self.tell_made(account, &made, now);
        held.keep(Keep::Account);
        Ok(Response::AppPassword { password, made })
    }

    fn tell_made(&self, account: &mut Account, made: &AppPasswordStatus, now: Timestamp) {
        account.record(now, "app-password-created", &made.label);
        let networks = Some(made.networks.join(",")).filter(|networks| !networks.is_empty());
        let line = self.event("app-password-created").with("label", &made.label);
        let line = line.with("services", made.services.join(",")).with_some("networks", networks);
        self.record(line.with_some("preset", made.preset.then_some("yes")));
    }
}
