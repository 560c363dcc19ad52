//! Enrollment inside a login, exchange by exchange.

use super::*;

const POLICY: &str = "[policy]\nrequired = true\nafter_grace = \"enroll\"\n";

/// A login of carol's, who passed her first step, as its account phase begins.
struct Newcomer {
    world: World,
    login: Login,
}

impl Newcomer {
    fn new() -> Self {
        let world = World::new(POLICY);
        let ssh = Login { rhost: Some("192.0.2.1".into()), tty: Some("ssh".into()), ..login("carol", "sshd") };
        let ssh = with_options(ssh, &["enroll", "after_first_step"]);
        let done = world.done(&Peer::Root, &ssh);
        assert_eq!(done.outcome, Outcome::Accepted, "the account phase is to follow");
        assert!(world.last_line().contains("rule=must-enroll next=enrollment"));
        Self { world, login: Login { phase: Phase::Account, hand_over: done.hand_over, ..ssh } }
    }

    /// One who has scanned the key.
    fn with_key() -> Self {
        let mut carol = Self::new();
        let question = asked(carol.sends());
        let secret = secret_of(&key_in(&question));
        carol.world.secrets.push(("carol", secret));
        carol
    }

    /// Answers, as the module does: what the service gave to be kept comes back with all answers so far.
    fn types(&mut self, answer: &str) -> Response {
        self.login.answers.push(Typed::new(answer.to_owned()));
        self.sends()
    }

    fn sends(&mut self) -> Response {
        let response = self.world.ask(&Peer::Root, &self.login);
        if let Response::Ask(Ask { hand_over: Some(kept), .. }) = &response {
            self.login.hand_over = Some(kept.clone());
        }
        response
    }

    fn breaks_off(&mut self) -> Outcome {
        self.login.unanswered = true;
        ended(self.sends()).outcome
    }

    fn is_enrolled(&self) -> bool {
        self.world.account("carol").contains("[[authenticator]]")
    }
}

/// The key to type, which is the longest run of groups in a question.
fn key_in(question: &str) -> String {
    let is_group = |word: &&str| word.len() <= 4 && word.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'));
    let groups = question.lines().map(|line| line.split_whitespace().filter(is_group).collect::<String>());
    groups.max_by_key(String::len).unwrap()
}

fn asked(response: Response) -> String {
    match response {
        Response::Ask(ask) => ask.prompt.expose().to_owned(),
        other => panic!("{other:?}"),
    }
}

fn ended(response: Response) -> Done {
    match response {
        Response::Done(done) => done,
        other => panic!("{other:?}"),
    }
}

fn holds_recovery_codes(question: &str) -> bool {
    question.matches('-').count() >= 30
}

#[test]
fn a_newcomer_is_shown_a_key_confirms_it_and_keeps_the_recovery_codes() {
    let mut carol = Newcomer::new();
    let question = asked(carol.sends());
    assert!(question.contains('█') || question.contains('▀'), "{question}");
    let mut carol = Newcomer::with_key();
    let codes = asked(carol.types(&carol.world.code("carol", 0)));
    assert!(holds_recovery_codes(&codes), "{codes}");
    assert!(carol.world.last_line().contains("accepted user=carol service=sshd rhost=192.0.2.1 factor=enrollment"));
    assert!(carol.is_enrolled());
    let done = ended(carol.types(""));
    assert_eq!((done.outcome, &done.hand_over), (Outcome::Accepted, &left("carol", "sshd", Passage::Accepted)));
    let credentials = Login { phase: Phase::Credentials, hand_over: done.hand_over, ..carol.login.clone() };
    assert_eq!(carol.world.outcome(&Peer::Root, &credentials), Outcome::Accepted);
}

#[test]
fn a_wrong_code_may_be_typed_three_times() {
    let mut carol = Newcomer::with_key();
    for _ in 0..2 {
        assert!(!asked(carol.types("000000")).is_empty());
    }
    let done = ended(carol.types("000000"));
    assert_eq!((done.outcome, texts(&done)), (Outcome::Refused, vec![messages::enrollment::NOT_CONFIRMED]));
    assert_eq!(done.hand_over, None);
    assert!(carol.world.last_line().ends_with("reason=enrollment-not-confirmed"));
    assert!(!carol.is_enrolled());
}

