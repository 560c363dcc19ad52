//! The user database, asked in threads of its own: a directory that hangs holds up no more than those,
//! since nothing can interrupt who waits for it.

use std::collections::VecDeque;
use std::panic::catch_unwind;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use protocol::frame::now;
use twostep_core::username::{LookupError, Person};

use crate::threads::{lock, start};

/// How many lookups there are at once, hanging ones among them.
const THREADS: usize = 4;
/// How many wait for one of them.
const QUEUE: usize = 16;
/// How long a lookup may take.
const LIMIT: Duration = Duration::from_secs(1);

/// What the user database says of somebody.
pub type LookedUp = Result<Option<Person>, LookupError>;

static POOL: LazyLock<Pool> = LazyLock::new(|| {
    Pool::new(LIMIT, |key| match key {
        Key::Name(name) | Key::Strange(name) => Person::lookup(name),
        Key::Uid(uid) => Person::lookup_uid(*uid),
    })
});

/// The user of this name: see [`Person::lookup`].
///
/// # Errors
/// The user database failed to answer, or not in time (`ETIMEDOUT`).
pub fn by_name(name: &str) -> LookedUp {
    POOL.ask(Key::Name(name.to_owned()))
}

/// As [`by_name`], one after the other: see [`LoginHost::stranger`](crate::login::LoginHost::stranger).
///
/// # Errors
/// As [`by_name`].
pub fn by_strange_name(name: &str) -> LookedUp {
    POOL.ask(Key::Strange(name.to_owned()))
}

/// The user with this id: see [`Person::lookup_uid`].
///
/// # Errors
/// As [`by_name`].
pub fn by_uid(uid: u32) -> LookedUp {
    POOL.ask(Key::Uid(uid))
}

/// Whom to look for.
enum Key {
    Name(String),
    /// A name that somebody else chose. One thread at most looks for such.
    Strange(String),
    Uid(u32),
}

struct Question {
    key: Key,
    /// When nobody waits for the answer any more.
    limit: Instant,
    answer: SyncSender<LookedUp>,
}

/// Threads that are started when they are first needed.
struct Pool {
    look_up: fn(&Key) -> LookedUp,
    within: Duration,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    filled: Condvar,
}

#[derive(Default)]
struct Queue {
    questions: VecDeque<Question>,
    threads: usize,
    /// How many of the threads wait for a question.
    idle: usize,
    /// Whether one looks for a strange name.
    is_at_strange: bool,
}

impl Pool {
    fn new(within: Duration, look_up: fn(&Key) -> LookedUp) -> Self {
        Self { look_up, within, shared: Arc::default() }
    }

    fn ask(&self, key: Key) -> LookedUp {
        let (answer, answered) = sync_channel(1);
        let question = Question { key, limit: now() + self.within, answer };
        let in_time = self.enqueue(question).then(|| answered.recv_timeout(self.within));
        match in_time {
            Some(Ok(found)) => found,
            _ => Err(LookupError::Database(Errno::ETIMEDOUT)),
        }
    }

    /// Puts a question behind the others, if there is room.
    fn enqueue(&self, question: Question) -> bool {
        let mut queue = lock(&self.shared.queue);
        queue.questions.retain(|waiting| now() < waiting.limit);
        if queue.questions.len() >= QUEUE {
            return false;
        }
        queue.questions.push_back(question);
        if queue.idle < queue.questions.len() && queue.threads < THREADS {
            self.start_one(&mut queue);
        }
        self.shared.filled.notify_one();
        true
    }

    /// One more thread, if there can be. Without it questions wait for those that there are.
    fn start_one(&self, queue: &mut Queue) {
        let (shared, look_up) = (Arc::clone(&self.shared), self.look_up);
        let run = move || {
            loop {
                let Question { key, limit, answer } = shared.next();
                let is_strange = matches!(key, Key::Strange(_));
                // A lookup that panics costs this question its answer, and no thread.
                if now() < limit
                    && let Ok(found) = catch_unwind(|| look_up(&key))
                {
                    // Who asked may have gone.
                    let _ = answer.send(found);
                }
                if is_strange {
                    lock(&shared.queue).is_at_strange = false;
                    shared.filled.notify_one();
                }
            }
        };
        if start("lookup", run).is_ok() {
            queue.threads += 1;
        }
    }
}

