//! TOML documents, field by field: what accounts and the configuration are kept in.
//!
//! The reader takes each field out of its table by name, and what is left over is an error, so a
//! misspelled key never passes for one that is not there. Errors name a place and quote no value:
//! a file with secrets is read by the same code.

use std::fmt;
use std::time::Duration;

use ipnet::IpNet;

mod full;
mod node;
mod plain;
mod writer;

pub use node::Node;
use node::{Placed, Table};
pub use writer::Writer;

/// What is wrong with a document, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Line and column, from 1.
    pub at: (usize, usize),
    /// What was expected there.
    pub message: String,
}

/// What is wrong, at a byte of the text.
#[derive(Debug)]
pub struct Misfit {
    at: usize,
    message: String,
}

/// The fields of one table that nobody took yet.
#[derive(Debug)]
pub struct Fields<'a> {
    table: Table<'a>,
    at: usize,
}

/// A table of the document that is read as a whole.
pub trait Record: Sized {
    /// Takes every field that it knows.
    ///
    /// # Errors
    /// One is missing or is none.
    fn read(fields: &mut Fields<'_>) -> Result<Self, Misfit>;
}

/// Anything that a field can hold.
pub trait Value: Sized {
    /// What is expected, for the one who wrote something else.
    const EXPECTED: &'static str;

    /// Reads it; `at` is where it stands.
    ///
    /// # Errors
    /// It is something else.
    fn read(value: Node<'_>, at: usize) -> Result<Self, Misfit>;
}

/// Reads a whole document.
///
/// # Errors
/// It is no TOML, a field is missing, none of ours, or not as it must be.
pub fn read<R: Record>(text: &str) -> Result<R, Fault> {
    let table = plain::read(text).map_or_else(|| full::read(text), Ok);
    table.and_then(|table| table_of(table, 0)).map_err(|misfit| misfit.placed(text))
}

fn table_of<R: Record>(table: Table<'_>, at: usize) -> Result<R, Misfit> {
    let mut fields = Fields { table, at };
    let record = R::read(&mut fields)?;
    match fields.table.first() {
        None => Ok(record),
        Some((key, at)) => Err(Misfit { at, message: format!("unknown field `{key}`") }),
    }
}

impl Fields<'_> {
    /// Takes a field, if it is there.
    ///
    /// # Errors
    /// It is something else.
    pub fn take<V: Value>(&mut self, key: &str) -> Result<Option<V>, Misfit> {
        self.table.take(key).map(read_value).transpose()
    }

    /// Takes a field that must be there.
    ///
    /// # Errors
    /// It is not there, or something else.
    pub fn need<V: Value>(&mut self, key: &str) -> Result<V, Misfit> {
        let at = self.at;
        self.take(key)?.ok_or_else(|| Misfit { at, message: format!("missing field `{key}`") })
    }

    /// Takes a field; without it, its default counts.
    ///
    /// # Errors
    /// It is something else.
    pub fn or<V: Value>(&mut self, key: &str, default: V) -> Result<V, Misfit> {
        Ok(self.take(key)?.unwrap_or(default))
    }

    /// Accepts whatever else there is.
    pub fn leave_the_rest(&mut self) {
        self.table.clear();
    }
}

fn read_value<V: Value>(value: Placed<'_>) -> Result<V, Misfit> {
    V::read(value.node, value.at)
}

impl<R: Record> Value for R {
    const EXPECTED: &'static str = "a table";

    fn read(value: Node<'_>, at: usize) -> Result<Self, Misfit> {
        match value {
            Node::Table(table) => table_of(table, at),
            _ => Err(Misfit::unexpected::<Self>(at)),
        }
    }
}

impl<V: Value> Value for Vec<V> {
    const EXPECTED: &'static str = "a list";

