//! All fuzzers in one program, for it takes long to build: it is the one whose name it is started under.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use twostep_fuzz::{TARGETS, Target};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let program = std::env::args_os().next().unwrap_or_default();
    let target = TARGETS.iter().find(|(name, _)| Path::new(&program).file_name().is_some_and(|file| file == *name));
    target.expect("the program bears the name of a target: use fuzz/run").1
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| TARGET(bytes));
