//! Where things are, and a `cargo` that behaves as if the user had typed it.
//!
//! `cargo run` fills the environment of this tool with what describes *this* package and *this*
//! compiler's libraries. Handed on to another cargo, some of that makes build scripts run again
//! (`CARGO_PKG_…`) and some misleads another compiler (`LD_LIBRARY_PATH`), so it is taken out.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::process;

/// The folders of one checkout.
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// The checkout that this tool was built from.
    pub(crate) fn find() -> Result<Self> {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = package
            .ancestors()
            .nth(2)
            .filter(|root| root.join("Cargo.toml").is_file())
            .with_context(|| {
                format!(
                    "{} is gone: this tool was built from a checkout that has moved; run it \
                     with `cargo xtask` from the new place",
                    package.display()
                )
            })?
            .to_path_buf();
        let target = target_folder(&root);
        Ok(Self { root, target })
    }

    /// A path below the top.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.root.join(below)
    }

    /// Where everything made by the wasm compiler goes. Apart from what runs on this machine,
    /// since another compiler in the same folder would make cargo throw away what the first one built.
    pub(crate) fn wasm_target(&self) -> PathBuf {
        self.target.join("wasm")
    }

    /// Where the finished lab goes.
    pub(crate) fn dist(&self) -> PathBuf {
        self.path("web/dist")
    }

    /// The user's cargo, in the user's environment, at the top of the checkout.
    pub(crate) fn cargo(&self) -> Command {
        self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    /// Any program, in the user's environment, at the top of the checkout.
    pub(crate) fn command(&self, program: impl Into<OsString>) -> Command {
        let mut command = Command::new(program.into());
        command.current_dir(&self.root);
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(is_set_by_cargo_run) {
                command.env_remove(&name);
            }
        }
        if let Some(paths) = env::var_os(LIBRARY_PATH) {
            let kept: Vec<_> = env::split_paths(&paths)
                .filter(|path| !path.starts_with(&self.target) && !is_in_a_toolchain(path))
                .collect();
            match env::join_paths(&kept) {
                Ok(paths) if !kept.is_empty() => command.env(LIBRARY_PATH, paths),
                _ => command.env_remove(LIBRARY_PATH),
            };
        }
        command
    }

    /// Builds the `conclave` program and says where it is.
    pub(crate) fn build_native(&self, profile: &str) -> Result<PathBuf> {
        self.build_program("conclave", "conclave", profile)
    }

    /// Builds a program of a package and says where it is.
    pub(crate) fn build_program(
        &self,
        package: &str,
        name: &str,
        profile: &str,
    ) -> Result<PathBuf> {
        let mut cargo = self.cargo();
        cargo.args(["build", "--locked", "--package", package, "--bin", name]);
        cargo.args(["--profile", profile]);
        process::run(cargo, &format!("building {name}"), process::BUILD_LIMIT)?;
        let folder = if profile == "dev" { "debug" } else { profile };
        let program = self.target.join(folder).join(format!("{name}{}", env::consts::EXE_SUFFIX));
        if !program.is_file() {
            bail!("cargo built {name}, but {} isn't there", program.display());
        }
        Ok(program)
    }
}

#[cfg(target_os = "macos")]
const LIBRARY_PATH: &str = "DYLD_FALLBACK_LIBRARY_PATH";
#[cfg(windows)]
const LIBRARY_PATH: &str = "PATH";
#[cfg(not(any(target_os = "macos", windows)))]
const LIBRARY_PATH: &str = "LD_LIBRARY_PATH";

/// This program lies in `<target>/<profile>/`, wherever the user wants his target folder.
fn target_folder(root: &Path) -> PathBuf {
    env::current_exe()
        .ok()
        .as_deref()
        .and_then(Path::parent)
        // Tests of this crate run from `<target>/<profile>/deps`.
        .map(
            |folder| {
                if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder }
            },
        )
        .and_then(Path::parent)
        .filter(|target| target.join("CACHEDIR.TAG").is_file())
        .map_or_else(|| root.join("target"), Path::to_path_buf)
}

fn is_in_a_toolchain(path: &Path) -> bool {
    path.join("rustlib").is_dir() || path.components().any(|part| part.as_os_str() == "rustlib")
}

/// Whether `cargo run` sets this for the program it starts (or build scripts get it).
fn is_set_by_cargo_run(name: &str) -> bool {
    const WHOLE: &[&str] = &[
        "CARGO",
        "CARGO_BIN_NAME",
        "CARGO_CRATE_NAME",
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_TARGET_TMPDIR",
        "OUT_DIR",
        "RUST_RECURSION_COUNT",
    ];
    const PREFIXES: &[&str] =
        &["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_EXE_", "CARGO_FEATURE_", "CARGO_CFG_"];
    WHOLE.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_run_sets_is_taken_out_and_the_users_settings_stay() {
        for name in
            ["CARGO", "OUT_DIR", "CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH"]
        {
            assert!(is_set_by_cargo_run(name), "{name}");
        }
        for name in [
            "CARGO_HOME",
            "CARGO_NET_OFFLINE",
            "CARGO_TERM_COLOR",
            "RUSTUP_TOOLCHAIN",
            "RUSTC",
            "PATH",
        ] {
            assert!(!is_set_by_cargo_run(name), "{name}");
        }
    }

    #[test]
    fn the_workspace_is_found_from_the_tool_itself() {
        let workspace = Workspace::find().unwrap();
        assert!(workspace.path("web/xtask/Cargo.toml").is_file());
        assert!(workspace.wasm_target().starts_with(&workspace.target));
    }
}
