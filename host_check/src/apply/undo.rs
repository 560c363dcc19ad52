//! Undoing a change, file by file, byte for byte.

use std::path::PathBuf;

use serde::Serialize;
use twostep_core::audit::{Audit, Line};

use super::journal::{Change, ChangedFile, Journal, State};
use super::place::{Content, relabel, set};
use super::programs::reload_sshd;
use crate::error::Error;
use crate::messages;

/// What was undone.
#[derive(Debug, Serialize)]
pub struct Undone {
    /// The number of the change.
    pub change: u32,
    /// The files that are again what they were.
    pub restored: Vec<PathBuf>,
    /// Where the content of files lies that somebody else had changed meanwhile.
    pub kept: Vec<PathBuf>,
    /// What could not be undone, a sentence each.
    pub failed: Vec<String>,
    /// Why it could not be recorded, if all of it was undone and the record could not be written.
    pub unrecorded: Option<String>,
}

/// Undoes a change, the last file first. Each is tried: one that fails keeps no other from it, and
/// the change stays one to undo. The journal is locked.
pub fn undo(journal: &Journal, change: &Change, why: &str, audit: &dyn Audit) -> Result<Undone, Error> {
    let mut undone =
        Undone { change: change.number, restored: Vec::new(), kept: Vec::new(), failed: Vec::new(), unrecorded: None };
    for entry in change.files.iter().rev() {
        match restore(journal, change, entry) {
            Ok(rescued) => {
                undone.restored.push(entry.path.clone());
                undone.kept.extend(rescued);
            }
            Err(error) => undone.failed.push(messages::apply::not_put_back(entry.path.display(), error)),
        }
    }
    relabel(undone.restored.iter().map(PathBuf::as_path));
    if change.files.iter().any(|entry| entry.path.starts_with("/etc/ssh")) {
        undone.failed.extend(reload_sshd().err());
    }
    let line = Line::new("change-reverted").with("change", change.number).with("by", &change.by).with("why", why);
    audit.record(&line.with("files", undone.restored.len()).with("failed", undone.failed.len()).finish());
    if undone.failed.is_empty() {
        let recorded = journal.record(&Change { state: State::Reverted, ..change.clone() });
        undone.unrecorded = recorded.err().map(|error| error.to_string());
    }
    Ok(undone)
}

/// Puts back what was there; what somebody else wrote meanwhile is kept beside the change.
fn restore(journal: &Journal, change: &Change, entry: &ChangedFile) -> std::io::Result<Option<PathBuf>> {
    let of = |kept: &Option<_>| kept.as_ref().map(|kept| journal.content(change, kept)).transpose();
    let (before, after) = (of(&entry.before)?, of(&entry.after)?);
    let found = Content::read(&entry.path)?;
    if found == before {
        return Ok(None);
    }
    let rescued = match &found {
        Some(found)
            if Some(&found.bytes) != after.as_ref().map(|after| &after.bytes)
                && Some(&found.bytes) != before.as_ref().map(|before| &before.bytes) =>
        {
            Some(journal.rescue(change, &entry.path, found)?)
        }
        _ => None,
    };
    set(&entry.path, before.as_ref())?;
    Ok(rescued)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// No log.
    struct Silent;

    impl Audit for Silent {
        fn record(&self, _: &str) {}
    }

    fn applied(text: Option<&str>) -> (tempfile::TempDir, Journal, Change, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::at(&folder.path().join("changes"));
        drop(journal.lock().unwrap());
        let path = folder.path().join("sshd");
        let (uid, gid) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
        let content = |text: &str| Content { bytes: text.as_bytes().to_vec(), uid, gid, mode: 0o644 };
        let (before, after) = (text.map(content), Some(content("new")));
        set(&path, before.as_ref()).unwrap();
        let change =
            journal.begin(&["sshd".to_owned()], "alice", 300, &[(path.clone(), before, after.clone())]).unwrap();
        set(&path, after.as_ref()).unwrap();
        (folder, journal, change, path)
    }

    #[test]
    fn what_was_there_is_there_again_and_what_was_not_is_gone() {
        let (_folder, journal, change, path) = applied(Some("old"));
        let undone = undo(&journal, &change, "test", &Silent).unwrap();
        assert_eq!((fs::read(&path).unwrap(), undone.kept.len()), (b"old".to_vec(), 0));
        assert_eq!(journal.all().unwrap()[0].state, State::Reverted);
        let (_folder, journal, change, path) = applied(None);
        undo(&journal, &change, "test", &Silent).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_change_that_was_never_made_or_is_undone_already_is_left_alone() {
        let (_folder, journal, change, path) = applied(Some("old"));
        fs::write(&path, "old").unwrap();
        assert_eq!(undo(&journal, &change, "test", &Silent).unwrap().failed, [""; 0]);
        undo(&journal, &change, "again", &Silent).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }

    #[test]
    fn a_change_whose_files_are_back_is_undone_whatever_its_record_says() {
        let (_folder, journal, change, path) = applied(Some("old"));
        let state = || journal.all_as_found().unwrap()[0].state;
        fs::write(&path, "old").unwrap();
        assert_eq!(state(), State::Unconfirmed, "it is being made");
        journal.record(&Change { started_after: Some(1), ..change.clone() }).unwrap();
        assert_eq!(state(), State::Reverted);
        // sshd may not have read again what is back, so what undoes changes still finds it.
        assert_eq!(journal.all().unwrap()[0].state, State::Unconfirmed);
        journal.record(&Change { started_after: Some(1), state: State::Confirmed, ..change }).unwrap();
        assert_eq!(state(), State::Reverted);
        fs::write(&path, "theirs").unwrap();
        assert_eq!(state(), State::Confirmed);
    }

    #[test]
    fn what_somebody_else_wrote_is_kept() {
        let (_folder, journal, change, path) = applied(Some("old"));
        fs::write(&path, "theirs").unwrap();
        let undone = undo(&journal, &change, "test", &Silent).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read(&undone.kept[0]).unwrap(), b"theirs");
    }

    #[test]
    fn what_cannot_be_undone_is_told_and_tried_again() {
        let (_folder, journal, change, path) = applied(Some("old"));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(undo(&journal, &change, "test", &Silent).unwrap().failed.len(), 1);
        assert_eq!(journal.all().unwrap()[0].state, State::Unconfirmed);
        fs::remove_dir(&path).unwrap();
        assert_eq!(undo(&journal, &change, "test", &Silent).unwrap().failed, [""; 0]);
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }
}
