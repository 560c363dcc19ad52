//! Putting the second step on a host, with a way back: what is changed is planned and proved first,
//! kept whole in a journal, and undone by itself unless somebody logs in again and confirms it.

mod door;
mod drop_in;
mod edit;
mod journal;
mod lineage;
mod lines;
mod one_answer;
mod place;
mod plan;
mod programs;
mod trial;
mod undo;
mod watch;

pub use door::takes_keys_alone;
pub use drop_in::Keys;
pub use edit::{Unfit, edited};
pub use journal::{Change, Journal, State, hundredths_since_boot};
pub use lineage::{Lineage, LoginProof, is_inner, now_in_ticks, proving};
pub use lines::{AnswerForm, LineStyle};
pub use place::{relabel, replace};
pub use plan::{Plan, Wish};
pub use programs::{Sshd, end_sudo_tickets, reload_sshd};
pub use trial::{module_returns, run as try_here, trial};
pub use undo::{Undone, undo};
pub use watch::{detach, guard, start, watch};
