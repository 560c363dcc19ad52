//! TOML documents, which hold accounts and the configuration, by `serde` and `toml`.
//!
//! Errors name a place and a field and quote no value, since accounts hold secrets. `toml`'s own
//! message shows the line and `serde`'s the value, so neither leaves this file.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use ipnet::IpNet;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use toml::de::{DeTable, Error};

/// What is wrong with a document, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Line and column, from 1.
    pub at: (usize, usize),
    /// What was expected there.
    pub message: String,
}

/// A value that is written as text in a format of its own.
pub trait Written: Sized {
    /// What the text must be.
    const EXPECTED: &'static str;

    /// Reads the text.
    fn read(text: &str) -> Option<Self>;
}

/// Reads a whole document.
///
/// # Errors
/// It is not TOML, or it does not have the fields of a `T`.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    let table = DeTable::parse(text).map_err(|error| fault(text, &error, syntax(error.message())))?;
    let read = T::deserialize(toml::Deserializer::from(table));
    read.map_err(|error| fault(text, &error, expectation(&error)))
}

/// Reads one [`Written`] value: for `deserialize_with`.
pub(crate) fn one<'de, D: Deserializer<'de>, T: Written>(from: D) -> Result<T, D::Error> {
    Text::deserialize(from).map(|Text(value)| value)
}

/// Reads a list of [`Written`] values.
pub(crate) fn list<'de, D: Deserializer<'de>, T: Written>(from: D) -> Result<Vec<T>, D::Error> {
    let list = Vec::<Text<T>>::deserialize(from)?;
    Ok(list.into_iter().map(|Text(value)| value).collect())
}

/// Reads a table. What `serde` derives would also take a list, and `policy = []` for the defaults.
pub(crate) fn table<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Table::deserialize(from).map(|Table(value)| value)
}

/// Reads a list of tables.
pub(crate) fn tables<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    let list = Vec::<Table<T>>::deserialize(from)?;
    Ok(list.into_iter().map(|Table(value)| value).collect())
}

/// The value, if it holds; else an error with what it must be.
pub(crate) fn checked<T, E: serde::de::Error>(value: T, holds: bool, expected: &str) -> Result<T, E> {
    if holds { Ok(value) } else { Err(E::custom(format_args!("expected {expected}"))) }
}

struct Table<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Fields(PhantomData)).map(Self)
    }
}

struct Fields<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields))
    }
}

struct Text<T>(T);

impl<'de, T: Written> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Reader(PhantomData)).map(Self)
    }
}

/// Where this refuses a text, `toml` knows the text's own place, also within a list.
struct Reader<T>(PhantomData<T>);

impl<T: Written> Visitor<'_> for Reader<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        T::read(text).ok_or_else(|| E::invalid_value(Unexpected::Other("text"), &self))
    }
}

impl Written for Duration {
    const EXPECTED: &'static str = "a duration such as \"90s\", \"5m\", \"12h\" or \"14d\"";

    fn read(text: &str) -> Option<Self> {
        duration(text)
    }
}

impl Written for IpNet {
    const EXPECTED: &'static str = "an address such as \"192.0.2.1\" or a network such as \"192.0.2.0/24\"";

    fn read(text: &str) -> Option<Self> {
        network(text)
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

/// What `toml` says of a text that it cannot parse; it quotes nothing. A word that begins like `true`
/// or `false` is mostly a text without its quotes.
fn syntax(message: &str) -> String {
    let hint = if message.starts_with("invalid boolean") { "; text must be in quotes, as in \"14d\"" } else { "" };
    format!("{message}{hint}")
}

/// What a field must be. What it is instead comes before the last "expected" of `serde`'s message,
/// and is left out.
fn expectation(error: &Error) -> String {
    let message = error.message();
    if message.starts_with("missing field `") || message.starts_with("unknown field `") {
        return message.to_owned();
    }
    let expected = match message.rsplit_once("expected ").map_or(message, |(_, expected)| expected) {
        "a string" | "wanted string or table" => "text in quotes".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "u8" | "u32" | "u64" | "i32" | "i64" | "usize" => "a whole number of sensible size".to_owned(),
        record if record.starts_with("struct ") => "a table".to_owned(),
        expected if expected.len() < message.len() => expected.replace('`', "\""),
        _ => "of another kind".to_owned(),
    };
    match field(error) {
        Some(field) => format!("{field} must be {expected}"),
        None => format!("expected {expected}"),
    }
}

/// The field as `table.field`. Where `toml` has no text to quote from, it ends its message so.
fn field(error: &Error) -> Option<String> {
    let shown = error.to_string();
    let end = shown.strip_prefix(error.message())?.trim();
    end.strip_prefix("in `")?.strip_suffix('`').map(str::to_owned)
}

fn fault(text: &str, error: &Error, message: String) -> Fault {
    let at = error.span().map_or(0, |span| span.start);
    Fault { at: place(text, at), message: message.replace(char::is_control, " ") }
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

    #[derive(Debug, Default, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct House {
        number: u8,
        name: Option<String>,
        #[serde(default)]
        color: Color,
        #[serde(default, rename = "room")]
        rooms: Vec<Room>,
        #[serde(default)]
        garden: Garden,
    }

    #[derive(Debug, Default, PartialEq, Eq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Color {
        #[default]
        Red,
        White,
    }

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    struct Room {
        #[serde(deserialize_with = "one")]
        wait: Duration,
        #[serde(default)]
        open: bool,
    }

