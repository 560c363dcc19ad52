//! Guessing: how many wrong answers a source and all sources together may give.
//!
//! Failures are counted for each pair of user and source, so a stranger cannot make a user wait.
//! All strangers together have [`Limits::cap`] guesses; after that only sources from which this
//! user has succeeded before are judged, and everyone else needs a recovery code. As many failures
//! from known sources close verification codes for all (NIST SP 800-63B-4 §3.2.2).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use ipnet::IpNet;
use sha2::{Digest, Sha256};

use crate::hex;
use crate::time::Uptime;

/// Sources that are told apart, for each user.
pub const SLOTS: usize = 16;
/// Longest name of a source, in bytes; longer ones are cut and hashed.
const LONGEST: usize = 64;

/// Where an answer comes from, as one word: an address (IPv6 by /64), `host:NAME`, `uid:N`,
/// `tty:NAME` or `local`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    name: String,
    /// Whether it may be anyone: a proxy's address, or nothing known at all.
    anyone: bool,
}

/// What PAM and the kernel say about where an answer comes from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// PAM_RHOST.
    pub rhost: Option<String>,
    /// PAM_TTY.
    pub tty: Option<String>,
    /// The real uid of the process.
    pub real_uid: u32,
}

/// What the configuration allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Failures of one source after which it waits.
    pub failures: u32,
    /// The first wait; each further failure doubles it.
    pub wait: Duration,
    /// The longest wait.
    pub max_wait: Duration,
    /// Uncleared failures after which only known sources are judged, and uncleared failures of
    /// known sources after which none is.
    pub cap: u32,
}

/// The failures of one user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Throttle {
    /// At most [`SLOTS`] sources.
    pub slots: Vec<Slot>,
    /// Failures whose source is not listed any more.
    pub gone: Sums,
}

/// The uncleared failures of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The source's name.
    pub source: String,
    /// Whether this user had succeeded from it when it failed.
    pub known: bool,
    /// Its failures.
    pub failures: u32,
    /// Until when it is not judged.
    pub until: Uptime,
}

/// Uncleared failures, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// From sources from which this user never succeeded.
    pub strangers: u32,
    /// From sources from which this user has succeeded.
    pub known: u32,
}

/// What a source may try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Any answer is judged.
    Open,
    /// Nothing is judged for so many seconds.
    Wait(u64),
    /// Strangers have used up their guesses: a recovery code is judged, a verification code is not.
    ClosedToStrangers,
    /// Known sources have used up theirs: only a recovery code is judged.
    Disabled,
}

impl Source {
    /// Names where an answer comes from. An address that stands for many people (`proxies`) says
    /// nothing.
    #[must_use]
    pub fn of(origin: &Origin, proxies: &[IpNet]) -> Self {
        let rhost = origin.rhost.as_deref().map(str::trim).filter(|host| !host.is_empty());
        let tty = origin.tty.as_deref().filter(|tty| !tty.is_empty());
        let is_proxy = |address: &IpAddr| proxies.iter().any(|net| net.contains(address));
        match rhost.map(|host| (host, address(host))) {
            Some((_, Some(address))) if !is_proxy(&address) => Self::known(network(address)),
            Some((host, None)) => Self::named("host", host),
            _ if origin.real_uid != 0 => Self::known(format!("uid:{}", origin.real_uid)),
            place => {
                let local = tty.map_or_else(|| Self::known("local".into()), |tty| Self::named("tty", tty));
                Self { anyone: place.is_some() || tty.is_none(), ..local }
            }
        }
    }

    /// The name, one word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Whether it may be anyone, so that a success from it says nothing of the next attempt.
    #[must_use]
    pub fn is_anyone(&self) -> bool {
        self.anyone
    }

    fn known(name: String) -> Self {
        Self { name, anyone: false }
    }

