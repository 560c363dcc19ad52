//! What the log is told of a verdict.

use super::{Factor, Misplaced, NoAppPassword, NotACode, Rejection, Verdict};
use crate::audit::Line;
use crate::request::Kind;
use crate::time::{Clock, ClockDoubt};

impl Verdict {
    /// Adds the verdict to a log line.
    #[must_use]
    pub fn describe(&self, line: Line) -> Line {
        match self {
            Self::Accepted(Factor::Code { authenticator, kind, corrected, .. }) => {
                let line = line.with("factor", kind).with("authenticator", authenticator);
                line.with_some("resynchronized", corrected.as_ref())
            }
            Self::Accepted(Factor::Recovery { left }) => line.with("factor", "recovery-code").with("left", left),
            Self::Accepted(Factor::IssuedCode) => line.with("factor", "issued-recovery-code"),
            Self::Accepted(Factor::AppPassword { label }) => line.with("factor", "app-password").with("label", label),
            Self::NotAsked(rule) => rule.describe(line),
            Self::MustEnroll => line
                .with("reason", "must-enroll")
                .with("remedy", "the user enrolls with twostep enroll, or an administrator with twostep enroll --user"),
            Self::Refused(refused) => refused.describe(line),
        }
    }

    /// The same, with what the kernel says of the host's clock where a refused code is to be explained.
    pub fn doubting(mut self, clock: &impl Clock) -> Self {
        if let Self::Refused(
            Rejection::Wrong { host_clock }
            | Rejection::Spent { host_clock, .. }
            | Rejection::Misplaced { host_clock, .. }
            | Rejection::NotConsecutive { host_clock },
        ) = &mut self
            && host_clock.is_none()
            && !clock.is_synchronized()
        {
            *host_clock = Some(ClockDoubt::Unsynchronized);
        }
        self
    }

    /// The verdict on an answer that was to follow a code of another time. Where it helps nothing to
    /// know the answer's own fault, it is the first one's.
    pub fn after(self, first: Misplaced, host_clock: Option<ClockDoubt>) -> Self {
        let Self::Refused(refused) = &self else { return self };
        match refused {
            Rejection::NotACode(_)
            | Rejection::Wrong { .. }
            | Rejection::Spent { .. }
            | Rejection::Misplaced { .. } => {
                let code = first.followed_by(refused.reason());
                Self::Refused(Rejection::Misplaced { code, host_clock })
            }
            _ => self,
        }
    }

    /// Whether an answer was held against what the account has.
    #[must_use]
    pub fn was_judged(&self) -> bool {
        match self {
            Self::Accepted(_) => true,
            Self::NotAsked(_) | Self::MustEnroll => false,
            Self::Refused(refused) => !matches!(
                refused,
                Rejection::NotACode(_)
                    | Rejection::Waiting(_)
                    | Rejection::ClosedToStrangers
                    | Rejection::Disabled
                    | Rejection::Vanished
            ),
        }
    }

    /// Whether an answer was judged and cost a failure.
    #[must_use]
    pub fn was_wrong(&self) -> bool {
        matches!(
            self,
            Self::Refused(Rejection::Wrong { .. } | Rejection::Misplaced { .. } | Rejection::NotConsecutive { .. })
        )
    }

    /// The word that a log line of this verdict begins with.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::NotAsked(_) => "not-asked",
            Self::MustEnroll | Self::Refused(_) => "refused",
        }
    }
}

impl Rejection {
    fn describe(&self, line: Line) -> Line {
        let line = line.with("reason", self.reason());
        match self {
            Self::NotACode(NotACode::FakeOfSshd) => line.with(
                "remedy",
                "look at PermitRootLogin, AllowUsers, DenyUsers, AllowGroups and DenyGroups in sshd's configuration",
            ),
            Self::NotACode(why) => line
                .with("detail", why)
                .with("remedy", "an application that cannot ask for a code needs keyboard-interactive authentication, or a stack with forward_pass"),
            Self::Wrong { host_clock } | Self::NotConsecutive { host_clock } => {
                line.with_some("host_clock", host_clock.as_ref())
            }
            Self::Spent { authenticator, host_clock } => {
                line.with("authenticator", authenticator).with_some("host_clock", host_clock.as_ref())
            }
            Self::Misplaced { code, host_clock } => {
                let line = line.with("authenticator", &code.authenticator).with("steps", code.ahead);
                let line = line.with_some("then", code.then.as_ref()).with_some("host_clock", host_clock.as_ref());
                line.with_some("fresh", (!code.may_be_followed()).then_some("no"))
            }
            Self::Waiting(seconds) => line.with("seconds", seconds),
            Self::AppPassword(NoAppPassword::NotOne) => line.with(
                "remedy",
                "this service takes an application password: twostep app-password create LABEL --service SERVICE",
            ),
            Self::AppPassword(NoAppPassword::Barred { label, .. }) => line.with("label", label),
            _ => line,
        }
    }

    /// The reason, one word.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotACode(NotACode::FakeOfSshd) => "refused-by-sshd",
            Self::NotACode(_) => "not-a-code",
            Self::Wrong { .. } => "wrong-code",
            Self::Misplaced { code, .. } => match code.kind {
                Kind::Totp => "wrong-clock",
                Kind::Hotp => "wrong-counter",
            },
            Self::NotConsecutive { .. } => "codes-not-consecutive",
            Self::Spent { .. } => "spent-code",
            Self::RecoveryCodeUsed => "used-recovery-code",
            Self::RecoveryCodeExpired => "expired-recovery-code",
            Self::Waiting(_) => "source-waits",
            Self::ClosedToStrangers => "closed-to-strangers",
            Self::Disabled => "codes-disabled",
            Self::Vanished => "enrollment-vanished",
            Self::AppPassword(NoAppPassword::NotOne) => "not-an-app-password",
            Self::AppPassword(NoAppPassword::Wrong) => "wrong-app-password",
            Self::AppPassword(NoAppPassword::Barred { barred, .. }) => barred.reason(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app_password::Barred;

    fn line(refused: Rejection) -> String {
        Verdict::Refused(refused).describe(Line::new("refused")).finish()
    }

    #[test]
    fn the_log_says_what_whoever_helps_has_to_know() {
        let unasked = line(Rejection::NotACode(NotACode::Empty));
        assert!(unasked.starts_with("refused reason=not-a-code detail=empty remedy="), "{unasked}");
        assert!(unasked.contains("keyboard-interactive"), "{unasked}");
        let foreign = line(Rejection::AppPassword(NoAppPassword::NotOne));
        assert!(foreign.starts_with("refused reason=not-an-app-password remedy="), "{foreign}");
        assert!(foreign.contains("twostep app-password create"), "{foreign}");
        let barred = NoAppPassword::Barred { barred: Barred::Network, label: "mail".into() };
        let expected = format!("refused reason={} label=mail", Barred::Network.reason());
        assert_eq!(line(Rejection::AppPassword(barred)), expected);
        assert_eq!(line(Rejection::Waiting(30)), "refused reason=source-waits seconds=30");
        assert_eq!(line(Rejection::Disabled), "refused reason=codes-disabled");
    }
}
