//! A compiler for wasm: found, fetched or installed, in this order.
//!
//! 1. The user's own toolchain has the target.
//! 2. Debian's compiler is here with the sources of `std` (`rustc-web`, `rust-web-src`), and builds
//!    `std` itself.
//! 3. rustup fetches the target.
//! 4. The user's own toolchain has the sources of `std` (the component `rust-src`).
//! 5. Debian's compiler can be installed.
//!
//! What is here comes before what would have to be fetched, so a second run never waits for a
//! server. Which one it became is said in one sentence.
//!
//! Whichever it is, it is asked to leave out what a page has no use for: see [`SMALLER`].

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{apt, process, say, workspace::Workspace};

/// The target of everything that runs in a browser.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";
/// The oldest compiler that builds this workspace: `rust-version` of the root manifest.
const OLDEST: (u32, u32) = oldest(env!("CARGO_PKG_RUST_VERSION"));
/// What a page does without: the place in the source of every possible panic, which names folders
/// of the machine that compiled it, and all that `{:?}` would print. A run that panics is reproduced
/// natively from its link, where both are told. Unstable, hence [`UNSTABLE`]; a compiler that
/// doesn't take them makes a heavier lab.
const SMALLER: &[&str] = &["-Zlocation-detail=none", "-Zfmt-debug=none", COMPACT_HASHES];
/// Hash functions as loops, not unrolled: half of what they weigh. Any compiler takes it.
const COMPACT_HASHES: &str = "--cfg=sha2_backend_soft=\"compact\"";
/// Where `std` is built too: its short sorts instead of its fast ones, no backtraces.
const SMALLER_STD: &str = "-Zbuild-std-features=optimize_for_size";
/// And panics that trap at once, without the words and the machinery that writes them: the page
/// says that the lab stopped, and the same run says why natively.
const SILENT_PANICS: &str = "-Zunstable-options -Cpanic=immediate-abort";
/// Lets a stable compiler take what is unstable.
const UNSTABLE: (&str, &str) = ("RUSTC_BOOTSTRAP", "1");
/// How long rustup may try where there is another way.
const RUSTUP_LIMIT: Duration = Duration::from_secs(20);
/// How long rustup may try where there is none: a slow line is better than no compiler.
const RUSTUP_LAST_LIMIT: Duration = Duration::from_mins(5);
/// Where Debian puts its compiler.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_PACKAGES: &[&str] = &["rustc-web", "rust-web-src", "cargo-web"];

/// A way to compile for wasm.
#[derive(Debug)]
pub(crate) struct Toolchain {
    way: Way,
    /// Those of [`SMALLER`] and [`SILENT_PANICS`] that the compiler takes.
    flags: Vec<&'static str>,
}

#[derive(Debug)]
enum Way {
    /// The user's toolchain, which has the target.
    Ready {
        /// Whether rustup has only now fetched it.
        fetched: bool,
    },
    /// A compiler that builds `std` from its sources first.
    BuildsStd(StdBuilder),
}

/// A compiler with the sources of `std`, a cargo that goes with it, and a linker for wasm.
#[derive(Debug)]
struct StdBuilder {
    rustc: PathBuf,
    /// None: the user's.
    cargo: Option<PathBuf>,
    linker: PathBuf,
    version: String,
}

/// What is here already, nothing fetched and nothing installed.
pub(crate) fn look(workspace: &Workspace) -> Result<Option<Toolchain>> {
    let own = Compiler::own(workspace)?;
    if own.has_wasm() {
        return Ok(Some(own.as_toolchain(workspace, Way::Ready { fetched: false })));
    }
    debian(workspace, &own)
}

/// Finds, fetches or installs a compiler for wasm, and says which.
pub(crate) fn ready(workspace: &Workspace) -> Result<Toolchain> {
    let toolchain = find_or_install(workspace)?;
    say::step(&format!("Compiling for wasm with {toolchain}"));
    Ok(toolchain)
}

fn find_or_install(workspace: &Workspace) -> Result<Toolchain> {
    if let Some(toolchain) = look(workspace)? {
        return Ok(toolchain);
    }
    let fetched = fetch_with_rustup(workspace);
    let own = Compiler::own(workspace)?;
    if fetched {
        return Ok(own.as_toolchain(workspace, Way::Ready { fetched }));
    }
    if own.has_std_sources() {
        return std_builder(workspace, &own, None, &own);
    }
    if apt::can_install() {
        apt::install(workspace, DEBIAN_PACKAGES, "for a compiler that can build for wasm")?;
        if let Some(toolchain) = look(workspace)? {
            return Ok(toolchain);
        }
    }
    bail!(
        "no compiler for {WASM} here: run `rustup target add {WASM}`, or on Debian, as root, \
         `apt-get update && apt-get install {}`, then try again",
        DEBIAN_PACKAGES.join(" ")
    )
}

