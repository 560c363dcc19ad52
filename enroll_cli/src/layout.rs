//! Text that fits the terminal and cannot steer it.

use twostep_core::audit::printable;

/// The narrowest page that is worth wrapping for.
const NARROWEST: usize = 20;

/// `text` with its control characters spelled out: labels and sources were written by others.
pub fn harmless(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// `text` in lines of at most `width` columns, the second and later lines `indent` columns in. A
/// word longer than a line stands alone and is not broken.
pub fn wrap(text: &str, width: usize, indent: usize) -> String {
    let width = width.max(NARROWEST);
    let mut page = String::new();
    for (number, paragraph) in text.split('\n').enumerate() {
        if number > 0 {
            page.push('\n');
        }
        let lead = paragraph.len() - paragraph.trim_start_matches(' ').len();
        page.push_str(&" ".repeat(lead));
        let mut column = lead;
        for (place, word) in paragraph.split_whitespace().enumerate() {
            let length = word.chars().count();
            if place > 0 && column + 1 + length > width {
                page.push('\n');
                page.push_str(&" ".repeat(indent));
                column = indent;
            } else if place > 0 {
                page.push(' ');
                column += 1;
            }
            page.push_str(word);
            column += length;
        }
    }
    page
}

/// Columns that the names of entries take.
const NAMES: usize = 20;

/// A name and what it is: beside each other, or below where that leaves too little room.
pub fn entry(name: &str, what: &str, width: usize) -> String {
    let name = format!("  {} ", harmless(name));
    let column = name.chars().count().max(NAMES);
    if width < 2 * NAMES || column > NAMES {
        return format!("{}\n{}", name.trim_end(), wrap(&format!("    {}", harmless(what)), width, 4));
    }
    let beside = wrap(&harmless(what), width - NAMES, 0);
    format!("{name:<NAMES$}{}", beside.replace('\n', &format!("\n{}", " ".repeat(NAMES))))
}

/// Columns between those of a table.
const GAP: usize = 2;

/// Rows below their head, each column as wide as its widest cell; nothing if that is too wide.
pub fn table<const N: usize>(head: &[&str; N], rows: &[[String; N]], width: usize) -> Option<String> {
    let rows =
        std::iter::once(head.map(str::to_owned)).chain(rows.iter().map(|row| row.clone().map(|cell| harmless(&cell))));
    let rows = rows.collect::<Vec<_>>();
    let widest = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths = (0..N).filter_map(widest).collect::<Vec<_>>();
    if widths.iter().sum::<usize>() + GAP * N.saturating_sub(1) > width {
        return None;
    }
    let mut page = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:<column$}", column = width + GAP));
        }
        page.push_str(line.trim_end());
        page.push('\n');
    }
    Some(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_the_page() {
        let text = "The code that you just gave was already used: the next login needs the next one.";
        for width in [20, 40, 79] {
            let page = wrap(text, width, 2);
            assert!(page.lines().all(|line| line.chars().count() <= width), "{page}");
            assert_eq!(page.split_whitespace().collect::<Vec<_>>().join(" "), text);
        }
    }

    #[test]
    fn paragraphs_and_their_lead_stay() {
        assert_eq!(wrap("one\n\n  two three", 80, 0), "one\n\n  two three");
    }

    #[test]
    fn entries_hang_below_themselves() {
        assert_eq!(entry("Key", "JBSW Y3DP EHPK 3PXP JBSW", 44), "  Key               JBSW Y3DP EHPK 3PXP JBSW");
        assert_eq!(
            entry("Key", "JBSW Y3DP EHPK 3PXP JBSW", 40),
            "  Key               JBSW Y3DP EHPK 3PXP\n                    JBSW"
        );
        assert_eq!(entry("Key", "JBSW Y3DP EHPK", 30), "  Key\n    JBSW Y3DP EHPK");
        assert_eq!(entry("my-very-long-label", "SHA1", 80), "  my-very-long-label\n    SHA1");
    }

    #[test]
    fn a_table_is_as_wide_as_its_cells_and_no_wider_than_the_page() {
        let rows = [["a".to_owned(), "\x1b".to_owned()], ["long one".to_owned(), "x".to_owned()]];
        let expected = "Name      Key\na         \\u{1b}\nlong one  x\n";
        assert_eq!(table(&["Name", "Key"], &rows, 16).as_deref(), Some(expected));
        assert_eq!(table(&["Name", "Key"], &rows, 15), None);
    }

    #[test]
    fn control_characters_are_never_printed() {
        assert_eq!(harmless("a\x1b]0;b\nc\r"), "a\\u{1b}]0;b\nc\\u{d}");
    }
}
