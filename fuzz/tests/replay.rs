//! Every text and every history that was worth keeping, once more.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;
use twostep_fuzz::{Given, TARGETS, disk_history, memory_history};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name)
}

fn kept(target: &str) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder(target)).unwrap().map(|entry| entry.unwrap().path())
}

#[test]
fn each_target_has_a_corpus() {
    let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let all: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(kept("").map(name).collect::<BTreeSet<_>>(), all);
}

#[test]
fn no_promise_is_broken_by_what_was_kept() {
    for (name, target) in TARGETS {
        // Shown when it panics.
        let replay = |path: PathBuf| {
            println!("{}", path.display());
            target(&fs::read(path).unwrap());
        };
        assert!(kept(name).map(replay).count() >= 1, "{name} has none");
    }
}

#[test]
fn kept_histories_reach_every_way_in() {
    let in_memory = kept("login").flat_map(|path| memory_history(&fs::read(path).unwrap()));
    assert_every_way_in(&in_memory.collect::<Vec<_>>());
    // Only root has a store on a disk.
    if geteuid().is_root() {
        let on_disk = kept("disk").flat_map(|path| disk_history(&fs::read(path).unwrap()));
        assert_every_way_in(&on_disk.collect::<Vec<_>>());
    }
}

fn assert_every_way_in(taken: &[Given]) {
    assert!(taken.iter().any(|given| matches!(given, Given::Phone(_))));
    assert!(taken.iter().any(|given| matches!(given, Given::Token(_))));
    assert!(taken.iter().any(|given| matches!(given, Given::Recovery(_))));
}
