//! QR codes: drawn in the terminal, or as SVG.

use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
pub use twostep_core::qr::NotDrawn;
use twostep_core::qr::{self, Size};

use crate::environment::{Charset, Environment};

/// Lines below the drawing: the question that follows it.
const LINES_BELOW: usize = 1;

/// `text` as a drawing that fits the terminal, each line ended.
///
/// # Errors
/// Why there is none.
pub fn draw(text: &str, charset: Charset, environment: &Environment) -> Result<String, NotDrawn> {
    let available = Size { columns: environment.columns, lines: environment.rows.saturating_sub(LINES_BELOW) };
    qr::draw(text, charset, environment.color_mode, available)
}

/// `text` as an SVG picture.
///
/// # Errors
/// The text is too long.
pub fn picture(text: &str) -> Result<String, NotDrawn> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| NotDrawn::TooLong)?;
    let mut picture = code.render::<svg::Color>().min_dimensions(320, 320).build();
    picture.push('\n');
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_is_an_svg() {
        let picture = picture("otpauth://totp/web1:alice?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP").unwrap();
        assert!(picture.starts_with("<?xml") && picture.ends_with("</svg>\n"));
        assert!(!picture.contains("JBSW"));
        assert!(super::picture(&"x".repeat(3000)).is_err());
    }
}
