//! A new stack, tried by libpam itself before it is in force: whether its modules can be loaded, and
//! whether it refuses somebody who does not know the password.
//!
//! The modules run in a process of their own, which may crash or hang.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::Duration;

use nix::unistd::{Uid, setresuid};
use pam_stacks::{Files, ManagementGroup};
use twostep_core::crockford;
use twostep_core::secret::Secret;

use super::place::Content;
use crate::error::Error;
use crate::messages;

/// A user whom every host has in its own files, so that no directory is asked for a name that nobody has, and who
/// never logs in, so that a failure that is counted harms no one.
const NOBODY: &str = "nobody";
/// Random bytes of a password that is not the right one.
const WRONG_BYTES: usize = 16;

/// Whose process the trial is, as far as modules ask. pam_rootok lets in whom root started, and in the
/// services that have it, such as su, others are asked.
const NOT_ROOT: u32 = 65_534;

/// pam_unix waits two seconds after a failure; nothing waits longer than half a minute.
const LOOKS: usize = 1500;
const PACE: Duration = Duration::from_millis(20);

/// What libpam returns when somebody was refused, and nothing else was wrong: `PAM_PERM_DENIED`,
/// `PAM_AUTH_ERR`, `PAM_CRED_INSUFFICIENT`, `PAM_AUTHINFO_UNAVAIL`, `PAM_USER_UNKNOWN`, `PAM_MAXTRIES`,
/// `PAM_CONV_ERR`, and, from a line that asks for the password, `PAM_AUTHTOK_ERR` and
/// `PAM_AUTHTOK_RECOVERY_ERR`.
const REFUSED: [i32; 9] = [6, 7, 8, 9, 10, 11, 19, 20, 21];

/// Exit statuses of the process that tries: these, and that of libpam plus the last.
const NO_TRIAL: u8 = 100;

/// Tries the stack of a service as these files have it. What it cannot try is no reason against it.
pub fn trial(files: &Files, service: &str) -> Result<(), Error> {
    let folder = Folder::new()?;
    copied(files, service, &folder.0)?;
    let program = std::env::current_exe()?;
    let child = Command::new(program)
        .args(["admin", "trial", service])
        .arg(&folder.0)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let status = waited(child?)?;
    match status.and_then(|status| status.code()) {
        Some(code) if code == i32::from(NO_TRIAL) => Ok(()),
        Some(0) => Err(refused(service, messages::plan::LETS_ANYBODY_IN.to_owned())),
        Some(code) if REFUSED.contains(&code) => Ok(()),
        Some(code) => Err(refused(service, messages::plan::libpam_failed(code))),
        None => Err(refused(service, messages::plan::CRASHED.to_owned())),
    }
}

fn refused(service: &str, why: String) -> Error {
    Error::Failed("trial", messages::plan::trial(service, &why))
}

/// What the process that tries does: it ends with libpam's code. It has root's rights, as a setuid
/// program that somebody else started.
pub fn run(service: &str, folder: &str) -> u8 {
    if setresuid(Uid::from_raw(NOT_ROOT), Uid::from_raw(0), Uid::from_raw(0)).is_err() {
        return NO_TRIAL;
    }
    let Ok(wrong) = Secret::random(WRONG_BYTES) else { return NO_TRIAL };
    match pam_client::trial(service, NOBODY, folder, crockford::encoded(wrong.expose()).expose().as_bytes()) {
        Ok(code) => u8::try_from(code).unwrap_or(NO_TRIAL - 1),
        Err(_) => NO_TRIAL,
    }
}

/// Waits, and ends what does not end.
fn waited(mut child: std::process::Child) -> Result<Option<ExitStatus>, Error> {
    for _ in 0..LOOKS {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        sleep(PACE);
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// A folder that only root can enter, and that goes when it is not needed any more.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Result<Self, Error> {
        let name = format!("twostep-trial-{}", std::process::id());
        let path = Path::new("/run").join(name);
        let _ = fs::remove_dir_all(&path); // of one who was killed
        std::os::unix::fs::DirBuilderExt::mode(&mut fs::DirBuilder::new(), 0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The lines of the auth phase, unfolded: an include by its bare name would lead to the files in force.
/// Substacks stay, each as a file of its own.
fn copied(files: &Files, service: &str, folder: &Path) -> Result<(), Error> {
    let stack = files.stack(service, ManagementGroup::Auth);
    let mut texts = vec![String::new()];
    let mut open = vec![0];
    for line in &stack.lines {
        open.truncate(line.level + 1);
        if line.level >= open.len() {
            open.push(texts.len() - 1);
        }
        let into = open.last().copied().unwrap_or(0);
        let text = if line.runs == pam_stacks::Runs::Substack {
            texts.push(String::new());
            let name = folder.join(format!("substack-{}", texts.len() - 1));
            format!("auth substack {}\n", name.display())
        } else {
            // It lets in root, as whom this is tried.
            format!("{}\n", line.text.replace("pam_rootok.so", "pam_deny.so"))
        };
        if let Some(file) = texts.get_mut(into) {
            file.push_str(&text);
        }
    }
    for (index, text) in texts.iter().enumerate() {
        let name = if index == 0 { service.to_owned() } else { format!("substack-{index}") };
        Content::of_root(text).put(&folder.join(name))?;
    }
    Ok(())
}
