//! Users whom a pam_twostep line accepts or does not ask, and whom the auth phase refuses all the same. The remedy
//! is the first change with which a walk through the stack ends right.

use pam_stacks::{Code, Control, Module, ModuleKind, Runs, Stack, StackLine};

use super::doors::open_doors;
use super::login::{LoginCase, RIGHT};
use super::service::{Service, quoted};
use crate::finding::Finding;
use crate::messages;

/// One finding for each pam_twostep line whose accepted or unasked users are refused.
pub fn findings(service: &Service<'_>, codes: &[usize]) -> Vec<Finding> {
    let refused = codes.iter().filter_map(|&index| Some((index, service.line(index)?, refuses(service, index)?)));
    refused
        .map(|(index, line, who)| {
            let remedy = tried(service, index, codes).or_else(|| culprit(service, index));
            let remedy = remedy.unwrap_or_else(|| messages::check_remedies::COMPARE.to_owned());
            let name = service.name;
            match who {
                LockedOut::Everybody => {
                    let what = messages::check_stacks::nobody_gets_in(name, &quoted(line));
                    Finding::error("nobody-gets-in", &line.place, what, remedy)
                }
                LockedOut::Unasked => {
                    let what = messages::check_stacks::unasked_refused(name);
                    Finding::error("unasked-refused", &line.place, what, remedy)
                }
            }
        })
        .collect()
}

/// Who is refused behind a pam_twostep line.
pub enum LockedOut {
    /// Not even the right password and code help.
    Everybody,
    /// Those who are asked for no code.
    Unasked,
}

/// Which users are refused by a line behind this pam_twostep line, if any.
pub fn refuses(service: &Service<'_>, index: usize) -> Option<LockedOut> {
    let ends = |ours| service.arrivals(LoginCase { ours, guards_pass: true, ..RIGHT });
    let through = |ours| ends(ours).iter().any(|end| end.lets_in() && end.way.iter().any(|(line, _)| *line == index));
    // Where nobody comes, another line is in the way, and is told of.
    if !ends(Code::SUCCESS).iter().any(|end| end.way.iter().any(|(line, _)| *line == index)) {
        None
    } else if !through(Code::SUCCESS) {
        Some(LockedOut::Everybody)
    } else if !through(Code::IGNORE) {
        Some(LockedOut::Unasked)
    } else {
        None
    }
}

/// The line that refuses users whom the pam_twostep line accepts, if it can be named.
fn culprit(service: &Service<'_>, index: usize) -> Option<String> {
    let broken = |line: &&StackLine| line.runs == Runs::Nothing || service.is_missing(line) || line.mistake.is_some();
    let line = service.auth.lines.iter().find(broken);
    line.map(|line| messages::check_remedies::fix(&quoted(line), &line.place)).or_else(|| {
        let deny = |line: &&StackLine| line.module().is_some_and(|module| module.kind() == ModuleKind::Deny);
        let line = service.auth.lines.get(index + 1..)?.iter().find(deny)?;
        Some(messages::check_remedies::below(&quoted(line), &line.place))
    })
}

/// A change of the lines from ours on.
struct LineChange {
    says: String,
    /// The pam_twostep line says `required`.
    is_required: bool,
    /// The line below it, which refuses, goes.
    without_next: bool,
    /// `pam_permit.so` comes below it.
    with_permit: bool,
}

/// The change that puts right what this pam_twostep line does, if one of these does.
fn tried(service: &Service<'_>, index: usize, codes: &[usize]) -> Option<String> {
    let inside = service.line(index)?.text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    let required = match inside {
        Some((inside, _)) => messages::check_remedies::required_for(inside),
        None => messages::check_remedies::REQUIRED.to_owned(),
    };
    let next = service.line(index + 1).map_or_else(String::new, quoted);
    let changes = [
        (messages::check_remedies::required(&required), true, false, false),
        (messages::check_remedies::PERMIT.to_owned(), false, false, true),
        (messages::check_remedies::take_next_out(&next), false, true, false),
        (messages::check_remedies::required_and_permit(&required), true, false, true),
        (messages::check_remedies::required_and_next_out(&required, &next), true, true, false),
        (messages::check_remedies::permit_for_next(&next), false, true, true),
        (messages::check_remedies::required_and_permit_for_next(&required, &next), true, true, true),
    ];
    let changes = changes.into_iter().map(|(says, is_required, without_next, with_permit)| LineChange {
        says,
        is_required,
        without_next,
        with_permit,
    });
    let doors = open_doors(service, codes);
    let is_right = |change: &LineChange| {
        changed(service, index, change)
            .is_some_and(|service| refuses(&service, index).is_none() && open_doors(&service, codes) <= doors)
    };
    changes.into_iter().find(is_right).map(|change| change.says)
}

fn changed<'a>(service: &Service<'a>, index: usize, change: &LineChange) -> Option<Service<'a>> {
    let mut auth: Stack = service.auth.clone();
    let ours = auth.lines.get_mut(index)?;
    if change.is_required {
        ours.control = Control::parse("required", false).ok()?;
    }
    let permit = permit(ours)?;
    if change.without_next {
        // What else stands there has its purpose.
        auth.lines.get(index + 1)?.module().filter(|module| module.kind() == ModuleKind::Deny)?;
        auth.lines.remove(index + 1);
    }
    if change.with_permit {
        auth.lines.insert(index + 1, permit);
    }
    Some(Service { auth, account: service.account.clone(), ..*service })
}

/// A line that succeeds, beside another one.
pub fn permit(beside: &StackLine) -> Option<StackLine> {
    Some(StackLine {
        text: "auth required pam_permit.so".to_owned(),
        runs: Runs::Module(Module { name: "pam_permit.so".to_owned(), arguments: Vec::new(), is_quiet: false }),
        control: Control::parse("required", false).ok()?,
        mistake: None,
        ..beside.clone()
    })
}
