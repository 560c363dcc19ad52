//! TOML documents, as they are written.

use toml_writer::{TomlWrite, WriteTomlValue};

/// A document that is being written. Every value of a table is set before the next table opens.
#[derive(Debug, Default)]
pub struct Writer(String);

impl Writer {
    /// Sets a field of the table that was opened last.
    pub fn set(&mut self, key: &str, value: impl WriteTomlValue) {
        // Writing to a string cannot fail.
        let _ = self
            .0
            .key(key)
            .and_then(|()| self.0.space())
            .and_then(|()| self.0.keyval_sep())
            .and_then(|()| self.0.space())
            .and_then(|()| self.0.value(value));
        self.0.push('\n');
    }

    /// Sets a field, if there is a value.
    pub fn set_some(&mut self, key: &str, value: Option<impl WriteTomlValue>) {
        if let Some(value) = value {
            self.set(key, value);
        }
    }

    /// Opens a table, by its dotted path.
    pub fn table(&mut self, path: &str) {
        self.open("[", path, "]");
    }

    /// Opens the next table of a list of tables, by its dotted path.
    pub fn next_table(&mut self, path: &str) {
        self.open("[[", path, "]]");
    }

    /// The whole text.
    #[must_use]
    pub fn finish(self) -> String {
        self.0
    }

    fn open(&mut self, before: &str, path: &str, after: &str) {
        for piece in ["\n", before, path, after, "\n"] {
            self.0.push_str(piece);
        }
    }
}
