//! Services whose programs call PAM as a system user of their own, and whether the configuration lists that user
//! as a caller: without that the service judges no code for them.

use std::path::Path;

use pam_stacks::Files;
use twostep_core::config::Config;

use super::stacks::{Before, Service};
use crate::finding::Finding;
use crate::messages::check_servers as messages;

/// Names of services, and the users as whom distributions run their programs.
const OWN_USERS: [(&str, &[&str]); 6] = [
    ("nginx", &["www-data", "nginx"]),
    ("apache2", &["www-data"]),
    ("httpd", &["apache", "www-data"]),
    ("postgresql", &["postgres"]),
    ("freeradius", &["freerad", "radiusd"]),
    ("radiusd", &["freerad", "radiusd"]),
];

/// The user as whom the program of this service calls PAM, if that is one who would have to be listed and is not.
pub fn unlisted(files: &Files, config: &Config, service: &str) -> Option<&'static str> {
    let (_, users) = OWN_USERS.into_iter().find(|(name, _)| *name == service)?;
    let is_listed = |user: &str| config.callers.iter().any(|caller| caller.user == user && caller.serves(service));
    if users.iter().any(|user| is_listed(user)) {
        return None;
    }
    let passwd = files.text(Path::new("/etc/passwd")).ok()??;
    let has = |user: &str| passwd.lines().any(|line| line.split(':').next() == Some(user));
    users.iter().copied().find(|user| has(user))
}

/// Services that ask for a code, and whose programs may not have one judged.
pub fn check(files: &Files, config: &Config) -> Vec<Finding> {
    let services = files.services().into_iter();
    let asking = services.filter(|name| Service::new(files, name, Before::Nothing).has_second_step());
    let found = asking.filter_map(|name| {
        let user = unlisted(files, config, &name)?;
        let what = messages::caller_not_listed(&name, user);
        Some(Finding::warning("caller-not-listed", &name, what, messages::list_caller(&name, user)))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: &str = "auth required pam_twostep.so mode=app_password\naccount required pam_permit.so\n";

    fn files(services: &[&str]) -> Files {
        let nowhere = Files::below(Path::new("/nonexistent"));
        let passwd = "root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\n";
        let files = nowhere.with(Path::new("/etc/passwd"), passwd);
        services.iter().fold(files, |files, name| files.with(&Path::new("/etc/pam.d").join(name), STACK))
    }

    fn about(services: &[&str], config: &str) -> Vec<String> {
        let config = Config::parse(&format!("version = 1\n{config}")).unwrap();
        check(&files(services), &config).into_iter().map(|finding| finding.about).collect()
    }

    #[test]
    fn a_program_with_a_user_of_its_own_has_to_be_listed() {
        assert_eq!(about(&["nginx", "sudo"], ""), ["nginx"]);
        let lists = |services| format!("[[callers]]\nuser = \"www-data\"\nservices = [\"{services}\"]\n");
        assert_eq!(about(&["nginx", "apache2"], &lists("nginx")), ["apache2"]);
        assert!(about(&["nginx"], &lists("nginx")).is_empty());
        // Nobody here runs PostgreSQL.
        assert!(about(&["postgresql"], "").is_empty());
    }
}
