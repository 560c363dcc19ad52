//! Modules that decide by conditions and ask nothing, run by themselves for the user of a login: what they would
//! return is known then, and not taken for granted.

use pam_stacks::{Code, ManagementGroup, Module};

use crate::apply;
use crate::check::stacks::Service;

/// Modules that only look: at the user, at files, at the time.
const LOOKING: [&str; 7] =
    ["pam_access", "pam_listfile", "pam_localuser", "pam_shells", "pam_succeed_if", "pam_time", "pam_usertype"];

/// Words in arguments that depend on what a rehearsal does not have: a terminal, the calling user.
const NOT_HERE: [&str; 3] = ["tty", "ruser", "use_uid"];

/// What each of these modules in the service's stacks returns for this user. What could not be run is left out.
pub fn decided(service: &Service<'_>, user: &str, from: Option<&str>) -> Vec<(ManagementGroup, Module, Code)> {
    let phases = [ManagementGroup::Auth, ManagementGroup::Account];
    let lines = phases.into_iter().flat_map(|phase| service.stack(phase).lines.iter().map(move |line| (phase, line)));
    let modules = lines.filter_map(|(phase, line)| Some((phase, line.module()?)));
    let looking = modules.filter(|(_, module)| is_sure(module, from));
    let run = looking.filter_map(|(phase, module)| {
        let code = apply::module_returns(module, phase, (user, service.name), from)?;
        Some((phase, module.clone(), code))
    });
    run.collect()
}

/// Whether it decides by what is known here. pam_access goes by the address, or else by the terminal.
fn is_sure(module: &Module, from: Option<&str>) -> bool {
    let words = module.arguments.join(" ");
    let needs_address = module.stem() == "pam_access" || words.contains("rhost");
    LOOKING.contains(&module.stem())
        && !NOT_HERE.iter().any(|word| words.contains(word))
        && (from.is_some() || !needs_address)
}
