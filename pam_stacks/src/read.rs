//! How libpam turns files into the lines of one phase.

use std::path::{Path, PathBuf};

use crate::control::Control;
use crate::files::{Files, ONE_FILE};
use crate::messages;
use crate::module::Module;
use crate::stack::{ManagementGroup, Place, Runs, Stack, StackLine};
use crate::text::{self, Joined, Word};

/// libpam's limit of substacks in each other.
const DEEPEST_SUBSTACK: usize = 16;

/// More includes in each other than anybody writes: libpam would go on until it has no files left.
const DEEPEST_INCLUDE: usize = 64;

/// More lines than anybody writes, those of included files counted each time. A file that includes itself twice has
/// twice as many at each depth.
const MOST_LINES: usize = 1000;

/// The service whose lines count where a service has none.
const OTHER: &str = "other";

impl Files {
    /// The services whose stacks come through this file.
    pub fn users_of(&self, path: &Path) -> Vec<String> {
        let comes_through = |service: &String| {
            self.find(service).as_deref() == Some(path)
                || ManagementGroup::ALL.iter().any(|phase| {
                    let stack = self.stack(service, *phase);
                    !stack.is_other && stack.lines.iter().any(|line| line.place.file == path)
                })
        };
        self.services().into_iter().filter(comes_through).collect()
    }

    /// The lines that a service runs in this phase.
    pub fn stack(&self, service: &str, phase: ManagementGroup) -> Stack {
        let own = self.own_lines(service, phase);
        if own.broken.is_some() || !own.lines.is_empty() || service == OTHER {
            return own;
        }
        Stack { is_other: true, ..self.own_lines(OTHER, phase) }
    }

    fn own_lines(&self, service: &str, phase: ManagementGroup) -> Stack {
        let mut reader = Reader::new(self, phase);
        if self.has_folder() {
            if let Some(path) = self.find(service) {
                reader.service_file(&path);
            }
        } else {
            reader.one_file(service);
        }
        reader.finish()
    }
}

/// Reads files, one line after the other.
struct Reader<'a> {
    files: &'a Files,
    phase: ManagementGroup,
    lines: Vec<StackLine>,
    /// How many were read, of whatever phase.
    read: usize,
    broken: Option<String>,
}

/// Where lines are read.
#[derive(Clone)]
struct At {
    file: PathBuf,
    through: Vec<Place>,
    level: usize,
    /// Whether a line of another phase counts too: not below an include that names its phase.
    any_phase: bool,
}

impl<'a> Reader<'a> {
    /// A reader of the lines of this phase.
    fn new(files: &'a Files, phase: ManagementGroup) -> Self {
        Self { files, phase, lines: Vec::new(), read: 0, broken: None }
    }

    /// Reads the file of a service.
    fn service_file(&mut self, path: &Path) {
        let at = At { file: path.to_owned(), through: Vec::new(), level: 0, any_phase: true };
        if !self.file(&at) {
            self.breaks(messages::file_unread(path.display()));
        }
    }

    /// Reads the lines of a service in the one file: its name is their first word.
    fn one_file(&mut self, service: &str) {
        let at = At { file: PathBuf::from(ONE_FILE), through: Vec::new(), level: 0, any_phase: true };
        let Ok(Some(text)) = self.files.text(&at.file) else { return };
        for line in text::lines(&text) {
            let mut words = text::words(&line.text);
            if !words.is_empty() && words.remove(0).text.eq_ignore_ascii_case(service) {
                self.line(&at, &line, &words);
            }
        }
    }

    /// What was read.
    fn finish(self) -> Stack {
        Stack { lines: self.lines, broken: self.broken, is_other: false }
    }

    fn breaks(&mut self, why: String) {
        self.broken.get_or_insert(why);
    }

    /// Reads a file; false if it is not there, or if libpam gives up in it.
    fn file(&mut self, at: &At) -> bool {
        let Ok(Some(text)) = self.files.text(&at.file) else { return false };
        for line in text::lines(&text) {
            let place = || Place { file: at.file.clone(), line: line.number };
            if line.is_cut {
                self.breaks(messages::cut(place()));
                return false;
            }
            self.read += 1;
            if self.read > MOST_LINES {
                self.breaks(messages::circle(place()));
                return true;
            }
            self.line(at, &line, &text::words(&line.text));
        }
        true
    }

