//! What a new device must know, for the one time that it is shown.

use host_check::dates;
use serde::Serialize;
use twostep_core::request::{Kind, Pending};

use crate::arguments::{QrChoice, Showing};
use crate::messages::account;
use crate::page::Page;
use crate::qr::{self, NotDrawn};
use crate::save;
use crate::trouble::Trouble;
use crate::view::Letters;

/// The key first and the drawing last, so that on a small screen the drawing stands complete above
/// the question.
pub fn key(page: &mut Page, pending: &Pending, showing: &Showing) -> Result<(), Trouble> {
    if let Some(path) = &showing.svg {
        let picture = qr::picture(pending.uri.expose()).map_err(|_| no_picture())?;
        save::write(path, &picture)?;
        page.say(&account::picture(path))?;
    }
    page.say(account::SCAN)?;
    page.entry("Issuer", &pending.issuer)?;
    page.entry("Account", &pending.account)?;
    page.entry("Key", pending.secret.in_groups(' ').expose())?;
    page.entry("Kind", &kind(pending))?;
    page.entry("Confirm until", &dates::hour(pending.expires_at))?;
    page.say("")?;
    draw(page, pending, showing.qr)
}

fn draw(page: &mut Page, pending: &Pending, choice: Option<QrChoice>) -> Result<(), Trouble> {
    let letters = match choice {
        Some(QrChoice::None) => return Ok(()),
        Some(QrChoice::Utf8) => Letters::Utf8,
        Some(QrChoice::Ascii) => Letters::Ascii,
        None => page.view.letters,
    };
    match qr::draw(pending.uri.expose(), letters, &page.view) {
        Ok(drawing) => page.draw(&drawing),
        Err(NotDrawn::TooNarrow { needs }) => page.say(&account::too_narrow(needs, page.view.columns, letters)),
        Err(NotDrawn::TooLong) => page.say(account::TOO_LONG_TO_DRAW),
    }
}

/// The same for a device that has its key already: nothing of it is repeated.
pub fn begun(page: &mut Page, pending: &Pending) -> Result<(), Trouble> {
    page.object(&Begun { label: &pending.label, expires_at: pending.expires_at })?;
    page.say(&format!("\nThe key is read: {}.", kind(pending)))
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

fn no_picture() -> Trouble {
    Trouble::here("file", account::NO_PICTURE)
}