    fn named(kind: &str, name: &str) -> Self {
        let name = crate::audit::printable(name);
        if name.len() <= LONGEST {
            return Self::known(format!("{kind}:{name}"));
        }
        let digest = hex::encode(&Sha256::digest(name.as_bytes()));
        Self::known(format!("{kind}:%{}", digest.get(..32).unwrap_or_default()))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Origin {
    /// The address that an answer comes from, unless it stands for many people.
    #[must_use]
    pub fn address(&self, proxies: &[IpNet]) -> Option<IpAddr> {
        let address = self.rhost.as_deref().and_then(|host| address(host.trim()))?;
        (!proxies.iter().any(|net| net.contains(&address))).then_some(address)
    }
}

impl Throttle {
    /// What `source` may try now.
    #[must_use]
    pub fn gate(&self, source: &Source, known: bool, now: Uptime, limits: &Limits) -> Gate {
        let sums = self.sums();
        let left = self.slots.iter().find(|slot| slot.source == source.name).map_or(0, |slot| slot.until.since(now));
        match left {
            // A longer wait than any comes from another boot, whose ledger was not cleared.
            1.. if left <= limits.max_wait.as_secs() => Gate::Wait(left),
            _ if sums.known >= limits.cap => Gate::Disabled,
            _ if !known && sums.strangers.saturating_add(sums.known) >= limits.cap => Gate::ClosedToStrangers,
            _ => Gate::Open,
        }
    }

    /// Counts one wrong answer of `source`.
    pub fn fail(&mut self, source: &Source, known: bool, now: Uptime, limits: &Limits) {
        let slot = self.slot(source, known);
        slot.known = known;
        slot.failures = slot.failures.saturating_add(1);
        if let Some(over) = slot.failures.checked_sub(limits.failures) {
            slot.until = now.after(wait(over, limits));
        }
    }

    /// Forgets the failures of `source`, and of no other.
    pub fn succeed(&mut self, source: &Source) {
        self.slots.retain(|slot| slot.source != source.name);
    }

    /// Forgets everything: a recovery code or an administrator opened the account.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// All uncleared failures.
    #[must_use]
    pub fn sums(&self) -> Sums {
        self.slots.iter().fold(self.gone, |sums, slot| sums.plus(slot))
    }

    fn slot(&mut self, source: &Source, known: bool) -> &mut Slot {
        let index = match self.slots.iter().position(|slot| slot.source == source.name) {
            Some(index) => index,
            None => {
                self.make_room();
                self.slots.push(Slot { source: source.name.clone(), known, failures: 0, until: Uptime(0) });
                self.slots.len() - 1
            }
        };
        #[expect(clippy::indexing_slicing, reason = "the index was found or pushed just above")]
        &mut self.slots[index]
    }

    /// The source with the fewest failures goes; its count stays in the sum.
    fn make_room(&mut self) {
        if self.slots.len() < SLOTS {
            return;
        }
        if let Some(index) = (0..self.slots.len()).min_by_key(|&index| self.slots.get(index).map(|slot| slot.failures))
        {
            let slot = self.slots.remove(index);
            self.gone = self.gone.plus(&slot);
        }
    }
}

impl Sums {
    fn plus(self, slot: &Slot) -> Self {
        let mut sums = self;
        let sum = if slot.known { &mut sums.known } else { &mut sums.strangers };
        *sum = sum.saturating_add(slot.failures);
        sums
    }
}

/// `wait`, doubled `over` times, at most `max_wait`.
fn wait(over: u32, limits: &Limits) -> Duration {
    let factor = 1_u32.checked_shl(over).unwrap_or(u32::MAX);
    limits.wait.saturating_mul(factor).min(limits.max_wait)
}

/// An address, an IPv4-mapped one as the IPv4 it means. A scope (`fe80::1%eth0`) is dropped.
fn address(host: &str) -> Option<IpAddr> {
    let bare = host.split_once('%').map_or(host, |(address, _)| address);
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let prefix = u128::from(address) & !u128::from(u64::MAX);
            format!("{}/64", Ipv6Addr::from(prefix))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits =
        Limits { failures: 5, wait: Duration::from_secs(5), max_wait: Duration::from_secs(3600), cap: 100 };

    fn from(rhost: &str) -> Source {
        Source::of(&Origin { rhost: Some(rhost.into()), ..Origin::default() }, &[])
    }

    fn failing(throttle: &mut Throttle, source: &Source, times: u32) {
        for _ in 0..times {
            throttle.fail(source, false, Uptime(1000), &LIMITS);
        }
    }

    #[test]
    fn sources_have_names() {
        assert_eq!(from("203.0.113.7").as_str(), "203.0.113.7");
        assert_eq!(from("203.0.113.7").to_string(), "203.0.113.7");
        assert_eq!(from("::ffff:203.0.113.7").as_str(), "203.0.113.7");
        assert_eq!(from("2001:db8:1:2:3:4:5:6").as_str(), "2001:db8:1:2::/64");
        assert_eq!(from("fe80::1%eth0").as_str(), "fe80::/64");
        assert_eq!(from("client.example.org").as_str(), "host:client.example.org");
        assert_eq!(from(&"x".repeat(300)).as_str().len(), "host:%".len() + 32);
        let local = |real_uid, tty: Option<&str>| {
            Source::of(&Origin { rhost: Some(String::new()), tty: tty.map(Into::into), real_uid }, &[])
        };
        assert_eq!(local(1000, Some("pts/1")).as_str(), "uid:1000");
        assert_eq!(local(0, Some("tty1")).as_str(), "tty:tty1");
        assert_eq!(local(0, None).as_str(), "local");
    }

    #[test]
    fn the_address_of_a_proxy_says_nothing() {
        let proxies = ["10.0.0.0/8".parse().unwrap()];
        let origin = Origin { rhost: Some("10.1.2.3".into()), ..Origin::default() };
        assert_eq!(Source::of(&origin, &proxies).as_str(), "local");
        let mapped = Origin { rhost: Some("::ffff:10.1.2.3".into()), ..Origin::default() };
        assert_eq!(Source::of(&mapped, &proxies).as_str(), "local");
        let sshd = Origin { tty: Some("ssh".into()), ..mapped };
        assert!(Source::of(&sshd, &proxies).is_anyone() && Source::of(&Origin::default(), &[]).is_anyone());
        let console = Origin { tty: Some("tty1".into()), ..Origin::default() };
        assert!(!Source::of(&console, &[]).is_anyone() && !from("192.0.2.1").is_anyone());
    }

    #[test]
    fn a_source_waits_and_others_do_not() {
        let mut throttle = Throttle::default();
        failing(&mut throttle, &from("192.0.2.1"), 4);
        assert_eq!(throttle.gate(&from("192.0.2.1"), false, Uptime(1000), &LIMITS), Gate::Open);
        failing(&mut throttle, &from("192.0.2.1"), 1);
        assert_eq!(throttle.gate(&from("192.0.2.1"), false, Uptime(1000), &LIMITS), Gate::Wait(5));
        assert_eq!(throttle.gate(&from("192.0.2.1"), false, Uptime(1005), &LIMITS), Gate::Open);
        assert_eq!(throttle.gate(&from("192.0.2.2"), false, Uptime(1000), &LIMITS), Gate::Open);
    }

    /// A wait until a moment of another boot would lock a source out for as long as that boot lasted.
    #[test]
    fn a_wait_longer_than_any_is_none() {
        let mut throttle = Throttle::default();
        failing(&mut throttle, &from("192.0.2.1"), 5);
        let gate = |until| {
            let mut throttle = throttle.clone();
            throttle.slots[0].until = Uptime(until);
            throttle.gate(&from("192.0.2.1"), false, Uptime(1000), &LIMITS)
        };
        assert_eq!((gate(1000 + 3600), gate(1000 + 3601)), (Gate::Wait(3600), Gate::Open));
    }

    #[test]
    fn waits_double_up_to_an_hour() {
        let waits: Vec<u64> = (0..12).map(|over| wait(over, &LIMITS).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]);
        assert_eq!(wait(u32::MAX, &LIMITS), LIMITS.max_wait);
    }

    #[test]
    fn success_clears_its_own_source_only() {
        let mut throttle = Throttle::default();
        failing(&mut throttle, &from("192.0.2.1"), 7);
        failing(&mut throttle, &from("192.0.2.2"), 6);
        throttle.succeed(&from("192.0.2.1"));
        assert_eq!(throttle.gate(&from("192.0.2.1"), true, Uptime(1000), &LIMITS), Gate::Open);
        assert_eq!(throttle.gate(&from("192.0.2.2"), false, Uptime(1000), &LIMITS), Gate::Wait(10));
        assert_eq!(throttle.sums(), Sums { strangers: 6, known: 0 });
    }

    #[test]
    fn a_hundred_strangers_leave_known_sources_in() {
        let mut throttle = Throttle::default();
        for host in 0..100 {
            failing(&mut throttle, &from(&format!("192.0.2.{host}")), 1);
        }
        assert_eq!(throttle.slots.len(), SLOTS);
        assert_eq!(throttle.sums().strangers, 100);
        assert_eq!(throttle.gate(&from("198.51.100.1"), false, Uptime(1000), &LIMITS), Gate::ClosedToStrangers);
        assert_eq!(throttle.gate(&from("198.51.100.1"), true, Uptime(1000), &LIMITS), Gate::Open);
    }

    #[test]
    fn a_hundred_failures_from_known_sources_disable() {
        let mut throttle = Throttle::default();
        for _ in 0..100 {
            throttle.fail(&from("192.0.2.1"), true, Uptime(0), &LIMITS);
        }
        assert_eq!(throttle.gate(&from("192.0.2.9"), true, Uptime(9999), &LIMITS), Gate::Disabled);
        throttle.clear();
        assert_eq!(throttle.gate(&from("192.0.2.9"), true, Uptime(9999), &LIMITS), Gate::Open);
    }

    #[test]
    fn in_a_full_table_the_fewest_failures_go() {
        let mut throttle = Throttle::default();
        failing(&mut throttle, &from("203.0.113.1"), 6);
        for host in 0..40 {
            failing(&mut throttle, &from(&format!("192.0.2.{host}")), 1);
        }
        assert_eq!(throttle.gate(&from("203.0.113.1"), false, Uptime(1000), &LIMITS), Gate::Wait(10));
        assert_eq!(throttle.sums().strangers, 46);
    }

    proptest! {
        #[test]
        fn no_failure_is_ever_lost(hosts in prop::collection::vec(0_u8..40, 0..200)) {
            let mut throttle = Throttle::default();
            for (count, host) in hosts.iter().enumerate() {
                prop_assert_eq!(throttle.sums().strangers as usize, count);
                failing(&mut throttle, &from(&format!("192.0.2.{host}")), 1);
                prop_assert!(throttle.slots.len() <= SLOTS);
            }
        }
    }
}
