//! `twostep enroll`: a new authenticator, from its key to the recovery codes.

use std::path::Path;

use serde::Serialize;
use twostep_core::request::{Pending, Refusal, Request, Response, Status};
use twostep_core::secret::Typed;

use crate::app_password::ensure;
use crate::arguments::{Enroll, QrChoice};
use crate::page::Page;
use crate::permit;
use crate::person::Echo;
use crate::proof::{self, Proof};
use crate::qr::{self, NotDrawn};
use crate::reach;
use crate::recovery::{self, Sheet};
use crate::session::Session;
use crate::trouble::Trouble;
use crate::view::Letters;
use crate::{dates, save};

/// How often a wrong confirmation code may be given.
const TRIES: usize = 3;

const QUESTION: &str = "Code shown by the app: ";

/// A confirmed authenticator, as programs read it.
#[derive(Debug, Serialize)]
struct Confirmed {
    label: String,
    /// None when the account already had a set.
    recovery_codes: Option<Vec<Typed>>,
}

/// Adds an authenticator. What cannot be written is found out before anything is made.
pub fn run(session: &mut Session, wishes: &Enroll) -> Result<(), Trouble> {
    for path in [&wishes.svg, &wishes.save_codes].into_iter().flatten() {
        save::check(path)?;
    }
    let status = session.status()?;
    let (pending, proof) = begin(session, &status, wishes)?;
    session.page.object(&pending)?;
    show(&mut session.page, &pending, wishes)?;
    match confirm(session) {
        Ok(confirmed) => {
            if proof == Proof::RecoveryCode {
                proof::tell_spent(session, proof)?;
            }
            hand_over(session, &status.user, confirmed, wishes.save_codes.as_deref())?;
            // Root makes application passwords for nobody.
            if session.reach.needs_proof() { ensure::after_enrollment(session) } else { Ok(()) }
        }
        Err(trouble) => {
            // Its key will never count.
            wishes.svg.as_deref().map(save::remove);
            Err(trouble)
        }
    }
}

fn begin(session: &mut Session, status: &Status, wishes: &Enroll) -> Result<(Pending, Proof), Trouble> {
    let request = |proof, permit| Request::Begin { label: wishes.label.clone(), proof, permit, device: None };
    let place = format!("{} on {}", status.user, session.page.view.host);
    session.page.say(&format!("A new authenticator for {place}."))?;
    let (response, proof) = if status.enrolled {
        proof::ask_with(session, |proof| request(Some(proof), None))?
    } else {
        (permit::ask_with(session, |permit| request(None, permit))?, Proof::NotNeeded)
    };
    match response {
        Response::Pending(pending) => Ok((pending, proof)),
        _ => Err(reach::broken("no key")),
    }
}

/// The key first and the drawing last, so that on a small screen the drawing stands complete above
/// the question.
fn show(page: &mut Page, pending: &Pending, wishes: &Enroll) -> Result<(), Trouble> {
    if let Some(path) = &wishes.svg {
        let picture = qr::picture(pending.uri.expose()).map_err(|_| no_picture())?;
        save::write(path, &picture)?;
        page.say(&format!("The QR code is in {}. Delete it when it is scanned: it holds the key.", path.display()))?;
    }
    page.say("\nIn your authenticator app, scan the QR code, or add an account by hand:\n")?;
    page.entry("Issuer", &pending.issuer)?;
    page.entry("Account", &pending.account)?;
    page.entry("Key", pending.secret.in_groups(' ').expose())?;
    page.entry(
        "Kind",
        &format!(
            "time-based, {}, {} digits, a new code every {} seconds",
            pending.algorithm,
            pending.digits,
            pending.period.unwrap_or_default()
        ),
    )?;
    page.entry("Confirm until", &dates::hour(pending.expires_at))?;
    page.say("")?;
    draw(page, pending, wishes.qr)
}

