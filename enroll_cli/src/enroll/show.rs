//! What a new device must know, for the one time that it is shown.

use host_check::dates;
use serde::Serialize;
use twostep_core::request::{Kind, Pending};

use crate::arguments::{QrChoice, Showing};
use crate::environment::Charset;
use crate::error::CommandError;
use crate::messages::account;
use crate::output::Output;
use crate::qr::{self, NotDrawn};
use crate::save;

/// The key first and the drawing last, so that on a small screen the drawing stands complete above
/// the question.
pub fn key(output: &mut Output, pending: &Pending, showing: &Showing) -> Result<(), CommandError> {
    if let Some(path) = &showing.svg {
        let picture = qr::picture(pending.uri.expose()).map_err(|_| no_picture())?;
        save::write(path, &picture)?;
        output.say(&account::picture(path))?;
    }
    output.say(account::SCAN)?;
    output.entry("Issuer", &pending.issuer)?;
    output.entry("Account", &pending.account)?;
    output.entry("Key", pending.secret.in_groups(' ').expose())?;
    output.entry("Kind", &kind(pending))?;
    output.entry("Confirm until", &dates::hour(pending.expires_at))?;
    output.say("")?;
    draw(output, pending, showing.qr)
}

fn draw(output: &mut Output, pending: &Pending, choice: Option<QrChoice>) -> Result<(), CommandError> {
    let charset = match choice {
        Some(QrChoice::None) => return Ok(()),
        Some(QrChoice::Utf8) => Charset::Utf8,
        Some(QrChoice::Ascii) => Charset::Ascii,
        None => output.environment.charset,
    };
    match qr::draw(pending.uri.expose(), charset, &output.environment) {
        Ok(drawing) => output.draw(&drawing),
        Err(NotDrawn::TooNarrow { needs }) => {
            output.say(&account::too_narrow(needs, output.environment.columns, charset))
        }
        Err(NotDrawn::TooLong) => output.say(account::TOO_LONG_TO_DRAW),
    }
}

/// The same for a device that has its key already: nothing of it is repeated.
pub fn begun(output: &mut Output, pending: &Pending) -> Result<(), CommandError> {
    output.object(&Begun { label: &pending.label, expires_at: pending.expires_at })?;
    output.say(&format!("\nThe key is read: {}.", kind(pending)))
}

/// A device that has its key already, as programs read it.
#[derive(Serialize)]
struct Begun<'a> {
    label: &'a str,
    expires_at: i64,
}

fn kind(pending: &Pending) -> String {
    let Pending { algorithm, digits, .. } = pending;
    match (pending.kind, pending.period, pending.counter) {
        (Kind::Totp, Some(period), _) => {
            format!("time-based, {algorithm}, {digits} digits, a new code every {period} seconds")
        }
        (_, _, counter) => {
            format!("counter-based, {algorithm}, {digits} digits, the next counter is {}", counter.unwrap_or(0))
        }
    }
}

fn no_picture() -> CommandError {
    CommandError::here("file", account::NO_PICTURE)
}
