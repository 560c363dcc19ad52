//! Where C begins: the six entry points, and the few things the module asks of libpam. All `unsafe`
//! of Twostep is here.
//!
//! Two promises carry the SAFETY comments. libpam's (pam(3), pam_sm_authenticate(3)): the handle
//! that it gives to an entry point stays valid until that entry point returns, and is used by
//! nobody else meanwhile. And ours: what libpam owns is copied before the next call into it.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::Once;

use pamsm::{PamError, PamFlags};
use protocol::audit::printable;
use protocol::secret::Secret;

/// One call of libpam into this module, and all that the module may ask of it.
pub struct PamCall<'call> {
    handle: *mut Handle,
    flags: PamFlags,
    call: PhantomData<&'call mut Handle>,
}

/// What the program told libpam about this login.
#[derive(Debug, Clone, Copy)]
pub enum Item {
    /// The PAM service (`PAM_SERVICE`).
    Service = 1,
    /// Who logs in (`PAM_USER`).
    User = 2,
    /// The terminal (`PAM_TTY`).
    Terminal = 3,
    /// From which host (`PAM_RHOST`).
    RemoteHost = 4,
    /// The password that an earlier line asked for (`PAM_AUTHTOK`).
    Password = 6,
}

/// How a message is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageStyle {
    /// A question whose answer is not shown.
    HiddenQuestion = 1,
    /// A question whose answer is shown.
    ShownQuestion = 2,
    /// Something went wrong.
    Error = 3,
    /// Something to know.
    Notice = 4,
}

impl MessageStyle {
    /// That of a question whose answer is shown, or is not.
    pub fn of_question(echo: bool) -> Self {
        if echo { Self::ShownQuestion } else { Self::HiddenQuestion }
    }
}

/// How loud a log line is (syslog(3)); libpam adds the facility `authpriv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// An administrator must act.
    Error = 3,
    /// Normal, and worth a line.
    Notice = 5,
}

/// The conversation failed, with this result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoAnswer(pub c_int);