fn draw(page: &mut Page, pending: &Pending, choice: Option<QrChoice>) -> Result<(), Trouble> {
    let letters = match choice {
        Some(QrChoice::None) => return Ok(()),
        Some(QrChoice::Utf8) => Letters::Utf8,
        Some(QrChoice::Ascii) => Letters::Ascii,
        None => page.view.letters,
    };
    match qr::draw(pending.uri.expose(), letters, &page.view) {
        Ok(drawing) => page.draw(&drawing),
        Err(NotDrawn::TooNarrow { needs }) => page.say(&too_narrow(needs, page.view.columns, letters)),
        Err(NotDrawn::TooLong) => page.say("These names are too long for a QR code: type the key.\n"),
    }
}

fn too_narrow(needs: usize, columns: usize, letters: Letters) -> String {
    let instead = match letters {
        Letters::Utf8 => "make the terminal wider and begin again",
        Letters::Ascii => "begin again with --qr utf8 if your terminal can show it",
    };
    format!(
        "The QR code needs a terminal of {needs} columns, and this one has {columns}. Type the key, \
         or {instead}.\n"
    )
}

fn confirm(session: &mut Session) -> Result<Confirmed, Trouble> {
    let mut left = TRIES;
    loop {
        left -= 1;
        let code = session.person.answer(QUESTION, Echo::Shown)?;
        match session.reach.ask(Request::Confirm { code, next: None }) {
            Ok(Response::Confirmed { label, recovery_codes, .. }) => {
                return Ok(Confirmed { label, recovery_codes });
            }
            Ok(_) => return Err(reach::broken("no confirmation")),
            Err(trouble) if trouble.is(Refusal::NotAccepted) && left > 0 => {
                session.page.complain(&trouble)?;
            }
            Err(trouble) => return Err(unfinished(trouble)),
        }
    }
}

fn hand_over(session: &mut Session, user: &str, confirmed: Confirmed, file: Option<&Path>) -> Result<(), Trouble> {
    session.page.object(&confirmed)?;
    session.page.say(&format!(
        "\nDone: {user} can now log in with the codes of {}. What was typed here is spent: the \
         next login waits for the next code.",
        confirmed.label
    ))?;
    match &confirmed.recovery_codes {
        Some(codes) => {
            let sheet = Sheet::new(&session.page.view.host, user, codes);
            recovery::hand_over(session, &sheet, file)
        }
        None => session.page.say(match file {
            Some(_) => "The recovery codes are those that you have already; none were written.",
            None => "The recovery codes are those that you have already.",
        }),
    }
}

fn unfinished(mut trouble: Trouble) -> Trouble {
    if trouble.is(Refusal::NotAccepted) {
        trouble.message.push_str(" Nothing was changed; begin again with `twostep enroll`.");
    }
    trouble
}

fn no_picture() -> Trouble {
    Trouble::here("file", "These names are too long for a QR code. Begin again without --svg and type the key.")
}

#[cfg(test)]
mod tests {
    use twostep_core::request::Kind;

    use super::*;
    use crate::app_password::scripted::{PASSWORD, all, made, preset};
    use crate::page::Form;
    use crate::page::scripted::Printed;
    use crate::person::scripted::{Answers, lines};
    use crate::reach::scripted::Script;
    use crate::session::scripted::{session, status};

    const URI: &str = "otpauth://totp/web1:alice?secret=JBSWY3DPEHPK3PXP&issuer=web1";

    fn pending() -> Response {
        Response::Pending(Pending {
            label: "phone".into(),
            uri: Typed::new(URI.into()),
            secret: Typed::new("JBSWY3DPEHPK3PXP".into()),
            issuer: "web1".into(),
            account: "alice@web1".into(),
            kind: Kind::Totp,
            digits: 6,
            period: Some(30),
            counter: None,
            algorithm: "SHA1".into(),
            expires_at: 1_800_000_900,
        })
    }

    fn confirmed(codes: Option<&[&str]>) -> Response {
        let typed = |codes: &[&str]| codes.iter().map(|code| Typed::new((*code).into())).collect();
        Response::Confirmed { label: "phone".into(), recovery_codes: codes.map(typed), replaced: None }
    }

