//! The proof that the core is pure: as a wasm module by itself it imports nothing.
//!
//! The crate in `purity/` is a module without `std` that runs scenarios through the core, so that
//! everything a run needs is really in it. A clock, a random number or a file that some part of
//! the core or of what it depends on wanted would have to come in as an import.

use std::fs;

use anyhow::{Context, Result};

use crate::{
    imports::{self, Side},
    lab::{self, PROFILE},
    process, say,
    toolchain::Toolchain,
    workspace::Workspace,
};

const PACKAGE: &str = "conclave-purity";
const FILE: &str = "conclave_purity.wasm";
/// Below this, the optimiser has dropped what the proof is about.
const LEAST: usize = 100_000;

/// Builds the core as a module of its own and looks at its imports.
pub(crate) fn check_core(workspace: &Workspace, toolchain: &Toolchain) -> Result<()> {
    let mut cargo = toolchain.cargo(workspace, "build");
    cargo.args(["--package", PACKAGE, "--profile", PROFILE]);
    process::run(cargo, "compiling the core for wasm by itself", process::BUILD_LIMIT).context(
        "the core can't be built without std (a duplicate `panic_impl` means that some \
         dependency's feature brings std along: `cargo tree -e features -p conclave-purity`)",
    )?;
    let file = lab::compiled(workspace, FILE)?;
    let wasm = fs::read(&file).with_context(|| format!("can't read {}", file.display()))?;
    imports::check(&wasm, Side::Pure).context("the core isn't pure")?;
    anyhow::ensure!(
        wasm.len() > LEAST,
        "the core's module has only {} bytes: it can't be the whole core",
        wasm.len()
    );
    say::detail(&format!("the core as wasm ({} bytes) imports nothing", wasm.len()));
    Ok(())
}

/// Looks at the imports of every page's module as the compiler left it, before any glue.
pub(crate) fn check_lab(workspace: &Workspace, toolchain: &Toolchain) -> Result<()> {
    for file in lab::compile(workspace, toolchain)? {
        let wasm = fs::read(&file).with_context(|| format!("can't read {}", file.display()))?;
        imports::check(&wasm, Side::Compiled)
            .with_context(|| format!("{} asks for more than its glue gives", file.display()))?;
    }
    say::detail("the pages import only what wasm-bindgen gives them, and nothing from `env`");
    Ok(())
}
