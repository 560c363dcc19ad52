//! `twostep app-password list`: what there is.

use host_check::dates;
use twostep_core::request::{AppPasswordState, AppPasswordStatus, Preset};

use super::describe::{expiry, listed, networks, scope};
use super::stored::Folder;
use crate::error::CommandError;
use crate::layout;
use crate::messages::app_password;
use crate::output::Output;
use crate::session::Session;

const HEAD: [&str; 7] = ["Label", "Services", "Networks", "Created", "Expires", "Last used", "State"];

/// Lists them, and says what is still to be made.
pub fn run(session: &mut Session) -> Result<(), CommandError> {
    let listed = listed(&mut *session.client)?;
    let output = &mut session.output;
    output.object(&listed)?;
    show(output, &listed.app_passwords)?;
    if listed.app_passwords.is_empty() {
        output.say(app_password::MAKE_ONE)?;
    }
    let folder = Folder::below(output.environment.home.as_deref()).ok();
    // Where there is a file, `ensure` makes nothing: one that was revoked stays revoked.
    let is_stored = |name: &str| folder.as_ref().is_none_or(|folder| folder.holds(name).unwrap_or(true));
    let is_made = |name: &str| listed.app_passwords.iter().any(|one| one.label == name);
    let missing = |preset: &&Preset| !is_made(&preset.name) && !is_stored(&preset.name);
    for preset in listed.presets.iter().filter(missing) {
        let (name, services) = (&preset.name, preset.services.join(", "));
        output.say(&app_password::wanted(name, &services))?;
        output.say("  twostep app-password ensure")?;
    }
    Ok(())
}

/// A table where it fits; else one below the other.
pub fn show(output: &mut Output, app_passwords: &[AppPasswordStatus]) -> Result<(), CommandError> {
    if app_passwords.is_empty() {
        return output.say(app_password::NONE);
    }
    let rows = app_passwords.iter().map(row).collect::<Vec<_>>();
    if let Some(table) = layout::table(&HEAD, &rows, output.environment.columns) {
        return output.draw(&table);
    }
    for (place, one) in app_passwords.iter().enumerate() {
        output.say(&format!("{}{}", if place == 0 { "" } else { "\n" }, one.label))?;
        scope(output, one)?;
        output.entry("Created", &dates::day(one.created_at))?;
        output.entry("Last used", &last_use(one))?;
        output.entry("State", state(one))?;
    }
    Ok(())
}

fn row(one: &AppPasswordStatus) -> [String; 7] {
    [
        one.label.clone(),
        one.services.join(", "),
        networks(one),
        dates::day(one.created_at),
        expiry(one),
        last_use(one),
        state(one).to_owned(),
    ]
}

fn last_use(one: &AppPasswordStatus) -> String {
    let last = one.last_use.as_ref();
    last.map_or_else(|| "never".to_owned(), |last| format!("{} from {}", dates::minute(last.at), last.source))
}

fn state(one: &AppPasswordStatus) -> &'static str {
    match one.state {
        AppPasswordState::Active => "active",
        AppPasswordState::Expired => "expired",
        AppPasswordState::Unused => "unused too long",
    }
}

#[cfg(test)]
mod tests {
    use twostep_core::request::Use;

    use super::*;
    use crate::app_password::scripted::{all, one, preset};
    use crate::client::scripted::Script;
    use crate::environment::Form;
    use crate::output::scripted::output;
    use crate::prompter::scripted::lines;
    use crate::session::scripted::session;

    fn several() -> Vec<AppPasswordStatus> {
        let mut laptop = one("laptop mail");
        laptop.services.push("smtp".into());
        laptop.networks = vec!["192.0.2.0/24".into(), "2001:db8::/32".into()];
        laptop.expires_at = Some(1_810_000_000);
        laptop.last_use = Some(Use { at: 1_800_500_000, source: "192.0.2.7".into() });
        let mut old = one("old \x1b[2Jphone");
        old.state = AppPasswordState::Unused;
        vec![laptop, old]
    }

    #[test]
    fn everything_is_shown_and_fits_the_page() {
        for columns in [32, 40, 80, 160] {
            let (mut output, printed) = output(columns);
            show(&mut output, &several()).unwrap();
            let text = printed.text();
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for part in [
                "laptop mail",
                "dovecot, smtp",
                "192.0.2.0/24, 2001:db8::/32",
                "from 192.0.2.7",
                "2027-05-1",
                "never",
                "any",
                "active",
                "unused too long",
            ] {
                assert!(words.contains(part), "{part} is not in:\n{text}");
            }
            assert!(text.lines().all(|line| line.chars().count() <= columns), "{text}");
            assert!(!text.contains('\x1b'), "{text}");
            assert_eq!(text.lines().count() == 3, columns == 160, "{text}");
        }
    }

    #[test]
    fn one_who_has_none_is_told_how_and_what_is_wanted() {
        let script = Script::user(vec![(|_| true, all(vec![], vec![preset("mail")]))]);
        let (mut session, printed) = session(script, lines(""));
        let home = tempfile::tempdir().unwrap();
        session.output.environment.home = Some(home.path().into());
        run(&mut session).unwrap();
        for part in ["no application passwords", "create LABEL", "have mail, for dovecot", "ensure"] {
            assert!(printed.text().contains(part), "{part} is not in:\n{}", printed.text());
        }
    }

    #[test]
    fn what_is_made_and_what_was_revoked_is_not_wanted_again() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".local/share/twostep");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("mail"), "ABCD\n").unwrap();
        let presets = vec![preset("mail"), preset("files")];
        let script = Script::user(vec![(|_| true, all(vec![one("files")], presets))]);
        let (mut session, printed) = session(script, lines(""));
        session.output.environment.home = Some(home.path().into());
        run(&mut session).unwrap();
        assert!(!printed.text().contains("ensure"), "{}", printed.text());
    }

    #[test]
    fn programs_read_all_in_one_line() {
        let script = Script::user(vec![(|_| true, all(several(), vec![preset("mail")]))]);
        let (mut session, printed) = session(script, lines(""));
        session.output.form = Form::Json;
        run(&mut session).unwrap();
        let [read] = printed.json().try_into().unwrap();
        assert_eq!(read["app_passwords"][0]["label"], "laptop mail");
        assert_eq!(read["app_passwords"][0]["last_use"]["at"], 1_800_500_000);
        assert_eq!(read["app_passwords"][1]["state"], "unused");
        assert_eq!(read["presets"][0]["name"], "mail");
        assert_eq!(read.as_object().unwrap().len(), 2, "{read}");
    }
}