    #[derive(Debug, Default, PartialEq, Eq, Deserialize)]
    struct Garden {
        #[serde(default, deserialize_with = "list")]
        networks: Vec<IpNet>,
    }

    fn refused(text: &str) -> String {
        read::<House>(text).unwrap_err().to_string()
    }

    #[test]
    fn fields_are_read_by_name() {
        let house = read::<House>("number = 0x07\n[[room]]\nwait = \"5m\"\nopen = true\n").unwrap();
        let rooms = vec![Room { wait: Duration::from_secs(300), open: true }];
        assert_eq!(house, House { number: 7, rooms, ..House::default() });
    }

    #[test]
    fn an_error_names_place_and_field() {
        for (text, error) in [
            (
                " nmae = \"x\"\nnumber = 7",
                "line 1, column 2: unknown field `nmae`, expected one of `number`, `name`, `color`, `room`, `garden`",
            ),
            ("name = \"x\"\n", "line 1, column 1: missing field `number`"),
            ("number = 7\n[[room]]\nopen = true", "line 2, column 1: missing field `wait`"),
            ("number = 300", "line 1, column 10: number must be a whole number of sensible size"),
            ("number = \"x\"", "line 1, column 10: number must be a whole number of sensible size"),
            ("number = 7\nname = 8", "line 2, column 8: name must be text in quotes"),
            ("number = 7\ncolor = \"blue\"", "line 2, column 9: color must be \"red\" or \"white\""),
            ("number = 7\ncolor = 8", "line 2, column 9: color must be text in quotes"),
            ("number = 7\nroom = 8", "line 2, column 8: room must be a list"),
            ("number = 7\ngarden = 8", "line 2, column 10: garden must be a table"),
            ("number = 7\n[[room]]\nwait = \"1s\"\nopen = 1", "line 4, column 8: room.open must be true or false"),
        ] {
            assert_eq!(refused(text), error, "{text}");
        }
        let duration = refused("number = 7\n[[room]]\nwait = 5");
        assert!(duration.starts_with("line 3, column 8: room.wait must be a duration such as"), "{duration}");
        let network = refused("number = 7\n[garden]\nnetworks = [\"::1\", \"x\"]");
        assert!(network.starts_with("line 3, column 20: garden.networks must be an address"), "{network}");
        assert!(refused("number = 7\nnumber = 7").starts_with("line 2, column 1: duplicate key"));
        assert!(refused("number = 1\n[[room]\n").starts_with("line 2, column "));
        assert!(refused("number = t").ends_with("; text must be in quotes, as in \"14d\""));
    }

    #[test]
    fn an_error_quotes_no_value() {
        for value in [
            "\"hunter2\"",
            "\"hunter2, expected hunter2 \\\" expected hunter2\"",
            "[\"hunter2\"]",
            "{ hunter2 = \"hunter2\" }",
            "hunter2",
            "\"hunter2",
            "'hunter2",
            "\"\"\"hunter2",
            "[\"hunter2\" \"hunter2\"]",
            "\"\\hunter2\"",
        ] {
            for key in ["number", "name", "color", "room", "garden", "garden.networks"] {
                let told = read::<House>(&format!("{key} = {value}\n")).unwrap_err().to_string();
                assert!(!told.contains("hunter2"), "{key} = {value}: {told}");
            }
        }
    }

    #[test]
    fn an_error_is_one_line() {
        assert!(refused("number = 1\n\"a\\nb\" = 1").starts_with("line 2, column 1: unknown field `a b`"));
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
