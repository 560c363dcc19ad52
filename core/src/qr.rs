//! QR codes (ISO/IEC 18004) drawn with characters.

use qrcode::{Color, EcLevel, QrCode};

pub use protocol::options::Charset;

/// Light dots on each side, as ISO/IEC 18004 asks for.
const QUIET: usize = 4;

/// What cameras still read, where more would scroll a part of the code away.
const LEAST_QUIET: usize = 2;

/// Whether a drawing has colors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorMode {
    /// Explicit colors, which make a QR code readable on a dark and on a light terminal.
    Colors,
    /// None.
    Plain,
}

/// Where a drawing has to fit.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Columns.
    pub columns: usize,
    /// Lines.
    pub lines: usize,
}

impl Size {
    /// As much as the drawing needs.
    pub const ENOUGH: Self = Self { columns: usize::MAX, lines: usize::MAX };
}

/// Why there is no drawing.
#[derive(Debug, PartialEq, Eq)]
pub enum NotDrawn {
    /// The terminal has fewer columns than the code needs.
    TooNarrow {
        /// The columns that it needs.
        needs: usize,
    },
    /// The address does not fit in any QR code.
    TooLong,
}

/// Dots of a QR code with their quiet zone; true is dark.
struct Dots {
    code: QrCode,
    quiet: usize,
}

impl Dots {
    fn side(&self) -> usize {
        self.code.width() + 2 * self.quiet
    }

    fn dark(&self, x: usize, y: usize) -> bool {
        let inside = |place: usize| place.checked_sub(self.quiet).filter(|place| *place < self.code.width());
        match (inside(x), inside(y)) {
            (Some(x), Some(y)) => self.code[(x, y)] == Color::Dark,
            _ => false,
        }
    }
}

/// `text` as a drawing that fits the terminal, each line ended.
///
/// # Errors
/// Why there is none.
pub fn draw(text: &str, charset: Charset, color_mode: ColorMode, available: Size) -> Result<String, NotDrawn> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).map_err(|_| NotDrawn::TooLong)?;
    let fits = |quiet: usize| {
        let side = code.width() + 2 * quiet;
        let (columns, rows) = size(side, charset);
        columns <= available.columns && rows <= available.lines
    };
    let quiet = if fits(QUIET) { QUIET } else { LEAST_QUIET };
    let dots = Dots { code, quiet };
    let (needs, _) = size(dots.side(), charset);
    if needs > available.columns {
        return Err(NotDrawn::TooNarrow { needs });
    }
    Ok(match charset {
        Charset::Utf8 => half_blocks(&dots, color_mode),
        Charset::Ascii => double_columns(&dots, color_mode),
    })
}

/// Columns and lines of a drawing.
fn size(side: usize, charset: Charset) -> (usize, usize) {
    match charset {
        Charset::Utf8 => (side, side.div_ceil(2)),
        Charset::Ascii => (2 * side, side),
    }
}

/// Two dots above each other in one character. With colors, ink is dark on a light ground; without,
/// the ink is the light of a dark terminal.
fn half_blocks(dots: &Dots, color_mode: ColorMode) -> String {
    let mut drawing = String::new();
    for y in (0..dots.side()).step_by(2) {
        let line = (0..dots.side()).map(|x| {
            let ink = [y, y + 1].map(|y| dots.dark(x, y) == (color_mode == ColorMode::Colors));
            match ink {
                [true, true] => '█',
                [true, false] => '▀',
                [false, true] => '▄',
                [false, false] => ' ',
            }
        });
        push_line(&mut drawing, &String::from_iter(line), color_mode);
    }
    drawing
}

/// Two columns for each dot. With colors `##` is black on black, so that the drawing survives where
/// colors get lost; without, `##` is the light of a dark terminal.
fn double_columns(dots: &Dots, color_mode: ColorMode) -> String {
    let mut drawing = String::new();
    for y in 0..dots.side() {
        let mut line = String::new();
        let mut ground = false;
        for x in 0..dots.side() {
            let dark = dots.dark(x, y);
            match color_mode {
                ColorMode::Plain => line.push_str(if dark { "  " } else { "##" }),
                ColorMode::Colors => {
                    if dark != ground {
                        line.push_str(if dark { "\x1b[40m" } else { "\x1b[47m" });
                        ground = dark;
                    }
                    line.push_str(if dark { "##" } else { "  " });
                }
            }
        }
        push_line(&mut drawing, &line, color_mode);
    }
    drawing
}

