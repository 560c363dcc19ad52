//! How far a look at all users is, for a person who waits for it.

use std::io::{IsTerminal, Write};

use host_check::host::Host;

use crate::error::{CommandError, columns_beside};

/// Fewer are done before anyone looks.
const WORTH_SHOWING: usize = 2000;
/// Users between two looks.
const STRIDE: usize = 250;
/// Cells of the bar.
const CELLS: usize = 30;

/// A bar on standard error, if that is a terminal.
pub struct ProgressBar {
    total: usize,
    done: usize,
    drawn: usize,
    columns: usize,
}

impl ProgressBar {
    /// Begins it. Counting beforehand is only worth it where someone looks.
    pub fn begin(host: &Host) -> Result<Self, CommandError> {
        let total = if std::io::stderr().is_terminal() { host.at_most()? } else { 0 };
        Ok(Self { total, done: 0, drawn: 0, columns: columns_beside().unwrap_or(80) })
    }

    /// One more is done.
    pub fn step(&mut self) {
        self.done += 1;
        if self.total >= WORTH_SHOWING && self.done.is_multiple_of(STRIDE) {
            self.clear();
            let bar = bar(self.done, self.total, self.columns);
            self.drawn = bar.len();
            write(&bar);
        }
    }

    /// Makes room for something else.
    pub fn clear(&mut self) {
        match std::mem::take(&mut self.drawn) {
            0 => {}
            width => write(&format!("\r{}\r", " ".repeat(width))),
        }
    }
}

/// It is no loss if nobody sees it.
fn write(text: &str) {
    let mut out = std::io::stderr();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The numbers alone where the bar has no room; nothing where they have none. What is wider than
/// the terminal could not be cleared.
fn bar(done: usize, total: usize, columns: usize) -> String {
    let done = done.min(total);
    let full = (CELLS * done).checked_div(total).unwrap_or(CELLS);
    let numbers = format!("{done} of {total} users");
    let bar = format!("[{}{}] {numbers}", "#".repeat(full), ".".repeat(CELLS - full));
    [bar, numbers].into_iter().find(|line| line.len() < columns).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_and_never_overflows() {
        assert_eq!(bar(0, 100, 80), "[..............................] 0 of 100 users");
        assert_eq!(bar(50, 100, 80), "[###############...............] 50 of 100 users");
        assert_eq!(bar(101, 100, 80), "[##############################] 100 of 100 users");
        assert_eq!(bar(1, 0, 80).matches('#').count(), CELLS);
    }

    #[test]
    fn a_narrow_terminal_gets_the_numbers() {
        assert_eq!(bar(50, 100, 40), "50 of 100 users");
        assert_eq!((bar(50, 100, 16).len(), bar(50, 100, 15).len()), (15, 0));
    }
}
