//! Guessing: how many wrong answers a source and all sources together may give.
//!
//! Failures are counted for each pair of user and source, so a stranger cannot make a user wait.
//! All strangers together have [`Limits::cap`] guesses; after that only sources from which this
//! user has succeeded before are judged, and everyone else needs a recovery code. As many failures
//! from known sources close verification codes for all (NIST SP 800-63B-4 §3.2.2). Sources that may be
//! anyone (proxies, this host itself) have as many guesses of their own, and close nothing for others.
//! Neither do those of listed callers, which are closed by all of these.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ipnet::IpNet;
use sha2::{Digest, Sha256};

use crate::hex;
use crate::time::Uptime;

mod budget;

/// Sources that are told apart, for each user.
pub const SLOTS: usize = 16;
/// Longest name of a source, in bytes; longer ones are cut and hashed.
const LONGEST: usize = 64;

/// Where an answer comes from, as one word: an address (IPv6 by /64), `host:NAME`, `uid:N`,
/// `tty:NAME`, `local`, or `caller:NAME` with a slash and what that caller says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    name: String,
    kind: SourceKind,
}

/// What a success from a source says of the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SourceKind {
    /// It is a place that the user may be known from.
    Place,
    /// The user's own process. Only root's processes make it known, as sudo does.
    Own,
    /// It may be anyone: an address of a proxy or of this host, or nothing known at all.
    Anyone,
    /// It may be anyone, and only a listed caller says so.
    Caller,
}

/// What a source is to one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The user has succeeded from it.
    Known,
    /// The user never succeeded from it.
    Stranger,
    /// It may be anyone, so that a success from it says nothing.
    Anyone,
    /// Only a listed caller says where it is.
    Caller,
}

/// What PAM and the kernel say about where an answer comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    /// What it was to this user when it failed.
    pub class: Class,
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
    /// From sources that may be anyone.
    pub anyone: u32,
    /// From those of listed callers.
    pub callers: u32,
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
    /// nothing; neither does one of this host itself, where any program may pass logins on.
    #[must_use]
    pub fn of(origin: &Origin, proxies: &[IpNet]) -> Self {
        let rhost = origin.rhost.as_deref().filter(|host| !host.trim().is_empty());
        let tty = origin.tty.as_deref().filter(|tty| !tty.is_empty());
        let is_proxy = |address: &IpAddr| address.is_loopback() || proxies.iter().any(|net| net.contains(address));
        let this_host = |host| names_this_host(host).then_some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        match rhost.map(|host| (host, address(host).or_else(|| this_host(host)))) {
            Some((_, Some(address))) if !is_proxy(&address) => Self::known(network(address)),
            Some((host, None)) => Self::named("host", host),
            _ if origin.real_uid != 0 => Self::known(format!("uid:{}", origin.real_uid)),
            // One name for all that a local program can bind.
            Some((_, Some(IpAddr::V4(address)))) if address.is_loopback() => Self::anyone(Ipv4Addr::LOCALHOST),
            Some((_, Some(IpAddr::V6(address)))) if address.is_loopback() => Self::anyone(Ipv6Addr::LOCALHOST),
            place => {
                let local = tty.map_or_else(|| Self::known("local".into()), |tty| Self::named("tty", tty));
                let is_place = place.is_none() && tty.is_some_and(names_a_terminal);
                if is_place { local } else { Self { kind: SourceKind::Anyone, ..local } }
            }
        }
    }

    /// The user's own process with this uid.
    #[must_use]
    pub fn of_user(uid: u32) -> Self {
        Self { name: format!("uid:{uid}"), kind: SourceKind::Own }
    }

    /// What a listed caller says of where an answer comes from. It may lie: the source closes nothing for
    /// others, and nothing becomes known by it.
    #[must_use]
    pub fn of_caller(caller: &str, rhost: Option<&str>) -> Self {
        let origin = Origin { rhost: rhost.map(str::to_owned), tty: None, real_uid: 0 };
        let place = match Self::of(&origin, &[]) {
            place if rhost.is_some_and(|host| !host.trim().is_empty()) => format!("{caller}/{place}"),
            _ => caller.to_owned(),
        };
        Self { kind: SourceKind::Caller, ..Self::named("caller", &place) }
    }

    /// The name, one word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Whether it may be anyone, so that a success from it says nothing of the next attempt.
    #[must_use]
    pub fn is_anyone(&self) -> bool {
        matches!(self.kind, SourceKind::Anyone | SourceKind::Caller)
    }

    /// Whether a success from it may make it known.
    #[must_use]
    pub fn may_become_known(&self) -> bool {
        self.kind == SourceKind::Place
    }

    /// Whether this is how a source is named that only a listed caller tells of.
    #[must_use]
    pub fn is_name_of_a_callers(name: &str) -> bool {
        name.starts_with("caller:")
    }

    /// Whether only a listed caller says where it is.
    #[must_use]
    pub fn is_callers(&self) -> bool {
        self.kind == SourceKind::Caller
    }

    fn known(name: String) -> Self {
        Self { name, kind: SourceKind::Place }
    }

    fn anyone(name: impl fmt::Display) -> Self {
        Self { name: name.to_string(), kind: SourceKind::Anyone }
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
    /// Whether what it says of the place is a name, which counts for no rule on networks.
    #[must_use]
    pub fn is_a_name(&self) -> bool {
        self.rhost.as_deref().is_some_and(|host| !host.trim().is_empty() && address(host).is_none())
    }

    /// The address that an answer comes from, unless it stands for many people.
    #[must_use]
    pub fn address(&self, proxies: &[IpNet]) -> Option<IpAddr> {
        let address = self.rhost.as_deref().and_then(address)?;
        (!proxies.iter().any(|net| net.contains(&address))).then_some(address)
    }
}

