//! What was changed, kept whole, so that it can be undone by anybody at any time: by the command, by
//! the process that waits, by the unit at boot.
//!
//! A change is a folder of its own. It gets its name when all of it lies on the disk, and that is
//! before the first file is touched.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use twostep_core::store::files::STATE;

use super::place::{Content, sync_folder};
use crate::error::Error;
use crate::messages;

/// The name of the description in the folder of a change.
const DESCRIPTION: &str = "change.json";

/// How long somebody else may be at work: ten seconds.
const LOOKS: usize = 200;
const PACE: Duration = Duration::from_millis(50);

/// How a change stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It goes back by itself.
    Unconfirmed,
    /// It stays.
    Confirmed,
    /// It is undone.
    Reverted,
}

/// One change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Change {
    /// Its number, from 1.
    pub number: u32,
    /// How it stands.
    pub state: State,
    /// The services that it was for.
    pub services: Vec<String>,
    /// Who made it.
    pub by: String,
    /// When, in seconds since 1970.
    pub made_at: i64,
    /// In which life of the machine (`/proc/sys/kernel/random/boot_id`).
    pub boot: String,
    /// When it was in force, in hundredths of a second since that boot.
    pub applied_at: u64,
    /// The same moment as the kernel dates processes (`/proc/PID/stat`, the start time): what was started
    /// later may prove that it works. Nothing does until it is in force.
    pub started_after: Option<u64>,
    /// How many seconds it has to be confirmed.
    pub confirm_within: u64,
    /// Whether no login by its services opens a session in which it could be confirmed: then any does.
    #[serde(default)]
    pub opens_no_session: bool,
    /// The files, in the order in which they were changed.
    pub files: Vec<ChangedFile>,
}

/// A file of a change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangedFile {
    /// Where it is.
    pub path: PathBuf,
    /// What was there.
    pub before: Option<KeptContent>,
    /// What is there by the change.
    pub after: Option<KeptContent>,
}

/// A content, its bytes in a file of the change's folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeptContent {
    file: String,
    uid: u32,
    gid: u32,
    mode: u32,
}

/// A file that is to be changed, from what to what.
pub type FileChange = (PathBuf, Option<Content>, Option<Content>);

/// All changes of this host.
pub struct Journal {
    folder: PathBuf,
}

