//! What a line of a PAM stack asks of the module. An option that is not understood stops the login
//! with its name: a misspelled `require_step` must not quietly require nothing.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The configuration file, unless a line names another one.
pub const CONFIG: &str = "/etc/twostep/config.toml";

/// Which characters a drawing is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// Half blocks: two rows of a QR code in a line.
    Utf8,
    /// Two columns for each dot.
    Ascii,
}

/// The options of one line, understood.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// The configuration file.
    pub config: PathBuf,
    /// What the line is there for.
    pub mode: Mode,
    /// The question, when the line brings its own.
    pub prompt: Option<String>,
    /// Whether the answer is shown while it is typed.
    pub echo: bool,
    /// Whether an answer that is only a code leaves an empty password, which an account may have.
    pub nullok: bool,
    /// Whether the account phase refuses who passed no second step and should have.
    pub require_step: bool,
    /// Whether a login may enroll who must and has not.
    pub enroll: bool,
    /// How a QR code is drawn.
    pub charset: Charset,
    /// Whether the line is reached only by those who passed the first step.
    pub after_first_step: bool,
    /// For how long a second step in the same audit session is enough.
    pub recent: Option<Duration>,
}

/// What a line is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Ask for the code.
    Code,
    /// With `forward_pass`: take password and code in one answer, pass the password on, and keep the code for
    /// the line that asks for it.
    ForwardPass,
    /// Take the one password of a program that cannot ask.
    AppPassword,
    /// Say whether sshd has accepted a key.
    SshKey,
}

/// The name of each option.
pub const NAMES: [&str; 11] = [
    "config",
    "mode",
    "prompt",
    "echo",
    "qr",
    "forward_pass",
    "nullok",
    "enroll",
    "require_step",
    "after_first_step",
    "recent",
];

/// The longest time of `recent=`.
const LONGEST_RECENT: Duration = Duration::from_secs(24 * 3600);

impl Options {
    /// Understands the arguments of a line.
    ///
    /// # Errors
    /// The first argument that is not one of ours, or not as it must be.
    pub fn parse(arguments: &[Vec<u8>]) -> Result<Self, OptionError> {
        let mut options = Self::default();
        let mut seen = Vec::new();
        for argument in arguments {
            let argument = std::str::from_utf8(argument)
                .map_err(|_| OptionError::NotText(String::from_utf8_lossy(argument).into_owned()))?;
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (argument, None),
            };
            if seen.contains(&name) {
                return Err(OptionError::Twice(name.to_owned()));
            }
            seen.push(name);
            options.set(name, value)?;
        }
        let (line, senseless) = if seen.contains(&"forward_pass") {
            ("forward_pass", NOT_WITH_FORWARD_PASS)
        } else if options.mode == Mode::AppPassword {
            ("mode=app_password", NOT_WITH_APP_PASSWORD)
        } else {
            ("a line without forward_pass", NOT_WITHOUT_FORWARD_PASS)
        };
        let found = senseless.iter().find(|(name, _)| seen.contains(name));
        found.map_or(Ok(options), |&(name, remedy)| Err(OptionError::Senseless { name, line, remedy }))
    }

    fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), OptionError> {
        match name {
            "config" => self.config = absolute(required(name, value)?)?,
            "mode" => self.mode = mode(required(name, value)?)?,
            "prompt" => self.prompt = Some(required(name, value)?.to_owned()),
            "enroll" => self.enroll = bare(name, value, true)?,
            "qr" => self.charset = charset(required(name, value)?)?,
            "echo" => self.echo = bare(name, value, true)?,
            "forward_pass" => self.mode = bare(name, value, Mode::ForwardPass)?,
            "nullok" => self.nullok = bare(name, value, true)?,
            "require_step" => self.require_step = bare(name, value, true)?,
            "recent" => self.recent = Some(time(required(name, value)?)?),
            "after_first_step" => self.after_first_step = bare(name, value, true)?,
            _ => return Err(stranger(name)),
        }
        Ok(())
    }

    /// What of the options a process of the user may say: how it asks, and what makes it stricter.
    #[must_use]
    pub fn of_user(self) -> Self {
        Self { config: PathBuf::from(CONFIG), enroll: false, after_first_step: false, recent: None, ..self }
    }

    /// The question of this line.
    pub fn question(&self) -> &str {
        match (&self.prompt, self.mode) {
            (Some(prompt), _) => prompt,
            (None, Mode::AppPassword) => "Password: ",
            (None, Mode::Code | Mode::SshKey) => "Verification code: ",
            (None, Mode::ForwardPass) => "Password & verification code: ",
        }
    }

    /// Whether the answer holds a password that the following lines may need.
    pub fn brings_password(&self) -> bool {
        matches!(self.mode, Mode::AppPassword | Mode::ForwardPass)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            config: PathBuf::from(CONFIG),
            mode: Mode::Code,
            prompt: None,
            echo: false,
            nullok: false,
            require_step: false,
            enroll: false,
            charset: Charset::Utf8,
            after_first_step: false,
            recent: None,
        }
    }
}

