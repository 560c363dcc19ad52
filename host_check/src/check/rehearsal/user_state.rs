//! What the host says of a user beside the second step: in shadow(5), passwd(5) and nologin(5).

use std::fs;
use std::path::{Path, PathBuf};

use nix::unistd::User;
use twostep_core::username::Person;

use crate::check::stacks::Known;
use crate::host::is_shell;

/// Where either file lets nobody in but root.
const NOLOGIN: [&str; 2] = ["/etc/nologin", "/run/nologin"];
const SHADOW: &str = "/etc/shadow";
/// Seconds of a day, in which shadow(5) counts.
const DAY: i64 = 86_400;

/// What the host says of a user.
#[derive(Debug, Default)]
pub struct UserState {
    /// What modules of PAM make of it.
    pub known: Known,
    /// What stands in place of a shell, and ends every session at once.
    pub no_shell: Option<PathBuf>,
}

impl UserState {
    /// That of this user, at this moment (seconds since 1970).
    pub fn of(person: &Person, now: i64) -> Self {
        let user = person.name.as_str();
        let shadow = fs::read_to_string(SHADOW).unwrap_or_default();
        let is_closed = person.uid != 0 && NOLOGIN.iter().any(|path| Path::new(path).exists());
        let shell = User::from_name(user).ok().flatten().map(|entry| entry.shell);
        let no_shell = shell.filter(|shell| !is_shell(&shell.to_string_lossy()));
        Self { known: Known { is_closed, ..known(&shadow, user, now) }, no_shell }
    }
}

/// What the line of this user in shadow(5) says, if there is one.
fn known(shadow: &str, user: &str, now: i64) -> Known {
    let fields = |line: &str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
    let Some(line) = shadow.lines().map(fields).find(|line| line.first().is_some_and(|name| name == user)) else {
        return Known::default();
    };
    let day_of_expiry = line.get(7).and_then(|field| field.parse::<i64>().ok());
    Known {
        is_locked: line.get(1).is_some_and(|hash| hash.starts_with(['!', '*'])),
        is_expired: day_of_expiry.is_some_and(|day| day >= 0 && now >= day * DAY),
        ..Known::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locked_and_expired_accounts_are_known() {
        let shadow =
            "root:*:19000:0:99999:7:::\nalice:$6$x:19000:0:99999:7::19500:\nbob:!$6$x:19000:0:99999:7::-1:\ncarol:";
        let is = |user, day| {
            let known = known(shadow, user, day * DAY);
            (known.is_locked, known.is_expired)
        };
        assert_eq!((is("alice", 19_499), is("alice", 19_500)), ((false, false), (false, true)));
        assert_eq!((is("bob", 30_000), is("root", 30_000)), ((true, false), (true, false)));
        assert_eq!((is("carol", 30_000), is("nobody-here", 30_000)), ((false, false), (false, false)));
    }
}
