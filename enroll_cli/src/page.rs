//! Standard output: text for people, or JSON for programs.

use std::io::Write;

use serde::Serialize;

use crate::layout;
use crate::trouble::Trouble;
use crate::view::View;

/// Where the results go.
pub struct Page {
    /// Standard output.
    pub out: Box<dyn Write>,
    /// Whether programs read it.
    pub json: bool,
    /// The terminal and the host.
    pub view: View,
}

impl Page {
    /// Prints text that fits the page, unless programs read it.
    pub fn say(&mut self, text: &str) -> Result<(), Trouble> {
        let lines = layout::wrap(&layout::harmless(text), self.view.columns, 0);
        self.draw(&format!("{lines}\n"))
    }

    /// Prints a name and what it is, unless programs read it.
    pub fn entry(&mut self, name: &str, what: &str) -> Result<(), Trouble> {
        let lines = layout::entry(name, what, self.view.columns);
        self.draw(&format!("{lines}\n"))
    }

    /// Prints lines as they are, unless programs read it.
    pub fn draw(&mut self, lines: &str) -> Result<(), Trouble> {
        if self.json {
            return Ok(());
        }
        self.write(lines)
    }

    /// Prints one JSON object on a line of its own, if programs read it.
    pub fn object(&mut self, object: &impl Serialize) -> Result<(), Trouble> {
        if !self.json {
            return Ok(());
        }
        let line = serde_json::to_string(object).map_err(std::io::Error::from)?;
        self.write(&format!("{line}\n"))
    }

    /// Tells of a try that failed and that may be repeated.
    pub fn complain(&mut self, trouble: &Trouble) -> Result<(), Trouble> {
        if self.json {
            return self.write(&format!("{}\n", trouble.json()));
        }
        self.say(&trouble.message)
    }

    fn write(&mut self, lines: &str) -> Result<(), Trouble> {
        self.out.write_all(lines.as_bytes())?;
        Ok(self.out.flush()?)
    }
}

#[cfg(test)]
pub mod scripted {
    //! A page that a test can read.

    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;
    use crate::view::{Letters, Paint};

    /// What was printed.
    #[derive(Clone, Default)]
    pub struct Printed(Rc<RefCell<Vec<u8>>>);

    impl Printed {
        /// All of it.
        pub fn text(&self) -> String {
            String::from_utf8(self.0.borrow().clone()).unwrap()
        }

        /// Its lines, each of which must be JSON.
        pub fn json(&self) -> Vec<serde_json::Value> {
            self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        }
    }

    impl Write for Printed {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// A page of so many columns, and what is printed on it.
    pub fn page(columns: usize) -> (Page, Printed) {
        let printed = Printed::default();
        let view = View {
            columns,
            rows: 24,
            paint: Paint::Plain,
            letters: Letters::Utf8,
            is_interactive: true,
            host: "web1".into(),
            home: None,
        };
        (Page { out: Box::new(printed.clone()), json: false, view }, printed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_get_objects_and_people_get_text() {
        for (json, expected) in [(true, "[1]\n"), (false, "Hello.\n")] {
            let (mut page, printed) = scripted::page(80);
            page.json = json;
            page.say("Hello.").unwrap();
            page.object(&[1]).unwrap();
            assert_eq!(printed.text(), expected);
        }
    }
}