    fn read(value: Node<'_>, at: usize) -> Result<Self, Misfit> {
        match value {
            Node::List(list) => list.into_iter().map(read_value).collect(),
            _ => Err(Misfit::unexpected::<Self>(at)),
        }
    }
}

impl Value for String {
    const EXPECTED: &'static str = "text in quotes";

    fn read(value: Node<'_>, at: usize) -> Result<Self, Misfit> {
        match value {
            Node::Text(text) => Ok(text.into_owned()),
            _ => Err(Misfit::unexpected::<Self>(at)),
        }
    }
}

impl Value for bool {
    const EXPECTED: &'static str = "true or false";

    fn read(value: Node<'_>, at: usize) -> Result<Self, Misfit> {
        match value {
            Node::Truth(truth) => Ok(truth),
            _ => Err(Misfit::unexpected::<Self>(at)),
        }
    }
}

impl Value for i64 {
    const EXPECTED: &'static str = "a whole number";

    fn read(value: Node<'_>, at: usize) -> Result<Self, Misfit> {
        match value {
            Node::Number(number) => Ok(number),
            _ => Err(Misfit::unexpected::<Self>(at)),
        }
    }
}

macro_rules! numbers {
    ($($number:ty),*) => { $(
        impl Value for $number {
            const EXPECTED: &'static str = "a whole number of sensible size";

            fn read(value: Node<'_>, at: usize) -> Result<Self, Misfit> {
                Self::try_from(<i64 as Value>::read(value, at)?).map_err(|_| Misfit::unexpected::<Self>(at))
            }
        }
    )* };
}

numbers!(u8, u32, u64, i32, usize);

impl Value for Duration {
    const EXPECTED: &'static str = "a duration such as \"90s\", \"5m\", \"12h\" or \"14d\"";

    fn read(value: Node<'_>, at: usize) -> Result<Self, Misfit> {
        value.as_str().and_then(duration).ok_or_else(|| Misfit::unexpected::<Self>(at))
    }
}

impl Value for IpNet {
    const EXPECTED: &'static str = "an address such as \"192.0.2.1\" or a network such as \"192.0.2.0/24\"";

    fn read(value: Node<'_>, at: usize) -> Result<Self, Misfit> {
        value.as_str().and_then(network).ok_or_else(|| Misfit::unexpected::<Self>(at))
    }
}

/// `90s`, `5m`, `12h`, `14d` or `0`.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let scale = match unit {
        "s" => 1_u64,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    let number = number.parse::<u64>().ok().filter(|_| number.bytes().all(|byte| byte.is_ascii_digit()))?;
    number.checked_mul(scale).map(Duration::from_secs)
}

/// An address or a network. A bare address is a network of one, and an IPv4-mapped one (RFC 4291
/// §2.5.5.2) is the IPv4 network that it means.
#[must_use]
pub fn network(text: &str) -> Option<IpNet> {
    match text.parse::<std::net::IpAddr>() {
        Ok(address) => Some(IpNet::from(address.to_canonical())),
        Err(_) => text.parse::<IpNet>().ok().and_then(canonical),
    }
}

/// A network that holds IPv4-mapped addresses and others beside them means neither family.
fn canonical(network: IpNet) -> Option<IpNet> {
    let mapped = match network {
        IpNet::V6(network) => network.addr().to_ipv4_mapped().map(|address| (address, network.prefix_len())),
        IpNet::V4(_) => None,
    };
    match mapped {
        None => Some(network.trunc()),
        Some((address, prefix)) => Some(IpNet::new(address.into(), prefix.checked_sub(96)?).ok()?.trunc()),
    }
}

impl Misfit {
    /// Something else than a `V` stands there.
    #[must_use]
    pub fn unexpected<V: Value>(at: usize) -> Self {
        Self { at, message: format!("expected {}", V::EXPECTED) }
    }

    /// A table whose fields are of the right kinds, and impossible.
    #[must_use]
    pub fn impossible(fields: &Fields<'_>, message: impl Into<String>) -> Self {
        Self { at: fields.at, message: message.into() }
    }

