//! What modules return (`_pam_types.h`).

use std::fmt;

/// A return code of PAM, 0 to 31.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(u8);

impl Code {
    /// It is as it should be.
    pub const SUCCESS: Self = Self(0);
    /// The module itself failed.
    pub const SERVICE_ERR: Self = Self(3);
    /// Not allowed; also where nothing decided.
    pub const PERM_DENIED: Self = Self(6);
    /// The proof is wrong.
    pub const AUTH_ERR: Self = Self(7);
    /// The module does not know the user.
    pub const USER_UNKNOWN: Self = Self(10);
    /// Right, but the password has to be changed first.
    pub const NEW_AUTHTOK_REQD: Self = Self(12);
    /// The account's time is over.
    pub const ACCT_EXPIRED: Self = Self(13);
    /// The module has no say.
    pub const IGNORE: Self = Self(25);
    /// The module cannot be loaded.
    pub const MODULE_UNKNOWN: Self = Self(28);

    /// The code of this name in a control.
    pub fn named(name: &str) -> Option<Self> {
        let number = NAMES.iter().position(|known| *known == name)?;
        u8::try_from(number).ok().map(Self)
    }

    /// The code with this number.
    pub fn numbered(number: i32) -> Option<Self> {
        u8::try_from(number).ok().filter(|number| usize::from(*number) < NAMES.len()).map(Self)
    }

    /// How a control names it.
    pub fn name(self) -> &'static str {
        NAMES.get(self.index()).copied().unwrap_or("unknown")
    }

    /// Its number.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// In the order of their numbers.
pub const NAMES: [&str; 32] = [
    "success",
    "open_err",
    "symbol_err",
    "service_err",
    "system_err",
    "buf_err",
    "perm_denied",
    "auth_err",
    "cred_insufficient",
    "authinfo_unavail",
    "user_unknown",
    "maxtries",
    "new_authtok_reqd",
    "acct_expired",
    "session_err",
    "cred_unavail",
    "cred_expired",
    "cred_err",
    "no_module_data",
    "conv_err",
    "authtok_err",
    "authtok_recover_err",
    "authtok_lock_busy",
    "authtok_disable_aging",
    "try_again",
    "ignore",
    "abort",
    "authtok_expired",
    "module_unknown",
    "bad_item",
    "conv_again",
    "incomplete",
];