fn required<'a>(name: &str, value: Option<&'a str>) -> Result<&'a str, OptionError> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| OptionError::NoValue(name.to_owned()))
}

fn bare<T>(name: &str, value: Option<&str>, meaning: T) -> Result<T, OptionError> {
    match value {
        None => Ok(meaning),
        Some(_) => Err(OptionError::Value(name.to_owned())),
    }
}

fn absolute(path: &str) -> Result<PathBuf, OptionError> {
    if path.starts_with('/') {
        return Ok(PathBuf::from(path));
    }
    Err(OptionError::Wrong { argument: format!("config={path}"), remedy: "begin it with a /" })
}

fn mode(value: &str) -> Result<Mode, OptionError> {
    let remedy = match value {
        "code" => return Ok(Mode::Code),
        "ssh_key" => return Ok(Mode::SshKey),
        "app_password" => return Ok(Mode::AppPassword),
        _ => "write mode=code, mode=app_password or mode=ssh_key",
    };
    Err(OptionError::Wrong { argument: format!("mode={value}"), remedy })
}

/// A time of whole seconds, minutes or hours.
fn time(value: &str) -> Result<Duration, OptionError> {
    let unit = |unit: char| match unit {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3600),
        _ => None,
    };
    let parsed = value.char_indices().next_back().and_then(|(end, last)| {
        let count = value.get(..end)?.parse::<u32>().ok()?;
        Some(Duration::from_secs(u64::from(count) * unit(last)?))
    });
    let is_possible = |time: &Duration| !time.is_zero() && *time <= LONGEST_RECENT;
    parsed.filter(is_possible).ok_or_else(|| OptionError::Wrong {
        argument: format!("recent={value}"),
        remedy: "write a time such as recent=10m, at most 24h",
    })
}

fn charset(value: &str) -> Result<Charset, OptionError> {
    match value {
        "utf8" => Ok(Charset::Utf8),
        "ascii" => Ok(Charset::Ascii),
        _ => Err(OptionError::Wrong { argument: format!("qr={value}"), remedy: "write qr=utf8 or qr=ascii" }),
    }
}

/// What a line for programs that cannot ask has no use for, and what to write instead.
const NOT_WITH_APP_PASSWORD: &[(&str, &str)] = &[
    ("nullok", "remove it: an application password is never empty"),
    ("after_first_step", "remove it: this line stands before the first step"),
    ("enroll", "remove it: a program that cannot ask enrolls nobody"),
    ("qr", "remove it: a program that cannot ask shows no QR code"),
    ("recent", "remove it: an application password is no second step of a session"),
];

/// What belongs on the line behind the password module, which judges the code that this line keeps.
const NOT_WITH_FORWARD_PASS: &[(&str, &str)] = &[
    ("mode", "remove mode=, or remove forward_pass"),
    ("after_first_step", "write it on the pam_twostep line behind the password module"),
    ("enroll", "write it on the pam_twostep line behind the password module"),
    ("qr", "write it on the pam_twostep line behind the password module"),
    ("require_step", "write it on the account line"),
    ("recent", "write it on the pam_twostep line behind the password module"),
];

const NOT_WITHOUT_FORWARD_PASS: &[(&str, &str)] =
    &[("nullok", "remove it: `[policy] required` in the configuration alone decides who passes without a code")];

