//! From the compiler's module to what a browser loads: wasm-bindgen writes the glue, wasm-opt (if
//! it is here and agrees) makes it smaller, short names and another order of its functions too.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use super::{Page, names, order};
use crate::{
    imports::{self, Side},
    process, say,
    workspace::Workspace,
};

/// What today's compilers use and browsers have had for years.
const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];
const OPTIMISER_LIMIT: Duration = Duration::from_mins(5);

/// Writes a page's glue and its module into a folder.
pub(super) fn bundle(
    workspace: &Workspace,
    page: &Page,
    wasm: &Path,
    optimiser: Option<&Path>,
    into: &Path,
) -> Result<()> {
    let name = page.name;
    imports::check(&read(wasm)?, Side::Compiled)
        .with_context(|| format!("the wasm of {name}, as compiled"))?;
    say::while_waiting("wasm-bindgen", || {
        Bindgen::new()
            .input_path(wasm)
            .out_name(page.module)
            .web(true)?
            // So that `init()` alone finds the module beside the glue.
            .omit_default_module_path(false)
            .typescript(false)
            .demangle(false)
            .remove_name_section(true)
            .remove_producers_section(true)
            .generate(into)
    })
    .with_context(|| format!("wasm-bindgen can't make glue for {name}"))?;
    let module = into.join(page.served());
    if let Some(optimiser) = optimiser {
        optimise(workspace, optimiser, &module)?;
    }
    let glue = into.join(page.module).with_extension("js");
    let written =
        fs::read_to_string(&glue).with_context(|| format!("can't read {}", glue.display()))?;
    let of = || format!("the wasm of {name}");
    let (text, renamed) = names::shorten(&written, &read(&module)?).with_context(of)?;
    fs::write(&glue, text).with_context(|| format!("can't write {}", glue.display()))?;
    let ordered = order::reorder(&renamed).with_context(of)?;
    fs::write(&module, ordered).with_context(|| format!("can't write {}", module.display()))?;
    imports::check(&read(&module)?, Side::Bundled)
        .with_context(|| format!("the wasm of {name}, as bundled"))
}

/// Replaces the module by a smaller one if the optimiser makes one that still is a module.
fn optimise(workspace: &Workspace, optimiser: &Path, module: &Path) -> Result<()> {
    let smaller = workspace.wasm_target().join("smaller.wasm");
    let mut command = workspace.command(optimiser);
    command.arg("-Oz").args(FEATURES).arg(module).arg("-o").arg(&smaller);
    let optimised = say::while_waiting("wasm-opt", || {
        process::ask(command, "wasm-opt", OPTIMISER_LIMIT).and_then(|_| accept(module, &smaller))
    });
    if process::interrupted() {
        bail!("stopped while optimising");
    }
    match optimised {
        Ok(true) => {
            fs::copy(&smaller, module).context("can't take over what wasm-opt wrote")?;
        }
        Ok(false) => say::detail("wasm-opt made it no smaller to download; its result is left out"),
        // An old wasm-opt that doesn't know what a new compiler writes costs size, not function.
        Err(error) => say::detail(&format!("left out wasm-opt: {}", first_line(&error))),
    }
    super::remove(&smaller)
}

/// Whether the optimised module is whole, asks for nothing new, and is smaller as it travels:
/// fewer bytes that compress worse would be no gain. (What wasm-opt 132 makes of it by `-Oz` is a
/// ninth shorter and, by brotli, a twentieth longer: so none is fetched.)
fn accept(module: &Path, optimised: &Path) -> Result<bool> {
    let (before, after) = (read(module)?, read(optimised)?);
    wasmparser::validate(&after).context("wasm-opt wrote a module that isn't valid")?;
    if imports::of(&before)?.len() < imports::of(&after)?.len() {
        bail!("wasm-opt wrote a module with more imports");
    }
    Ok(super::brotli(&after)?.len() < super::brotli(&before)?.len())
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("can't read {}", file.display()))
}

fn first_line(error: &anyhow::Error) -> String {
    format!("{error:#}").lines().next().unwrap_or_default().to_owned()
}
