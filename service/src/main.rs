//! `twostepd`: the only program that touches accounts. It answers logins and commands.

#![forbid(unsafe_code)]

use std::io::{Write, stderr, stdout};
use std::path::Path;
use std::process::ExitCode;

mod answer;
mod at_work;
mod broken;
mod caller;
mod conversation;
mod leave;
mod log;
mod login;
mod lookup;
mod once;
mod passwords;
mod resident;
mod server;
mod sockets;
mod threads;
mod waiting;

use passwords::PasswordProcess;
use sockets::Sockets;

/// Where the sockets are that it makes by itself.
const FOLDER: &str = "/run/twostep";
const USAGE: &str = "usage: twostepd             serve the sockets that systemd passes
       twostepd --listen    make the sockets in /run/twostep and serve them
       twostepd --once      answer the request that comes on standard input
       twostepd --password  check the password that comes on standard input
       twostepd --events    list the events that are logged, with severity and MESSAGE_ID
";
/// What a program ends with that was called in the wrong way.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    broken::be_silent();
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(|argument| argument.to_str().unwrap_or_default()).collect();
    let ran = match arguments.as_slice() {
        [] => Sockets::from_systemd(&socket_names()).and_then(|sockets| resident::run(sockets, PasswordProcess::Unit)),
        ["--listen"] => {
            Sockets::make(Path::new(FOLDER)).and_then(|sockets| resident::run(sockets, PasswordProcess::Child))
        }
        [protocol::client::ONCE] => once::run(),
        [protocol::client::PASSWORD] => conversation::run(),
        ["--events"] => stdout().write_all(log::events::table().as_bytes()).map_err(|error| error.to_string()),
        _ => {
            let _ = stderr().write_all(USAGE.as_bytes());
            return ExitCode::from(MISUSED);
        }
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(stderr(), "twostepd: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What systemd calls the sockets that it passes (sd_listen_fds_with_names(3)).
#[expect(clippy::disallowed_methods, reason = "a program's main reads the environment")]
fn socket_names() -> String {
    std::env::var("LISTEN_FDNAMES").unwrap_or_default()
}
