//! Who calls, and through which socket.

use std::os::unix::net::UnixStream;

use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;
use twostep_core::login::Peer;
use twostep_core::messages::service as messages;

/// Who the kernel cannot name (`/proc/sys/kernel/overflowuid`): a user of another user namespace.
const OVERFLOW: u32 = 65_534;

/// A socket of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    /// Logins of root's processes.
    Login,
    /// Root's commands.
    Admin,
    /// Everybody else.
    User,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Login, Self::Admin, Self::User];

    /// Its name in `FileDescriptorName=` of systemd.socket(5), and of its file without `.sock`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Admin => "admin",
            Self::User => "user",
        }
    }

    /// How many requests it serves at once.
    #[must_use]
    pub fn workers(self) -> usize {
        match self {
            Self::Login => 4,
            Self::Admin | Self::User => 2,
        }
    }
}

/// Who calls, as the kernel says it of the socket (SO_PEERCRED of unix(7)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// What of the request counts.
    pub peer: Peer,
    /// The process, for the log.
    pub pid: i32,
}

impl Caller {
    /// Who is at the other end, if they may use this socket.
    ///
    /// # Errors
    /// What to tell them.
    pub fn of(door: Endpoint, stream: &UnixStream) -> Result<Self, &'static str> {
        let peer = getsockopt(stream, PeerCredentials).map_err(|_| messages::NAMESPACE)?;
        let peer_of = |peer_is| Ok(Self { peer: peer_is, pid: peer.pid() });
        match (peer.uid(), door) {
            (0, _) => peer_of(Peer::Root),
            (OVERFLOW, _) => Err(messages::NAMESPACE),
            (uid, Endpoint::User) => peer_of(Peer::User(uid)),
            _ => Err(messages::ROOT_ONLY),
        }
    }

    /// The user that it runs as.
    #[must_use]
    pub fn uid(&self) -> u32 {
        match self.peer {
            Peer::Root => 0,
            Peer::User(uid) => uid,
        }
    }
}