/// Nobody else changes anything meanwhile.
pub struct Alone(#[expect(dead_code, reason = "held until it is dropped")] Flock<File>);

impl Journal {
    /// The one of this host.
    pub fn of_host() -> Self {
        Self::at(&Path::new(STATE).join("changes"))
    }

    /// The one in this folder.
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Waits a little until nobody else changes anything.
    pub fn lock(&self) -> Result<Alone, Error> {
        for _ in 0..LOOKS {
            if let Some(alone) = self.try_lock()? {
                return Ok(alone);
            }
            sleep(PACE);
        }
        Err(Error::Failed("busy", messages::apply::BUSY.to_owned()))
    }

    /// Nobody else changes anything from now on; nothing if somebody does.
    pub fn try_lock(&self) -> Result<Option<Alone>, Error> {
        self.make().map_err(|error| self.failed(&error))?;
        let folder = File::open(&self.folder).map_err(|error| self.failed(&error))?;
        match Flock::lock(folder, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Some(Alone(lock))),
            Err((_, Errno::EWOULDBLOCK)) => Ok(None),
            Err((_, errno)) => Err(self.failed(&errno.into())),
        }
    }

    /// Whether a change has still to be confirmed.
    pub fn is_open(&self, change: &Change) -> Result<bool, Error> {
        Ok(self.read(change.number)?.state == State::Unconfirmed)
    }

    fn make(&self) -> io::Result<()> {
        if self.folder.is_dir() {
            return Ok(());
        }
        DirBuilder::new().mode(0o700).create(&self.folder).and_then(|()| sync_folder(&self.folder))
    }

    /// Every change, the oldest first. What cannot be read is not passed over: it may be the one that
    /// is to be undone.
    pub fn all(&self) -> Result<Vec<Change>, Error> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed(&error)),
        };
        let names = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let mut numbers = names.collect::<Vec<_>>();
        numbers.sort_unstable();
        numbers.into_iter().map(|number| self.read(number)).collect()
    }

    /// The same as the disk shows them, for who looks at them; what undoes them goes by the record, since a
    /// program may not have read again what is back.
    pub fn all_as_found(&self) -> Result<Vec<Change>, Error> {
        Ok(self.all()?.into_iter().map(|change| self.as_found(change)).collect())
    }

    /// A change whose files are all again what they were is undone, also where a full disk has kept that out of
    /// its record. One that is being made is not.
    fn as_found(&self, change: Change) -> Change {
        let is_back = |entry: &ChangedFile| {
            let before = entry.before.as_ref().map(|kept| self.content(&change, kept)).transpose();
            matches!((before, Content::read(&entry.path)), (Ok(before), Ok(found)) if before == found)
        };
        let is_undone = change.started_after.is_some() && change.files.iter().all(is_back);
        if is_undone { Change { state: State::Reverted, ..change } } else { change }
    }

    fn read(&self, number: u32) -> Result<Change, Error> {
        let path = self.place(number).join(DESCRIPTION);
        let text = fs::read(&path).map_err(|error| self.failed(&error))?;
        serde_json::from_slice(&text).map_err(|error| self.failed(&io::Error::from(error)))
    }

    fn place(&self, number: u32) -> PathBuf {
        self.folder.join(number.to_string())
    }

    /// Records a change that is about to be made.
    pub fn begin(
        &self,
        services: &[String],
        by: &str,
        confirm_within: u64,
        steps: &[FileChange],
    ) -> Result<Change, Error> {
        let number = self.all()?.last().map_or(1, |last| last.number + 1);
        let draft = self.folder.join(format!("{number}.new"));
        let _ = fs::remove_dir_all(&draft); // of one who was killed
        let recorded = DirBuilder::new().mode(0o700).create(&draft).and_then(|()| {
            let files = steps
                .iter()
                .enumerate()
                .map(|(index, step)| keep(&draft, index, step))
                .collect::<io::Result<Vec<_>>>()?;
            let change = Change {
                number,
                state: State::Unconfirmed,
                services: services.to_vec(),
                by: by.to_owned(),
                made_at: crate::host::now().0,
                boot: boot(),
                applied_at: hundredths_since_boot(),
                started_after: None,
                confirm_within,
                opens_no_session: false,
                files,
            };
            describe(&draft, &change)?;
            fs::rename(&draft, self.place(number))?;
            sync_folder(&self.place(number))?;
            Ok(change)
        });
        recorded.map_err(|error| self.failed(&error))
    }

    /// Records how a change stands now.
    pub fn record(&self, change: &Change) -> Result<(), Error> {
        describe(&self.place(change.number), change).map_err(|error| self.failed(&error))
    }

    /// A content that was kept.
    pub fn content(&self, change: &Change, kept: &KeptContent) -> io::Result<Content> {
        let bytes = fs::read(self.place(change.number).join(&kept.file))?;
        Ok(Content { bytes, uid: kept.uid, gid: kept.gid, mode: kept.mode })
    }

    /// Keeps what somebody else wrote into a file that is undone; where it is then.
    pub fn rescue(&self, change: &Change, path: &Path, found: &Content) -> io::Result<PathBuf> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let place = self.place(change.number).join(format!("found-{name}"));
        Content { mode: 0o600, uid: 0, gid: 0, ..found.clone() }.put(&place).map(|()| place)
    }

    fn failed(&self, error: &io::Error) -> Error {
        let place = self.folder.display();
        Error::Failed("journal", messages::apply::journal_failed(place, error))
    }
}

impl Change {
    /// Whether it has to go back: its time is over, or the machine was started again meanwhile.
    pub fn is_overdue(&self) -> bool {
        self.state == State::Unconfirmed && (self.boot != boot() || self.seconds_left() == 0)
    }

    /// Whether nobody can confirm it any more.
    pub fn has_to_go(&self) -> bool {
        self.is_overdue() || self.is_unfinished()
    }

    /// Whether it was never put in force as a whole. Where nobody holds the lock, its maker is gone.
    pub fn is_unfinished(&self) -> bool {
        self.state == State::Unconfirmed && self.started_after.is_none()
    }

