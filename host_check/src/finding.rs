//! One thing that was found.

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// Probably not what is meant.
    Warning,
    /// Somebody gets in without a code, or somebody is locked out.
    Error,
}

/// One thing that was found, as programs read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Its name, which stays the same.
    pub id: &'static str,
    /// The file and line, service or user that it is about.
    pub about: String,
    /// One sentence on what is so, and what that means.
    pub what: String,
    /// One sentence on what to do.
    pub remedy: String,
}

impl Finding {
    /// Somebody gets in without a code, or somebody is locked out.
    pub fn error(id: &'static str, about: impl ToString, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::of(Severity::Error, id, about, what, remedy)
    }

    /// Probably not what is meant.
    pub fn warning(id: &'static str, about: impl ToString, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::of(Severity::Warning, id, about, what, remedy)
    }

    /// Worth knowing.
    pub fn notice(id: &'static str, about: impl ToString, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::of(Severity::Notice, id, about, what, remedy)
    }

    fn of(
        severity: Severity,
        id: &'static str,
        about: impl ToString,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { severity, id, about: about.to_string(), what: what.into(), remedy: remedy.into() }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// The names in the sources at `path`: the first text behind each making of a finding.
    fn names(path: &Path, names: &mut Vec<String>) {
        if path.is_dir() {
            return std::fs::read_dir(path).unwrap().for_each(|entry| self::names(&entry.unwrap().path(), names));
        }
        if path.ends_with("tests.rs") || path.ends_with("finding.rs") {
            return;
        }
        let text = std::fs::read_to_string(path).unwrap();
        for maker in ["Finding::error(", "Finding::warning(", "Finding::notice("] {
            let behind = text.split(maker).skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"'));
            names.extend(behind.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
        }
    }

    #[test]
    fn the_documents_name_each_finding_and_no_other() {
        let mut made = Vec::new();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        ["check", "check.rs"].iter().for_each(|name| names(&sources.join(name), &mut made));
        // Three answers of one question.
        made.extend(["wrong-code-lets-in", "failure-lets-in", "missing-module-lets-in"].map(str::to_owned));
        made.sort();
        made.dedup();
        let page = include_str!("../../docs/checks.md");
        let rows = page.lines().filter(|line| line.starts_with("| `"));
        let cells = rows.filter_map(|line| line.split('|').nth(1));
        let mut told = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect::<Vec<_>>();
        told.sort();
        assert_eq!(told, made);
    }
}
