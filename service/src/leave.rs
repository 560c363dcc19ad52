//! How a process that a login started leaves the reach of the user who may have arranged that login:
//! cgroup, session, ids, directory, limits, signals, schedule. The kernel may refuse some of it to a
//! process of root's with few capabilities; what matters then is said.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::prctl;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use nix::sys::signal::SigSet;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Pid, Uid, chdir, getresgid, getresuid, setgroups, setresgid, setresuid, setsid};
use twostep_core::messages::service as messages;

/// Where the cgroups are.
const CGROUPS: &str = "/sys/fs/cgroup";
/// How far a process is preferred when memory is short.
const OOM: &str = "/proc/self/oom_score_adj";
/// The longest file that a store writes, with room to grow.
const LONGEST_FILE: u64 = 1024 * 1024;
/// Descriptors that one request needs at most.
const DESCRIPTORS: u64 = 64;

/// What would have a request fail half done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The user or group ids cannot be root's.
    Ids,
    /// No file of the necessary length can be written.
    FileSize,
    /// Too few files can be open.
    Descriptors,
}

impl Obstacle {
    /// One sentence on what is in the way, and one on what to do.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Ids => messages::IDS,
            Self::FileSize => messages::FILE_SIZE,
            Self::Descriptors => messages::OPEN_FILES,
        }
    }
}

/// Leaves. The caller has one thread.
///
/// # Errors
/// What stays in the way.
pub fn leave() -> Result<(), Obstacle> {
    // First, since who owns a cgroup can freeze what is in it.
    leave_cgroups();
    // Refused to the leader of a session, who has one of its own.
    let _ = setsid();
    become_root()?;
    let _ = chdir("/");
    umask(Mode::from_bits_truncate(0o077));
    let _ = prctl::set_pdeathsig(None);
    let _ = prctl::set_dumpable(false);
    sys::default_signals();
    let _ = SigSet::empty().thread_set_mask();
    sys::stop_timers();
    sys::ordinary_schedule();
    use_all_processors();
    count_in_full_for_memory();
    raise_limits()
}

fn leave_cgroups() {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    for file in root_cgroups(&own) {
        // 0 is who writes. Where it may not be written, there is nobody to leave.
        let _ = OpenOptions::new().write(true).open(file).and_then(|mut file| file.write_all(b"0"));
    }
}

/// The root cgroup of each hierarchy in which a process can be frozen and is not in the root already:
/// `ID:CONTROLLERS:PATH` (cgroups(7)). To move a process takes the kernel milliseconds.
fn root_cgroups(own: &str) -> Vec<PathBuf> {
    let hierarchies = own.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
    let left = hierarchies.filter(|(_, path)| *path != "/");
    let folders = left.flat_map(|(controllers, _)| match controllers {
        // The second version, alone and beside the first.
        "" => vec!["", "unified"],
        controllers if controllers.split(',').any(|controller| controller == "freezer") => vec![controllers],
        _ => vec![],
    });
    folders.map(|folder| Path::new(CGROUPS).join(folder).join("cgroup.procs")).collect()
}

fn become_root() -> Result<(), Obstacle> {
    // More groups than necessary open nothing to anybody.
    let _ = setgroups(&[]);
    let (user, group) = (Uid::from_raw(0), Gid::from_raw(0));
    let _ = setresgid(group, group, group);
    let _ = setresuid(user, user, user);
    match (getresuid(), getresgid()) {
        (Ok(users), Ok(groups))
            if [users.real, users.effective, users.saved] == [user; 3]
                && [groups.real, groups.effective, groups.saved] == [group; 3] =>
        {
            Ok(())
        }
        _ => Err(Obstacle::Ids),
    }
}

fn use_all_processors() {
    let mut all = CpuSet::new();
    // The kernel keeps those that there are.
    for processor in 0..CpuSet::count() {
        let _ = all.set(processor);
    }
    let _ = sched_setaffinity(Pid::from_raw(0), &all);
}

/// A process that is preferred for killing counts as any other again; one that is spared stays so.
fn count_in_full_for_memory() {
    let preferred = fs::read_to_string(OOM).ok().and_then(|text| text.trim().parse::<i32>().ok());
    if preferred.is_some_and(|preferred| preferred > 0) {
        let _ = fs::write(OOM, "0");
    }
}

fn raise_limits() -> Result<(), Obstacle> {
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    for resource in [Resource::RLIMIT_AS, Resource::RLIMIT_DATA, Resource::RLIMIT_CPU] {
        raise(resource, RLIM_INFINITY);
    }
    raise(Resource::RLIMIT_STACK, 8 * LONGEST_FILE);
    if raise(Resource::RLIMIT_FSIZE, RLIM_INFINITY) < LONGEST_FILE {
        return Err(Obstacle::FileSize);
    }
    if raise(Resource::RLIMIT_NOFILE, 16 * DESCRIPTORS) < DESCRIPTORS {
        return Err(Obstacle::Descriptors);
    }
    Ok(())
}

/// Raises a limit to this, or as far as may be. Says where it is now.
fn raise(resource: Resource, wanted: u64) -> u64 {
    // What cannot be read is no limit that could be met.
    let Ok((soft, hard)) = getrlimit(resource) else { return RLIM_INFINITY };
    if soft >= wanted {
        return soft;
    }
    let raised = setrlimit(resource, wanted, hard.max(wanted)).or_else(|_| setrlimit(resource, hard, hard));
    raised.and_then(|()| getrlimit(resource)).map_or(soft, |(soft, _)| soft)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_of_each_hierarchy_that_can_freeze_is_found() {
        let files = |own| root_cgroups(own).iter().map(|file| file.display().to_string()).collect::<Vec<_>>();
        assert_eq!(
            files("0::/user.slice/user-1000.slice/session-3.scope\n"),
            ["/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/unified/cgroup.procs"]
        );
        assert_eq!(
            files("6:freezer:/a:b\n5:cpu,cpuacct:/x\n1:name=systemd:/user.slice\n"),
            ["/sys/fs/cgroup/freezer/cgroup.procs"]
        );
        assert!(files("").is_empty());
        assert!(files("6:freezer:/\n0::/\n").is_empty());
    }
}