impl PamCall<'_> {
    /// Whether the program asked for no messages (`PAM_SILENT`).
    pub fn is_silent(&self) -> bool {
        self.flags.contains(PamFlags::SILENT)
    }

    /// Who logs in; libpam asks for the name when the program has not set it.
    pub fn ask_user(&self) -> Option<String> {
        let mut name: *const c_char = ptr::null();
        // SAFETY: pam_get_user(3) fills the pointer with a C string of libpam's own; the handle is
        // this call's, and a null prompt means libpam's default.
        let code = unsafe { pam_get_user(self.handle, &raw mut name, ptr::null()) };
        if !succeeded(code) {
            return None;
        }
        // SAFETY: on success libpam's C string or null, unchanged until the next call.
        unsafe { copied(name) }.map(text)
    }

    /// An item as text, if the program has set it and it is not empty.
    pub fn item(&self, item: Item) -> Option<String> {
        self.item_bytes(item).map(text).filter(|text| !text.is_empty())
    }

    /// The password that an earlier line of the stack left, or this module.
    pub fn password(&self) -> Option<Secret> {
        self.item_bytes(Item::Password).map(Secret::new)
    }

    /// Leaves the password to the lines that follow.
    ///
    /// # Errors
    /// libpam's code: it has no memory for it.
    pub fn set_password(&self, password: &Secret) -> Result<(), c_int> {
        // Made in its full size: growing would leave a copy behind that nobody wipes.
        let mut terminated = Vec::with_capacity(password.expose().len() + 1);
        terminated.extend_from_slice(password.expose());
        terminated.push(0);
        let terminated = Secret::new(terminated);
        let item = terminated.expose().as_ptr().cast();
        // SAFETY: pam_set_item(3) copies a C string; ours is terminated and outlives the call.
        let code = unsafe { pam_set_item(self.handle, Item::Password as c_int, item) };
        if succeeded(code) { Ok(()) } else { Err(code) }
    }

    /// A variable of the PAM environment, which only the program and the stack can set.
    pub fn environment(&self, name: &CStr) -> Option<String> {
        // SAFETY: pam_getenv(3) reads a C string and returns null or a C string inside libpam's
        // own list, which stays until the variable is set again.
        let value = unsafe { pam_getenv(self.handle, name.as_ptr()) };
        // SAFETY: as just said.
        unsafe { copied(value) }.map(text)
    }

    /// Sets a variable of the PAM environment (`NAME=VALUE`), or takes one out (`NAME`). The program hands that
    /// environment to the session; without memory for it nothing changes.
    pub fn set_environment(&self, variable: &CStr) {
        // SAFETY: pam_putenv(3) copies a C string.
        let _ = unsafe { pam_putenv(self.handle, variable.as_ptr()) };
    }

    /// Remembers a text in this handle under `key`, or forgets it when there is none.
    ///
    /// # Errors
    /// libpam's code: it has no memory for it, and nothing is remembered.
    pub fn remember(&self, key: &CStr, words: Option<&CStr>) -> Result<(), c_int> {
        let stored = match words {
            // SAFETY: strdup(3) copies a C string; from here libpam owns the copy until `forget`.
            Some(words) => unsafe { libc::strdup(words.as_ptr()) },
            None => ptr::null_mut(),
        };
        if words.is_some() && stored.is_null() {
            return Err(PamError::BUF_ERR as c_int);
        }
        // SAFETY: pam_set_data(3) copies the key and keeps the pointer, which `forget` frees.
        let code = unsafe { pam_set_data(self.handle, key.as_ptr(), stored.cast(), Some(forget)) };
        if succeeded(code) {
            return Ok(());
        }
        // SAFETY: libpam has not kept the copy, so it is still ours to free.
        unsafe { wipe(stored) };
        Err(code)
    }

    /// What was remembered in this handle under `key`.
    pub fn remembered(&self, key: &CStr) -> Option<String> {
        let mut stored: *const c_void = ptr::null();
        // SAFETY: pam_get_data(3) fills the pointer; the key is ours alone, so what it leads to is
        // null or a C string that `remember` made.
        let code = unsafe { pam_get_data(self.handle, key.as_ptr(), &raw mut stored) };
        if !succeeded(code) {
            return None;
        }
        // SAFETY: as just said; libpam keeps it until it is replaced.
        unsafe { copied(stored.cast()) }.map(text)
    }

    /// Asks the person, and takes the answer over, if the reply has a text.
    ///
    /// # Errors
    /// The conversation failed, or is not there.
    pub fn ask(&self, style: MessageStyle, words: &str) -> Result<Option<Secret>, NoAnswer> {
        match self.converse(style, words) {
            (code, answer) if succeeded(code) => Ok(answer),
            (code, _) => Err(NoAnswer(code)),
        }
    }

    /// Tells the person something, unless the program wants no messages. A program that cannot
    /// show it changes nothing for the login.
    pub fn tell(&self, style: MessageStyle, words: &str) {
        if !self.is_silent() {
            self.converse(style, words);
        }
    }

    /// Writes one line to the system's log; control characters arrive escaped.
    pub fn log(&self, priority: Priority, line: &str) {
        let line = c_text(&printable(line));
        // SAFETY: pam_syslog(3) formats `%s` with the one C string that follows; both outlive the
        // call.
        unsafe { pam_syslog(self.handle, priority as c_int, c"%s".as_ptr(), line.as_ptr()) }
    }

    /// One message through the program's conversation: its result, and the answer if there is one.
    fn converse(&self, style: MessageStyle, words: &str) -> (c_int, Option<Secret>) {
        let conversation: *const Conversation = self.item_pointer(CONVERSATION).cast();
        // SAFETY: PAM_CONV is null or leads to libpam's own copy of a pam_conv structure
        // (pam_get_item(3)), which no other call changes meanwhile.
        let Some(conversation) = (unsafe { conversation.as_ref() }) else {
            return (PamError::CONV_ERR as c_int, None);
        };
        let Some(call) = conversation.call else {
            return (PamError::CONV_ERR as c_int, None);
        };
        let words = c_text(words);
        let message = Message { style: style as c_int, words: words.as_ptr() };
        // One message a call: then "array of pointers" and "pointer to an array" are the same.
        let mut messages: *const Message = &raw const message;
        let mut replies: *mut PamResponse = ptr::null_mut();
        // SAFETY: pam_conv(3) takes one message and fills `replies`; the program supplied both the
        // function and its data, and all of ours outlives the call.
        let code = unsafe { call(1, &raw mut messages, &raw mut replies, conversation.data) };
        // It may have shown a key or recovery codes.
        drop(Secret::new(words.into_bytes()));
        // SAFETY: what pam_conv(3) has just filled, used nowhere else.
        (code, unsafe { take_reply(replies) })
    }

    fn item_bytes(&self, item: Item) -> Option<Vec<u8>> {
        let words = self.item_pointer(item as c_int).cast();
        // SAFETY: each `Item` is null or libpam's own C string (pam_get_item(3)), unchanged until
        // the next call.
        unsafe { copied(words) }
    }

    fn item_pointer(&self, item: c_int) -> *const c_void {
        let mut pointer: *const c_void = ptr::null();
        // SAFETY: pam_get_item(3) fills the pointer with libpam's own object or null.
        let code = unsafe { pam_get_item(self.handle, item, &raw mut pointer) };
        if succeeded(code) { pointer } else { ptr::null() }
    }
}