    fn wrong() -> Response {
        Response::Refused { reason: Refusal::NotAccepted, text: "Not the code. Try the next.".into() }
    }

    fn confirms(request: &Request, typed: &str) -> bool {
        matches!(request, Request::Confirm { code, next: None } if code.expose() == typed)
    }

    fn first_enrollment() -> Script {
        Script::user(vec![
            (|request| matches!(request, Request::Status {}), Response::Status(status(&[]))),
            (
                |request| matches!(request, Request::Begin { label: None, proof: None, permit: None, device: None }),
                pending(),
            ),
            (|request| confirms(request, "123456"), confirmed(Some(&["0123-4567", "89AB-CDEF"]))),
            (|request| matches!(request, Request::AppPasswords {}), all(vec![], vec![])),
        ])
    }

    fn in_json(script: Script, input: &'static str) -> (Result<(), Trouble>, Printed) {
        let (mut session, printed) = session(script, lines(input));
        session.page.form = Form::Json;
        (run(&mut session, &Enroll::default()), printed)
    }

    #[test]
    fn programs_get_the_key_in_one_line_and_the_recovery_codes_in_the_next() {
        let (done, printed) = in_json(first_enrollment(), "123456\n");
        done.unwrap();
        let printed = printed.json();
        assert_eq!(printed.len(), 2, "{printed:?}");
        assert_eq!(printed[0]["uri"], URI);
        assert_eq!(printed[0]["secret"], "JBSWY3DPEHPK3PXP");
        assert_eq!(printed[0]["expires_at"], 1_800_000_900);
        assert_eq!(printed[1]["recovery_codes"], serde_json::json!(["0123-4567", "89AB-CDEF"]));
        assert_eq!(printed[1]["label"], "phone");
    }

    #[test]
    fn programs_have_three_tries_and_hear_of_each() {
        let script = Script::user(vec![
            (|_| true, Response::Status(status(&[]))),
            (|_| true, pending()),
            (|request| confirms(request, "1"), wrong()),
            (|request| confirms(request, "2"), wrong()),
            (|request| confirms(request, "3"), wrong()),
        ]);
        let (done, printed) = in_json(script, "1\n2\n3\n123456\n");
        let trouble = done.unwrap_err();
        assert!(trouble.is(Refusal::NotAccepted));
        assert!(trouble.message.contains("Nothing was changed"), "{trouble}");
        let printed = printed.json();
        assert_eq!(printed.len(), 3);
        assert_eq!(printed[2]["error"]["reason"], "not_accepted");
    }

    #[test]
    fn input_that_ends_early_leaves_the_new_authenticator_inert() {
        let script = Script::user(vec![(|_| true, Response::Status(status(&[]))), (|_| true, pending())]);
        let (done, _) = in_json(script, "");
        assert_eq!(done.unwrap_err().reason, "no_input");
    }

    #[test]
    fn the_first_line_is_the_proof_when_there_is_an_authenticator() {
        let script = Script::user(vec![
            (|_| true, Response::Status(status(&["phone"]))),
            (
                |request| matches!(request, Request::Begin { proof: Some(proof), .. } if proof.expose() == "654321"),
                pending(),
            ),
            (|request| confirms(request, "123456"), confirmed(None)),
            (|_| true, all(vec![], vec![])),
        ]);
        let (done, printed) = in_json(script, "654321\n123456\n");
        done.unwrap();
        assert!(printed.json()[1]["recovery_codes"].is_null());
    }

    #[test]
    fn a_person_sees_the_key_in_groups_and_the_drawing_last() {
        let person = Answers::new(&[(QUESTION, Echo::Shown, "123456"), ("[s]ave", Echo::Shown, "n")]);
        let (mut session, printed) = session(first_enrollment(), Box::new(person));
        run(&mut session, &Enroll::default()).unwrap();
        let text = printed.text();
        let places = ["Issuer", "alice@web1", "JBSW Y3DP EHPK 3PXP", "█", " 1. 0123-4567", " 2. 89AB"]
            .map(|part| text.find(part).unwrap_or_else(|| panic!("{part} is not in:\n{text}")));
        assert!(places.is_sorted(), "{places:?}\n{text}");
    }