#[test]
fn a_code_of_another_time_and_the_next_one_confirm() {
    let mut carol = Newcomer::with_key();
    let (first, next) = (carol.world.code("carol", 18), carol.world.code("carol", 19));
    assert!(!asked(carol.types(&first)).is_empty());
    assert_eq!(carol.login.hand_over, left("carol", "sshd", Passage::EnrollsNow(Enrolling::NextCode)));
    carol.world.pass(30);
    assert!(holds_recovery_codes(&asked(carol.types(&next))));
    assert!(carol.is_enrolled());
    assert_eq!(ended(carol.types("")).outcome, Outcome::Accepted);
}

#[test]
fn a_newcomer_who_breaks_off_is_refused_before_the_confirmation_and_accepted_after_it() {
    assert_eq!(Newcomer::new().breaks_off(), Outcome::Refused, "before the key is shown");
    let mut carol = Newcomer::with_key();
    assert_eq!(carol.breaks_off(), Outcome::Refused, "at the code");
    assert!(carol.world.last_line().contains("reason=no-answer"));
    let mut carol = Newcomer::with_key();
    assert!(!asked(carol.types("000000")).is_empty());
    assert_eq!(carol.breaks_off(), Outcome::Refused, "at the second try");
    let mut carol = Newcomer::with_key();
    assert!(!asked(carol.types(&carol.world.code("carol", 18))).is_empty());
    assert_eq!(carol.breaks_off(), Outcome::Refused, "at the next code");
    assert!(!carol.is_enrolled());
    let mut carol = Newcomer::with_key();
    assert!(holds_recovery_codes(&asked(carol.types(&carol.world.code("carol", 0)))));
    assert_eq!(carol.breaks_off(), Outcome::Accepted, "at the recovery codes");
    assert!(carol.is_enrolled());
}

#[test]
fn a_newcomer_who_comes_back_from_the_same_place_is_shown_the_same_key() {
    let mut carol = Newcomer::new();
    let first = key_in(&asked(carol.sends()));
    assert_eq!(key_in(&asked(carol.sends())), first);
    carol.login.rhost = Some("192.0.2.2".into());
    assert_ne!(key_in(&asked(carol.sends())), first);
}

#[test]
fn a_login_that_was_to_enroll_gets_no_credentials_without_it() {
    let carol = Newcomer::new();
    let owed = Login { phase: Phase::Credentials, ..carol.login.clone() };
    assert_eq!(carol.world.outcome(&Peer::Root, &owed), Outcome::Failed);
    assert!(carol.world.last_line().contains("enrollment-owed"));
    // sshd sets credentials in another process, where nothing was left.
    let owed = Login { hand_over: None, ..owed };
    assert_eq!(carol.world.outcome(&Peer::Root, &owed), Outcome::Failed);
    let account = with_options(carol.login.clone(), &["after_first_step"]);
    assert_eq!(carol.world.outcome(&Peer::Root, &account), Outcome::Refused);
    assert!(carol.world.last_line().contains("give the account line enroll too"));
}

#[test]
fn only_roots_logins_of_a_proved_first_step_enroll() {
    let world = World::new(POLICY);
    let refuses = |peer: &Peer, options: &[&str]| {
        let done = world.done(peer, &with_options(login("carol", "sshd"), options));
        assert_eq!((done.outcome, done.hand_over), (Outcome::Refused, left("carol", "sshd", Passage::MustEnroll)));
        assert!(world.last_line().contains("reason=must-enroll"), "{peer:?} {options:?}");
    };
    refuses(&Peer::User(CAROL), &["enroll", "after_first_step"]);
    refuses(&Peer::Root, &["enroll"]);
    refuses(&Peer::Root, &["after_first_step"]);
}