/// The user who started the process, and the one for whom the kernel decides.
pub fn process_users() -> (u32, u32) {
    // SAFETY: getuid(2) takes nothing and always succeeds.
    let real = unsafe { libc::getuid() };
    // SAFETY: geteuid(2) takes nothing and always succeeds.
    let effective = unsafe { libc::geteuid() };
    (real, effective)
}

/// A program that runs beside the host's own children, which the host neither sees nor loses. Between them is
/// a process whose end raises no signal (clone(2) with no exit signal) and that wait(2) of the host does not
/// find.
#[must_use]
pub struct Started(libc::pid_t);

impl Started {
    /// Starts a program with one argument, no environment, and this socket as standard input, in a
    /// session of its own.
    ///
    /// # Errors
    /// The kernel makes no process. If it cannot execute the program, the socket's other end is closed.
    pub fn with(program: &CStr, argument: &CStr, input: BorrowedFd<'_>) -> io::Result<Self> {
        let arguments = [program.as_ptr(), argument.as_ptr(), ptr::null()];
        let environment = [ptr::null()];
        let input = input.as_raw_fd();
        // No handler of the host's runs in the child: it keeps all signals blocked.
        let mask = block_signals();
        // SAFETY: clone(2) without flags copies the process as fork(2) does and takes no pointers. The
        // child calls what signal-safety(7) allows alone, until it executes or ends.
        let child = unsafe { libc::syscall(libc::SYS_clone, 0, 0, 0, 0, 0) };
        if child == 0 {
            // SAFETY: this is the child, and the two lists end with a null pointer.
            unsafe { attend(input, arguments.as_ptr(), environment.as_ptr()) }
        }
        let error = io::Error::last_os_error();
        restore_signals(&mask);
        libc::pid_t::try_from(child).ok().filter(|child| *child > 0).map(Self).ok_or(error)
    }

    /// Takes the process between out of the process table. Where the program has not answered, it may wait for
    /// a disk: it is left to itself.
    pub fn end(self, has_answered: bool) {
        let flags = if has_answered { libc::__WALL } else { libc::__WALL | libc::WNOHANG };
        if !has_answered {
            // SAFETY: kill(2) takes no pointers; the process is our child and not waited for yet.
            unsafe { libc::kill(self.0, libc::SIGKILL) };
        }
        loop {
            // SAFETY: waitpid(2) may be given no place for the status.
            let waited = unsafe { libc::waitpid(self.0, ptr::null_mut(), flags) };
            if waited != -1 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                return;
            }
        }
    }
}

/// Starts the program and stays until that has ended. execve(2) has a process raise SIGCHLD again at its end,
/// so the one that executes is no child of the host's; and as an orphan it would become one where the host
/// is an init process.
///
/// # Safety
/// As [`execute`].
unsafe fn attend(input: RawFd, arguments: *const *const c_char, environment: *const *const c_char) -> ! {
    // SAFETY: as in `Started::with`; this process is a copy with one thread.
    let program = unsafe { libc::syscall(libc::SYS_clone, libc::c_long::from(libc::SIGCHLD), 0, 0, 0, 0) };
    if program == 0 {
        // SAFETY: the caller's promise.
        unsafe { execute(input, arguments, environment) }
    }
    // What the host closes meanwhile must not stay open here. An old kernel cannot; then it does for a while.
    // SAFETY: close_range(2) takes numbers.
    unsafe { libc::syscall(libc::SYS_close_range, 0, libc::c_uint::MAX, 0) };
    if let Ok(program) = libc::pid_t::try_from(program) {
        // SAFETY: waitpid(2) may be given no place for the status. All signals are blocked: none interrupts it.
        unsafe { libc::waitpid(program, ptr::null_mut(), libc::__WALL) };
    }
    // SAFETY: _exit(2) takes a number and does not return.
    unsafe { libc::_exit(0) }
}

