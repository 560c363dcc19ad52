//! The password of an account, as pam_unix's own small helper knows it.
//!
//! `unix_chkpwd USER nonull` (unix_chkpwd(8)) reads the password and a NUL byte from a pipe, serves root
//! for every user, and ends with PAM's result: 0 when it is right, 7 when it is wrong.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use twostep_core::enroll::Passwords;
use twostep_core::secret::{Secret, Typed};

/// Where distributions put it.
const PLACES: [&str; 3] = ["/usr/sbin/unix_chkpwd", "/sbin/unix_chkpwd", "/usr/lib/pam/unix_chkpwd"];
/// PAM_SUCCESS.
const RIGHT: i32 = 0;
/// PAM_AUTH_ERR.
const WRONG: i32 = 7;

/// Passwords of local accounts (passwd(5), shadow(5)).
pub struct LocalPasswords;

impl Passwords for LocalPasswords {
    fn is_right(&self, user: &str, password: &Typed) -> Result<bool, String> {
        let Some(program) = PLACES.into_iter().find(|place| Path::new(place).exists()) else {
            return Err("the password cannot be checked, since unix_chkpwd is missing; install pam_unix".to_owned());
        };
        match check(program, user, password) {
            Ok(Some(RIGHT)) => Ok(true),
            Ok(Some(WRONG)) => Ok(false),
            _ => Err(format!(
                "{program} cannot check the password of {user}; let an administrator enroll you: twostep enroll --user {user}"
            )),
        }
    }
}

fn check(program: &str, user: &str, password: &Typed) -> std::io::Result<Option<i32>> {
    if password.expose().contains('\0') {
        return Ok(Some(WRONG));
    }
    let mut child = Command::new(program)
        .args([user, "nonull"])
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let mut line = Vec::with_capacity(password.expose().len() + 1);
    line.extend_from_slice(password.expose().as_bytes());
    line.push(0);
    let line = Secret::new(line);
    if let Some(mut input) = child.stdin.take() {
        // One that ends without reading still says why by its status.
        let _ = input.write_all(line.expose());
    }
    Ok(child.wait()?.code())
}