impl Throttle {
    /// What `source` may try now.
    #[must_use]
    pub fn gate(&self, source: &Source, class: Class, now: Uptime, limits: &Limits) -> Gate {
        let sums = self.sums();
        let others = sums.strangers.saturating_add(sums.known);
        let anyone = others.saturating_add(sums.anyone);
        let left = self.slots.iter().find(|slot| slot.source == source.name).map_or(0, |slot| slot.until.since(now));
        match left {
            // A longer wait than any comes from another boot, whose ledger was not cleared.
            1.. if left <= limits.max_wait.as_secs() => Gate::Wait(left),
            _ if sums.known >= limits.cap => Gate::Disabled,
            _ if class == Class::Known => Gate::Open,
            _ if others >= limits.cap => Gate::ClosedToStrangers,
            _ if class == Class::Anyone && anyone >= limits.cap => Gate::ClosedToStrangers,
            _ if class == Class::Caller && anyone.saturating_add(sums.callers) >= limits.cap => Gate::ClosedToStrangers,
            _ => Gate::Open,
        }
    }

    /// Counts one wrong answer of `source`.
    pub fn fail(&mut self, source: &Source, class: Class, now: Uptime, limits: &Limits) {
        let slot = self.slot(source, class);
        slot.class = class;
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

    fn slot(&mut self, source: &Source, class: Class) -> &mut Slot {
        let index = match self.slots.iter().position(|slot| slot.source == source.name) {
            Some(index) => index,
            None => {
                self.make_room();
                self.slots.push(Slot { source: source.name.clone(), class, failures: 0, until: Uptime(0) });
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
    /// All of them.
    #[must_use]
    pub fn total(self) -> u32 {
        self.strangers.saturating_add(self.known).saturating_add(self.anyone).saturating_add(self.callers)
    }

    fn plus(self, slot: &Slot) -> Self {
        let mut sums = self;
        let sum = match slot.class {
            Class::Known => &mut sums.known,
            Class::Stranger => &mut sums.strangers,
            Class::Anyone => &mut sums.anyone,
            Class::Caller => &mut sums.callers,
        };
        *sum = sum.saturating_add(slot.failures);
        sums
    }
}

/// Whether it is a terminal or an X display. Programs that serve people far away name themselves there
/// (`xrdp-sesman`, `cron`), the same for everyone.
fn names_a_terminal(tty: &str) -> bool {
    let name = tty.strip_prefix("/dev/").unwrap_or(tty);
    name == "console" || ["tty", "pts/", "hvc", "lxc/", ":"].into_iter().any(|kind| name.starts_with(kind))
}

/// `wait`, doubled `over` times, at most `max_wait`.
fn wait(over: u32, limits: &Limits) -> Duration {
    let factor = 1_u32.checked_shl(over).unwrap_or(u32::MAX);
    limits.wait.saturating_mul(factor).min(limits.max_wait)
}

/// An address, an IPv4-mapped one as the IPv4 it means, if the whole text is one: a program may pass on
/// a name that its client chose. The zone of a link-local IPv6 address (RFC 4007 §11) is dropped.
fn address(host: &str) -> Option<IpAddr> {
    if let Some((address, zone)) = host.split_once('%') {
        let address = address.parse::<Ipv6Addr>().ok()?;
        let is_zone = !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'%');
        return (address.is_unicast_link_local() && is_zone).then_some(IpAddr::V6(address));
    }
    host.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// Whether a name is one of this host's own (RFC 6761 §6.3, hosts(5) of Debian). A program that passes names
/// on instead of addresses gives it for a loopback address.
fn names_this_host(host: &str) -> bool {
    ["localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"]
        .iter()
        .any(|name| host.eq_ignore_ascii_case(name))
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
            throttle.fail(source, Class::Stranger, Uptime(1000), &LIMITS);
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
        for terminal in ["tty1", "/dev/ttyS0", "pts/3", "console", ":0"] {
            assert!(local(0, Some(terminal)).may_become_known(), "{terminal}");
        }
        for program in ["xrdp-sesman", "cron", "ssh", "/dev/null"] {
            assert!(local(0, Some(program)).is_anyone(), "{program}");
        }
        assert_eq!(local(0, None).as_str(), "local");
    }

    #[test]
    fn a_name_of_this_host_is_no_known_place_either() {
        for name in ["localhost", "LocalHost", "localhost.localdomain", "ip6-localhost"] {
            assert_eq!((from(name).as_str(), from(name).is_anyone()), ("127.0.0.1", true), "{name}");
        }
        assert!(!from("localhost.example.org").is_anyone());
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
    fn an_address_is_one_only_if_the_whole_text_is() {
        let is = |rhost: &str| {
            let origin = Origin { rhost: Some(rhost.into()), ..Origin::default() };
            (from(rhost).to_string(), origin.address(&[]).map(|address| address.to_string()))
        };
        for (rhost, source, address) in [
            ("10.0.0.1", "10.0.0.1", "10.0.0.1"),
            ("::ffff:10.0.0.1", "10.0.0.1", "10.0.0.1"),
            ("::FFFF:a00:1", "10.0.0.1", "10.0.0.1"),
            ("2001:db8::1", "2001:db8::/64", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::/64", "fe80::1"),
            ("fe80::1%2", "fe80::/64", "fe80::1"),
            ("febf::1%eth0.10", "febf::/64", "febf::1"),
        ] {
            assert_eq!(is(rhost), (source.into(), Some(address.into())), "{rhost:?}");
        }
        for rhost in [
            "10.0.0.1%x.example",
            "10.0.0.1%",
            "::ffff:10.0.0.1%eth0",
            "2001:db8::1%eth0",
            "fe80::1%",
            "fe80::1%eth 0",
            "fe80::1%eth0\n",
            "fe80::1%eth0%eth1",
            "fec0::1%eth0",
            " 10.0.0.1 ",
            "10.0.0.1 ",
            "10.0.0.1\n",
            "\t2001:db8::1",
            "10.0.0.1.",
            "010.0.0.1",
            "10.0.0",
            "10.0.0.1:22",
            "[2001:db8::1]",
            "10.0.0.1, 192.0.2.1",
            "10.0.0.1/32",
        ] {
            let (source, address) = is(rhost);
            assert!(source.starts_with("host:") && address.is_none(), "{rhost:?}: {source} {address:?}");
        }
        assert_eq!(is(" \n"), ("local".into(), None));
    }

    #[test]
    fn this_host_may_be_anyone_by_whichever_of_its_addresses() {
        for (rhost, name) in
            [("127.0.0.1", "127.0.0.1"), ("127.9.9.9", "127.0.0.1"), ("::ffff:127.0.0.1", "127.0.0.1"), ("::1", "::1")]
        {
            let origin = Origin { rhost: Some(rhost.into()), tty: Some("tty1".into()), real_uid: 0 };
            let source = Source::of(&origin, &[]);
            assert!(source.is_anyone() && source.as_str() == name, "{rhost}: {source}");
            assert_eq!(Source::of(&Origin { real_uid: 1000, ..origin }, &[]).as_str(), "uid:1000");
        }
    }

    #[test]
    fn sources_that_may_be_anyone_close_each_other_and_nothing_else() {
        let mut throttle = Throttle::default();
        for _ in 0..100 {
            throttle.fail(&from("127.0.0.1"), Class::Anyone, Uptime(0), &LIMITS);
        }
        let gate = |throttle: &Throttle, rhost, class| throttle.gate(&from(rhost), class, Uptime(9999), &LIMITS);
        for rhost in ["127.0.0.1", "::1"] {
            assert_eq!(gate(&throttle, rhost, Class::Anyone), Gate::ClosedToStrangers);
        }
        for class in [Class::Known, Class::Stranger] {
            assert_eq!(gate(&throttle, "192.0.2.1", class), Gate::Open);
        }
        assert_eq!((throttle.sums().anyone, throttle.sums().total()), (100, 100));
        // It has no guesses beside those of strangers.
        let mut throttle = Throttle::default();
        failing(&mut throttle, &from("192.0.2.1"), 60);
        for _ in 0..40 {
            throttle.fail(&from("127.0.0.1"), Class::Anyone, Uptime(0), &LIMITS);
        }
        assert_eq!(gate(&throttle, "::1", Class::Anyone), Gate::ClosedToStrangers);
        assert_eq!(gate(&throttle, "192.0.2.2", Class::Stranger), Gate::Open);
    }

    #[test]
    fn a_source_waits_and_others_do_not() {
        let mut throttle = Throttle::default();
        failing(&mut throttle, &from("192.0.2.1"), 4);
        assert_eq!(throttle.gate(&from("192.0.2.1"), Class::Stranger, Uptime(1000), &LIMITS), Gate::Open);
        failing(&mut throttle, &from("192.0.2.1"), 1);
        assert_eq!(throttle.gate(&from("192.0.2.1"), Class::Stranger, Uptime(1000), &LIMITS), Gate::Wait(5));
        assert_eq!(throttle.gate(&from("192.0.2.1"), Class::Stranger, Uptime(1005), &LIMITS), Gate::Open);
        assert_eq!(throttle.gate(&from("192.0.2.2"), Class::Stranger, Uptime(1000), &LIMITS), Gate::Open);
    }

    /// A wait until a moment of another boot would lock a source out for as long as that boot lasted.
    #[test]
    fn a_wait_longer_than_any_is_none() {
        let mut throttle = Throttle::default();
        failing(&mut throttle, &from("192.0.2.1"), 5);
        let gate = |until| {
            let mut throttle = throttle.clone();
            throttle.slots[0].until = Uptime(until);
            throttle.gate(&from("192.0.2.1"), Class::Stranger, Uptime(1000), &LIMITS)
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
        assert_eq!(throttle.gate(&from("192.0.2.1"), Class::Known, Uptime(1000), &LIMITS), Gate::Open);
        assert_eq!(throttle.gate(&from("192.0.2.2"), Class::Stranger, Uptime(1000), &LIMITS), Gate::Wait(10));
        assert_eq!(throttle.sums(), Sums { strangers: 6, ..Sums::default() });
    }

    #[test]
    fn a_hundred_strangers_leave_known_sources_in() {
        let mut throttle = Throttle::default();
        for host in 0..100 {
            failing(&mut throttle, &from(&format!("192.0.2.{host}")), 1);
        }
        assert_eq!(throttle.slots.len(), SLOTS);
        assert_eq!(throttle.sums().strangers, 100);
        assert_eq!(
            throttle.gate(&from("198.51.100.1"), Class::Stranger, Uptime(1000), &LIMITS),
            Gate::ClosedToStrangers
        );
        assert_eq!(throttle.gate(&from("198.51.100.1"), Class::Known, Uptime(1000), &LIMITS), Gate::Open);
    }

    #[test]
    fn a_hundred_failures_from_known_sources_disable() {
        let mut throttle = Throttle::default();
        for _ in 0..100 {
            throttle.fail(&from("192.0.2.1"), Class::Known, Uptime(0), &LIMITS);
        }
        assert_eq!(throttle.gate(&from("192.0.2.9"), Class::Known, Uptime(9999), &LIMITS), Gate::Disabled);
        throttle.clear();
        assert_eq!(throttle.gate(&from("192.0.2.9"), Class::Known, Uptime(9999), &LIMITS), Gate::Open);
    }

    #[test]
    fn in_a_full_table_the_fewest_failures_go() {
        let mut throttle = Throttle::default();
        failing(&mut throttle, &from("203.0.113.1"), 6);
        for host in 0..40 {
            failing(&mut throttle, &from(&format!("192.0.2.{host}")), 1);
        }
        assert_eq!(throttle.gate(&from("203.0.113.1"), Class::Stranger, Uptime(1000), &LIMITS), Gate::Wait(10));
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