    fn placed(self, text: &str) -> Fault {
        Fault { at: place(text, self.at), message: self.message }
    }
}

/// Line and column, from 1, of a byte of a text.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    (line, column)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.at;
        write!(f, "line {line}, column {column}: {}", self.message)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq)]
    struct House {
        number: u8,
        name: Option<String>,
        rooms: Vec<Room>,
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Room {
        wait: Duration,
        open: bool,
    }

    impl Record for House {
        fn read(fields: &mut Fields<'_>) -> Result<Self, Misfit> {
            Ok(Self {
                number: fields.need("number")?,
                name: fields.take("name")?,
                rooms: fields.or("room", Vec::new())?,
            })
        }
    }

    impl Record for Room {
        fn read(fields: &mut Fields<'_>) -> Result<Self, Misfit> {
            Ok(Self { wait: fields.need("wait")?, open: fields.or("open", false)? })
        }
    }

    fn refused(text: &str) -> String {
        read::<House>(text).unwrap_err().to_string()
    }

    #[test]
    fn fields_are_taken_by_name() {
        let house = read::<House>("number = 0x07\n[[room]]\nwait = \"5m\"\nopen = true\n").unwrap();
        let rooms = vec![Room { wait: Duration::from_secs(300), open: true }];
        assert_eq!(house, House { number: 7, name: None, rooms });
    }

    #[test]
    fn what_is_left_over_or_wrong_has_its_place() {
        assert_eq!(refused("number = 7\n nmae = \"x\"\n"), "line 2, column 2: unknown field `nmae`");
        assert_eq!(refused("name = \"x\"\n"), "line 1, column 1: missing field `number`");
        assert_eq!(refused("number = 300"), "line 1, column 10: expected a whole number of sensible size");
        assert_eq!(refused("number = 7\nname = 8"), "line 2, column 8: expected text in quotes");
        assert_eq!(refused("number = 7\nroom = 8"), "line 2, column 8: expected a list");
        assert!(refused("number = 7\n[[room]]\nwait = \"5\"").starts_with("line 3, column 8: expected a duration"));
        assert!(refused("number = 7\nnumber = 7").starts_with("line 2, column 1: duplicate"));
        assert!(refused("number = 1\n[[room]\n").starts_with("line 2, column "));
    }

    #[test]
    fn what_is_written_is_read() {
        for name in ["plain", "two \"words\"", "a\nb", "'", "\u{1b}\u{7f}", "''' \"\"\" \\"] {
            let mut writer = Writer::default();
            writer.set("number", 7_u8);
            writer.set_some("name", Some(name));
            writer.set_some("other", None::<&str>);
            writer.next_table("room");
            writer.set("wait", "1s");
            let house = read::<House>(&writer.finish()).unwrap();
            assert_eq!((house.name.as_deref(), house.rooms.len()), (Some(name), 1));
        }
    }

    #[test]
    fn durations_and_networks() {
        assert_eq!(duration("14d"), Some(Duration::from_secs(14 * 86_400)));
        for none in ["", "d", "5", "-5s", "+5s", "5 s", "5w", "99999999999999999999d", "9999999999999999999d", "€"] {
            assert_eq!(duration(none), None, "{none}");
        }
        let shown = |text| network(text).map(|network| network.to_string());
        assert_eq!(shown("::ffff:192.0.2.7"), Some("192.0.2.7/32".into()));
        assert_eq!(shown("::ffff:192.0.2.0/120"), Some("192.0.2.0/24".into()));
        assert_eq!(shown("192.0.2.7/24"), Some("192.0.2.0/24".into()));
        assert_eq!(shown("2001:db8::1/64"), Some("2001:db8::/64".into()));
        for none in ["192.0.2.0/33", "::ffff:0:0/90", "192.0.2", ""] {
            assert_eq!(shown(none), None, "{none}");
        }
    }
}
