//! A host in a folder, for tests.

use host_check::host::Host;
use twostep_core::config::Config;

/// A host with this configuration, root's own accounts and none yet.
pub fn host(text: &str) -> (Host, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    for name in ["state/accounts", "state/uids", "run/ledgers"] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("seal.key"), [7; 32]).unwrap();
    (Host::below(folder.path(), Config::parse(text).unwrap()), folder)
}
