//! The pam_twostep lines of one service, and a text that has them.

use std::collections::BTreeSet;

use pam_stacks::{ManagementGroup, ModuleKind, StackLine};

use super::drop_in::Keys;
use crate::check::stacks::{Before, Service, refuses_some};

/// How the people of a service give their second step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AnswerForm {
    /// They are asked for the code.
    #[default]
    Question,
    /// They type it right behind the password.
    OneAnswer,
    /// Their programs have passwords of their own.
    AppPasswords,
}

/// What the pam_twostep lines say beside what they always say.
#[derive(Debug, Clone, Copy)]
pub struct LineStyle {
    /// sshd's keys, for sshd.
    pub keys: Option<Keys>,
    /// Who must enroll does so in the login.
    pub enrolls: bool,
    /// What sshd proves before.
    pub before: Before,
    /// How people give their second step.
    pub form: AnswerForm,
    /// For how long a second step in the same session is enough, in seconds.
    pub recent: Option<u64>,
}

/// Lets in everyone whom no line has refused.
pub const PERMIT: &str = "auth       required     pam_permit.so";

/// What refuses those who have shown no key, whatever sshd's configuration says.
const KEY_ALONE: [&str; 2] =
    ["auth [success=1 default=ignore] pam_twostep.so mode=ssh_key", "auth       requisite    pam_deny.so"];

/// The end for those who have given their code.
pub const END: &str = "auth       sufficient   pam_permit.so";

/// Where our account line stands among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountPlace {
    Last,
    BeforeLast,
    First,
}

impl AccountPlace {
    /// In the order in which they are tried.
    pub const ALL: [Self; 3] = [Self::Last, Self::BeforeLast, Self::First];
}

/// Our lines for one service.
pub struct Ours {
    code: String,
    account: String,
    /// Whether the service has an account phase of its own. A locker without one is let through by that of `other`.
    has_account: bool,
    has_session: bool,
    asks_behind_key: bool,
}

/// How many lines are added below each `sufficient` line that a jump counts.
const ADDED: usize = 2;

impl Ours {
    pub fn new(service: &Service<'_>, style: LineStyle) -> Self {
        let recent = style.recent.map_or_else(String::new, |seconds| format!(" recent={}", in_units(seconds)));
        let enroll = if style.enrolls && style.form == AnswerForm::Question { " enroll" } else { "" };
        Self {
            code: format!("auth       requisite    pam_twostep.so after_first_step{enroll}{recent}"),
            account: format!("account    required     pam_twostep.so{enroll}"),
            has_account: !service.stack(ManagementGroup::Account).is_other,
            has_session: !service.name.starts_with("sudo") && style.form != AnswerForm::AppPasswords,
            asks_behind_key: style.keys == Some(Keys::WithCode),
        }
    }

    /// What asks for the code, and lets in who is not asked.
    pub fn code(&self) -> [String; 2] {
        [self.code.clone(), PERMIT.to_owned()]
    }

    /// The code behind a key, above the first step of those who have none.
    pub fn behind_key(&self) -> [String; 3] {
        ["auth [success=ignore default=2] pam_twostep.so mode=ssh_key".to_owned(), self.code.clone(), END.to_owned()]
    }

    /// The texts in which a key and the code are all: none, where a line that stays jumps over one that goes.
    pub fn without_password(&self, stack: &Service<'_>, text: &str, at: usize) -> Vec<String> {
        let lines = &stack.stack(ManagementGroup::Auth).lines;
        let goes = |line: &&StackLine| line.module().is_some_and(|module| is_asking(module.kind()));
        let going = lines.iter().filter(goes).map(StackLine::own_line).collect::<BTreeSet<_>>();
        if lines.iter().any(|line| !going.contains(&line.own_line()) && line.control.jumps().next().is_some()) {
            return Vec::new();
        }
        let others = |number: usize| number == at || !going.contains(&number);
        let left = text.lines().enumerate().filter(|(index, _)| others(index + 1)).map(|(_, line)| line);
        let left = left.collect::<Vec<_>>().join("\n");
        let at = at - going.iter().filter(|number| **number < at).count();
        let [code, permit] = self.code();
        let first = KEY_ALONE.map(str::to_owned).into_iter().chain([code, permit]).collect::<Vec<_>>();
        AccountPlace::ALL.map(|place| self.written(&left, at, &first, place)).to_vec()
    }