/// The options that people bring along from other modules get the answer they need.
fn stranger(name: &str) -> OptionError {
    let remedy = match name {
        "try_first_pass" | "use_first_pass" => {
            "write forward_pass if one answer brings the password and the code, else remove it"
        }
        _ => {
            "correct or remove it; there are config, mode, prompt, echo, qr, forward_pass, \
             nullok, enroll, require_step, after_first_step and recent"
        }
    };
    OptionError::Unknown { name: name.to_owned(), remedy }
}

/// An argument of the line that is not as it must be. Displayed, it says what and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptionError {
    /// Not an option of this module.
    Unknown {
        /// What the line says.
        name: String,
        /// What to write instead.
        remedy: &'static str,
    },
    /// An option of this module with a value that it does not take.
    Wrong {
        /// What the line says.
        argument: String,
        /// What to write instead.
        remedy: &'static str,
    },
    /// An option of this module that means nothing on such a line.
    Senseless {
        /// Which one.
        name: &'static str,
        /// What makes it such a line.
        line: &'static str,
        /// What to write instead.
        remedy: &'static str,
    },
    /// The option stands there more than once.
    Twice(String),
    /// The option needs a value.
    NoValue(String),
    /// The option takes no value.
    Value(String),
    /// The argument is not UTF-8; shown with U+FFFD for what is not.
    NotText(String),
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, remedy } => write!(f, "unknown option {name}: {remedy}"),
            Self::Wrong { argument, remedy } => write!(f, "wrong option {argument}: {remedy}"),
            Self::Senseless { name, line, remedy } => {
                write!(f, "the option {name} does not go with {line}: {remedy}")
            }
            Self::Twice(name) => write!(f, "the option {name} stands there twice: keep one"),
            Self::NoValue(name) => write!(f, "the option {name} has no value: write {name}=..."),
            Self::Value(name) => write!(f, "the option {name} takes no value: write {name} alone"),
            Self::NotText(seen) => write!(f, "the option {seen} is not UTF-8: write it in UTF-8"),
        }
    }
}