/// Becomes the program. Where that fails, the process ends.
///
/// # Safety
/// It runs in a process of its own, and the lists are as execve(2) wants them.
unsafe fn execute(input: RawFd, arguments: *const *const c_char, environment: *const *const c_char) -> ! {
    // SAFETY: setsid(2) takes nothing.
    unsafe { libc::setsid() };
    if input == 0 {
        // SAFETY: fcntl(2) with F_SETFD takes a number.
        unsafe { libc::fcntl(0, libc::F_SETFD, 0) };
    } else {
        // SAFETY: dup2(2) takes two numbers.
        unsafe { libc::dup2(input, 0) };
    }
    // SAFETY: the caller's promise: at least one argument, which is a C string.
    let program = unsafe { *arguments };
    // SAFETY: the caller's promise.
    unsafe { libc::execve(program, arguments, environment) };
    // SAFETY: _exit(2) takes a number and does not return.
    unsafe { libc::_exit(127) }
}

fn block_signals() -> libc::sigset_t {
    let (mut all, mut before) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    // SAFETY: sigfillset(3) fills the set.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: pthread_sigmask(3) reads the one set, which is filled, and fills the other.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) };
    // SAFETY: pthread_sigmask(3) with SIG_SETMASK and two valid places does not fail.
    unsafe { before.assume_init() }
}

fn restore_signals(mask: &libc::sigset_t) {
    // SAFETY: pthread_sigmask(3) reads the set, and may be given no place for the one before.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, ptr::null_mut()) };
}

/// Takes the answer out of what a conversation returned, and frees and wipes all of it. As libpam
/// itself does, this trusts `replies` also after an error.
///
/// # Safety
/// `replies` is null or an array from malloc(3) of as many replies as there were messages: one,
/// whose string is null or from malloc(3). Nobody uses it afterwards (pam_conv(3)).
unsafe fn take_reply(replies: *mut PamResponse) -> Option<Secret> {
    // SAFETY: the caller's promise: null, or one reply.
    let reply = unsafe { replies.as_mut() }?;
    let words = std::mem::replace(&mut reply.words, ptr::null_mut());
    // SAFETY: the caller's promise: null, or a C string.
    let answer = unsafe { copied(words) }.map(Secret::new);
    // SAFETY: the caller's promise: null, or from malloc(3), and the last use of it.
    unsafe { wipe(words) };
    // SAFETY: the caller's promise: from malloc(3), and the last use of it.
    unsafe { libc::free(replies.cast()) };
    answer
}

/// The bytes of a C string of somebody else's.
///
/// # Safety
/// `messages` is null or leads to a C string that nobody changes before this returns.
unsafe fn copied(words: *const c_char) -> Option<Vec<u8>> {
    if words.is_null() {
        return None;
    }
    // SAFETY: not null, and the caller's promise.
    let words = unsafe { CStr::from_ptr(words) };
    Some(words.to_bytes().to_vec())
}

/// Frees what [`PamCall::remember`] stored: libpam calls it when the text is replaced and at the end.
///
/// # Safety
/// `stored` is null or such a text, given back once.
unsafe extern "C" fn forget(_: *mut Handle, stored: *mut c_void, _: c_int) {
    // SAFETY: the caller's promise: null, or the copy that strdup(3) made in `remember`.
    unsafe { wipe(stored.cast()) }
}

/// Wipes and frees a C string.
///
/// # Safety
/// `words` is null or a C string from malloc(3), which nobody uses afterwards.
unsafe fn wipe(words: *mut c_char) {
    if words.is_null() {
        return;
    }
    // SAFETY: not null, and the caller's promise.
    let length = unsafe { libc::strlen(words) };
    // SAFETY: the string is that long, and ours to write.
    unsafe { libc::explicit_bzero(words.cast(), length) };
    // SAFETY: the caller's promise: from malloc(3), and the last use of it.
    unsafe { libc::free(words.cast()) };
}

/// Runs one entry point. A panic stops here: it is an error of the module, never of the program.
fn enter(
    (handle, flags): (*mut Handle, c_int),
    arguments: Vec<Vec<u8>>,
    act: fn(&PamCall<'_>, &[Vec<u8>]) -> PamError,
) -> c_int {
    if handle.is_null() {
        return PamError::SERVICE_ERR as c_int;
    }
    SILENCED.call_once(|| panic::set_hook(Box::new(note_panic)));
    let host = PamCall { handle, flags: PamFlags::from_bits_truncate(flags), call: PhantomData };
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| act(&host, &arguments)));
    outcome.unwrap_or_else(|_| {
        let place = PANICKED_AT.take();
        host.log(Priority::Error, &format!("error reason=\"the module panicked at {place}; report this\""));
        PamError::SERVICE_ERR
    }) as c_int
}

