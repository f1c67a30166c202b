//! What a wasm module asks of whoever instantiates it.
//!
//! The core asks for nothing. The lab asks only for what wasm-bindgen's glue gives it; an import
//! from `env` is what is left of a C function, a clock or randomness that some crate believed in.

use anyhow::{Context, Result, bail};
use wasmparser::{Parser, Payload};

/// One import.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// From where.
    pub(crate) module: String,
    /// What.
    pub(crate) name: String,
}

/// Whose imports are looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    /// The core by itself.
    Pure,
    /// The lab before wasm-bindgen.
    Compiled,
    /// The lab after wasm-bindgen.
    Bundled,
}

impl Side {
    fn allows(self, module: &str) -> bool {
        match self {
            Self::Pure => false,
            Self::Compiled => module.starts_with("__wbindgen_"),
            Self::Bundled => module == "wbg" || module.starts_with("./"),
        }
    }
}

/// Every import of a module.
pub(crate) fn of(wasm: &[u8]) -> Result<Vec<Import>> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::ImportSection(section) = payload.context("this isn't a wasm module")? {
            for import in section.into_imports() {
                let import = import.context("the wasm module's import section is broken")?;
                found.push(Import { module: import.module.into(), name: import.name.into() });
            }
        }
    }
    Ok(found)
}

/// An error that names every import that isn't allowed.
pub(crate) fn check(wasm: &[u8], side: Side) -> Result<()> {
    let wrong: Vec<_> = of(wasm)?
        .into_iter()
        .filter(|import| !side.allows(&import.module))
        .map(|import| format!("`{}` from `{}`", import.name, import.module))
        .collect();
    if !wrong.is_empty() {
        bail!("the module imports what it must not: {}", wrong.join(", "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module that imports one function of type `() -> ()`, by the binary format's own bytes.
    fn module_importing(module: &str, name: &str) -> Vec<u8> {
        let mut import = vec![1];
        for text in [module, name] {
            import.push(u8::try_from(text.len()).unwrap());
            import.extend(text.as_bytes());
        }
        import.extend([0, 0]);
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        wasm.extend([1, 4, 1, 0x60, 0, 0]);
        wasm.extend([2, u8::try_from(import.len()).unwrap()]);
        wasm.extend(import);
        wasm
    }

    const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

    #[test]
    fn imports_are_found() {
        let wasm = module_importing("env", "clock");
        assert_eq!(of(&wasm).unwrap(), [Import { module: "env".into(), name: "clock".into() }]);
        assert_eq!(of(EMPTY).unwrap(), []);
    }

    #[test]
    fn core_may_import_nothing_at_all() {
        assert!(check(EMPTY, Side::Pure).is_ok());
        for module in ["env", "wbg", "./x.js", "wasi_snapshot_preview1"] {
            let error = check(&module_importing(module, "f"), Side::Pure).unwrap_err().to_string();
            assert!(error.contains(&format!("`f` from `{module}`")), "{error}");
        }
    }

    #[test]
    fn the_lab_may_import_its_glue_and_not_from_env() {
        assert!(check(&module_importing("__wbindgen_placeholder__", "f"), Side::Compiled).is_ok());
        assert!(check(&module_importing("./conclave_web_bg.js", "f"), Side::Bundled).is_ok());
        for side in [Side::Compiled, Side::Bundled] {
            assert!(check(&module_importing("env", "f"), side).is_err(), "{side:?}");
        }
        assert!(check(&module_importing("__wbindgen_placeholder__", "f"), Side::Bundled).is_err());
    }

    #[test]
    fn what_is_no_module_is_an_error() {
        assert!(of(b"<!doctype html>").is_err());
    }
}