    /// How many seconds it still has to be confirmed.
    pub fn seconds_left(&self) -> u64 {
        self.until().saturating_sub(hundredths_since_boot()).div_ceil(100)
    }

    /// How many seconds ago it had to be confirmed.
    pub fn seconds_over(&self) -> u64 {
        if self.boot == boot() { hundredths_since_boot().saturating_sub(self.until()) / 100 } else { u64::MAX }
    }

    fn until(&self) -> u64 {
        self.applied_at + self.confirm_within * 100
    }
}

/// Keeps both contents of a file.
fn keep(folder: &Path, index: usize, (path, before, after): &FileChange) -> io::Result<ChangedFile> {
    let kept = |word: &str, content: &Option<Content>| {
        let Some(content) = content else { return Ok(None) };
        let file = format!("{index}.{word}");
        Content {
            mode: 0o600,
            uid: nix::unistd::geteuid().as_raw(),
            gid: nix::unistd::getegid().as_raw(),
            ..content.clone()
        }
        .put(&folder.join(&file))?;
        Ok::<_, io::Error>(Some(KeptContent { file, uid: content.uid, gid: content.gid, mode: content.mode }))
    };
    Ok(ChangedFile { path: path.clone(), before: kept("before", before)?, after: kept("after", after)? })
}

fn describe(folder: &Path, change: &Change) -> io::Result<()> {
    let (uid, gid) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
    let content = Content { bytes: serde_json::to_vec_pretty(change)?, uid, gid, mode: 0o600 };
    content.put(&folder.join(DESCRIPTION))
}

/// Which life of the machine this is.
pub fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|text| text.trim().to_owned()).unwrap_or_default()
}

/// By the clock that also goes on while the machine sleeps.
pub fn hundredths_since_boot() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_BOOTTIME).ok();
    now.map_or(0, |time| u64::try_from(time.tv_sec() * 100 + time.tv_nsec() / 10_000_000).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(text: &str) -> Content {
        Content { mode: 0o640, ..Content::of_root(text) }
    }

    #[test]
    fn a_change_is_recorded_whole_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::at(&folder.path().join("changes"));
        let _alone = journal.lock().unwrap();
        let steps = [
            (PathBuf::from("/etc/pam.d/sshd"), Some(content("old")), Some(content("new"))),
            (PathBuf::from("/etc/new"), None, Some(content("x"))),
        ];
        let change = journal.begin(&["sshd".to_owned()], "alice", 300, &steps).unwrap();
        assert_eq!((change.number, change.state, change.seconds_left() > 298), (1, State::Unconfirmed, true));
        let read = journal.all().unwrap().remove(0);
        assert_eq!(journal.content(&read, read.files[0].before.as_ref().unwrap()).unwrap(), content("old"));
        assert_eq!(journal.content(&read, read.files[1].after.as_ref().unwrap()).unwrap(), content("x"));
        assert!(read.files[1].before.is_none());
        journal.record(&Change { state: State::Confirmed, ..read }).unwrap();
        assert_eq!(journal.all().unwrap()[0].state, State::Confirmed);
        assert_eq!(journal.begin(&[], "alice", 1, &[]).unwrap().number, 2);
    }

    #[test]
    fn a_change_of_an_earlier_boot_or_whose_time_is_over_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::at(&folder.path().join("changes"));
        let _alone = journal.lock().unwrap();
        let change = journal.begin(&[], "alice", 300, &[]).unwrap();
        assert!(!change.is_overdue());
        assert!(Change { boot: "another".to_owned(), ..change.clone() }.is_overdue());
        assert!(Change { confirm_within: 0, ..change.clone() }.is_overdue());
        assert!(!Change { confirm_within: 0, state: State::Confirmed, ..change }.is_overdue());
    }

    #[test]
    fn a_change_that_cannot_be_read_is_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::at(folder.path());
        journal.begin(&[], "alice", 300, &[]).unwrap();
        fs::write(folder.path().join("1").join(DESCRIPTION), "{").unwrap();
        assert!(journal.all().unwrap_err().to_string().contains("cannot be used"));
    }
}
