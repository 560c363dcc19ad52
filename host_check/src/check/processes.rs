//! The processes of this host.

use std::fs;
use std::path::{Path, PathBuf};

/// The folders in /proc of those that see this host's files as this process does: none of a container, and
/// none in a changed root.
pub fn of_this_host() -> impl Iterator<Item = PathBuf> {
    let own = fs::read_link("/proc/self/ns/mnt").ok();
    let is_here = move |path: &PathBuf| fs::read_link(path.join("ns/mnt")).ok() == own;
    let is_whole = |path: &PathBuf| fs::read_link(path.join("root")).is_ok_and(|root| root == Path::new("/"));
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(is_here).filter(is_whole)
}

/// The words by which the processes of this program were started.
pub fn command_lines(program: &str) -> Vec<Vec<String>> {
    let is_it = |path: &PathBuf| {
        let link = fs::read_link(path.join("exe")).ok();
        link.as_deref().and_then(Path::file_name).is_some_and(|name| name == program)
    };
    let lines = of_this_host().filter(is_it).filter_map(|path| fs::read_to_string(path.join("cmdline")).ok());
    lines.map(|line| line.split_terminator('\0').map(str::to_owned).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_one_of_this_host() {
        let own = fs::read_link("/proc/self/exe").unwrap();
        let name = own.file_name().unwrap().to_str().unwrap();
        assert!(command_lines(name).contains(&std::env::args().collect::<Vec<_>>()));
        assert_eq!(command_lines("no such program"), [[""; 0]; 0]);
    }
}
