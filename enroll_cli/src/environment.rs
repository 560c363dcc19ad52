//! What this process may draw, and where it runs. The only place that reads the environment.

use std::borrow::Cow;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use nix::unistd::{Uid, User, getuid};
pub use twostep_core::qr::{Charset, ColorMode};

/// What the results look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text for people.
    Text,
    /// JSON for programs, an object a line.
    Json,
    /// One value and the end of its line.
    Value,
}

/// The terminal, and the host and home that texts name.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Columns of the terminal.
    pub columns: usize,
    /// Lines of the terminal.
    pub rows: usize,
    /// Whether colors may be used.
    pub color_mode: ColorMode,
    /// Which characters may be used.
    pub charset: Charset,
    /// Whether a person both types and reads at a terminal.
    pub is_interactive: bool,
    /// The host's name.
    pub host: String,
    /// The caller's home folder, if there is one.
    pub home: Option<PathBuf>,
    /// Who answers for what root does: the person behind sudo, else the caller.
    pub administrator: String,
    /// The editor of the person's choice, with its arguments.
    pub editor: Option<String>,
}

impl Environment {
    /// Looks at this process's terminal, locale, host and home.
    pub fn of_this_process() -> Self {
        let size = terminal_size::terminal_size_of(std::io::stdout());
        let (columns, rows) = size.map_or((80, 24), |(columns, rows)| (columns.0, rows.0));
        let is_terminal = std::io::stdout().is_terminal();
        Self {
            // A terminal that does not know its size says 0.
            columns: if columns == 0 { 80 } else { columns.into() },
            rows: if rows == 0 { 24 } else { rows.into() },
            color_mode: color_mode(is_terminal, &from_environment("NO_COLOR"), &from_environment("TERM")),
            charset: charset(["LC_ALL", "LC_CTYPE", "LANG"].map(from_environment)),
            is_interactive: is_terminal && std::io::stdin().is_terminal(),
            host: nix::unistd::gethostname()
                .map_or_else(|_| "host".to_owned(), |name| name.to_string_lossy().into_owned()),
            home: User::from_uid(getuid()).ok().flatten().map(|user| user.dir),
            administrator: administrator(getuid(), &behind(from_environment)),
            editor: ["VISUAL", "EDITOR"].map(from_environment).into_iter().find(|named| !named.trim().is_empty()),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn from_environment(name: &str) -> String {
    std::env::var_os(name).unwrap_or_default().to_string_lossy().into_owned()
}

fn color_mode(is_terminal: bool, no_color: &str, term: &str) -> ColorMode {
    if is_terminal && no_color.is_empty() && term != "dumb" { ColorMode::Colors } else { ColorMode::Plain }
}

/// The person behind sudo or doas, by the variable that it sets.
fn behind(variable: impl Fn(&str) -> String) -> String {
    let by_sudo = variable("SUDO_USER");
    if by_sudo.is_empty() { variable("DOAS_USER") } else { by_sudo }
}

/// Whether people become root by doas here: they did so now, or there is no sudo.
static HAS_DOAS_ALONE: LazyLock<bool> = LazyLock::new(|| {
    let is_there = |name| ["/usr/bin", "/bin", "/usr/local/bin"].map(Path::new).iter().any(|at| at.join(name).exists());
    by_doas(from_environment) || (is_there("doas") && !is_there("sudo"))
});

fn by_doas(variable: impl Fn(&str) -> String) -> bool {
    variable("SUDO_USER").is_empty() && !variable("DOAS_USER").is_empty()
}

/// A text whose commands people can type here: where there is doas and no sudo, by doas.
pub fn typed_here(text: &str) -> Cow<'_, str> {
    if *HAS_DOAS_ALONE { by(text, "doas") } else { Cow::Borrowed(text) }
}

fn by<'a>(text: &'a str, program: &str) -> Cow<'a, str> {
    Cow::Owned(text.replace("sudo twostep", &format!("{program} twostep")))
}

/// sudo and doas name whom they serve. A name that is nobody's says nothing, and only root could say it.
fn administrator(caller: Uid, named: &str) -> String {
    let behind_sudo = if caller.is_root() { User::from_name(named).ok().flatten() } else { None };
    let user = behind_sudo.or_else(|| User::from_uid(caller).ok().flatten());
    user.map_or_else(|| format!("uid {caller}"), |user| user.name)
}

/// The first of the three that is set decides, as in setlocale(3).
fn charset(locales: [String; 3]) -> Charset {
    let locale = locales.into_iter().find(|locale| !locale.is_empty()).unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    let is_utf8 = locale.contains("utf-8") || locale.contains("utf8");
    if is_utf8 { Charset::Utf8 } else { Charset::Ascii }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locale(all: &str, ctype: &str, lang: &str) -> Charset {
        charset([all, ctype, lang].map(str::to_owned))
    }

    #[test]
    fn the_first_locale_that_is_set_decides() {
        assert_eq!(locale("", "", "en_US.UTF-8"), Charset::Utf8);
        assert_eq!(locale("", "", "C.utf8"), Charset::Utf8);
        assert_eq!(locale("C", "", "en_US.UTF-8"), Charset::Ascii);
        assert_eq!(locale("", "de_DE.ISO-8859-1", "en_US.UTF-8"), Charset::Ascii);
        assert_eq!(locale("", "", ""), Charset::Ascii);
    }

    #[test]
    fn where_doas_was_used_commands_are_told_with_it() {
        let variables = |sudo: &'static str, doas: &'static str| {
            move |name: &str| if name == "SUDO_USER" { sudo.to_owned() } else { doas.to_owned() }
        };
        assert!(by_doas(variables("", "alice")) && !by_doas(variables("alice", "bob")) && !by_doas(variables("", "")));
        assert_eq!((behind(variables("", "alice")), behind(variables("bob", "alice"))), ("alice".into(), "bob".into()));
        assert_eq!(by("Run: sudo twostep admin confirm", "doas"), "Run: doas twostep admin confirm");
    }

    #[test]
    fn the_person_behind_sudo_answers_for_it() {
        let (root, other) = (Uid::from_raw(0), Uid::from_raw(1));
        let name = User::from_uid(other).unwrap().unwrap().name;
        assert_eq!(administrator(root, &name), name);
        for nobody in ["", "nobody here", "root\nroot", "\0"] {
            assert_eq!(administrator(root, nobody), "root");
        }
        assert_eq!(administrator(other, "root"), name);
        assert_eq!(administrator(Uid::from_raw(4_294_967_290), "root"), "uid 4294967290");
    }

    #[test]
    fn no_color_and_dumb_terminals_stay_plain() {
        assert_eq!(color_mode(true, "", "xterm"), ColorMode::Colors);
        assert_eq!(color_mode(true, "1", "xterm"), ColorMode::Plain);
        assert_eq!(color_mode(true, "", "dumb"), ColorMode::Plain);
        assert_eq!(color_mode(false, "", "xterm"), ColorMode::Plain);
    }
}
