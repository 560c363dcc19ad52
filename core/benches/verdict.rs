//! How long a verdict takes, without files: `cargo bench --bench verdict`.

#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion};
use twostep_core::config::Config;
use twostep_core::secret::Typed;
use twostep_core::verdict::{Answer, Question, Verdict, judge};

mod host;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for authenticators in [1, 5] {
        code(&mut criterion, authenticators, host::RIGHT);
        code(&mut criterion, authenticators, host::WRONG);
    }
    recovery(&mut criterion);
    for passwords in [1, 10, 50] {
        app_password(&mut criterion, passwords);
    }
    criterion.final_summary();
}

/// A verification code, from its reading to the verdict.
fn code(criterion: &mut Criterion, authenticators: u8, code: &str) {
    let (config, key, source) = (Config::parse("version = 1").unwrap(), Ok(host::key()), host::source());
    let question = Question { config: &config, key, service: "sshd", source: &source, now: host::NOW };
    let (account, _) = host::account(authenticators, 0);
    let typed = Typed::new(code.to_owned());
    let is_right = code == host::RIGHT;
    let kind = if is_right { "right" } else { "wrong" };
    criterion.bench_function(&format!("{kind} code, authenticators: {authenticators}"), |bencher| {
        bencher.iter_batched_ref(
            || host::held(account.clone()),
            |held| {
                let answer = Answer::read(black_box(&typed), &account);
                let verdict = judge(held, &answer, &question).unwrap();
                assert_eq!(matches!(verdict, Verdict::Accepted(_)), is_right);
            },
            BatchSize::SmallInput,
        );
    });
}

/// The hash of a recovery code, which is slow on purpose.
fn recovery(criterion: &mut Criterion) {
    let (account, _) = host::account(1, 0);
    let typed = Typed::new("0123-4567-89AB-CDEF".to_owned());
    criterion.bench_function("recovery code, read", |bencher| {
        bencher.iter(|| {
            let answer = Answer::read(black_box(&typed), &account);
            assert!(matches!(answer, Answer::Recovery(_)));
        });
    });
}

fn app_password(criterion: &mut Criterion, count: usize) {
    let (account, words) = host::account(1, count);
    let (passwords, word) = (account.app_passwords.unwrap(), words.last().unwrap());
    criterion.bench_function(&format!("application password, the last of {count}"), |bencher| {
        bencher.iter(|| {
            let hashed = passwords.read(black_box(word)).unwrap();
            assert_eq!(passwords.find(&hashed), Some(count - 1));
        });
    });
}
