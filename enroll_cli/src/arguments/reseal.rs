//! `twostep admin reseal`: its flags.

use clap::Args;

use crate::keys::Protection;

/// What is to become of the sealing key.
#[derive(Debug, Args)]
pub struct Reseal {
    /// What keeps it from now on
    #[arg(long, value_enum, value_name = "WHAT", conflicts_with = "print_key")]
    pub protect: Option<Protection>,
    /// Print the key for a safe, and change nothing
    #[arg(long)]
    pub print_key: bool,
    /// Give the host a printed key back; it is asked, or read as a line of standard input
    #[arg(long, conflicts_with = "print_key")]
    pub restore_key: bool,
}

pub const EXAMPLES: &str = "\
Examples:
  sudo twostep admin reseal
  sudo twostep admin reseal --protect tpm2
  sudo twostep admin reseal --print-key
  sudo twostep admin reseal --restore-key --protect file

The secrets of all phones are sealed by one key. This makes a new one and seals \
every account by it, while logins and enrollments go on. Broken off at any point it \
has broken nothing: run it again.";
