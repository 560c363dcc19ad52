//! What a program did not let us say. sudo wants no messages (`PAM_SILENT`), but shows every question: what
//! its person was to read of a refusal stands before the next question in the same handle.

use std::ffi::{CStr, CString};

use protocol::secret::Typed;

use crate::ffi::PamCall;

const KEY: &CStr = c"pam_twostep_unsaid";

/// Keeps it. Where libpam has no memory for it, it stays unsaid.
pub fn keep(host: &PamCall<'_>, user: &str, text: &str) {
    let _ = host.remember(KEY, CString::new(format!("{user}\n{text}")).ok().as_deref());
}

/// The question, and before it what was kept for this user. It is said once.
pub fn before(host: &PamCall<'_>, user: &str, question: &str) -> Typed {
    let kept = host.remembered(KEY);
    let text = kept.as_deref().and_then(|kept| kept.split_once('\n')).filter(|(whom, _)| *whom == user);
    Typed::new(match text {
        Some((_, text)) => {
            let _ = host.remember(KEY, None);
            format!("{text}\n{question}")
        }
        None => question.to_owned(),
    })
}
