//! How the module is linked: with libc and libpam, and with nothing else.
//!
//! A login pays for every library that the module brings along. libgcc_s alone would cost more
//! than the rest of the load, so the unwinder behind `catch_unwind` is linked statically. rustc
//! itself hides all symbols but the entry points and asks for full RELRO.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The symbol version by which a C library says that its loader reads packed relocations.
const PACKED_RELOCATIONS: &[u8] = b"GLIBC_ABI_DT_RELR";

fn main() -> Result<(), String> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CC");
    let compiler = Compiler::of_this_build();
    compiler
        .find("libpam.so.0", "Linux-PAM is missing: install libpam0g (Debian, Ubuntu), pam-libs (Fedora) or pam")?;
    // By its exact name, so that the development package is not needed.
    println!("cargo::rustc-link-lib=dylib:+verbatim=libpam.so.0");

    let unwinder = compiler.find("libgcc_eh.a", "the C compiler has no libgcc_eh.a: install gcc, or set CC to it")?;
    if let Some(folder) = unwinder.parent() {
        println!("cargo::rustc-link-search=native={}", folder.display());
    }
    println!("cargo::rustc-link-lib=static:+whole-archive=gcc_eh");
    println!("cargo::rustc-link-arg-cdylib=-Wl,--as-needed");
    // libpam loads a module for each login and drops it after. A mail server's worker has thousands,
    // and each would map, bind and unmap the module again, which costs more than to judge a password.
    // What a standard library leaves to the end of a thread is never code that is gone, either.
    println!("cargo::rustc-link-arg-cdylib=-Wl,-z,nodelete");
    if compiler.packs_relocations() {
        println!("cargo::rustc-link-arg-cdylib=-Wl,-z,pack-relative-relocs");
    }
    Ok(())
}

/// The C compiler that links this build.
struct Compiler {
    program: OsString,
}

impl Compiler {
    fn of_this_build() -> Self {
        Self { program: environment("CC").unwrap_or_else(|| "cc".into()) }
    }

    /// Where the compiler finds a library; it answers with the bare name when it finds none.
    fn find(&self, library: &str, missing: &str) -> Result<PathBuf, String> {
        let output = Command::new(&self.program)
            .arg(format!("-print-file-name={library}"))
            .output()
            .map_err(|error| format!("cannot run {}: {error}", self.program.display()))?;
        let path = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        if path.is_absolute() && path.exists() { Ok(path) } else { Err(missing.to_owned()) }
    }

    /// Whether both the linker can pack relative relocations and the C library can unpack them.
    fn packs_relocations(&self) -> bool {
        let unpacked = self
            .find("libc.so.6", "no shared C library")
            .ok()
            .and_then(|path| std::fs::read(path).ok())
            .is_some_and(|library| contains(&library, PACKED_RELOCATIONS));
        unpacked && self.linker_packs()
    }

    /// Older linkers ignore the flag with a warning, so silence is asked for as well as success.
    fn linker_packs(&self) -> bool {
        let Some(folder) = environment("OUT_DIR") else { return false };
        Command::new(&self.program)
            .args(["-shared", "-nostdlib", "-Wl,-z,pack-relative-relocs", "-x", "c", "/dev/null"])
            .arg("-o")
            .arg(Path::new(&folder).join("probe.so"))
            .output()
            .is_ok_and(|output| output.status.success() && output.stderr.is_empty())
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[expect(clippy::disallowed_methods, reason = "a build script is told everything by its environment")]
fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
