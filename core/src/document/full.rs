//! The reader of all of TOML.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::Misfit;
use super::node::{Node, Placed, Table};

/// Reads any document.
///
/// # Errors
/// It is no TOML.
pub(super) fn read(text: &str) -> Result<Table<'_>, Misfit> {
    match DeTable::parse(text) {
        Ok(table) => Ok(table_of(table.into_inner())),
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            Err(Misfit { at, message: plainly(error.message()) })
        }
    }
}

/// What the reader of TOML says, in one line. A word that begins like `true` or `false` is a text
/// without its quotes, mostly.
fn plainly(message: &str) -> String {
    let message = message.replace('\n', " ");
    if message.starts_with("invalid boolean") {
        format!("{message}; a text stands in quotes, as in \"14d\"")
    } else {
        message
    }
}

fn table_of(table: DeTable<'_>) -> Table<'_> {
    let mut fields = Table::default();
    for (key, value) in table {
        let at = key.span().start;
        let key: DeString<'_> = key.into_inner();
        // The keys of a table differ: the reader of TOML says so of one that is there twice.
        fields.add(key, at, placed(value));
    }
    fields
}

fn placed(value: Spanned<DeValue<'_>>) -> Placed<'_> {
    Placed { at: value.span().start, node: node(value.into_inner()) }
}

fn node(value: DeValue<'_>) -> Node<'_> {
    match value {
        DeValue::String(text) => Node::Text(text),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Node::Other, Node::Number)
        }
        DeValue::Boolean(truth) => Node::Truth(truth),
        DeValue::Datetime(moment) => Node::Moment(moment),
        DeValue::Array(list) => Node::List(list.into_iter().map(placed).collect()),
        DeValue::Table(table) => Node::Table(table_of(table)),
        DeValue::Float(_) => Node::Other,
    }
}