    #[test]
    fn on_a_narrow_terminal_there_is_the_key_alone() {
        let person = Answers::new(&[(QUESTION, Echo::Shown, "123456"), ("[s]ave", Echo::Shown, "n")]);
        let (mut session, printed) = session(first_enrollment(), Box::new(person));
        session.page.view.columns = 32;
        run(&mut session, &Enroll::default()).unwrap();
        let text = printed.text();
        assert!(!text.contains('█') && text.contains("JBSW Y3DP EHPK 3PXP"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 32), "{text}");
    }

    #[test]
    fn a_path_that_cannot_be_written_is_found_before_anything_happens() {
        for wishes in [
            Enroll { save_codes: Some("/nonexistent/a".into()), ..Enroll::default() },
            Enroll { svg: Some("/nonexistent/a".into()), ..Enroll::default() },
        ] {
            let (mut session, _) = session(Script::user(vec![]), lines(""));
            assert_eq!(run(&mut session, &wishes).unwrap_err().reason, "file");
        }
    }

    fn enrolls_with_presets(last: Response) -> Script {
        Script::user(vec![
            (|_| true, Response::Status(status(&[]))),
            (|_| true, pending()),
            (|_| true, confirmed(Some(&["0123-4567"]))),
            (|_| true, all(vec![], vec![preset("mail")])),
            (|_| true, Response::Status(status(&["phone"]))),
            (|request| matches!(request, Request::EnsureAppPassword { name, proof: None } if name == "mail"), last),
        ])
    }

    #[test]
    fn the_presets_are_made_at_the_end() {
        let home = tempfile::tempdir().unwrap();
        let (mut session, printed) = session(enrolls_with_presets(made("mail")), lines("123456\n"));
        (session.page.form, session.page.view.home) = (Form::Json, Some(home.path().into()));
        run(&mut session, &Enroll::default()).unwrap();
        let stored = home.path().join(".local/share/twostep/mail");
        assert_eq!(printed.json()[2], serde_json::json!({"name": "mail", "file": stored, "made": true}));
        assert_eq!(std::fs::read_to_string(stored).unwrap(), format!("{PASSWORD}\n"));
    }

    #[test]
    fn an_enrollment_is_done_whatever_becomes_of_the_presets() {
        let refused = Response::Refused { reason: Refusal::Failed, text: "The disk is full. Make room.".into() };
        let home = tempfile::tempdir().unwrap();
        let (mut session, printed) = session(enrolls_with_presets(refused), lines("123456\n"));
        (session.page.form, session.page.view.home) = (Form::Json, Some(home.path().into()));
        run(&mut session, &Enroll::default()).unwrap();
        assert_eq!(printed.json()[2]["error"]["message"], "The disk is full. Make room.");
    }

    #[test]
    fn root_makes_no_application_password_for_anybody() {
        let script = Script::root(vec![
            (|_| true, Response::Status(status(&[]))),
            (|_| true, pending()),
            (|_| true, confirmed(None)),
        ]);
        let (mut session, _) = session(script, lines("123456\n"));
        session.page.form = Form::Json;
        run(&mut session, &Enroll::default()).unwrap();
    }

    #[test]
    fn an_enrollment_that_fails_leaves_no_picture() {
        let folder = tempfile::tempdir().unwrap();
        let svg = folder.path().join("code.svg");
        let wishes = Enroll { svg: Some(svg.clone()), ..Enroll::default() };
        let script = Script::user(vec![(|_| true, Response::Status(status(&[]))), (|_| true, pending())]);
        let (mut session, _) = session(script, lines(""));
        assert!(run(&mut session, &wishes).is_err());
        assert!(!svg.exists());
    }
}
