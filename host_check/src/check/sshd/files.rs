//! The lines of sshd_config, with those of the files that it includes (sshd_config(5), Include).

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern, glob_with};

/// sshd's own file.
pub const CONFIG: &str = "/etc/ssh/sshd_config";

/// The file that `twostep admin apply` writes. Its number is low, since the first value that sshd reads
/// counts (sshd_config(5)).
pub const OURS: &str = "/etc/ssh/sshd_config.d/10-twostep.conf";

/// How sshd understands patterns of files (glob(3)).
const AS_SSHD: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Files that include each other end here.
const DEEPEST: usize = 16;

/// A line that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Without the space around it.
    pub text: String,
    file: PathBuf,
    line: usize,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// The lines that say something, in their order. A file that cannot be read has none: sshd itself
/// says so.
pub fn lines(config: &Path) -> Vec<Said> {
    let folder = config.parent().unwrap_or(Path::new("/"));
    let mut all = Vec::new();
    read(config, folder, DEEPEST, &mut all);
    all
}

fn read(path: &Path, folder: &Path, depth: usize, all: &mut Vec<Said>) {
    let Ok(bytes) = fs::read(path) else { return };
    let text = String::from_utf8_lossy(&bytes);
    for (index, line) in text.lines().map(str::trim).enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match value(line, "include") {
            Some(patterns) if depth > 0 => {
                for file in paths(patterns, folder).flat_map(|pattern| fitting(&pattern)) {
                    read(&file, folder, depth - 1, all);
                }
            }
            _ => all.push(Said { text: line.to_owned(), file: path.to_owned(), line: index + 1 }),
        }
    }
}

/// What stands behind this keyword, if the line has it.
pub fn value<'a>(line: &'a str, keyword: &str) -> Option<&'a str> {
    let (first, rest) = line.split_once(|letter: char| letter.is_whitespace() || letter == '=')?;
    first.eq_ignore_ascii_case(keyword).then(|| rest.trim_start_matches([' ', '\t', '=']).trim())
}

/// The patterns of an Include line, if it is one.
pub fn included(line: &str) -> Option<&str> {
    let line = line.trim();
    if line.starts_with('#') { None } else { value(line, "include") }
}

/// Whether sshd reads this file where it comes to this line.
pub fn reads(line: &str, file: &Path) -> bool {
    let is_it = |pattern: PathBuf| {
        let pattern = pattern.to_str().and_then(|pattern| Pattern::new(pattern).ok());
        pattern.is_some_and(|pattern| pattern.matches_path_with(file, AS_SSHD))
    };
    let folder = Path::new(CONFIG).parent().unwrap_or(Path::new("/"));
    included(line).is_some_and(|patterns| paths(patterns, folder).any(is_it))
}

/// What the patterns of an Include line lead to.
fn paths<'a>(patterns: &'a str, folder: &'a Path) -> impl Iterator<Item = PathBuf> + 'a {
    patterns.split_whitespace().map(|pattern| folder.join(pattern.trim_matches('"')))
}

/// The line that decides a keyword: in this Match block, or above all of them. The first one counts.
pub fn deciding<'a>(lines: &'a [Said], block: Option<&str>, keyword: &str) -> Option<&'a Said> {
    let mut in_block = None;
    lines.iter().find(|line| {
        if value(&line.text, "match").is_some() {
            in_block = Some(line.text.as_str());
        }
        // The older name of keyboard-interactive.
        let is_old_name = keyword.eq_ignore_ascii_case("KbdInteractiveAuthentication")
            && value(&line.text, "ChallengeResponseAuthentication").is_some();
        in_block == block && (value(&line.text, keyword).is_some() || is_old_name)
    })
}

/// The files that a pattern means, sorted as glob(3) sorts them.
fn fitting(pattern: &Path) -> Vec<PathBuf> {
    let found = pattern.to_str().and_then(|pattern| glob_with(pattern, AS_SSHD).ok());
    found.into_iter().flatten().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn included_files_stand_where_they_are_included() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let texts = || lines(&folder.path().join("sshd_config")).into_iter().map(|line| line.text).collect::<Vec<_>>();
        fs::create_dir(folder.path().join("d")).unwrap();
        put("sshd_config", "# a\nUsePAM yes\nInclude d/*.conf\n\n  Match User x\n");
        put("d/20.conf", "Port=23");
        put("d/10.conf", "LoginGraceTime 5 # why");
        put("d/30.conf.bak", "Port 24");
        put("d/.35.conf", "Port 25");
        assert_eq!(texts(), ["UsePAM yes", "LoginGraceTime 5 # why", "Port=23", "Match User x"]);
        assert_eq!(value("Port=23", "port"), Some("23"));
        assert_eq!(value("Match  User x", "match"), Some("User x"));
        put("d/40.conf", "Include d/40.conf");
        assert_eq!(texts().last().unwrap(), "Match User x");
    }

    #[test]
    fn an_include_reads_what_its_patterns_mean() {
        for line in
            ["Include /etc/ssh/sshd_config.d/*", "include sshd_config.d/1?-*.conf x", "Include=sshd_config.d/[0-4]*"]
        {
            assert!(reads(line, Path::new(OURS)), "{line}");
        }
        for line in [
            "Include /etc/ssh/sshd_config.d/50-*.conf",
            "Include sshd_config.d",
            "Include *",
            "#Include sshd_config.d/*",
        ] {
            assert!(!reads(line, Path::new(OURS)), "{line}");
        }
    }

    #[test]
    fn the_first_line_decides_in_its_block() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sshd_config");
        let text = "Include d.conf\nPort 22\nchallengeresponseauthentication no\nMatch User x\nUsePAM no\nMatch all\nPort 24\n";
        fs::write(&path, text).unwrap();
        fs::write(folder.path().join("d.conf"), "\nport = 23\n").unwrap();
        let lines = lines(&path);
        let at = |block, keyword| deciding(&lines, block, keyword).map(|line| line.to_string());
        let shown = |name: &str, line: u8| Some(format!("{}:{line}", folder.path().join(name).display()));
        assert_eq!(at(None, "Port"), shown("d.conf", 2));
        assert_eq!(at(None, "KbdInteractiveAuthentication"), shown("sshd_config", 3));
        assert_eq!(at(None, "UsePAM"), None);
        assert_eq!(at(Some("Match User x"), "UsePAM"), shown("sshd_config", 5));
        assert_eq!(at(Some("Match all"), "Port"), shown("sshd_config", 7));
    }
}
