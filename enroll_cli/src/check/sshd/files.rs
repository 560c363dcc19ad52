//! The lines of sshd_config, with those of the files that it includes (sshd_config(5), Include).

use std::fs;
use std::path::{Path, PathBuf};

/// Files that include each other end here.
const DEEPEST: usize = 16;

/// The lines that say something, in their order. A file that cannot be read has none: sshd itself
/// says so.
pub fn lines(config: &Path) -> Vec<String> {
    let folder = config.parent().unwrap_or(Path::new("/"));
    let mut all = Vec::new();
    read(config, folder, DEEPEST, &mut all);
    all
}

fn read(path: &Path, folder: &Path, depth: usize, all: &mut Vec<String>) {
    let Ok(text) = fs::read_to_string(path) else { return };
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match value(line, "include") {
            Some(patterns) if depth > 0 => {
                for file in
                    patterns.split_whitespace().flat_map(|pattern| fitting(&folder.join(pattern.trim_matches('"'))))
                {
                    read(&file, folder, depth - 1, all);
                }
            }
            _ => all.push(line.to_owned()),
        }
    }
}

/// What stands behind this keyword, if the line has it.
pub fn value<'a>(line: &'a str, keyword: &str) -> Option<&'a str> {
    let (first, rest) = line.split_once(|letter: char| letter.is_whitespace() || letter == '=')?;
    first.eq_ignore_ascii_case(keyword).then(|| rest.trim_start_matches([' ', '\t', '=']).trim())
}

/// The files that a pattern means, sorted as glob(3) sorts them. Stars are understood in the last
/// part, where everybody writes them.
fn fitting(pattern: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (pattern.parent(), pattern.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let Some((head, tail)) = name.split_once('*') else { return vec![pattern.to_owned()] };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let fits = |name: &String| name.len() >= head.len() + tail.len() && name.starts_with(head) && name.ends_with(tail);
    let mut names = named.filter(|name| fits(name) && !name.starts_with('.')).collect::<Vec<_>>();
    names.sort_unstable();
    names.into_iter().map(|name| folder.join(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn included_files_stand_where_they_are_included() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        fs::create_dir(folder.path().join("d")).unwrap();
        put("sshd_config", "# a\nUsePAM yes\nInclude d/*.conf\n\n  Match User x\n");
        put("d/20.conf", "Port=23");
        put("d/10.conf", "LoginGraceTime 5 # why");
        put("d/30.conf.bak", "Port 24");
        let expected = ["UsePAM yes", "LoginGraceTime 5 # why", "Port=23", "Match User x"];
        assert_eq!(lines(&folder.path().join("sshd_config")), expected);
        assert_eq!(value("Port=23", "port"), Some("23"));
        assert_eq!(value("Match  User x", "match"), Some("User x"));
        put("d/40.conf", "Include d/40.conf");
        assert_eq!(lines(&folder.path().join("sshd_config")).last().unwrap(), "Match User x");
    }
}