impl Toolchain {
    /// A `cargo <subcommand>` for wasm, whose results go to [`Workspace::wasm_target`].
    pub(crate) fn cargo(&self, workspace: &Workspace, subcommand: &str) -> Command {
        let mut command = match &self.way {
            Way::Ready { .. } | Way::BuildsStd(StdBuilder { cargo: None, .. }) => workspace.cargo(),
            Way::BuildsStd(StdBuilder { cargo: Some(cargo), .. }) => workspace.command(cargo),
        };
        command.args([subcommand, "--locked", "--target", WASM, "--target-dir"]);
        command.arg(workspace.wasm_target());
        if let Way::BuildsStd(builder) = &self.way {
            command.args(["-Zbuild-std=std,panic_abort", SMALLER_STD]);
            command.env("RUSTC", &builder.rustc).env(UNSTABLE.0, UNSTABLE.1);
            command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", &builder.linker);
        }
        // Meant for what runs on this machine: `-C target-cpu=native` means nothing to wasm.
        for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
            command.env_remove(name);
        }
        if !self.flags.is_empty() {
            command.env(UNSTABLE.0, UNSTABLE.1);
            command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", self.flags.join(" "));
        }
        command
    }

    /// Whether the user's own toolchain compiles for wasm, and so its clippy can look at it.
    pub(crate) fn is_the_users(&self) -> bool {
        matches!(self.way, Way::Ready { .. })
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.way {
            Way::Ready { fetched: false } => write!(f, "your Rust toolchain, which has {WASM}"),
            Way::Ready { fetched: true } => {
                write!(f, "your Rust toolchain, for which rustup has fetched {WASM}")
            }
            Way::BuildsStd(builder) => write!(
                f,
                "{} ({}) and its own build of std, since your toolchain has no {WASM}",
                builder.rustc.display(),
                builder.version
            ),
        }
    }
}

fn fetch_with_rustup(workspace: &Workspace) -> bool {
    if apt::find_program("rustup").is_none() {
        return false;
    }
    let mut rustup = workspace.command("rustup");
    rustup.args(["target", "add", WASM]);
    let what = format!("`rustup target add {WASM}`");
    let limit = if apt::can_install() { RUSTUP_LIMIT } else { RUSTUP_LAST_LIMIT };
    let fetched = say::while_waiting(&what, || process::ask(rustup, &what, limit));
    if fetched.is_err() && !process::interrupted() {
        say::detail(&format!("rustup can't fetch {WASM} here; looking for another compiler"));
    }
    fetched.is_ok()
}

/// Debian's compiler, if it is here with its sources.
fn debian(workspace: &Workspace, own: &Compiler) -> Result<Option<Toolchain>> {
    if !Path::new(DEBIAN_RUSTC).is_file() {
        return Ok(None);
    }
    // One that doesn't answer is as good as none.
    let Ok(rustc) = Compiler::ask(workspace, Path::new(DEBIAN_RUSTC)) else { return Ok(None) };
    if !rustc.has_std_sources() {
        return Ok(None);
    }
    if rustc.version < OLDEST {
        say::detail(&format!(
            "{DEBIAN_RUSTC} is {}, too old: {}.{} or newer is needed (Debian's security updates \
             have it as `rustc-web`)",
            rustc.name, OLDEST.0, OLDEST.1
        ));
        return Ok(None);
    }
    let cargo = Path::new(DEBIAN_CARGO).is_file().then(|| PathBuf::from(DEBIAN_CARGO));
    std_builder(workspace, &rustc, cargo, own).map(Some)
}

fn std_builder(
    workspace: &Workspace,
    rustc: &Compiler,
    cargo: Option<PathBuf>,
    own: &Compiler,
) -> Result<Toolchain> {
    let linker = [own.bundled_linker(), rustc.bundled_linker()]
        .into_iter()
        .flatten()
        .chain(["rust-lld", "wasm-ld", "lld"].into_iter().filter_map(apt::find_program))
        .next();
    let linker = match linker {
        Some(linker) => linker,
        None if apt::can_install() => {
            apt::install(workspace, &["lld"], "for a linker that can write wasm")?;
            apt::find_program("wasm-ld").context("Debian's lld brought no `wasm-ld`")?
        }
        None => bail!("no linker for wasm here: install `lld` (Debian: `apt-get install lld`)"),
    };
    let builder =
        StdBuilder { rustc: rustc.path.clone(), cargo, linker, version: rustc.name.clone() };
    Ok(rustc.as_toolchain(workspace, Way::BuildsStd(builder)))
}

/// What a compiler says of itself.
#[derive(Clone, Debug)]
struct Compiler {
    path: PathBuf,
    name: String,
    version: (u32, u32),
    host: String,
    sysroot: PathBuf,
}

impl Compiler {
    /// The one that `cargo build` takes.
    fn own(workspace: &Workspace) -> Result<Self> {
        let path = std::env::var_os("RUSTC").map_or_else(|| "rustc".into(), PathBuf::from);
        Self::ask(workspace, &path)
            .context("the Rust compiler doesn't answer; install Rust from https://rustup.rs")
    }