impl Queue {
    fn take(&mut self) -> Option<Question> {
        let is_free = |one: &Question| !self.is_at_strange || !matches!(one.key, Key::Strange(_));
        let at = self.questions.iter().position(is_free)?;
        let next = self.questions.remove(at)?;
        self.is_at_strange |= matches!(next.key, Key::Strange(_));
        Some(next)
    }
}

impl Shared {
    /// The next question, when there is one.
    fn next(&self) -> Question {
        let mut queue = lock(&self.queue);
        loop {
            if let Some(question) = queue.take() {
                return question;
            }
            queue.idle += 1;
            queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    static HANGS: AtomicBool = AtomicBool::new(true);

    #[test]
    fn a_directory_that_hangs_is_given_up_and_used_again_when_it_answers() {
        let pool = Pool::new(Duration::from_millis(100), |key| {
            while matches!(key, Key::Uid(_)) && HANGS.load(Ordering::Acquire) {
                thread::sleep(Duration::from_millis(5));
            }
            Ok(None)
        });
        let is_late = |found: LookedUp| found == Err(LookupError::Database(Errno::ETIMEDOUT));
        for _ in 1..THREADS {
            assert!(is_late(pool.ask(Key::Uid(1))));
            assert_eq!(pool.ask(Key::Name("alice".to_owned())), Ok(None));
        }
        for _ in 0..QUEUE + 9 {
            let began = now();
            assert!(is_late(pool.ask(Key::Uid(1))));
            assert!(now() - began < Duration::from_secs(2));
        }
        assert!(is_late(pool.ask(Key::Name("alice".to_owned()))));
        assert_eq!(lock(&pool.shared.queue).threads, THREADS);
        HANGS.store(false, Ordering::Release);
        let answers = |_| {
            thread::sleep(Duration::from_millis(10));
            pool.ask(Key::Name("alice".to_owned())) == Ok(None)
        };
        assert!((0..100).any(answers));
        assert_eq!(pool.ask(Key::Uid(1)), Ok(None));
    }

    #[test]
    fn strange_names_that_hang_take_one_thread_and_no_place_of_the_others() {
        static HANGS: AtomicBool = AtomicBool::new(true);
        let pool = Pool::new(Duration::from_millis(100), |key| {
            while matches!(key, Key::Strange(_)) && HANGS.load(Ordering::Acquire) {
                thread::sleep(Duration::from_millis(5));
            }
            Ok(None)
        });
        for number in 0..QUEUE + 9 {
            assert_eq!(pool.ask(Key::Strange(format!("ghost{number}"))), Err(LookupError::Database(Errno::ETIMEDOUT)));
            assert_eq!(pool.ask(Key::Name("alice".to_owned())), Ok(None));
            assert_eq!(pool.ask(Key::Uid(1)), Ok(None));
        }
        HANGS.store(false, Ordering::Release);
        let answers = |_| {
            thread::sleep(Duration::from_millis(10));
            pool.ask(Key::Strange("bob".to_owned())) == Ok(None)
        };
        assert!((0..100).any(answers));
    }

    #[test]
    fn lookups_that_panic_leave_the_others_their_threads() {
        let pool = Pool::new(Duration::from_millis(500), |key| match key {
            Key::Uid(_) => panic!("the user database has a defect"),
            Key::Name(_) | Key::Strange(_) => Ok(None),
        });
        for _ in 0..THREADS + QUEUE {
            assert_eq!(pool.ask(Key::Uid(1)), Err(LookupError::Database(Errno::ETIMEDOUT)));
        }
        assert_eq!(pool.ask(Key::Name("alice".to_owned())), Ok(None));
    }

    #[test]
    fn the_user_database_is_asked() {
        assert_eq!(by_name("root"), Person::lookup("root"));
        assert_eq!(by_uid(0), Person::lookup_uid(0));
        assert_eq!(by_name("no such user"), Ok(None));
    }
}
