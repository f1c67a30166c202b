//! The pages as files: `conclave-web` and `conclave-resilience`, the lab once more with guards,
//! compiled, bundled and compressed into `web/dist`.
//!
//! ```text
//! cargo build ─▶ a module for each page ─▶ bundle (wasm-bindgen, wasm-opt, names, order) ─┐
//!                 web/static/* (made smaller), the core's scenarios ──────────┴▶ .br, .gz beside each ─▶ web/dist
//! ```
//!
//! Cargo knows whether the wasm is fresh; whether the rest is, a stamp over everything that goes
//! into it says. The new folder takes the old one's place only once it is whole.

mod bundle;
mod names;
mod order;
mod pages;
mod same;
pub(crate) mod scenarios;
mod shrink;
mod weight;

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use flate2::{Compression, write::GzEncoder};

pub(crate) use self::{
    pages::{PAGES, Page},
    weight::Weight,
};
use crate::{
    apt, process, say,
    toolchain::{self, Toolchain, WASM},
    workspace::Workspace,
};

/// The packages that become the pages. Each has features of its own, so they are built one by one.
pub(crate) const PACKAGES: [&str; 2] = ["conclave-web", "conclave-resilience"];
/// The cargo profile of everything that goes into a browser.
pub(crate) const PROFILE: &str = "wasm";
/// What text and code compress well; pictures of pixels don't.
const COMPRESSED: &[&str] = &["bin", "css", "html", "js", "json", "map", "svg", "txt", "wasm"];

/// Builds the lab, unless nothing has changed since it was built.
pub(crate) fn build(workspace: &Workspace) -> Result<Weight> {
    let toolchain = toolchain::ready(workspace)?;
    build_with(workspace, &toolchain)
}

/// Builds the lab with this compiler.
pub(crate) fn build_with(workspace: &Workspace, toolchain: &Toolchain) -> Result<Weight> {
    let modules = compile(workspace, toolchain)?;
    let optimiser = apt::find_program("wasm-opt");
    let dist = workspace.dist();
    let stamp_file = workspace.wasm_target().join("lab.stamp");
    let stamp = stamp(workspace, &modules, optimiser.as_deref())?;
    if dist.join("index.html").is_file()
        && fs::read_to_string(&stamp_file).is_ok_and(|old| old == stamp)
    {
        return Weight::of(&dist);
    }
    // Whatever goes wrong from here on, the old stamp must not vouch for half a folder.
    remove(&stamp_file)?;
    let fresh = workspace.wasm_target().join("dist");
    remove(&fresh)?;
    fs::create_dir_all(&fresh).with_context(|| format!("can't create {}", fresh.display()))?;
    copy_all(&workspace.path("web/static"), &fresh)?;
    shrink::shrink_all(&fresh)?;
    for (page, wasm) in PAGES.iter().zip(&modules) {
        bundle::bundle(workspace, page, wasm, optimiser.as_deref(), &fresh)?;
    }
    scenarios::put(&fresh)?;
    if !fresh.join("index.html").is_file() {
        bail!("web/static/index.html is missing, so there is no page to open");
    }
    say::while_waiting("compressing", || compress_all(&fresh))?;
    remove(&dist)?;
    copy_all(&fresh, &dist)?;
    remove(&fresh)?;
    fs::write(&stamp_file, stamp)
        .with_context(|| format!("can't write {}", stamp_file.display()))?;
    Weight::of(&dist)
}

/// The modules of all pages, in their order, as the compiler leaves them.
pub(crate) fn compile(workspace: &Workspace, toolchain: &Toolchain) -> Result<Vec<PathBuf>> {
    if !workspace.path("web/Cargo.toml").is_file() {
        bail!("web/Cargo.toml is missing: this checkout has no lab");
    }
    for package in PACKAGES {
        let mut cargo = toolchain.cargo(workspace, "build");
        cargo.args(["--package", package, "--lib", "--bins", "--profile", PROFILE]);
        scenarios::give(&mut cargo, workspace)?;
        process::run(cargo, &format!("compiling {package}"), process::BUILD_LIMIT)?;
    }
    PAGES.iter().map(|page| compiled(workspace, &format!("{}.wasm", page.module))).collect()
}

/// A module that was just compiled.
pub(crate) fn compiled(workspace: &Workspace, file: &str) -> Result<PathBuf> {
    let wasm = workspace.wasm_target().join(WASM).join(PROFILE).join(file);
    if !wasm.is_file() {
        bail!("cargo built it, but {} isn't there", wasm.display());
    }
    Ok(wasm)
}

/// Every file below a folder, in one order everywhere.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("can't read {}", folder.display()))?;
        for entry in entries {
            let path = entry.with_context(|| format!("can't read {}", folder.display()))?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}