    fn line(&mut self, at: &At, joined: &Joined, words: &[Word]) {
        let Some((first, rest)) = words.split_first() else { return };
        let mut line = StackLine {
            place: Place { file: at.file.clone(), line: joined.number },
            text: text::in_single_spaces(&joined.text),
            level: at.level,
            through: at.through.clone(),
            runs: Runs::Nothing,
            control: Control::bad(),
            mistake: None,
        };
        let (is_quiet, kind) = match first.text.strip_prefix('-') {
            Some(kind) => (true, kind),
            None => (false, first.text.as_str()),
        };
        if kind.eq_ignore_ascii_case("@include") {
            self.include(at, line, rest.first(), false);
            return;
        }
        match ManagementGroup::ALL.into_iter().find(|phase| phase.word().eq_ignore_ascii_case(kind)) {
            Some(phase) if phase != self.phase => return,
            Some(_) => {}
            // libpam takes it for a line of the most sensitive phase, or of the one that is included.
            None if at.any_phase && self.phase != ManagementGroup::Auth => return,
            None => {
                line.mistake = Some(messages::no_type(kind));
                self.lines.push(line);
                return;
            }
        }
        self.known_phase(at, line, rest, is_quiet);
    }

    fn known_phase(&mut self, at: &At, mut line: StackLine, words: &[Word], is_quiet: bool) {
        let Some((control, rest)) = words.split_first() else {
            line.mistake = Some(messages::NO_CONTROL.to_owned());
            return self.lines.push(line);
        };
        let below = At { any_phase: false, ..at.clone() };
        match control.text.to_ascii_lowercase().as_str() {
            "include" => return self.include(&below, line, rest.first(), false),
            "substack" => return self.include(&below, line, rest.first(), true),
            _ => {}
        }
        match Control::parse(&control.text, control.is_bracketed) {
            Ok(understood) => line.control = understood,
            Err(why) => line.mistake = Some(why),
        }
        match rest.split_first() {
            Some((name, arguments)) => {
                let arguments = arguments.iter().map(|word| word.text.clone()).collect();
                line.runs = Runs::Module(Module { name: name.text.clone(), arguments, is_quiet });
            }
            None => line.mistake = Some(messages::NO_MODULE.to_owned()),
        }
        self.lines.push(line);
    }

    /// Reads an included file in the place of the line that names it.
    fn include(&mut self, at: &At, line: StackLine, name: Option<&Word>, is_substack: bool) {
        let Some(name) = name.map(|word| word.text.as_str()) else {
            return self.not_included(at, line, messages::NO_FILE_NAME);
        };
        if at.through.len() >= DEEPEST_INCLUDE {
            return self.breaks(messages::circle(&line.place));
        }
        if is_substack {
            self.lines.push(StackLine { runs: Runs::Substack, ..line.clone() });
        }
        let Some(file) = self.files.find(name) else {
            return self.not_included(at, line, &messages::no_such_file(name));
        };
        let level = at.level + usize::from(is_substack);
        if level >= DEEPEST_SUBSTACK {
            return self.not_included(at, line, messages::TOO_DEEP);
        }
        let through = at.through.iter().cloned().chain([line.place.clone()]).collect();
        if !self.file(&At { file, through, level, any_phase: at.any_phase }) {
            self.not_included(at, line, &messages::included_unread(name));
        }
    }

    /// libpam fails when it comes to the line; where it does not even know for which phase the line
    /// is, it gives the service up.
    fn not_included(&mut self, at: &At, mut line: StackLine, why: &str) {
        if at.any_phase {
            return self.breaks(format!("{why}, {}", line.place));
        }
        line.mistake = Some(why.to_owned());
        self.lines.push(line);
    }
}

