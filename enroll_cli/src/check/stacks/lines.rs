//! Single lines: what libpam does not understand, what cannot be loaded, options, jumps.

use std::path::Path;

use super::{Service, ours, quoted};
use crate::check::Finding;
use crate::stack::{Line, Module, Phase, Stack, counted_elsewhere, unseen};

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
                format!("{}: libpam gives the service up and refuses everyone: {why}.", service.name),
                corrected(why, "Mend that line."),
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

fn of_line(service: &Service<'_>, line: &Line) -> Option<Finding> {
    let name = service.name;
    if let Some(mistake) = &line.mistake {
        let what = format!("{name}: libpam does not understand {} and fails there: {mistake}.", quoted(line));
        return Some(Finding::error("line-mistake", &line.place, what, corrected(&line.text, "Correct that line.")));
    }
    let module = line.module()?;
    if module.is_ours()
        && let Err(error) = module.options()
    {
        let what = format!("{name}: every login stops at our line: {error}.");
        return Some(Finding::error("option-wrong", &line.place, what, corrected(&line.text, "Correct that option.")));
    }
    if module.is_ours() && service.is_missing(line) {
        return Some(missing(service, line, module));
    }
    None
}

fn missing(service: &Service<'_>, line: &Line, module: &Module) -> Finding {
    let (name, written) = (service.name, &module.name);
    if service.files.module(written).is_some() {
        return Finding::error(
            "module-missing",
            &line.place,
            format!("{name}: {written} is no module for this kind of machine, so every login is refused."),
            format!("Write pam_twostep.so without a folder; the one in {} is meant then.", folder(service)),
        );
    }
    let remedy = if written == "pam_twostep.so" {
        format!("Install Twostep again; modules lie in {} here.", folder(service))
    } else {
        format!("Write pam_twostep.so, without a folder: PAM looks in {}.", folder(service))
    };
    let what = format!("{name}: {written} is not where PAM looks for modules, so every login is refused.");
    Finding::error("module-missing", &line.place, what, remedy)
}

/// What to do with a line, which may be wrong by what nobody sees in it.
fn corrected(text: &str, remedy: &str) -> String {
    unseen(text).map_or_else(|| remedy.to_owned(), |what| format!("Type it anew: it holds {what}."))
}

/// Lines whose module is ours but for a mistake in its name.
pub fn misspelled(service: &Service<'_>) -> Vec<Finding> {
    let session = service.files.stack(service.name, Phase::Session);
    let stacks = [&service.auth, &service.account, &session].into_iter().filter(|stack| !stack.is_other);
    let lines = stacks.flat_map(|stack| &stack.lines);
    let nearly = lines.filter(|line| line.module().is_some_and(Module::is_nearly_ours) && service.is_missing(line));
    nearly
        .map(|line| {
            let what = format!("{}: there is no such module as in {}.", service.name, quoted(line));
            Finding::error("module-misspelled", &line.place, what, corrected(&line.text, "Write pam_twostep.so in it."))
        })
        .collect()
}

/// Our lines in a service's own file, of which none asks for a code. What a shared file brings may be
/// meant for others.
pub fn without_auth(service: &Service<'_>) -> Option<Finding> {
    let session = service.files.stack(service.name, Phase::Session);
    let stacks = [&service.account, &session].into_iter().filter(|stack| !stack.is_other);
    let mut lines = stacks.flat_map(|stack| stack.ours().filter_map(|(index, _)| stack.lines.get(index)));
    let line = lines.find(|line| line.through.is_empty())?;
    Some(Finding::warning(
        "auth-line-missing",
        &line.place,
        format!("{}: none of our lines there is an auth line, so no code is asked.", service.name),
        format!("Take {} out; then sudo twostep admin apply {} writes both.", quoted(line), service.name),
    ))
}

fn folder(service: &Service<'_>) -> String {
    service
        .files
        .module_folder()
        .map_or_else(|| "a folder named security".to_owned(), |path| path.display().to_string())
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
            format!(
                "{}: {} counts lines of {}, so it lands elsewhere when that file changes, and past our line maybe.",
                service.name,
                quoted(line),
                elsewhere.place.file.display()
            ),
            "Write `substack` for what is jumped over (it counts as one line), or jump within one file.",
        )
    })
}

/// Our session line is there for notices: where it is not optional, or misspelled, it can refuse.
fn session(service: &Service<'_>) -> Option<Finding> {
    let stack = service.files.stack(service.name, Phase::Session);
    let (index, module) = stack.ours().next()?;
    let error = module.options().err()?;
    let line = stack.lines.get(index)?;
    let what = format!("{}: our session line is not understood: {error}.", service.name);
    Some(Finding::warning("option-wrong-session", &line.place, what, "Correct that option."))
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
            format!(
                "{}: require_step stands in a file that {} use too: it refuses everyone there who was asked for no code.",
                service.name,
                users.join(", ")
            ),
            format!("Move the line into /etc/pam.d/{}, and leave require_step out of shared files.", service.name),
        )
    })
}

fn others(service: &Service<'_>, file: &Path) -> Vec<String> {
    service.files.users_of(file).into_iter().filter(|user| user != service.name).collect()
}
