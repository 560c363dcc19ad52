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
use pam_client::Trial;
use pam_stacks::{Code, Files, ManagementGroup, Module};
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
    match code_of(service, &folder, &[])? {
        Some(code) if code == i32::from(NO_TRIAL) => Ok(()),
        Some(0) => Err(refused(service, messages::plan::LETS_ANYBODY_IN.to_owned())),
        Some(code) if REFUSED.contains(&code) => Ok(()),
        Some(code) => Err(refused(service, messages::plan::libpam_failed(code))),
        None => Err(refused(service, messages::plan::CRASHED.to_owned())),
    }
}

/// What one module returns for a user of a service, if it can be said: in a stack that has nothing else.
pub fn module_returns(
    module: &Module,
    phase: ManagementGroup,
    (user, service): (&str, &str),
    rhost: Option<&str>,
) -> Option<Code> {
    let folder = Folder::new().ok()?;
    let as_word = |word: &String| {
        if word.contains([' ', '\t']) { format!("[{}]", word.replace(']', "\\]")) } else { word.clone() }
    };
    let arguments = module.arguments.iter().map(as_word).collect::<Vec<_>>().join(" ");
    let line = format!("{} required {} {arguments}\n", phase.word(), module.name);
    fs::write(folder.0.join(service), line).ok()?;
    let mut options = vec!["--user", user];
    options.extend(rhost.map(|rhost| ["--rhost", rhost]).into_iter().flatten());
    options.extend((phase == ManagementGroup::Account).then_some("--account"));
    let code = code_of(service, &folder, &options).ok()??;
    Code::numbered(code).filter(|code| *code != Code::MODULE_UNKNOWN)
}

/// The exit status of the process that tries; `None` if a signal ended it.
fn code_of(service: &str, folder: &Folder, options: &[&str]) -> Result<Option<i32>, Error> {
    let program = std::env::current_exe()?;
    let child = Command::new(program)
        .args(["admin", "trial", service])
        .arg(&folder.0)
        .args(options)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Ok(waited(child?)?.and_then(|status| status.code()))
}

fn refused(service: &str, why: String) -> Error {
    Error::Failed("trial", messages::plan::trial(service, &why))
}

/// What the process that tries does: it ends with libpam's code. Without a user it has root's rights, as a setuid
/// program that somebody else started.
pub fn run(service: &str, folder: &str, (user, rhost): (Option<&str>, Option<&str>), is_account: bool) -> u8 {
    let someone = setresuid(Uid::from_raw(NOT_ROOT), Uid::from_raw(0), Uid::from_raw(0));
    let Ok(wrong) = Secret::random(WRONG_BYTES) else { return NO_TRIAL };
    if user.is_none() && someone.is_err() {
        return NO_TRIAL;
    }
    let password = crockford::encoded(wrong.expose());
    let user = user.unwrap_or(NOBODY);
    let trial = Trial { service, folder, user, rhost, is_account, password: password.expose().as_bytes() };
    match pam_client::trial(&trial) {
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