/// The lines that a jump of this line counts which are not of its own file: an include that it
/// jumps over, or what stands behind the end of its own.
pub fn counted_elsewhere(lines: &[StackLine], from: usize) -> Option<&StackLine> {
    let (line, rest) = (lines.get(from)?, lines.get(from + 1..)?);
    let farthest = line.control.jumps().max()?;
    let own_level = rest.iter().take_while(|other| other.level >= line.level);
    let skipped = own_level.filter(|other| other.level == line.level).take(farthest);
    skipped.into_iter().find(|other| other.through != line.through)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Code;
    use crate::control::Action;

    fn stack(files: &[(&str, &str)], phase: ManagementGroup) -> Stack {
        let nowhere = Files::below(Path::new("/nonexistent"));
        let files = files.iter().fold(nowhere, |all, (name, text)| all.with(&Path::new("/etc/pam.d").join(name), text));
        files.stack("sshd", phase)
    }

    fn auth(files: &[(&str, &str)]) -> Stack {
        stack(files, ManagementGroup::Auth)
    }

    fn seen(stack: &Stack) -> Vec<(usize, String)> {
        stack.lines.iter().map(|line| (line.level, line.text.clone())).collect()
    }

    #[test]
    fn lines_of_other_phases_and_their_includes_are_left_out() {
        let common = "auth required b.so\naccount required c.so";
        let files = [("sshd", "account include common\nauth required a.so\nauth include common"), ("common", common)];
        let expected = [(0, "auth required a.so".to_owned()), (0, "auth required b.so".to_owned())];
        assert_eq!(seen(&auth(&files)), expected);
    }

    #[test]
    fn debians_include_brings_every_phase() {
        let files = [("sshd", "@include common"), ("common", "auth required b.so\naccount required c.so")];
        assert_eq!(auth(&files).lines.len(), 1);
        assert_eq!(stack(&files, ManagementGroup::Account).lines.len(), 1);
        assert_eq!(auth(&files).lines[0].place.to_string(), "/etc/pam.d/common:1");
    }

    #[test]
    fn a_substack_is_a_level_of_its_own() {
        let files = [("sshd", "auth substack inner\nauth required c.so"), ("inner", "auth required b.so")];
        assert_eq!(auth(&files).lines.iter().map(|line| line.level).collect::<Vec<_>>(), [0, 1, 0]);
    }

    #[test]
    fn what_libpam_does_not_understand_fails_when_it_comes_to_it() {
        for text in ["auht required a.so", "auth", "auth required", "auth include nowhere", "auth substack nowhere"] {
            let stack = auth(&[("sshd", text)]);
            let last = stack.lines.last().unwrap();
            assert!(stack.broken.is_none() && last.runs == Runs::Nothing && last.mistake.is_some(), "{text}");
        }
        let line = auth(&[("sshd", "auth [success=fine] a.so")]).lines.remove(0);
        assert!(line.mistake.is_some() && line.module().is_some());
        assert_eq!(line.control.action(Code::SUCCESS), Action::Bad);
        assert!(stack(&[("sshd", "auht required a.so")], ManagementGroup::Session).lines.is_empty());
    }

    #[test]
    fn what_libpam_cannot_read_breaks_the_service() {
        assert!(auth(&[("sshd", "@include nowhere")]).broken.is_some());
        assert!(auth(&[("sshd", "auth required a.so \\\n")]).broken.is_some());
        assert!(auth(&[("sshd", "auth include sshd")]).broken.is_some());
    }

    #[test]
    fn files_that_include_themselves_twice_are_read_to_an_end() {
        for line in ["@include sshd", "auth include sshd", "auth substack sshd"] {
            let text = format!("{line}\n{line}\nauth required a.so");
            let stack = auth(&[("sshd", text.as_str())]);
            let why = stack.broken.unwrap_or_default();
            assert!(
                why.contains("include each other without end") && stack.lines.len() <= 2 * MOST_LINES,
                "{line}: {why}"
            );
        }
    }

    #[test]
    fn a_jump_over_an_include_is_noticed_and_one_over_a_substack_counts_as_one() {
        let common = ("common", "auth required x.so\nauth required y.so");
        let jump = |rest: &str| {
            let text = format!("auth [success=2 default=ignore] a.so\n{rest}\nauth required b.so\nauth required c.so");
            let stack = auth(&[("sshd", text.as_str()), common]);
            counted_elsewhere(&stack.lines, 0).map(|line| line.text.clone())
        };
        assert_eq!(jump("@include common").as_deref(), Some("auth required x.so"));
        assert_eq!(jump("auth include common").as_deref(), Some("auth required x.so"));
        assert_eq!(jump("auth substack common"), None);
        assert_eq!(jump("auth required z.so"), None);
        let end = [("sshd", "@include short\nauth required b.so"), ("short", "auth [success=1 default=ignore] a.so")];
        assert_eq!(counted_elsewhere(&auth(&end).lines, 0).unwrap().text, "auth required b.so");
    }
}
