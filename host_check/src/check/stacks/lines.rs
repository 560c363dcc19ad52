//! Single lines: what libpam does not understand, what cannot be loaded, options, jumps.

use std::path::Path;

use pam_stacks::{Action, Code, ManagementGroup, Module, Stack, StackLine, counted_elsewhere, unseen};

use super::service::{Service, ours, quoted};
use crate::finding::Finding;
use crate::messages;

/// What makes further questions meaningless.
pub const STOPS: [&str; 3] = ["stack-unreadable", "option-wrong", "module-missing"];

/// What is wrong with the lines of a service.
pub fn findings(service: &Service<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for stack in [&service.auth, &service.account] {
        if let Some(why) = &stack.broken {
            findings.push(Finding::error(
                "stack-unreadable",
                service.name,
                messages::check_lines::given_up(service.name, why),
                corrected(why, messages::check_lines::FIX_LINE),
            ));
            return findings;
        }
        for (index, line) in stack.lines.iter().enumerate() {
            findings.extend(of_line(service, line));
            findings.extend(jump(service, stack, index));
        }
    }
    findings.extend(session(service));
    findings.extend(shared(service));
    findings
}

fn of_line(service: &Service<'_>, line: &StackLine) -> Option<Finding> {
    let name = service.name;
    if let Some(mistake) = &line.mistake {
        let what = messages::check_lines::mistake(name, &quoted(line), mistake);
        return Some(Finding::error(
            "line-mistake",
            &line.place,
            what,
            corrected(&line.text, messages::check_lines::CORRECT_LINE),
        ));
    }
    let module = line.module()?;
    if module.is_ours()
        && let Err(error) = module.options()
    {
        let what = messages::check_lines::option_wrong(name, error);
        return Some(Finding::error(
            "option-wrong",
            &line.place,
            what,
            corrected(&line.text, messages::check_lines::CORRECT_OPTION),
        ));
    }
    if module.is_ours() && service.is_missing(line) {
        return Some(missing(service, line, module));
    }
    None
}

fn missing(service: &Service<'_>, line: &StackLine, module: &Module) -> Finding {
    let (name, written) = (service.name, &module.name);
    if service.files.module(written).is_some() {
        return Finding::error(
            "module-missing",
            &line.place,
            messages::check_lines::other_machine(name, written),
            messages::check_lines::without_folder(&folder(service)),
        );
    }
    let remedy = if written == "pam_twostep.so" {
        messages::check_lines::install_again(&folder(service))
    } else {
        messages::check_lines::where_pam_looks(&folder(service))
    };
    let what = messages::check_lines::missing(name, written);
    Finding::error("module-missing", &line.place, what, remedy)
}

/// What to do with a line, which may be wrong by what nobody sees in it.
fn corrected(text: &str, remedy: &str) -> String {
    unseen(text).map_or_else(|| remedy.to_owned(), messages::check_lines::type_anew)
}

/// Lines whose module is ours but for a mistake in its name.
pub fn misspelled(service: &Service<'_>) -> Vec<Finding> {
    let session = service.files.stack(service.name, ManagementGroup::Session);
    let stacks = [&service.auth, &service.account, &session].into_iter().filter(|stack| !stack.is_other);
    let lines = stacks.flat_map(|stack| &stack.lines);
    let so =
        if service.lets_nobody_in() { messages::check_lines::ALL_REFUSED } else { messages::check_lines::NOTHING_DONE };
    lines
        .filter(|line| service.is_misspelled(line))
        .map(|line| {
            let fails = matches!(line.control.action(Code::MODULE_UNKNOWN), Action::Bad | Action::Die);
            let so = if fails && session.lines.iter().any(|other| other.place == line.place) {
                messages::check_lines::ALL_REFUSED
            } else {
                so
            };
            let what = messages::check_lines::misspelled(service.name, &quoted(line), so);
            Finding::error(
                "module-misspelled",
                &line.place,
                what,
                corrected(&line.text, messages::check_lines::OUR_NAME),
            )
        })
        .collect()
}

/// Our lines in a service's own file, of which none asks for a code. What a shared file brings may be
/// meant for others.
pub fn without_auth(service: &Service<'_>) -> Option<Finding> {
    let session = service.files.stack(service.name, ManagementGroup::Session);
    let stacks = [&service.account, &session].into_iter().filter(|stack| !stack.is_other);
    let mut lines = stacks.flat_map(|stack| stack.ours().filter_map(|(index, _)| stack.lines.get(index)));
    let line = lines.find(|line| line.through.is_empty())?;
    Some(Finding::warning(
        "auth-line-missing",
        &line.place,
        messages::check_lines::no_auth_line(service.name),
        messages::check_lines::apply_writes_both(&quoted(line), service.name),
    ))
}

fn folder(service: &Service<'_>) -> String {
    service
        .files
        .module_folder()
        .map_or_else(|| messages::check_lines::FOLDER_UNKNOWN.to_owned(), |path| path.display().to_string())
}

/// A jump that counts lines of another file goes elsewhere when that file changes.
fn jump(service: &Service<'_>, stack: &Stack, index: usize) -> Option<Finding> {
    let line = stack.lines.get(index)?;
    let elsewhere = counted_elsewhere(&stack.lines, index)?;
    // Below our last line it is none of our concern.
    let (last, _) = stack.ours().last()?;
    (index < last).then(|| {
        Finding::error(
            "jump-over-include",
            &line.place,
            messages::check_lines::jump_over_include(service.name, &quoted(line), elsewhere.place.file.display()),
            messages::check_lines::JUMP_WITHIN,
        )
    })
}

/// Our session line is there for notices: where it is not optional, or misspelled, it can refuse.
fn session(service: &Service<'_>) -> Option<Finding> {
    let stack = service.files.stack(service.name, ManagementGroup::Session);
    let (index, module) = stack.ours().next()?;
    let error = module.options().err()?;
    let line = stack.lines.get(index)?;
    let what = messages::check_lines::session_option(service.name, error);
    Some(Finding::warning("option-wrong-session", &line.place, what, messages::check_lines::CORRECT_OPTION))
}

/// `require_step` refuses whoever passes by without a code: in a file that others include, that is
/// cron, su by root, and sudo with a ticket.
fn shared(service: &Service<'_>) -> Option<Finding> {
    let requires = ours(&service.account).into_iter().find(|(_, options)| options.require_step)?;
    let line = service.account.lines.get(requires.0)?;
    let users = others(service, &line.place.file);
    (!users.is_empty()).then(|| {
        Finding::error(
            "require-step-shared",
            &line.place,
            messages::check_lines::require_step_shared(service.name, &users.join(", ")),
            messages::check_lines::move_require_step(service.name),
        )
    })
}

fn others(service: &Service<'_>, file: &Path) -> Vec<String> {
    service.files.users_of(file).into_iter().filter(|user| user != service.name).collect()
}