impl std::error::Error for OptionError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(line: &str) -> Result<Options, OptionError> {
        let arguments: Vec<_> = line.split('|').map(|argument| argument.as_bytes().to_vec()).collect();
        Options::parse(&arguments)
    }

    fn complaint(line: &str) -> String {
        parse(line).unwrap_err().to_string()
    }

    #[test]
    fn a_bare_line_asks_for_the_code() {
        let options = Options::parse(&[]).unwrap();
        assert_eq!(options.mode, Mode::Code);
        assert_eq!(options.config, PathBuf::from("/etc/twostep/config.toml"));
        assert_eq!(options.question(), "Verification code: ");
        assert!(!options.echo && !options.require_step && !options.after_first_step && !options.enroll);
        assert_eq!(options.charset, Charset::Utf8);
    }

    #[test]
    fn every_option_does_something() {
        let options = parse("config=/a b/c=d|mode=ssh_key|prompt=Code=? |echo|qr=ascii").unwrap();
        assert_eq!(options.config, PathBuf::from("/a b/c=d"));
        assert_eq!(options.mode, Mode::SshKey);
        assert_eq!(options.question(), "Code=? ");
        assert!(options.echo);
        let options = parse("forward_pass|nullok").unwrap();
        assert_eq!((options.mode, options.nullok), (Mode::ForwardPass, true));
        assert_eq!(options.question(), "Password & verification code: ");
        assert!(options.brings_password());
        let options = parse("require_step|after_first_step|mode=code|enroll|qr=ascii").unwrap();
        assert!(options.require_step && options.after_first_step && options.enroll);
        assert_eq!(options.charset, Charset::Ascii);
        let options = parse("require_step|mode=app_password|echo|config=/x").unwrap();
        assert_eq!((options.mode, options.question()), (Mode::AppPassword, "Password: "));
        assert!(options.require_step && options.echo && options.brings_password());
        assert_eq!(parse("recent=10m").unwrap().recent, Some(Duration::from_secs(600)));
        assert_eq!(parse("mode=app_password|prompt=Mail password: ").unwrap().question(), "Mail password: ");
    }

    #[test]
    fn a_line_for_programs_that_cannot_ask_takes_no_option_that_asks() {
        for option in ["nullok", "after_first_step", "enroll", "qr=utf8"] {
            let name = option.trim_end_matches("=utf8");
            for line in [format!("mode=app_password|{option}"), format!("{option}|mode=app_password")] {
                let expected = format!("the option {name} does not go with mode=app_password: remove it");
                assert!(complaint(&line).contains(&expected), "{line}");
            }
        }
    }

    #[test]
    fn a_line_that_forwards_the_password_leaves_the_rest_to_the_one_behind_it() {
        for option in ["mode=code", "mode=app_password", "after_first_step", "enroll", "qr=utf8", "require_step"] {
            for line in [format!("forward_pass|{option}"), format!("{option}|forward_pass")] {
                assert!(complaint(&line).contains(" does not go with forward_pass: "), "{line}");
            }
        }
        assert!(parse("forward_pass|echo|prompt=Both: |config=/x").is_ok());
    }

    #[test]
    fn each_name_is_that_of_an_option_and_is_told_to_who_misspells_one() {
        for name in NAMES {
            assert!(!parse(name).is_err_and(|error| matches!(error, OptionError::Unknown { .. })), "{name}");
            assert!(complaint("debug").contains(name), "{name}");
        }
    }

    #[test]
    fn an_unknown_option_is_named() {
        for name in ["requirestep", "Echo", "debug", " echo", "", "--help", "echo\u{7f}"] {
            assert!(complaint(name).contains(&format!("unknown option {name}:")), "{name}");
        }
        assert!(complaint("user=root").contains("unknown option user:"));
    }

    #[test]
    fn options_of_other_modules_are_answered_with_what_to_write() {
        assert!(complaint("nullok").contains("`[policy] required`"));
        assert!(complaint("mode=code|nullok").contains("a line without forward_pass"));
        assert!(complaint("try_first_pass").contains("forward_pass"));
        assert!(complaint("use_first_pass").contains("forward_pass"));
    }

    #[test]
    fn values_must_be_there_and_right() {
        for line in ["config", "config=", "mode", "mode=", "prompt", "prompt=", "qr", "qr="] {
            assert!(complaint(line).contains("has no value"), "{line}");
        }
        for line in ["echo=", "enroll=yes", "forward_pass=1", "require_step=no", "after_first_step=yes"] {
            assert!(complaint(line).contains("takes no value"), "{line}");
        }
        assert!(complaint("config=config.toml").contains("begin it with a /"));
        assert!(complaint("mode=ssh-key").contains("mode=ssh-key: write mode=code, mode=app_password"));
        for recent in ["0s", "10", "m", "25h", "1d", "-1m", "1.5h", "99999999999s", "10\u{b5}"] {
            assert!(complaint(&format!("recent={recent}")).contains("such as recent=10m"), "{recent}");
        }
        assert!(complaint("qr=svg").contains("wrong option qr=svg"));
    }

    #[test]
    fn an_option_stands_there_once() {
        assert!(complaint("echo|echo").contains("echo stands there twice"));
        assert!(complaint("mode=code|mode=ssh_key").contains("mode stands there twice"));
    }

    #[test]
    fn bytes_that_are_not_text_are_named() {
        let error = Options::parse(&[b"echo".to_vec(), b"prompt=\xff".to_vec()]).unwrap_err();
        assert_eq!(error, OptionError::NotText("prompt=\u{fffd}".to_owned()));
    }

    proptest! {
        /// Whatever is written there: it is understood, or it is named.
        #[test]
        fn no_argument_goes_unnoticed(name in "[a-z_]{1,8}", value in "=?.{0,20}") {
            let argument = format!("{name}{value}");
            match Options::parse(&[argument.clone().into_bytes()]) {
                Ok(_) => prop_assert!(NAMES.contains(&argument.split('=').next().unwrap())),
                Err(error) => {
                    let named = argument.split('=').next().unwrap();
                    prop_assert!(error.to_string().contains(named), "{}", error);
                }
            }
        }

        #[test]
        fn no_bytes_panic(arguments in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30), 0..4)) {
            let _ = Options::parse(&arguments);
        }
    }
}
