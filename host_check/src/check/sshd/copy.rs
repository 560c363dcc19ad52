//! sshd's configuration in another place, so that sshd can be asked what it would make of other files.

use std::fs;
use std::path::{Path, PathBuf};

use pam_stacks::Files;

use super::files::{CONFIG, OURS, included};

/// sshd's configuration in a folder of its own: an include of sshd_config.d leads into the copy.
pub struct SshCopy(PathBuf);

impl SshCopy {
    /// A copy of these files, without those of the folder that are not wanted. `None` if there is no sshd_config.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn of(files: &Files, is_wanted: impl Fn(&Path) -> bool) -> std::io::Result<Option<Self>> {
        let Some(config) = files.text(Path::new(CONFIG)).ok().flatten() else { return Ok(None) };
        let copy = Self(Path::new("/run").join(format!("twostep-sshd-{}", std::process::id())));
        let _ = fs::remove_dir_all(&copy.0); // of one who was killed
        std::os::unix::fs::DirBuilderExt::mode(&mut fs::DirBuilder::new(), 0o700).create(&copy.0)?;
        fs::create_dir(copy.0.join("sshd_config.d"))?;
        fs::write(copy.config(), copy.redirected(&config))?;
        let folder = Path::new(OURS).parent().unwrap_or(Path::new("/"));
        let there = fs::read_dir(files.real(folder))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| folder.join(entry.file_name()));
        for path in there.chain([PathBuf::from(OURS)]).filter(|path| is_wanted(path)) {
            if let (Some(name), Ok(Some(text))) = (path.file_name(), files.text(&path)) {
                fs::write(copy.0.join("sshd_config.d").join(name), copy.redirected(&text))?;
            }
        }
        Ok(Some(copy))
    }

    /// Its sshd_config.
    pub fn config(&self) -> PathBuf {
        self.0.join("sshd_config")
    }

    /// What sshd said of the copy, as of the files that it is one of.
    pub fn outside(&self, why: &str) -> String {
        why.replace(&self.0.display().to_string(), "/etc/ssh")
    }

    fn redirected(&self, text: &str) -> String {
        let lines = text.lines().map(|line| match included(line) {
            Some(patterns) => {
                let folder = self.0.display();
                let within = |pattern: &str| {
                    let path = Path::new("/etc/ssh").join(pattern.trim_matches('"'));
                    let copied = path.strip_prefix("/etc/ssh").ok().filter(|rest| rest.starts_with("sshd_config.d"));
                    copied.map_or(path.display().to_string(), |rest| format!("{folder}/{}", rest.display()))
                };
                format!("Include {}", patterns.split_whitespace().map(within).collect::<Vec<_>>().join(" "))
            }
            None => line.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n") + "\n"
    }
}

impl Drop for SshCopy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_include_of_the_folder_leads_into_the_copy_and_any_other_where_it_led() {
        let copy = SshCopy(PathBuf::from("/run/copy"));
        let text = "Include /etc/ssh/sshd_config.d/*.conf sshd_config.d/x.conf\ninclude hard.conf /srv/*.conf\nPort 22";
        let expected = "Include /run/copy/sshd_config.d/*.conf /run/copy/sshd_config.d/x.conf\n\
                        Include /etc/ssh/hard.conf /srv/*.conf\nPort 22\n";
        assert_eq!(copy.redirected(text), expected);
    }
}
