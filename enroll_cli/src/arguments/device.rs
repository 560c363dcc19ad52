//! The flags of new authenticators: how they are shown, and what they are.

use std::fmt;
use std::path::PathBuf;

use clap::ValueEnum;

/// What takes the place of which authenticator.
#[derive(Debug, Default, clap::Args)]
pub struct Replace {
    /// Which one; may be left out when there is only one
    pub label: Option<String>,
    /// Also make new recovery codes; without it the old ones stay
    #[arg(long)]
    pub new_codes: bool,
    /// How it is shown.
    #[command(flatten)]
    pub showing: Showing,
    /// Whose account (root only, and then needed)
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// What it is, if it is not an app with a new key.
    #[command(flatten)]
    pub device: DeviceFlags,
}

/// How a new authenticator and its recovery codes are shown.
#[derive(Debug, Default, clap::Args)]
pub struct Showing {
    /// How to draw the QR code; without it: what the terminal can show
    #[arg(long, value_name = "STYLE")]
    pub qr: Option<QrChoice>,
    /// Also write the QR code to this new file, as SVG
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Write the recovery codes to this new file
    #[arg(long, value_name = "FILE")]
    pub save_codes: Option<PathBuf>,
}

/// What a device is. What is not said is as the configuration has it.
#[derive(Debug, Default, Clone, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Hardware tokens and keys of your own")]
pub struct DeviceFlags {
    /// It counts its codes (HOTP, RFC 4226) instead of going by the time
    #[arg(long)]
    pub hotp: bool,
    /// The counter of its next code; without it: 0
    #[arg(long, value_name = "NUMBER", requires = "hotp")]
    pub counter: Option<u64>,
    /// It has its own key: the first line of standard input, base32 or hexadecimal
    #[arg(long, conflicts_with_all = ["qr", "svg"])]
    pub secret_stdin: bool,
    /// The HMAC of its codes
    #[arg(long, value_name = "NAME")]
    pub algorithm: Option<AlgorithmName>,
    /// Digits of its codes
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(6..=8))]
    pub digits: Option<u8>,
    /// Seconds for which it shows a code: 30 or 60
    #[arg(long, value_name = "SECONDS", conflicts_with = "hotp", value_parser = period)]
    pub period: Option<u64>,
}

/// An HMAC, as devices name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AlgorithmName {
    /// HMAC-SHA-1
    #[value(name = "SHA1")]
    Sha1,
    /// HMAC-SHA-256
    #[value(name = "SHA256")]
    Sha256,
    /// HMAC-SHA-512
    #[value(name = "SHA512")]
    Sha512,
}

impl fmt::Display for AlgorithmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
        })
    }
}

fn period(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(seconds @ (30 | 60)) => Ok(seconds),
        _ => Err("it is 30 or 60".to_owned()),
    }
}

/// How a QR code is drawn in the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum QrChoice {
    /// Half blocks: two rows of the code in a line
    Utf8,
    /// Two columns for each dot, for terminals without UTF-8
    Ascii,
    /// No drawing, only the key to type
    None,
}
