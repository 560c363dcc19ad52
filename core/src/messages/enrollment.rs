//! What a login says that enrolls.

use crate::secret::Typed;

/// What a login that enrolls shows, as one question: the drawing, the key to type, and what is
/// wanted.
#[must_use]
pub fn question(drawing: &Typed, key: &Typed) -> Typed {
    // In one piece of the right size: a text that grows leaves copies behind that nobody wipes.
    let pieces = [
        "This host requires two-step authentication, and you have not enrolled yet.\n\
         Scan this code with an authenticator app:\n\n",
        drawing.expose(),
        "\nIf you cannot scan it, type this key into the app: ",
        key.expose(),
        "\n\n",
        CODE_OF_APP,
    ];
    Typed::new(pieces.concat())
}

/// The same question once more, after a code that did not fit.
#[must_use]
pub fn question_again(why: &str) -> Typed {
    Typed::new(format!("{why}\n{CODE_OF_APP}"))
}

/// The recovery codes of a login that enrolled, as one question that waits until they are kept.
#[must_use]
pub fn keep_recovery_codes(codes: &[Typed]) -> Typed {
    let mut pieces = vec![
        "You have enrolled. Keep these recovery codes where only you can reach them: each replaces a code once, when your phone is not at hand.\n",
    ];
    pieces.extend(codes.iter().flat_map(|code| ["\n  ", code.expose()]));
    pieces.push("\n\nThey are not shown again. Press Enter when you have them: ");
    Typed::new(pieces.concat())
}

/// What is asked of who enrolls in a login.
const CODE_OF_APP: &str = "Code shown by the app: ";

/// Every code that was typed was another one.
pub const NOT_CONFIRMED: &str =
    "You have not enrolled, since no code fitted. Log in again and take the code that the app shows then.";
