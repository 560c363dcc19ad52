//! A document as a tree, whichever reader made it.

use std::borrow::Cow;

use toml_datetime::Datetime;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Node<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// A whole number.
    Number(i64),
    /// True or false.
    Truth(bool),
    /// A date, a time, or both.
    Moment(Datetime),
    /// A list.
    List(Vec<Placed<'a>>),
    /// A table.
    Table(Table<'a>),
    /// Anything that no field of ours holds: a number with a fraction, or one too large.
    Other,
}

/// A value and the byte of the text at which it stands; of a table, that of its header.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed<'a> {
    pub(super) at: usize,
    pub(super) node: Node<'a>,
}

/// A table: its fields, in any order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table<'a>(Vec<Field<'a>>);

/// A field of a table.
#[derive(Debug, Clone, PartialEq)]
struct Field<'a> {
    key: Cow<'a, str>,
    at: usize,
    value: Placed<'a>,
}

impl Node<'_> {
    /// The text, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl<'a> Table<'a> {
    /// Adds a field; its key must not be there yet.
    pub(super) fn add(&mut self, key: Cow<'a, str>, at: usize, value: Placed<'a>) -> Option<&mut Placed<'a>> {
        if self.get(&key).is_some() {
            return None;
        }
        self.0.push(Field { key, at, value });
        self.0.last_mut().map(|field| &mut field.value)
    }

    /// The value of a field.
    pub(super) fn get(&mut self, key: &str) -> Option<&mut Placed<'a>> {
        self.0.iter_mut().find(|field| field.key == key).map(|field| &mut field.value)
    }

    /// Takes a field out.
    pub(super) fn take(&mut self, key: &str) -> Option<Placed<'a>> {
        let index = self.0.iter().position(|field| field.key == key)?;
        Some(self.0.swap_remove(index).value)
    }

    /// The first field of the text that is there, and its place.
    pub(super) fn first(&self) -> Option<(&str, usize)> {
        self.0.iter().min_by_key(|field| field.at).map(|field| (&*field.key, field.at))
    }

    /// Takes every field out.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// With the fields in the order of the text, in every table: so that trees can be compared.
    #[cfg(test)]
    pub(super) fn sorted(mut self) -> Self {
        self.0.sort_by_key(|field| field.at);
        for field in &mut self.0 {
            match &mut field.value.node {
                Node::Table(table) => *table = std::mem::take(table).sorted(),
                Node::List(list) => list.iter_mut().for_each(|one| {
                    if let Node::Table(table) = &mut one.node {
                        *table = std::mem::take(table).sorted();
                    }
                }),
                _ => {}
            }
        }
        self
    }
}
