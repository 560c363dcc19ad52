//! Directives as ProFTPD, Apache and CUPS write them: `Name words` in blocks `<Name words>`.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use pam_stacks::Files;

/// Files that include each other end here.
const DEEPEST: usize = 16;

/// Where a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    file: PathBuf,
    line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// A block that a directive is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its name in lower case.
    pub name: String,
    /// The whole line that opens it.
    pub text: String,
    /// Where it begins.
    pub place: Place,
}

impl Block {
    /// Whether what is in it counts depending on which modules there are. It is taken to count unless the
    /// condition is negated.
    fn is_condition(&self) -> bool {
        self.name.starts_with("if")
    }

    fn is_negated(&self) -> bool {
        self.is_condition() && self.text.contains('!')
    }
}

/// One directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// Its name in lower case.
    pub name: String,
    /// What follows it.
    pub words: Vec<String>,
    /// Where it is.
    pub place: Place,
    /// The blocks that it is in, without conditions.
    pub blocks: Vec<Block>,
}

/// The directives of this file and of those that it includes, in their order. Relative paths begin in `base`.
pub fn read(files: &Files, path: &Path, base: &Path) -> Vec<Directive> {
    let mut reader = Reader { files, base, open: Vec::new(), found: Vec::new() };
    reader.file(path, DEEPEST);
    reader.found
}

struct Reader<'a> {
    files: &'a Files,
    base: &'a Path,
    open: Vec<Block>,
    found: Vec<Directive>,
}

impl Reader<'_> {
    /// A file that cannot be read has no directives: its server itself says so.
    fn file(&mut self, path: &Path, depth: usize) {
        let Ok(bytes) = fs::read(self.files.real(path)) else { return };
        let mut before = String::new();
        for (index, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            // The place of a line that goes on is where it ends.
            if let Some(begun) = line.strip_suffix('\\') {
                before.push_str(begun);
                continue;
            }
            let whole = std::mem::take(&mut before) + line;
            let place = Place { file: path.to_owned(), line: index + 1 };
            self.text(whole.trim(), place, depth);
        }
    }

    fn text(&mut self, line: &str, place: Place, depth: usize) {
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        if line.starts_with("</") {
            self.open.pop();
        } else if let Some(inside) = line.strip_prefix('<') {
            let name = inside.split([' ', '\t', '>']).next().unwrap_or_default().to_ascii_lowercase();
            self.open.push(Block { name, text: line.to_owned(), place });
        } else if !self.open.iter().any(Block::is_negated) {
            self.line(line, place, depth);
        }
    }

    fn line(&mut self, line: &str, place: Place, depth: usize) {
        let mut words = words(line).into_iter();
        let name = words.next().unwrap_or_default().to_ascii_lowercase();
        if matches!(name.as_str(), "include" | "includeoptional") {
            let Some(deeper) = depth.checked_sub(1) else { return };
            let included = words.flat_map(|pattern| self.fitting(&pattern)).collect::<Vec<_>>();
            included.iter().for_each(|path| self.file(path, deeper));
            return;
        }
        let blocks = self.open.iter().filter(|block| !block.is_condition()).cloned().collect();
        self.found.push(Directive { name, words: words.collect(), place, blocks });
    }

    /// The files that a pattern means, sorted; of a folder all that are in it.
    fn fitting(&self, pattern: &str) -> Vec<PathBuf> {
        let root = self.files.real(Path::new("/"));
        let real = self.files.real(&self.base.join(pattern));
        let pattern = if real.is_dir() { real.join("*") } else { real };
        let found = pattern.to_str().and_then(|pattern| glob::glob(pattern).ok());
        let files = found.into_iter().flatten().flatten().filter(|path| path.is_file());
        files.map(|path| Path::new("/").join(path.strip_prefix(&root).unwrap_or(&path))).collect()
    }
}

/// Words are divided by spaces, and quotes keep one together.
fn words(line: &str) -> Vec<String> {
    let (mut all, mut word, mut is_quoted) = (Vec::new(), String::new(), false);
    for letter in line.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            _ if letter.is_whitespace() && !is_quoted => all.push(std::mem::take(&mut word)),
            _ => word.push(letter),
        }
    }
    all.push(word);
    all.retain(|word| !word.is_empty());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn included_files_are_read_in_their_place_and_blocks_are_kept() {
        let root = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put(
            "etc/x/x.conf",
            "# no\nFirst \"a b\" c\n<IfModule m>\nInclude /etc/x/d/\n</IfModule>\n<A 1>\nIncludeOptional e/*.conf\n</A>\nLast \\\n on\n",
        );
        put("etc/x/d/2", "Second");
        put("etc/x/d/1", "<IfModule !m>\nNever\n</IfModule>\nInclude /etc/x/d/1");
        put("etc/x/e/1.conf", "third 3");
        let found = read(&Files::below(root.path()), Path::new("/etc/x/x.conf"), Path::new("/etc/x"));
        let names = found.iter().map(|one| format!("{} {}", one.name, one.words.join("|"))).collect::<Vec<_>>();
        assert_eq!(names, ["first a b|c", "second ", "third 3", "last on"]);
        assert_eq!(found[2].blocks[0].text, "<A 1>");
        assert!(found[1].blocks.is_empty());
        assert_eq!(found[1].place.to_string(), "/etc/x/d/2:1");
    }
}
