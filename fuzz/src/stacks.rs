//! Files of PAM: read as libpam reads them, walked, checked, and given our lines.

use std::path::Path;

use host_check::apply::{AnswerForm, Keys, LineStyle, edited};
use host_check::check::stacks::{Before, Service};
use pam_stacks::{Files, ManagementGroup};

/// The text between two such lines is a file; the first is the service's, the others are its includes.
const NEXT: &str = "\n---\n";
/// Longer ones say nothing more, and take long.
const LONGEST: usize = 1500;

/// Wherever a service's file is understood and has no second step, our lines go in so that the result is understood
/// too; or the reason is said why not.
pub fn stack(bytes: &[u8]) {
    let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= LONGEST) else { return };
    let names = ["sshd", "common-auth", "common-account", "other"];
    let files =
        names.iter().zip(text.split(NEXT)).fold(Files::below(Path::new("/nonexistent")), |files, (name, text)| {
            files.with(&Path::new("/etc/pam.d").join(name), text)
        });
    for phase in ManagementGroup::ALL {
        let _ = files.stack("sshd", phase);
    }
    let service = Service::new(&files, "sshd", Before::Nothing);
    for finding in service.findings() {
        assert!(!finding.what.is_empty());
    }
    for keys in [None, Some(Keys::WithCode), Some(Keys::Only)] {
        let form = AnswerForm::Question;
        let style = LineStyle { keys, enrolls: keys.is_some(), before: Before::Nothing, form, recent: None };
        if let Ok((path, text)) = edited(&files, "sshd", style) {
            let files = files.clone().with(&path, &text);
            assert!(Service::new(&files, "sshd", Before::Nothing).has_second_step(), "our lines are nowhere");
        }
    }
}