    /// The lines that the include at this line brings, written so that a wrong password ends the stack
    /// and each right one goes on to the code.
    pub fn unfolded(&self, stack: &Service<'_>, at: usize) -> Option<Vec<String>> {
        let brought = stack.stack(ManagementGroup::Auth).lines.iter().filter(|line| line.own_line() == at);
        let inside = brought.filter(|line| line.module().is_some()).collect::<Vec<_>>();
        let mut lines = Vec::new();
        let mut ends_with_code = false;
        for (index, one) in inside.iter().enumerate() {
            let rest = inside.get(index + 1..).unwrap_or_default();
            let words = one.text.split_whitespace().collect::<Vec<_>>();
            match words.as_slice() {
                [kind, "required", rest @ ..] if is_proof(one) => {
                    lines.push(format!("{kind} requisite {}", rest.join(" ")));
                    ends_with_code = false;
                }
                // Below its refusal nobody is asked anything.
                [kind, "required", rest @ ..] if one.module().is_some_and(refuses_some) => {
                    lines.push(format!("{kind} requisite {}", rest.join(" ")));
                }
                // Ask for the code and end there: the lines that follow are for those whom it refused.
                [kind, "sufficient", rest @ ..] if is_proof(one) => {
                    lines.push(format!("{kind} [success=ignore default={ADDED}] {}", rest.join(" ")));
                    lines.push(self.code.clone());
                    lines.push(END.to_owned());
                    ends_with_code = true;
                }
                _ => lines.push(counted_anew(&one.text, rest)),
            }
        }
        if !ends_with_code {
            lines.extend(self.code());
        } else if !lines.last().is_some_and(|line| line.contains("pam_deny.so")) {
            // Whoever comes here was refused by the last proof, whatever came before.
            lines.push("auth       requisite    pam_deny.so".to_owned());
        }
        (!inside.is_empty()).then_some(lines)
    }

    /// The text with the pam_twostep lines; `first` stands for its line `at`, from 1.
    pub fn written(&self, text: &str, at: usize, first: &[String], account: AccountPlace) -> String {
        let lines = text.lines().collect::<Vec<_>>();
        let place = match account {
            AccountPlace::First => lines.iter().position(|line| is_account(line)),
            AccountPlace::Last | AccountPlace::BeforeLast => lines.iter().rposition(|line| is_account(line)),
        };
        let is_below = account == AccountPlace::Last;
        let mut all = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            if place == Some(index) && !is_below {
                all.push(self.account.clone());
            }
            if index + 1 == at {
                all.extend(self.asks_behind_key.then(|| self.behind_key()).into_iter().flatten());
                all.extend(first.iter().cloned());
            } else {
                all.push((*line).to_owned());
            }
            if place == Some(index) && is_below {
                all.push(self.account.clone());
            }
        }
        all.extend((place.is_none() && self.has_account).then(|| self.account.clone()));
        all.extend(self.has_session.then(|| "session    optional     pam_twostep.so".to_owned()));
        all.join("\n") + "\n"
    }
}

/// A time as an option has it.
fn in_units(seconds: u64) -> String {
    match seconds {
        _ if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

/// Whether a module has a part in asking for the password: it goes where no password is asked.
fn is_asking(kind: ModuleKind) -> bool {
    matches!(kind, ModuleKind::Password | ModuleKind::OtherProof | ModuleKind::Unknown | ModuleKind::Deny)
}

fn is_proof(line: &StackLine) -> bool {
    line.module().is_some_and(|module| matches!(module.kind(), ModuleKind::Password | ModuleKind::OtherProof))
}

fn is_account(line: &str) -> bool {
    let words = line.split_whitespace().collect::<Vec<_>>();
    matches!(words.as_slice(), ["@include", name, ..] if name.contains("account"))
        || matches!(words.first(), Some(&("account" | "-account")))
}

/// A line whose jumps count the lines that were added below it.
fn counted_anew(text: &str, below: &[&StackLine]) -> String {
    let Some((head, rest)) = text.split_once('[') else { return text.to_owned() };
    let Some((control, tail)) = rest.split_once(']') else { return text.to_owned() };
    let is_sufficient =
        |line: &&&StackLine| is_proof(line) && line.text.split_whitespace().nth(1) == Some("sufficient");
    let anew =
        |pair: &str| match pair.split_once('=').and_then(|(code, count)| Some((code, count.parse::<usize>().ok()?))) {
            Some((code, count)) => {
                let added = below.iter().take(count).filter(is_sufficient).count() * ADDED;
                format!("{code}={}", count + added)
            }
            None => pair.to_owned(),
        };
    let control = control.split_whitespace().map(anew).collect::<Vec<_>>().join(" ");
    format!("{head}[{control}]{tail}")
}

/// A line whose control is `required`, as its second word, with `requisite` there; any other as it is.
pub fn ending(line: &str) -> String {
    let Some(control) = line.split_whitespace().nth(1).filter(|word| word.eq_ignore_ascii_case("required")) else {
        return line.to_owned();
    };
    line.replacen(control, "requisite", 1)
}
