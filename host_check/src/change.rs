//! Which lines of a text are new, and which are gone.

use serde::Serialize;

/// More pairs of lines than this are not compared one by one.
const MOST_PAIRS: usize = 4_000_000;

/// The difference of two texts.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct TextDiff {
    /// The lines that are gone.
    pub removed: Vec<String>,
    /// The lines that are new.
    pub added: Vec<String>,
    /// Both in the order in which they are read.
    #[serde(skip)]
    in_order: Vec<Edit>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Edit {
    Kept(String),
    Removed(String),
    Added(String),
}

impl Edit {
    fn shown(&self) -> String {
        match self {
            Self::Kept(line) => format!("  {line}"),
            Self::Removed(line) => format!("- {line}"),
            Self::Added(line) => format!("+ {line}"),
        }
    }
}

/// Lines shown around each change.
const CONTEXT: usize = 2;

/// What stands for lines that are left out.
const LEFT_OUT: &str = "...";

impl TextDiff {
    /// What turns `old` into `new`.
    pub fn between(old: &str, new: &str) -> Self {
        let (old, new) = (old.lines().collect::<Vec<_>>(), new.lines().collect::<Vec<_>>());
        let same = |pair: &(&&str, &&str)| pair.0 == pair.1;
        let head = old.iter().zip(&new).take_while(same).count();
        let before = old.get(head.saturating_sub(CONTEXT)..head).unwrap_or_default();
        let (old, new) = (old.get(head..).unwrap_or_default(), new.get(head..).unwrap_or_default());
        let tail = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
        let after = old.get(old.len() - tail..).unwrap_or_default().get(..tail.min(CONTEXT)).unwrap_or_default();
        let old = old.get(..old.len() - tail).unwrap_or_default();
        let new = new.get(..new.len() - tail).unwrap_or_default();
        let mut change = Self::default();
        before.iter().for_each(|line| change.keep(line));
        if old.len().saturating_mul(new.len()) > MOST_PAIRS {
            old.iter().for_each(|line| change.remove(line));
            new.iter().for_each(|line| change.add(line));
        } else {
            change.compare(old, new);
        }
        after.iter().for_each(|line| change.keep(line));
        change
    }

    /// What changed, as diff(1) shows it.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.in_order.iter().filter(|edit| !matches!(edit, Edit::Kept(_))).map(Edit::shown)
    }

    /// The same among the lines around them; `...` stands for what is left out between.
    pub fn in_context(&self) -> Vec<String> {
        let is_near = |index: usize| {
            let around = index.saturating_sub(CONTEXT)..=index + CONTEXT;
            around.into_iter().any(|near| self.in_order.get(near).is_some_and(|edit| !matches!(edit, Edit::Kept(_))))
        };
        let mut lines = Vec::new();
        for (index, edit) in self.in_order.iter().enumerate() {
            if is_near(index) {
                lines.push(edit.shown());
            } else if lines.last().is_some_and(|last| last != LEFT_OUT) {
                lines.push(LEFT_OUT.to_owned());
            }
        }
        if lines.last().is_some_and(|last| last == LEFT_OUT) {
            lines.pop();
        }
        lines
    }

    /// Keeps the longest common subsequence.
    fn compare(&mut self, old: &[&str], new: &[&str]) {
        let width = new.len() + 1;
        let mut longest = vec![0_u32; (old.len() + 1) * width];
        let at = |longest: &[u32], i: usize, j: usize| longest.get(i * width + j).copied().unwrap_or(0);
        for (i, left) in old.iter().enumerate().rev() {
            for (j, right) in new.iter().enumerate().rev() {
                let best = if left == right {
                    at(&longest, i + 1, j + 1) + 1
                } else {
                    at(&longest, i + 1, j).max(at(&longest, i, j + 1))
                };
                if let Some(cell) = longest.get_mut(i * width + j) {
                    *cell = best;
                }
            }
        }
        let (mut i, mut j) = (0, 0);
        loop {
            match (old.get(i), new.get(j)) {
                (Some(left), Some(right)) if left == right => {
                    self.keep(left);
                    (i, j) = (i + 1, j + 1);
                }
                (Some(left), right) if right.is_none() || at(&longest, i + 1, j) >= at(&longest, i, j + 1) => {
                    self.remove(left);
                    i += 1;
                }
                (_, Some(right)) => {
                    self.add(right);
                    j += 1;
                }
                _ => break,
            }
        }
    }

    fn keep(&mut self, line: &str) {
        self.in_order.push(Edit::Kept(line.to_owned()));
    }

    fn remove(&mut self, line: &str) {
        self.removed.push(line.to_owned());
        self.in_order.push(Edit::Removed(line.to_owned()));
    }

    fn add(&mut self, line: &str) {
        self.added.push(line.to_owned());
        self.in_order.push(Edit::Added(line.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(old: &str, new: &str) -> Vec<String> {
        TextDiff::between(old, new).lines().collect()
    }

    #[test]
    fn only_what_changed_is_shown_in_its_order() {
        assert_eq!(shown("a\nb\nc\nd", "a\nB\nc\nd\ne"), ["- b", "+ B", "+ e"]);
        assert_eq!(shown("a\n", "a\n"), [""; 0]);
        assert_eq!(shown("", "a\nb"), ["+ a", "+ b"]);
        assert_eq!(shown("x\ny\nx", "x"), ["- y", "- x"]);
        assert_eq!(shown("a", "a\n"), [""; 0]);
    }

    #[test]
    fn lines_around_a_change_show_where_it_is() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let new = "1\n2\n3\nnew\n4\n5\n6\n7\n8\nlast\n";
        let expected = ["  2", "  3", "+ new", "  4", "  5", "...", "  7", "  8", "- 9", "+ last"];
        assert_eq!(TextDiff::between(old, new).in_context(), expected);
        assert_eq!(TextDiff::between("", "a\n").in_context(), ["+ a"]);
        assert_eq!(TextDiff::between("a\n", "a\n").in_context(), [""; 0]);
    }

    #[test]
    fn long_texts_are_compared_as_wholes() {
        let text = |word: &str| (0..2100).map(|number| format!("{word}{number}\n")).collect::<String>();
        let change = TextDiff::between(&text("a"), &text("b"));
        assert_eq!((change.removed.len(), change.added.len()), (2100, 2100));
    }

    #[test]
    fn what_is_left_and_what_is_new_make_the_new_text() {
        let texts = (0_u32..5).flat_map(|length| (0..1_u32 << length).map(move |bits| text(length, bits)));
        let texts = texts.collect::<Vec<_>>();
        for (old, new) in texts.iter().flat_map(|old| texts.iter().map(move |new| (old, new))) {
            let change = TextDiff::between(old, new);
            let count = |text: &str, word: &str| text.lines().filter(|line| *line == word).count();
            let listed = |lines: &[String], word: &str| lines.iter().filter(|line| *line == word).count();
            for word in ["a", "b"] {
                let (gone, came) = (listed(&change.removed, word), listed(&change.added, word));
                assert_eq!(count(old, word) + came, count(new, word) + gone, "{old:?} {new:?}");
            }
        }
    }

    fn text(length: u32, bits: u32) -> String {
        (0..length).map(|place| if bits >> place & 1 == 1 { "a\n" } else { "b\n" }).collect()
    }
}