/// The module's own panic hook (the program has a standard library of its own, if any): it prints
/// nothing. Only the place is kept, as a panic's message may quote an answer.
fn note_panic(panic: &panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    // Without a place to keep it, the line says less; a second panic here would end the program.
    let _ = PANICKED_AT.try_with(|kept| kept.replace(place));
}

static SILENCED: Once = Once::new();

thread_local! {
    static PANICKED_AT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The arguments of the line in the PAM stack, as bytes.
///
/// # Safety
/// `list` leads to `count` C strings (pam_sm_authenticate(3)).
unsafe fn arguments(count: c_int, list: *const *const c_char) -> Vec<Vec<u8>> {
    let count = usize::try_from(count).unwrap_or(0);
    if list.is_null() || count == 0 {
        return Vec::new();
    }
    // SAFETY: the caller's promise; libpam keeps the list as long as the handle.
    let list = unsafe { std::slice::from_raw_parts(list, count) };
    let copy = |&words| {
        // SAFETY: each is a C string, by the caller's promise.
        unsafe { copied(words) }.unwrap_or_default()
    };
    list.iter().map(copy).collect()
}

macro_rules! entry_points {
    ($($symbol:ident => $act:path),* $(,)?) => { $(
        /// One entry point of a PAM module (pam(8)).
        ///
        /// # Safety
        /// libpam calls it, with its own handle and `count` C strings in `list`.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $symbol(
            handle: *mut Handle,
            flags: c_int,
            count: c_int,
            list: *const *const c_char,
        ) -> c_int {
            // SAFETY: libpam's promise to this entry point.
            let arguments = unsafe { arguments(count, list) };
            enter((handle, flags), arguments, $act)
        }
    )* };
}

entry_points! {
    pam_sm_authenticate => crate::authenticate,
    pam_sm_setcred => crate::set_credentials,
    pam_sm_acct_mgmt => crate::manage_account,
    pam_sm_open_session => crate::open_session,
    pam_sm_close_session => crate::close_session,
    pam_sm_chauthtok => crate::change_password,
}

fn succeeded(code: c_int) -> bool {
    code == PamError::SUCCESS as c_int
}

/// Bytes from outside as text; what is not UTF-8 becomes U+FFFD, which no name and no code has.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Text as a C string, without the NUL bytes that would end it early.
fn c_text(words: &str) -> CString {
    // Made in its full size: growing would leave a copy behind that nobody wipes.
    let mut bytes = Vec::with_capacity(words.len() + 1);
    bytes.extend(words.bytes().filter(|&byte| byte != 0));
    CString::new(bytes).unwrap_or_default()
}

/// libpam's `pam_handle_t`, which only libpam can look into.
#[repr(C)]
pub struct Handle {
    _private: [u8; 0],
}

/// `struct pam_message`.
#[repr(C)]
struct Message {
    style: c_int,
    words: *const c_char,
}

/// `struct pam_response`.
#[repr(C)]
struct PamResponse {
    words: *mut c_char,
    _code: c_int,
}

/// `PAM_CONV`, the item that leads to a [`Conversation`].
const CONVERSATION: c_int = 5;

/// `struct pam_conv`.
#[repr(C)]
struct Conversation {
    call: Option<Converse>,
    data: *mut c_void,
}

type Converse = unsafe extern "C" fn(c_int, *mut *const Message, *mut *mut PamResponse, *mut c_void) -> c_int;
type Forget = unsafe extern "C" fn(*mut Handle, *mut c_void, c_int);

unsafe extern "C" {
    fn pam_get_user(handle: *mut Handle, user: *mut *const c_char, prompt: *const c_char) -> c_int;
    fn pam_get_item(handle: *const Handle, item: c_int, value: *mut *const c_void) -> c_int;
    fn pam_set_item(handle: *mut Handle, item: c_int, value: *const c_void) -> c_int;
    fn pam_putenv(handle: *mut Handle, variable: *const c_char) -> c_int;
    fn pam_getenv(handle: *mut Handle, name: *const c_char) -> *const c_char;
    fn pam_get_data(handle: *const Handle, key: *const c_char, data: *mut *const c_void) -> c_int;
    fn pam_set_data(handle: *mut Handle, key: *const c_char, data: *mut c_void, forget: Option<Forget>) -> c_int;
    fn pam_syslog(handle: *const Handle, priority: c_int, format: *const c_char, ...);
}
