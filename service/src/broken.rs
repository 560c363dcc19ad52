//! What a panic tells: its place, and nothing of what it says, which may hold what a person typed.

use std::cell::RefCell;
use std::io::Write;
use std::panic;

thread_local! {
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Has panics print and keep their place only.
pub fn be_silent() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
        let text = format!("panicked{place}");
        let _ = writeln!(std::io::stderr(), "twostepd: {text}");
        PLACE.set(Some(text));
    }));
}

/// Where this thread panicked last.
#[must_use]
pub fn place() -> String {
    PLACE.take().unwrap_or_else(|| "panicked".to_owned())
}