/// Black on white in the eight colors that every terminal has.
fn push_line(drawing: &mut String, line: &str, color_mode: ColorMode) {
    match color_mode {
        ColorMode::Colors => drawing.push_str(&format!("\x1b[30;47m{line}\x1b[0m\n")),
        ColorMode::Plain => drawing.push_str(&format!("{line}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "otpauth://totp/web1:alice?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=web1";

    /// The dots back from a drawing in half blocks.
    fn dots_of(drawing: &str, ink_is_dark: bool) -> Vec<Vec<bool>> {
        let mut rows = Vec::new();
        for line in drawing.lines() {
            let line = line.replace("\x1b[30;47m", "").replace("\x1b[0m", "");
            let upper = line.chars().map(|letter| "█▀".contains(letter) == ink_is_dark);
            let lower = line.chars().map(|letter| "█▄".contains(letter) == ink_is_dark);
            rows.push(upper.collect());
            rows.push(lower.collect());
        }
        rows
    }

    fn expected(quiet: usize) -> Dots {
        Dots { code: QrCode::with_error_correction_level(URI, EcLevel::L).unwrap(), quiet }
    }

    #[test]
    fn half_blocks_hold_every_dot_with_and_without_colors() {
        let dots = expected(QUIET);
        for (color_mode, ink_is_dark) in [(ColorMode::Colors, true), (ColorMode::Plain, false)] {
            let drawing = draw(URI, Charset::Utf8, color_mode, Size { columns: 80, lines: 50 }).unwrap();
            let drawn = dots_of(&drawing, ink_is_dark);
            assert!(drawn.len() >= dots.side());
            for (y, row) in drawn.iter().enumerate() {
                for (x, dark) in row.iter().enumerate() {
                    assert_eq!(*dark, dots.dark(x, y), "{color_mode:?} {x} {y}");
                }
            }
        }
    }

    #[test]
    fn double_columns_hold_every_dot_in_ascii() {
        let dots = expected(QUIET);
        let drawing = draw(URI, Charset::Ascii, ColorMode::Plain, Size { columns: 120, lines: 60 }).unwrap();
        assert!(drawing.is_ascii());
        for (y, line) in drawing.lines().enumerate() {
            for (x, pair) in line.as_bytes().chunks(2).enumerate() {
                assert_eq!(pair == b"  ", dots.dark(x, y), "{x} {y}");
            }
        }
        assert_eq!(drawing.lines().count(), dots.side());
    }

    #[test]
    fn without_colors_there_is_no_escape() {
        for charset in [Charset::Utf8, Charset::Ascii] {
            let drawing = draw(URI, charset, ColorMode::Plain, Size { columns: 120, lines: 60 }).unwrap();
            assert!(!drawing.contains('\x1b'));
        }
    }

    #[test]
    fn a_code_and_its_question_fit_a_terminal_of_24_lines() {
        let drawing = draw(URI, Charset::Utf8, ColorMode::Colors, Size { columns: 80, lines: 23 }).unwrap();
        assert!(drawing.lines().count() <= 23, "{}", drawing.lines().count());
    }

    #[test]
    fn a_terminal_that_is_too_narrow_is_told_what_is_needed() {
        let needs = expected(LEAST_QUIET).side();
        let drawn = |columns| draw(URI, Charset::Utf8, ColorMode::Colors, Size { columns, lines: 50 });
        assert_eq!(drawn(needs - 1), Err(NotDrawn::TooNarrow { needs }));
        assert!(drawn(needs).is_ok());
    }

    #[test]
    fn what_no_qr_code_can_hold_is_refused() {
        let long = "x".repeat(3000);
        assert_eq!(draw(&long, Charset::Utf8, ColorMode::Plain, Size::ENOUGH), Err(NotDrawn::TooLong));
    }
}
