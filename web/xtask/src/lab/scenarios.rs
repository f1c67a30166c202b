//! The built-in scenarios as the lab carries them: packed natively, so that the page needs no TOML.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result};
use conclave_core::sim;

use crate::workspace::Workspace;

/// Names the packed scenarios to the compiler; the core reads it.
const VARIABLE: &str = "CONCLAVE_SCENARIOS";

/// Packs them and tells this cargo where they are.
pub(crate) fn give(cargo: &mut Command, workspace: &Workspace) -> Result<()> {
    cargo.env(VARIABLE, pack(workspace)?);
    Ok(())
}

/// Writes them unless they are there already: what hasn't changed isn't compiled again.
fn pack(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.wasm_target();
    let file = folder.join("scenarios.bin");
    let packed = sim::pack();
    if fs::read(&file).ok().as_ref() != Some(&packed) {
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&file, packed))
            .with_context(|| format!("can't write {}", file.display()))?;
    }
    Ok(file)
}
