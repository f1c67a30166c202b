//! Debian packages: installed where that is possible without asking, that is as root.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{process, say, workspace::Workspace};

const UPDATE_LIMIT: Duration = Duration::from_mins(4);
const INSTALL_LIMIT: Duration = Duration::from_mins(15);

/// Whether packages can be installed here.
pub(crate) fn can_install() -> bool {
    find_program("apt-get").is_some() && is_root()
}

/// Installs packages, their lists fetched anew first. Says so.
pub(crate) fn install(workspace: &Workspace, packages: &[&str], why: &str) -> Result<()> {
    say::step(&format!("Installing Debian's {} {why}", packages.join(", ")));
    let mut update = apt_get(workspace);
    update.args(["update", "-qq"]);
    let updated = say::while_waiting("apt-get update", || {
        process::ask(update, "`apt-get update`", UPDATE_LIMIT)
    });
    if let Err(error) = updated {
        // An old list may do: installing decides.
        say::detail(&format!("{error:#}"));
    }
    let mut install = apt_get(workspace);
    install.args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages);
    let what = format!("`apt-get install {}`", packages.join(" "));
    say::while_waiting("apt-get install", || process::ask(install, &what, INSTALL_LIMIT))
        .map(drop)
        .with_context(|| format!("can't install Debian's {}", packages.join(", ")))
}

/// Where a program of this name is, if it can be started.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    let paths = env::var_os("PATH")?;
    env::split_paths(&paths).map(|folder| folder.join(&file)).find(|path| is_program(path))
}

fn apt_get(workspace: &Workspace) -> Command {
    let mut command = workspace.command("apt-get");
    // Another apt may be at work; its lock is waited for, not for ever.
    command.args(["-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=2"]);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

#[cfg(unix)]
fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}
