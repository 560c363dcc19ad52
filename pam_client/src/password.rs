//! Whether a password is a user's: `pam_authenticate(3)` and `pam_acct_mgmt(3)`, where the password answers
//! one hidden question and every other question fails.

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fmt;
use std::ptr;

use crate::libpam::{BUF_ERR, CONV_ERR, Conversation, Libpam, Message, Name, PamResponse, SUCCESS};

/// `PAM_PROMPT_ECHO_OFF`: a hidden question.
const HIDDEN: c_int = 1;
/// `PAM_ERROR_MSG` and `PAM_TEXT_INFO`: no questions.
const TOLD: [c_int; 2] = [3, 4];
/// `PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK`: an empty password proves nothing.
const FLAGS: c_int = 0x8001;
/// `PAM_AUTH_ERR`, `PAM_MAXTRIES`, and `PAM_PERM_DENIED`: that is what libpam makes of a wrong password behind
/// `[default=die] pam_faillock.so authfail`, as pam_faillock(8) has it.
const WRONG: [c_int; 3] = [7, 11, 6];
/// `PAM_NEW_AUTHTOK_REQD`.
const EXPIRED: c_int = 12;

/// Why it is not known whether a password is right. Displayed, it says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unclear {
    /// There is no libpam, or it is older than 1.4, or does not begin; its code.
    NoStart(Option<i32>),
    /// A module asks for something else, or once more.
    AsksMore(String),
    /// The stack ends well without the password.
    AsksNothing(String),
    /// The stack refuses before it asks.
    Closed,
    /// The password is right, and has to be changed.
    Expired,
    /// The password is right, and the account may not be used; libpam's code.
    AccountRefused(i32),
    /// libpam failed; its code.
    Failed(i32),
}

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStart(None) => f.write_str("the password cannot be checked without libpam 1.4; install it"),
            Self::NoStart(Some(code)) => {
                write!(f, "the password cannot be checked, since PAM does not start (code {code}); see the system log")
            }
            Self::AsksMore(service) => write!(
                f,
                "the password cannot be checked, since PAM asks for more than the password; put a stack that asks for nothing else into /etc/pam.d/{service}"
            ),
            Self::AsksNothing(service) => write!(
                f,
                "the password cannot be checked, since PAM does not ask for it; put a stack that asks for the password into /etc/pam.d/{service}"
            ),
            Self::Closed => f.write_str(
                "PAM refuses the account before it asks for the password; wait if there were wrong passwords, or ask your administrator to look into the system log",
            ),
            Self::Expired => f.write_str("your password has expired; change it first: passwd"),
            Self::AccountRefused(code) => {
                write!(f, "PAM refuses the account (code {code}); ask your administrator whether it has expired")
            }
            Self::Failed(code) => write!(
                f,
                "the password cannot be checked, since PAM failed (code {code}); ask your administrator to look into the system log"
            ),
        }
    }
}

impl std::error::Error for Unclear {}

/// Whether this is the user's password, by the stack of this service.
///
/// Modules run in this process, as its user, for as long as they like: have one that may end.
///
/// # Errors
/// It cannot be said.
pub fn authenticate(service: &str, user: &str, password: &[u8]) -> Result<bool, Unclear> {
    ask(None, [service, user], password)
}

/// The same, with the service files of a folder.
fn ask(folder: Option<&CStr>, [service, user]: [&str; 2], password: &[u8]) -> Result<bool, Unclear> {
    // Modules take the password as a text of C, which ends at the first NUL byte.
    let (Ok(c_service), Ok(c_user), false) = (CString::new(service), CString::new(user), password.contains(&0)) else {
        return Ok(false);
    };
    let library = Libpam::open().ok_or(Unclear::NoStart(None))?;
    let start = library.start().ok_or(Unclear::NoStart(None))?;
    let authenticate = library.act(Name::Authenticate).ok_or(Unclear::NoStart(None))?;
    let account = library.act(Name::Account).ok_or(Unclear::NoStart(None))?;
    let end = library.act(Name::End).ok_or(Unclear::NoStart(None))?;
    let person = Person { password, was_asked: Cell::new(false), was_asked_more: Cell::new(false) };
    let conversation = Conversation { converse: answer, data: (&raw const person).cast_mut().cast() };
    let mut handle = ptr::null_mut();
    let folder = folder.map_or(ptr::null(), CStr::as_ptr);
    // SAFETY: all that is passed lives until pam_end; libpam writes the handle if it returns 0.
    let begun = unsafe { start(c_service.as_ptr(), c_user.as_ptr(), &raw const conversation, folder, &raw mut handle) };
    if begun != SUCCESS || handle.is_null() {
        return Err(Unclear::NoStart(Some(begun)));
    }
    // SAFETY: the handle is that of pam_start_confdir, and is used by this thread alone.
    let proved = unsafe { authenticate(handle, FLAGS) };
    let admitted = (proved == SUCCESS).then(|| {
        // SAFETY: as above.
        unsafe { account(handle, FLAGS) }
    });
    // SAFETY: as above; it is not used any more.
    unsafe { end(handle, admitted.unwrap_or(proved)) };
    person.verdict(service, proved, admitted)
}

