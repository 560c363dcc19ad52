//! How long the store takes, on the disk that holds cargo's target: `cargo bench --bench store`.

#![allow(clippy::unwrap_used, missing_docs)]

use criterion::Criterion;
use tempfile::TempDir;
use twostep_core::store::{Keep, Store};

mod host;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for passwords in [0, 50] {
        find(&mut criterion, passwords);
        update(&mut criterion, passwords, Keep::Ledger);
        update(&mut criterion, passwords, Keep::Account);
    }
    criterion.final_summary();
}

/// A store with one user, who has so many application passwords.
fn populated(passwords: usize) -> TempDir {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let account = host::account(1, passwords).0;
    host::prepare(&folder);
    let kept = host::store(&folder).update(&host::person(), |held| {
        held.account = Some(account.clone());
        held.keep(Keep::Account);
    });
    kept.unwrap();
    folder
}

/// Each time by a store that has read nothing yet, as a login's is.
fn find(criterion: &mut Criterion, passwords: usize) {
    let (folder, person) = (populated(passwords), host::person());
    criterion.bench_function(&format!("find, {passwords} application passwords"), |bencher| {
        bencher.iter(|| assert!(host::store(&folder).find(&person).unwrap().is_some()));
    });
}

/// One change under the lock, which must be as durable as this.
fn update(criterion: &mut Criterion, passwords: usize, keep: Keep) {
    let (folder, person) = (populated(passwords), host::person());
    let mut count = 0;
    criterion.bench_function(&format!("update, {keep:?}, {passwords} application passwords"), |bencher| {
        bencher.iter(|| {
            count += 1;
            let kept = host::store(&folder).update(&person, |held| {
                held.ledger.wrong.count = count;
                held.keep(keep);
            });
            kept.unwrap();
        });
    });
}