/// Changes when anything changes that the finished folder is made of.
fn stamp(workspace: &Workspace, modules: &[PathBuf], optimiser: Option<&Path>) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    // This tool itself decides how; its own file stands for its version.
    let tool = std::env::current_exe().and_then(fs::read).unwrap_or_default();
    (tool, optimiser).hash(&mut hasher);
    let mut inputs = modules.to_vec();
    inputs.extend(files_below(&workspace.path("web/static"))?);
    for input in inputs {
        let bytes = fs::read(&input).with_context(|| format!("can't read {}", input.display()))?;
        (input, bytes).hash(&mut hasher);
    }
    Ok(format!("{:016x}\n", hasher.finish()))
}

fn copy_all(from: &Path, to: &Path) -> Result<()> {
    for file in files_below(from)? {
        let below = file.strip_prefix(from).context("a folder holds a file outside of it")?;
        let copy = to.join(below);
        if let Some(folder) = copy.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("can't create {}", folder.display()))?;
        }
        fs::copy(&file, &copy)
            .with_context(|| format!("can't copy {} to {}", file.display(), copy.display()))?;
    }
    Ok(())
}

/// Puts `x.br` and `x.gz` beside every `x` that is worth it, so that no server compresses twice.
fn compress_all(folder: &Path) -> Result<()> {
    for file in files_below(folder)? {
        let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or("");
        if COMPRESSED.contains(&extension) {
            let bytes = fs::read(&file)?;
            for (kind, compressed) in [("br", brotli(&bytes)?), ("gz", gzip(&bytes)?)] {
                fs::write(file.with_extension(format!("{extension}.{kind}")), compressed)
                    .with_context(|| format!("can't write beside {}", file.display()))?;
            }
        }
    }
    Ok(())
}

/// Brotli (RFC 7932), which every browser takes: a quarter smaller than gzip for wasm. Of some settings the
/// one that comes out shortest: in wasm a byte follows from the higher bits of the one before (by 2 %).
fn brotli(bytes: &[u8]) -> Result<Vec<u8>> {
    use brotli::enc::backward_references::BrotliEncoderMode::{
        BROTLI_FORCE_MSB_PRIOR as BY_HIGHER_BITS, BROTLI_MODE_GENERIC as GENERIC,
    };
    let mut shortest = None::<Vec<u8>>;
    let by_higher_bits = [16, 17, 18].map(|lgblock| (BY_HIGHER_BITS, 21, lgblock));
    for (mode, lgwin, lgblock) in [(GENERIC, 22, 0)].into_iter().chain(by_higher_bits) {
        let best = brotli::enc::BrotliEncoderParams {
            quality: 11,
            mode,
            lgwin,
            lgblock,
            ..Default::default()
        };
        let mut compressed = Vec::new();
        brotli::BrotliCompress(&mut &bytes[..], &mut compressed, &best)
            .context("can't compress")?;
        if shortest.as_ref().is_none_or(|it| compressed.len() < it.len()) {
            shortest = Some(compressed);
        }
    }
    shortest.context("no setting to compress with")
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).context("can't compress")
}

/// Removes a file or a folder; that it isn't there is fine.
fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("can't remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_is_compressed_comes_back_as_it_was() {
        let text = b"agreement, validity, order ".repeat(100);
        let compressed = gzip(&text).unwrap();
        assert!(compressed.len() < text.len() / 10);
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(&compressed[..]).read_to_end(&mut back).unwrap();
        assert_eq!(back, text);
        // By either setting: what is like code, and what is like text.
        let code: Vec<u8> = (0..40_000_u32).flat_map(|it| [(it % 64) as u8 * 4, 0x41]).collect();
        for bytes in [&text[..], &code] {
            let (compressed, mut back) = (brotli(bytes).unwrap(), Vec::new());
            brotli::BrotliDecompress(&mut &compressed[..], &mut back).unwrap();
            assert_eq!(back, bytes);
        }
    }

    #[test]
    fn folders_are_copied_whole_and_compressed_beside() {
        let folder = std::env::temp_dir().join(format!("xtask-lab-{}", std::process::id()));
        let (from, to) = (folder.join("from"), folder.join("to"));
        fs::create_dir_all(from.join("deep")).unwrap();
        fs::write(from.join("index.html"), "<p>").unwrap();
        fs::write(from.join("deep/picture.png"), [1, 2, 3]).unwrap();
        copy_all(&from, &to).unwrap();
        compress_all(&to).unwrap();
        let names: Vec<_> = files_below(&to)
            .unwrap()
            .iter()
            .map(|file| file.strip_prefix(&to).unwrap().display().to_string().replace('\\', "/"))
            .collect();
        assert_eq!(names, ["deep/picture.png", "index.html", "index.html.br", "index.html.gz"]);
        remove(&folder).unwrap();
        remove(&folder).unwrap();
    }
}
