//! Functions that are the same, once.
//!
//! Generic code is compiled for each type, and for types that lie in memory alike it comes out the
//! same. The compiler merges what it sees in time, a linker for wasm nothing: a fortieth of the lab's
//! code is there twice or more. Each such function gives way to the first like it. Two that differ
//! only in whom they call are the same once those they call are; so it goes on until nothing changes.

use std::{collections::HashMap, convert::Infallible};

use anyhow::{Result, anyhow};
use wasm_encoder::{
    CodeSection, Encode as _,
    reencode::{self, Reencode},
};
use wasmparser::FunctionBody;

/// Of each function, the first that is the same: its own place, if it has no like before it.
///
/// `types` and `bodies` go together; `imported` functions are counted before them.
pub(super) fn firsts(
    imported: u32,
    types: &[u32],
    bodies: &[FunctionBody<'_>],
) -> Result<Vec<usize>> {
    let mut firsts: Vec<usize> = (0..bodies.len()).collect();
    loop {
        let (mut seen, mut found) = (HashMap::new(), Vec::with_capacity(bodies.len()));
        for (function, body) in bodies.iter().enumerate() {
            let mut code = CodeSection::new();
            Calls { imported, firsts: &firsts }
                .parse_function_body(&mut code, body.clone())
                .map_err(|error| anyhow!("a function of it can't be read: {error}"))?;
            let mut written = Vec::new();
            code.encode(&mut written);
            found.push(*seen.entry((types[function], written)).or_insert(function));
        }
        if found == firsts {
            return Ok(firsts);
        }
        firsts = found;
    }
}

/// Writes a function as if it called only firsts.
struct Calls<'a> {
    imported: u32,
    firsts: &'a [usize],
}

impl Reencode for Calls<'_> {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, reencode::Error> {
        let own = function.checked_sub(self.imported).and_then(|it| self.firsts.get(it as usize));
        Ok(own.map_or(function, |first| self.imported + *first as u32))
    }
}
