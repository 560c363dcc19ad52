//! Every text and every history that was worth keeping, once more.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use twostep_fuzz::TARGETS;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn names(of: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder(of)).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn each_target_has_a_fuzzer_and_a_corpus() {
    let all: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!((names("targets"), names("corpus")), (all.clone(), all));
}

#[test]
fn no_promise_is_broken_by_what_was_kept() {
    for (name, target) in TARGETS {
        let kept = fs::read_dir(folder("corpus").join(name)).unwrap().map(|entry| entry.unwrap().path());
        let count = kept.inspect(|path| target(&fs::read(path).unwrap())).count();
        assert!(count >= 1, "{name} has none");
    }
}