/// Who answers: one password, once.
pub(crate) struct Person<'a> {
    /// The password, without a NUL byte.
    pub(crate) password: &'a [u8],
    /// Whether the question for it came.
    pub(crate) was_asked: Cell<bool>,
    /// Whether another question came.
    pub(crate) was_asked_more: Cell<bool>,
}

impl Person<'_> {
    /// What the two phases come to.
    fn verdict(&self, service: &str, proved: c_int, admitted: Option<c_int>) -> Result<bool, Unclear> {
        if self.was_asked_more.get() {
            return Err(Unclear::AsksMore(service.to_owned()));
        }
        match (proved, admitted, self.was_asked.get()) {
            (SUCCESS, _, false) => Err(Unclear::AsksNothing(service.to_owned())),
            (SUCCESS, Some(SUCCESS), true) => Ok(true),
            (SUCCESS, Some(EXPIRED), true) => Err(Unclear::Expired),
            (SUCCESS, Some(code), true) => Err(Unclear::AccountRefused(code)),
            (code, _, true) if WRONG.contains(&code) => Ok(false),
            (code, _, false) if WRONG.contains(&code) => Err(Unclear::Closed),
            (code, ..) => Err(Unclear::Failed(code)),
        }
    }

    /// Which of these messages is the question for the password; `Err` if there is another question.
    fn question(&self, styles: &[Option<c_int>]) -> Result<Option<usize>, ()> {
        let is_question = |style: &Option<c_int>| !style.is_some_and(|style| TOLD.contains(&style));
        let mut questions = styles.iter().enumerate().filter(|(_, style)| is_question(style));
        let first = match (questions.next(), questions.next()) {
            (None, _) => return Ok(None),
            (Some((index, Some(HIDDEN))), None) if !self.was_asked.replace(true) => index,
            _ => {
                self.was_asked_more.set(true);
                return Err(());
            }
        };
        Ok(Some(first))
    }

    /// The password for a module, which frees it.
    fn copy(&self) -> Option<*mut c_char> {
        let length = self.password.len();
        // SAFETY: calloc(3) takes two numbers; what it returns is checked.
        let copy = unsafe { libc::calloc(length + 1, 1) };
        if copy.is_null() {
            return None;
        }
        // SAFETY: the copy is new, and one byte longer than the password.
        unsafe { ptr::copy_nonoverlapping(self.password.as_ptr(), copy.cast(), length) };
        Some(copy.cast())
    }
}

