//! libpam's functions and what they pass (`security/pam_appl.h`, `security/_pam_types.h`).

use std::ffi::{CStr, c_char, c_int, c_void};

/// A message of a module.
#[repr(C)]
pub struct Message {
    pub style: c_int,
    pub text: *const c_char,
}

/// The answer to a message. Who asked frees both the text and the array that this is in.
#[repr(C)]
pub struct PamResponse {
    pub text: *mut c_char,
    pub code: c_int,
}

pub type Converse = extern "C" fn(c_int, *const *const Message, *mut *mut PamResponse, *mut c_void) -> c_int;

#[repr(C)]
pub struct Conversation {
    pub converse: Converse,
    pub data: *mut c_void,
}

type Start =
    unsafe extern "C" fn(*const c_char, *const c_char, *const Conversation, *const c_char, *mut *mut c_void) -> c_int;
type SetItem = unsafe extern "C" fn(*mut c_void, c_int, *const c_void) -> c_int;
type Act = unsafe extern "C" fn(*mut c_void, c_int) -> c_int;

/// `PAM_SUCCESS`.
pub const SUCCESS: c_int = 0;
/// `PAM_RHOST`, an item.
pub const RHOST: c_int = 4;
/// `PAM_CONV_ERR`: nobody answers.
pub const CONV_ERR: c_int = 19;
/// `PAM_BUF_ERR`: no memory.
pub const BUF_ERR: c_int = 5;

/// libpam, loaded for good.
#[derive(Clone, Copy)]
pub struct Libpam(*mut c_void);

impl Libpam {
    pub fn open() -> Option<Self> {
        // SAFETY: the name ends with NUL; the library stays loaded.
        let library = unsafe { libc::dlopen(c"libpam.so.0".as_ptr(), libc::RTLD_NOW) };
        (!library.is_null()).then_some(Self(library))
    }

    fn symbol(self, name: &CStr) -> Option<*mut c_void> {
        // SAFETY: the library is one that dlopen gave; the name ends with NUL.
        let symbol = unsafe { libc::dlsym(self.0, name.as_ptr()) };
        (!symbol.is_null()).then_some(symbol)
    }

    /// `pam_start_confdir`, since libpam 1.4: without a folder it is `pam_start`.
    pub fn start(self) -> Option<Start> {
        // SAFETY: the symbol of this name has this type.
        self.symbol(c"pam_start_confdir").map(|found| unsafe { std::mem::transmute::<*mut c_void, Start>(found) })
    }

    /// `pam_set_item`.
    pub fn set_item(self) -> Option<SetItem> {
        // SAFETY: the symbol of this name has this type.
        self.symbol(c"pam_set_item").map(|found| unsafe { std::mem::transmute::<*mut c_void, SetItem>(found) })
    }

    /// `pam_authenticate`, `pam_acct_mgmt` or `pam_end`, which all take a handle and a number.
    pub fn act(self, name: Name) -> Option<Act> {
        // SAFETY: the symbols of these names have this type.
        self.symbol(name.text()).map(|found| unsafe { std::mem::transmute::<*mut c_void, Act>(found) })
    }
}

/// A function that takes a handle and a number.
#[derive(Clone, Copy)]
pub enum Name {
    Authenticate,
    Account,
    End,
}

impl Name {
    fn text(self) -> &'static CStr {
        match self {
            Self::Authenticate => c"pam_authenticate",
            Self::Account => c"pam_acct_mgmt",
            Self::End => c"pam_end",
        }
    }
}