    fn ask(workspace: &Workspace, path: &Path) -> Result<Self> {
        let question = |arguments: &[&str]| {
            let mut command = workspace.command(path);
            command.args(arguments);
            let what = format!("`{} {}`", path.display(), arguments.join(" "));
            process::ask(command, &what, process::QUESTION_LIMIT)
        };
        let described = question(&["--version", "--verbose"])?;
        let sysroot = PathBuf::from(question(&["--print", "sysroot"])?.trim());
        Self::from_description(path.to_path_buf(), &described, sysroot).with_context(|| {
            format!("{} doesn't describe itself as a Rust compiler", path.display())
        })
    }

    fn from_description(path: PathBuf, described: &str, sysroot: PathBuf) -> Option<Self> {
        let field = |name: &str| described.lines().find_map(|line| line.strip_prefix(name));
        let mut numbers = field("release: ")?.split('.').map(str::parse);
        let version = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        let name = described.lines().next()?.to_owned();
        Some(Self { path, name, version, host: field("host: ")?.to_owned(), sysroot })
    }

    /// This compiler as the way to compile for wasm.
    fn as_toolchain(&self, workspace: &Workspace, way: Way) -> Toolchain {
        let takes = |flag: &&str| {
            let mut command = workspace.command(&self.path);
            command.args(flag.split(' ')).args(["--print", "sysroot"]);
            command.env(UNSTABLE.0, UNSTABLE.1);
            process::ask(command, "the compiler's flags", process::QUESTION_LIMIT).is_ok()
        };
        let builds_std = matches!(way, Way::BuildsStd(_));
        let wanted = SMALLER.iter().copied().chain(builds_std.then_some(SILENT_PANICS));
        let (flags, unknown): (Vec<_>, Vec<_>) = wanted.partition(takes);
        if !unknown.is_empty() {
            say::detail(&format!(
                "{} doesn't take {}: the lab will be heavier than it could be",
                self.name,
                unknown.join(" ")
            ));
        }
        Toolchain { way, flags }
    }

    fn has_wasm(&self) -> bool {
        let libraries = self.sysroot.join("lib/rustlib").join(WASM).join("lib");
        libraries.read_dir().is_ok_and(|mut files| {
            files.any(|file| {
                file.is_ok_and(|file| file.file_name().to_string_lossy().starts_with("libstd-"))
            })
        })
    }

    fn has_std_sources(&self) -> bool {
        self.sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml").is_file()
    }

    fn bundled_linker(&self) -> Option<PathBuf> {
        let linker = self.sysroot.join("lib/rustlib").join(&self.host).join("bin/rust-lld");
        linker.is_file().then_some(linker)
    }
}

/// `"1.95"` or `"1.95.0"` as numbers, when this tool is compiled.
const fn oldest(version: &str) -> (u32, u32) {
    let bytes = version.as_bytes();
    let mut numbers = [0_u32; 3];
    let (mut at, mut which) = (0, 0);
    while at < bytes.len() && which < 3 {
        match bytes[at] {
            b'.' => which += 1,
            digit => numbers[which] = numbers[which] * 10 + (digit - b'0') as u32,
        }
        at += 1;
    }
    (numbers[0], numbers[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIBED: &str = "rustc 1.96.0 (abc 2026-05-25) (built from a source tarball)\n\
                             binary: rustc\nhost: x86_64-unknown-linux-gnu\nrelease: 1.96.0\n";

    #[test]
    fn a_compiler_describes_itself() {
        let sysroot = PathBuf::from("/nowhere");
        let rustc = Compiler::from_description("rustc".into(), DESCRIBED, sysroot.clone()).unwrap();
        assert_eq!(rustc.version, (1, 96));
        assert_eq!(rustc.host, "x86_64-unknown-linux-gnu");
        assert!(!rustc.has_wasm() && !rustc.has_std_sources() && rustc.bundled_linker().is_none());
        assert!(Compiler::from_description("cat".into(), "cat 9.1\n", sysroot).is_none());
    }

    #[test]
    fn the_oldest_compiler_is_read_from_the_manifest() {
        assert_eq!(oldest("1.95"), (1, 95));
        assert_eq!(oldest("2.3.4"), (2, 3));
        assert!(OLDEST >= (1, 95));
    }

    #[test]
    fn what_was_chosen_is_one_sentence() {
        let builder = StdBuilder {
            rustc: DEBIAN_RUSTC.into(),
            cargo: None,
            linker: "rust-lld".into(),
            version: "rustc 1.96.0".into(),
        };
        for way in
            [Way::Ready { fetched: true }, Way::Ready { fetched: false }, Way::BuildsStd(builder)]
        {
            let text = Toolchain { way, flags: Vec::new() }.to_string();
            assert!(text.contains(WASM) && !text.contains('\n'), "{text}");
        }
    }
}
