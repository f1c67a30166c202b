//! Short names between a module and its glue.
//!
//! wasm-bindgen names each import by what it does and sixteen digits of a hash, in the glue and again
//! in the module. Digits of hashes don't compress: for the lab they are 4 kB. Only the two read them,
//! so here they become numbers. The glue's comments and indentation go, too: nobody edits it.

use std::{collections::BTreeMap, convert::Infallible};

use anyhow::{Context, Result, anyhow, ensure};
use wasm_encoder::{
    ImportSection, Module,
    reencode::{self, Reencode, utils},
};
use wasmparser::{Import, Imports, Parser};

use crate::imports;

/// What wasm-bindgen begins such names with.
const BEGINS: &str = "__wb";
/// How many digits of a hash end them.
const DIGITS: usize = 16;

/// The glue and the module, with short names.
pub(super) fn shorten(glue: &str, wasm: &[u8]) -> Result<(String, Vec<u8>)> {
    let mut names: Vec<_> = imports::of(wasm)?.into_iter().map(|import| import.name).collect();
    names.retain(|name| is_long(name));
    names.sort();
    names.dedup();
    let mut glue = plain(glue);
    let mut short = BTreeMap::new();
    for (number, name) in names.into_iter().enumerate() {
        let new = format!("_{number}");
        let key = |name: &str| format!("\n{name}: ");
        ensure!(
            glue.matches(&name).count() == 1 && glue.contains(&key(&name)),
            "the glue doesn't give `{name}` once"
        );
        ensure!(!glue.contains(&key(&new)), "the glue has a `{new}` of its own");
        glue = glue.replace(&key(&name), &key(&new));
        short.insert(name, new);
    }
    let mut module = Module::new();
    utils::parse_core_module(&mut Renamed(short), &mut module, Parser::new(0), wasm)
        .map_err(|error| anyhow!("its imports can't be renamed: {error}"))?;
    let module = module.finish();
    wasmparser::validate(&module).context("renaming its imports made it invalid")?;
    Ok((glue, module))
}

fn is_long(name: &str) -> bool {
    name.starts_with(BEGINS)
        && name.rsplit_once('_').is_some_and(|(_, digits)| {
            digits.len() == DIGITS && digits.bytes().all(|it| it.is_ascii_hexdigit())
        })
}

/// Without indentation, empty lines and comments that fill lines.
fn plain(glue: &str) -> String {
    let mut plain = String::with_capacity(glue.len());
    let mut in_comment = false;
    for line in glue.lines().map(str::trim) {
        in_comment |= line.starts_with("/*");
        if !in_comment && !line.is_empty() && !line.starts_with("//") {
            plain.push_str(line);
            plain.push('\n');
        }
        in_comment &= !line.ends_with("*/");
    }
    plain
}

struct Renamed(BTreeMap<String, String>);

impl Reencode for Renamed {
    type Error = Infallible;

    fn parse_imports(
        &mut self,
        section: &mut ImportSection,
        imports: Imports<'_>,
    ) -> Result<(), reencode::Error> {
        match imports {
            Imports::Single(at, import) => {
                let name = self.0.get(import.name).cloned();
                let name = name.as_deref().unwrap_or(import.name);
                utils::parse_imports(self, section, Imports::Single(at, Import { name, ..import }))
            }
            others => utils::parse_imports(self, section, others),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "__wbg_append_0123456789abcdef";

    /// A module that imports one function of type `() -> ()`.
    fn module() -> Vec<u8> {
        let mut import = vec![1, 4];
        import.extend(b"./m.");
        import.push(u8::try_from(LONG.len()).unwrap());
        import.extend(LONG.as_bytes());
        import.extend([0, 0]);
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        wasm.extend([1, 4, 1, 0x60, 0, 0, 2, u8::try_from(import.len()).unwrap()]);
        wasm.extend(import);
        wasm
    }

    #[test]
    fn both_sides_get_the_same_short_name_and_the_glue_loses_what_nobody_reads() {
        let glue =
            format!("/**\n * Says.\n */\nconst it = {{\n    {LONG}: f, // kept\n}};\n\n// end\n");
        let (glue, wasm) = shorten(&glue, &module()).unwrap();
        assert_eq!(glue, "const it = {\n_0: f, // kept\n};\n");
        assert_eq!(imports::of(&wasm).unwrap()[0].name, "_0");
    }

    #[test]
    fn a_name_that_the_glue_does_not_give_is_an_error() {
        let error = shorten("const it = {};\n", &module()).unwrap_err().to_string();
        assert!(error.contains(LONG), "{error}");
    }

    #[test]
    fn only_names_with_a_hash_are_long() {
        assert!(is_long(LONG) && is_long("__wbindgen_cast_0000000000000001"));
        assert!(!is_long("__wbindgen_init_externref_table") && !is_long("append_0123456789abcdef"));
    }
}
