//! Every sentence about the logins of a host.

pub mod apply;
pub mod check_host;
pub mod check_installation;
pub mod check_lines;
pub mod check_remedies;
pub mod check_servers;
pub mod check_sshd;
pub mod check_stacks;
pub mod check_sudo;
pub mod plan;
pub mod rehearsal;
pub mod users;
