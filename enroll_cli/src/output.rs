//! Standard output: text for people, JSON for programs, or one value for a pipe.

use std::io::Write;

use serde::Serialize;
use twostep_core::request::Response;
use twostep_core::secret::Typed;

use crate::environment::{Environment, Form, typed_here};
use crate::error::CommandError;
use crate::layout;

/// Where the results go.
pub struct Output {
    /// Standard output.
    pub out: Box<dyn Write>,
    /// What they look like.
    pub form: Form,
    /// The terminal and the host.
    pub environment: Environment,
}

impl Output {
    /// Prints text that fits the page, if people read it.
    pub fn say(&mut self, text: &str) -> Result<(), CommandError> {
        let lines = layout::wrap(&layout::harmless(&typed_here(text)), self.environment.columns, 0);
        self.draw(&format!("{lines}\n"))
    }

    /// Prints a name and what it is, if people read it.
    pub fn entry(&mut self, name: &str, what: &str) -> Result<(), CommandError> {
        let lines = layout::entry(name, &typed_here(what), self.environment.columns);
        self.draw(&format!("{lines}\n"))
    }

    /// Prints a line of a list, if people read it.
    pub fn item(&mut self, text: &str) -> Result<(), CommandError> {
        let lines = layout::wrap(&format!("  {}", layout::harmless(&typed_here(text))), self.environment.columns, 4);
        self.draw(&format!("{lines}\n"))
    }

    /// Prints lines as they are, if people read it.
    pub fn draw(&mut self, lines: &str) -> Result<(), CommandError> {
        match self.form {
            Form::Text => self.write(lines),
            Form::Json | Form::Value => Ok(()),
        }
    }

    /// Prints the value that a pipe waits for, if one does.
    pub fn value(&mut self, value: &Typed) -> Result<(), CommandError> {
        match self.form {
            Form::Value => self.write(Typed::new(format!("{}\n", value.expose())).expose()),
            Form::Text | Form::Json => Ok(()),
        }
    }

    /// Prints one JSON object on a line of its own, if programs read it.
    pub fn object(&mut self, object: &impl Serialize) -> Result<(), CommandError> {
        if self.form != Form::Json {
            return Ok(());
        }
        let line = Typed::new(serde_json::to_string(object).map_err(std::io::Error::from)?);
        self.write(Typed::new(format!("{}\n", line.expose())).expose())
    }

    /// Prints what the service answered another program, whatever else is wanted.
    pub fn response(&mut self, response: &Response) -> Result<(), CommandError> {
        let line = Typed::new(serde_json::to_string(response).map_err(std::io::Error::from)?);
        self.write(Typed::new(format!("{}\n", line.expose())).expose())
    }

    /// Tells of a try that failed and that may be repeated.
    pub fn complain(&mut self, error: &CommandError) -> Result<(), CommandError> {
        match self.form {
            Form::Text => self.say(&error.message),
            Form::Json => self.write(&format!("{}\n", error.json())),
            Form::Value => Ok(writeln!(std::io::stderr(), "twostep: {error}")?),
        }
    }

    /// Prints lines that are made for whoever reads them.
    pub fn lines(&mut self, lines: &str) -> Result<(), CommandError> {
        if lines.is_empty() { Ok(()) } else { self.write(lines) }
    }

    fn write(&mut self, lines: &str) -> Result<(), CommandError> {
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
    use crate::environment::{Charset, ColorMode};

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
    pub fn output(columns: usize) -> (Output, Printed) {
        let printed = Printed::default();
        let environment = Environment {
            columns,
            rows: 24,
            color_mode: ColorMode::Plain,
            charset: Charset::Utf8,
            is_interactive: true,
            host: "web1".into(),
            home: None,
            administrator: "bob".into(),
            editor: None,
        };
        (Output { out: Box::new(printed.clone()), form: Form::Text, environment }, printed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reader_gets_what_is_for_it_and_nothing_else() {
        for (form, expected) in [(Form::Json, "[1]\n"), (Form::Text, "Hello.\n"), (Form::Value, "ABCD-EFGH\n")] {
            let (mut output, printed) = scripted::output(80);
            output.form = form;
            output.say("Hello.").unwrap();
            output.object(&[1]).unwrap();
            output.value(&Typed::new("ABCD-EFGH".into())).unwrap();
            assert_eq!(printed.text(), expected);
        }
    }
}
