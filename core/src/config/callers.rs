//! `[[callers]]`: system users whose programs may log in others.

use serde::{Deserialize, Deserializer};

use super::app_password::some_services;
use crate::document;

/// `[[callers]]`: a system user whose processes may send the logins of other users.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedCaller {
    /// The user that the program runs as.
    #[serde(deserialize_with = "user")]
    pub user: String,
    /// The PAM services that it may send logins for.
    #[serde(deserialize_with = "some_services")]
    pub services: Vec<String>,
}

impl ListedCaller {
    /// Whether it may send logins for this PAM service.
    #[must_use]
    pub fn serves(&self, service: &str) -> bool {
        self.services.iter().any(|listed| listed.eq_ignore_ascii_case(service))
    }
}

pub(super) fn differ(callers: &[ListedCaller]) -> bool {
    let users: Vec<&str> = callers.iter().map(|caller| caller.user.as_str()).collect();
    users.iter().enumerate().all(|(index, user)| !users.iter().take(index).any(|earlier| earlier == user))
}

/// A colon ends a name in passwd(5), and the rest would misread in a log.
fn user<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let name = String::deserialize(from)?;
    let is_odd = |letter: char| letter.is_control() || letter.is_whitespace() || matches!(letter, ':' | '/');
    let holds = (1..=64).contains(&name.len()) && !name.contains(is_odd);
    document::checked(name, holds, "the name of a user: 1 to 64 bytes without spaces, colons and slashes")
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn parsed(callers: &str) -> Result<Config, String> {
        Config::parse(&format!("version = 1\n{callers}\n")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_caller_serves_its_services_in_any_spelling() {
        let config = parsed(
            "[[callers]]\nuser = \"www-data\"\nservices = [\"Nginx\", \"apache2\"]\n\
             [[callers]]\nuser = \"postgres\"\nservices = [\"postgresql\"]",
        )
        .unwrap();
        let [web, database] = config.callers.as_slice() else { panic!("{:?}", config.callers) };
        assert_eq!((web.user.as_str(), database.user.as_str()), ("www-data", "postgres"));
        assert!(web.serves("nginx") && web.serves("NGINX") && web.serves("apache2") && !web.serves("postgresql"));
        assert!(!web.serves("") && !web.serves("nginx2"));
        assert_eq!(parsed("").unwrap().callers, []);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let services = (0..17).map(|number| format!("\"s{number}\"")).collect::<Vec<_>>().join(", ");
        for (callers, place, field) in [
            ("[[callers]]\nuser = \"\"\nservices = [\"nginx\"]", "line 3, ", "callers.user"),
            ("[[callers]]\nuser = \"a:b\"\nservices = [\"nginx\"]", "line 3, ", "callers.user"),
            ("[[callers]]\nuser = \"a b\"\nservices = [\"nginx\"]", "line 3, ", "callers.user"),
            ("[[callers]]\nuser = 33\nservices = [\"nginx\"]", "line 3, ", "callers.user"),
            ("[[callers]]\nuser = \"www-data\"\nservices = []", "line 4, ", "callers.services"),
            ("[[callers]]\nuser = \"www-data\"\nservices = [\"a b\"]", "line 4, ", "callers.services"),
            ("[[callers]]\nuser = \"www-data\"\nservices = \"nginx\"", "line 4, ", "callers.services"),
            (&format!("[[callers]]\nuser = \"www-data\"\nservices = [{services}]"), "line 4, ", "callers.services"),
            ("[[callers]]\nuser = \"www-data\"", "line 2, ", "`services`"),
            ("[[callers]]\nservices = [\"nginx\"]", "line 2, ", "`user`"),
            ("[[callers]]\nuser = \"a\"\nservices = [\"b\"]\nrhost = true", "line 5, ", "`rhost`"),
            ("[callers]\nuser = \"a\"\nservices = [\"b\"]", "line 2, ", "callers"),
            ("callers = [[\"a\", [\"b\"]]]", "line 2, ", "a table"),
        ] {
            let said = parsed(callers).unwrap_err();
            assert!(said.starts_with(place) && said.contains(field), "{callers}: {said}");
        }
        let twice = "[[callers]]\nuser = \"a\"\nservices = [\"b\"]\n[[callers]]\nuser = \"a\"\nservices = [\"c\"]";
        assert_eq!(parsed(twice).unwrap_err(), "line 3, column 1: user must be another one for each of callers");
    }
}