/// pam_conv(3), with a [`Person`] as its data.
pub(crate) extern "C" fn answer(
    count: c_int,
    messages: *const *const Message,
    answers: *mut *mut PamResponse,
    person: *mut c_void,
) -> c_int {
    // SAFETY: it is what `ask` gave pam_start, lives until pam_end, and is never written to but by its cells.
    let person = unsafe { person.cast::<Person<'_>>().as_ref() };
    let (Some(person), Ok(count @ 1..)) = (person, usize::try_from(count)) else { return CONV_ERR };
    if messages.is_null() || answers.is_null() {
        return CONV_ERR;
    }
    // SAFETY: libpam passes an array of so many pointers, which lives for the call.
    let messages = unsafe { std::slice::from_raw_parts(messages, count) };
    let style = |message: &*const Message| {
        // SAFETY: each is null or leads to a message that lives for the call.
        unsafe { message.as_ref() }.map(|message| message.style)
    };
    let styles: Vec<_> = messages.iter().map(style).collect();
    match person.question(&styles) {
        Ok(index) => reply(person, index, count, answers),
        Err(()) => CONV_ERR,
    }
}

/// Hands over as many answers as there were messages; that to the question is the password.
fn reply(person: &Person<'_>, question: Option<usize>, count: usize, answers: *mut *mut PamResponse) -> c_int {
    // SAFETY: calloc(3) takes two numbers; what it returns is checked.
    let array = unsafe { libc::calloc(count, size_of::<PamResponse>()) }.cast::<PamResponse>();
    if array.is_null() {
        return BUF_ERR;
    }
    if let Some(index) = question {
        let Some(text) = person.copy() else {
            // SAFETY: it is that of calloc, and nobody else knows it.
            unsafe { libc::free(array.cast()) };
            return BUF_ERR;
        };
        // SAFETY: the array has `count` answers of zero bytes, and the index is one of a message.
        let answer = unsafe { array.add(index) };
        // SAFETY: as above; the array is ours until it is handed over.
        unsafe { (*answer).text = text };
    }
    // SAFETY: libpam passes a place for the array (pam_conv(3)), which the caller frees.
    unsafe { answers.write(array) };
    SUCCESS
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;

    const RIGHT: &[u8] = b"right horse";

    /// A stack as Debian's common-auth: pam_exec itself says that it failed, not that a password is wrong.
    const AUTH: &str =
        "auth [success=1 default=ignore] EXEC\nauth requisite pam_deny.so\nauth required pam_permit.so\n";

    /// What a stack says of a password. `EXEC` in it asks for one and knows the right one.
    fn of(name: &str, stack: &str, password: &[u8]) -> Result<bool, Unclear> {
        let folder = std::env::temp_dir().join(format!("pam-password-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let script = program(&folder.join("check"), "[ \"$(tr -d '\\0')\" = 'right horse' ]");
        let stack = stack.replace("EXEC", &format!("pam_exec.so quiet expose_authtok {}", script.display()));
        fs::write(folder.join("t"), stack).unwrap();
        let c_folder = CString::new(folder.to_str().unwrap()).unwrap();
        let answer = ask(Some(&c_folder), ["t", "root"], password);
        fs::remove_dir_all(&folder).unwrap();
        answer
    }

    fn program(path: &std::path::Path, line: &str) -> PathBuf {
        fs::write(path, format!("#!/bin/sh\n{line}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_owned()
    }

    #[test]
    fn a_password_is_right_or_wrong() {
        let stack = &format!("{AUTH}account required pam_permit.so\n");
        assert_eq!(of("right", stack, RIGHT), Ok(true));
        for wrong in [&b"wrong"[..], b"", b"right", b"right horse\0", b"right horse "] {
            assert_eq!(of("wrong", stack, wrong), Ok(false), "{wrong:?}");
        }
    }

    #[test]
    fn modules_share_one_answer() {
        let stack = "auth sufficient pam_unix.so\nauth required EXEC use_first_pass\naccount required pam_permit.so\n";
        assert_eq!(of("shared", stack, RIGHT), Ok(true));
    }

    #[test]
    fn a_stack_that_does_not_ask_proves_nothing() {
        for stack in [
            "auth required pam_permit.so\naccount required pam_permit.so\n",
            "auth sufficient pam_permit.so\nauth required EXEC\naccount required pam_permit.so\n",
        ] {
            let answer = of("nothing", stack, RIGHT);
            assert_eq!(answer, Err(Unclear::AsksNothing("t".into())));
        }
        assert_eq!(of("closed", "auth required pam_deny.so\n", RIGHT), Err(Unclear::Closed));
    }

    #[test]
    fn what_libpam_says_beside_right_and_wrong_is_said() {
        let missing = "auth required pam_no_such_module.so\n";
        assert_eq!(of("module", missing, RIGHT), Err(Unclear::Failed(28)));
        let refusing = &format!("{AUTH}account required pam_deny.so\n");
        assert_eq!(of("account", refusing, RIGHT), Err(Unclear::AccountRefused(7)));
        assert_eq!(of("account-wrong", refusing, b"wrong"), Ok(false));
    }

    fn person() -> Person<'static> {
        Person { password: RIGHT, was_asked: Cell::new(false), was_asked_more: Cell::new(false) }
    }

    #[test]
    fn a_second_question_or_another_one_is_more_than_the_password() {
        let told = [Some(3), Some(4)];
        let alone = person();
        assert_eq!(alone.question(&told), Ok(None));
        assert_eq!(alone.question(&[Some(4), Some(HIDDEN)]), Ok(Some(1)));
        assert_eq!(alone.verdict("t", SUCCESS, Some(SUCCESS)), Ok(true));
        assert_eq!(alone.question(&[Some(HIDDEN)]), Err(()));
        assert_eq!(alone.verdict("t", SUCCESS, Some(SUCCESS)), Err(Unclear::AsksMore("t".into())));
        let shown = Some(2);
        for more in [&[Some(HIDDEN), Some(HIDDEN)][..], &[shown], &[Some(HIDDEN), shown], &[Some(5)], &[None]] {
            let other = person();
            assert_eq!(other.question(more), Err(()), "{more:?}");
            assert_eq!(other.verdict("t", 7, None), Err(Unclear::AsksMore("t".into())));
        }
    }

    #[test]
    fn a_refusal_is_a_wrong_password_if_it_was_asked_for() {
        let asked = person();
        asked.was_asked.set(true);
        for code in WRONG {
            assert_eq!(asked.verdict("t", code, None), Ok(false));
            assert_eq!(person().verdict("t", code, None), Err(Unclear::Closed));
        }
        assert_eq!(asked.verdict("t", 9, None), Err(Unclear::Failed(9)));
    }

    #[test]
    fn an_expired_password_is_told_apart() {
        let asked = person();
        asked.was_asked.set(true);
        assert_eq!(asked.verdict("t", SUCCESS, Some(EXPIRED)), Err(Unclear::Expired));
        assert!(Unclear::Expired.to_string().ends_with("passwd"));
    }
}
