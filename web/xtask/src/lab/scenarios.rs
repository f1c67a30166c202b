//! The built-in scenarios as the lab has them: packed natively, so that the page needs no TOML. The
//! gallery is part of its module; each scenario is a file that it fetches when somebody opens it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use conclave_core::sim::{self, Packed};

use crate::workspace::Workspace;

/// Names the packed gallery to the compiler; the core reads it.
const VARIABLE: &str = "CONCLAVE_GALLERY";
/// Where the page looks for scenarios.
pub(super) const FOLDER: &str = "scenarios";

fn packed() -> Result<Packed> {
    sim::pack().context("the core's first scenario can't be read")
}

/// Packs the gallery and tells this cargo where it is.
pub(crate) fn give(cargo: &mut Command, workspace: &Workspace) -> Result<()> {
    cargo.env(VARIABLE, gallery(workspace)?);
    Ok(())
}

/// Writes it unless it is there already: what hasn't changed isn't compiled again.
fn gallery(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.wasm_target();
    let file = folder.join("gallery.bin");
    let packed = packed()?.gallery;
    if fs::read(&file).ok().as_ref() != Some(&packed) {
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&file, packed))
            .with_context(|| format!("can't write {}", file.display()))?;
    }
    Ok(file)
}

/// Puts the scenarios into the finished folder.
pub(super) fn put(dist: &Path) -> Result<()> {
    let folder = dist.join(FOLDER);
    fs::create_dir_all(&folder).with_context(|| format!("can't create {}", folder.display()))?;
    for (name, bytes) in packed()?.scenarios {
        let file = folder.join(name).with_extension("bin");
        fs::write(&file, bytes).with_context(|| format!("can't write {}", file.display()))?;
    }
    Ok(())
}
