//! `twostepd --password`: one conversation with PAM about one password, for the service. It opens no
//! account.

use std::fs::File;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{chdir, dup2_stdin, setsid};
use protocol::frame::{self, LONGEST_REQUEST, LONGEST_RESPONSE, Until, now};
use twostep_core::messages::service as messages;
use twostep_core::policy::PASSWORD_SERVICE;

use crate::caller::{Caller, Endpoint};
use crate::once::root_input;
use crate::passwords::{Question, Reply};

/// How long the question may take to come in, and the answer to go out.
const EXCHANGE: Duration = Duration::from_secs(2);

/// Answers the process at the other end of standard input.
///
/// # Errors
/// What to say to somebody who started this by hand, and to the log.
pub fn run() -> Result<(), String> {
    let stream = root_input()?;
    settle().map_err(|error| error.to_string())?;
    serve(&stream, |question| {
        let password = question.password.expose().as_bytes();
        if let Some(missing) = missing(Path::new("/")) {
            return Err(messages::password_service_missing(&missing));
        }
        pam_client::authenticate(PASSWORD_SERVICE, &question.user, password).map_err(|unclear| unclear.to_string())
    })
}

/// Reads one question of root's, and answers it.
fn serve(stream: &UnixStream, check: impl Fn(&Question) -> Reply) -> Result<(), String> {
    Caller::of(Endpoint::Login, stream).map_err(|_| messages::NOT_ROOT.to_owned())?;
    let question: Question = frame::receive(Until { stream, limit: now() + EXCHANGE }, LONGEST_REQUEST)
        .map_err(|_| messages::NOT_A_REQUEST.to_owned())?;
    let reply = check(&question);
    // The service does not wait for ever, and then nobody takes the answer.
    let _ = frame::send(Until { stream, limit: now() + EXCHANGE }, &reply, LONGEST_RESPONSE);
    Ok(())
}

/// The file of the PAM service that has to be there, and is not. libpam would take another service's.
fn missing(root: &Path) -> Option<PathBuf> {
    let file = root.join("etc/pam.d").join(PASSWORD_SERVICE);
    let (has_folder, vendor) = (root.join("etc/pam.d").is_dir(), root.join("usr/lib/pam.d").join(PASSWORD_SERVICE));
    (has_folder && !file.exists() && !vendor.exists()).then_some(file)
}

/// What modules find: no terminal, no connection of this program, a file of their own as standard input.
fn settle() -> std::io::Result<()> {
    dup2_stdin(File::open("/dev/null")?)?;
    umask(Mode::from_bits_truncate(0o077));
    chdir("/")?;
    // Refused to the leader of a session, who has one of its own.
    let _ = setsid();
    // A service that started it, and ends, takes it along.
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    // Its memory has seen a password.
    let _ = prctl::set_dumpable(false);
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::thread;

    use nix::unistd::geteuid;

    use super::*;

    fn serve_with(sent: &[u8]) -> (Result<(), String>, Option<Reply>) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (&ours).write_all(sent).unwrap();
        ours.shutdown(std::net::Shutdown::Write).unwrap();
        let process = thread::Builder::new().spawn(move || serve(&theirs, |question| Ok(question.user == "alice")));
        let served = process.unwrap().join().unwrap();
        (served, frame::receive(&ours, LONGEST_RESPONSE).ok())
    }

    fn frame_of(text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap().to_be_bytes();
        [&length, text.as_bytes()].concat()
    }

    #[test]
    fn a_service_that_pam_does_not_know_is_named() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(missing(root.path()), None, "a host with pam.conf alone");
        let folder = root.path().join("etc/pam.d");
        std::fs::create_dir_all(&folder).unwrap();
        assert_eq!(missing(root.path()), Some(folder.join("twostep-password")));
        std::fs::write(folder.join("twostep-password"), "").unwrap();
        assert_eq!(missing(root.path()), None);
    }

    #[test]
    fn root_alone_is_answered_and_a_question_alone() {
        let question = frame_of(r#"{"user":"alice","password":"open sesame"}"#);
        if !geteuid().is_root() {
            assert_eq!(serve_with(&question), (Err(messages::NOT_ROOT.to_owned()), None));
            return;
        }
        assert_eq!(serve_with(&question), (Ok(()), Some(Ok(true))));
        let not_a_request = (Err(messages::NOT_A_REQUEST.to_owned()), None);
        for wrong in ["", "alice", r#"{"user":"alice"}"#, r#"{"user":1,"password":"x"}"#] {
            assert_eq!(serve_with(&frame_of(wrong)), not_a_request, "{wrong}");
        }
        assert_eq!(serve_with(&question[..question.len() - 1]), not_a_request);
        assert_eq!(serve_with(&[0xff; 8]), not_a_request);
    }
}
