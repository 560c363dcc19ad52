//! The sealing key as a credential of systemd: only this host opens it, with its own key or its TPM.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use clap::ValueEnum;
use twostep_core::seal::SealKey;
use twostep_core::secret::Secret;

use crate::error::CommandError;
use crate::messages;

/// The program.
const PROGRAM: &str = "systemd-creds";
/// What the credential is called; one of another name does not open in its place.
const NAME: &str = "--name=twostep-seal.key";

/// What keeps the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Protection {
    /// A file that root reads
    File,
    /// This host's own key, and its TPM where it has one
    Host,
    /// This host's own key and its TPM
    Tpm2,
}

/// Seals keys for this host. The TPM is bound to no register: none that an update of firmware, boot
/// loader or kernel changes may shut everyone out.
pub fn seal(key: &SealKey, protection: Protection) -> Result<String, CommandError> {
    let with = match (protection, has_tpm()) {
        (Protection::Tpm2, false) => {
            let text = messages::keys::NO_TPM;
            return Err(CommandError::here("no_tpm", text));
        }
        (_, true) => ["--with-key=host+tpm2", "--tpm2-pcrs="].as_slice(),
        (_, false) => &["--with-key=host"],
    };
    let out = run(&[with, &[NAME, "encrypt", "-", "-"]].concat(), Some(&key.to_bytes()))?;
    String::from_utf8(out.stdout).map_err(|_| refused(messages::keys::SEALED_NO_TEXT))
}

/// Opens what [`seal`] made here.
pub fn open(path: &Path) -> Result<SealKey, CommandError> {
    let path = path.to_str().ok_or_else(|| refused(messages::keys::NO_NAME))?;
    let bytes = Secret::new(run(&[NAME, "decrypt", path, "-"], None)?.stdout);
    SealKey::new(bytes).map_err(|error| refused(&error.to_string()))
}

fn has_tpm() -> bool {
    let asked = Command::new(PROGRAM).arg("has-tpm2").stdin(Stdio::null()).output();
    asked.is_ok_and(|output| output.status.success())
}

fn run(arguments: &[&str], input: Option<&Secret>) -> Result<Output, CommandError> {
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    let child =
        Command::new(PROGRAM).args(arguments).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child =
        child.map_err(|error| CommandError::here("no_systemd_creds", messages::keys::no_systemd_creds(&error)))?;
    if let (Some(bytes), Some(mut pipe)) = (input, child.stdin.take()) {
        // A program that reads nothing says why it does not.
        let _ = pipe.write_all(bytes.expose());
    }
    let output = child.wait_with_output().map_err(|error| refused(&error.to_string()))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(refused(said.lines().last().unwrap_or(messages::keys::NO_REASON)))
}

fn refused(why: &str) -> CommandError {
    CommandError::here("not_unsealed", messages::keys::refused(why.trim_end_matches('.')))
}
