//! Devices that are no phone with a new key, as they were described.

use twostep_core::request::{Device, Kind};

use crate::arguments::DeviceFlags;
use crate::error::CommandError;
use crate::messages::account;
use crate::prompter::Echo;
use crate::session::Session;

/// The device, if anything was said of it. Its key comes from standard input, never from the
/// arguments, which everybody on the host can read.
pub fn read(session: &mut Session, flags: &DeviceFlags) -> Result<Option<Device>, CommandError> {
    if *flags == DeviceFlags::default() {
        return Ok(None);
    }
    let secret = if flags.secret_stdin { Some(session.prompter.answer(account::KEY, Echo::Hidden)?) } else { None };
    Ok(Some(Device {
        kind: if flags.hotp { Kind::Hotp } else { Kind::Totp },
        secret,
        algorithm: flags.algorithm.map(|name| name.to_string()),
        digits: flags.digits,
        period: flags.period,
        counter: flags.counter,
    }))
}
