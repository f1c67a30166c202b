//! Functions that are alike, side by side: what compresses them finds one in the other.
//!
//! Generic code is compiled once for each type, and a compressor that has just seen one instance says
//! of the next only where it differs. wasm-bindgen writes functions by their size. Here they are put
//! into a chain instead: after each comes the one that has most in common with it, counted in runs of
//! bytes that few functions have; for the lab it is 12 kB of 332. Functions that are the same are
//! written once (`same`): nothing else changes.

use std::{collections::BTreeMap, convert::Infallible};

use anyhow::{Context, Result, anyhow, bail};
use wasm_encoder::{
    CodeSection, FunctionSection, Module,
    reencode::{self, Reencode, utils},
};
use wasmparser::{FunctionBody, FunctionSectionReader, Parser, Payload};

use super::same;

/// How long the runs are that are counted, in bytes.
const RUN: usize = 6;
/// A run that more functions than this have tells none from another.
const COMMON: usize = 400;
/// What a run counts that only two functions have, over the square root of how many do.
const WEIGHT: u64 = 1_000;

/// The same module, each of its functions once and in another order.
pub(super) fn reorder(wasm: &[u8]) -> Result<Vec<u8>> {
    let (imported, bodies) = (imported(wasm)?, bodies(wasm)?);
    let firsts = same::firsts(imported, &types(wasm)?, &bodies)?;
    let kept: Vec<usize> = (0..bodies.len()).filter(|it| firsts[*it] == *it).collect();
    let texts: Vec<_> = kept.iter().map(|it| &wasm[bodies[*it].range()]).collect();
    let order: Vec<usize> = chain(&texts).into_iter().map(|it| kept[it]).collect();
    let mut places = vec![0; bodies.len()];
    for (place, function) in (0..).zip(&order) {
        places[*function] = place;
    }
    let places = firsts.iter().map(|first| places[*first]).collect();
    let mut module = Module::new();
    let mut reordered = Reordered { imported, order, places };
    utils::parse_core_module(&mut reordered, &mut module, Parser::new(0), wasm)
        .map_err(|error| anyhow!("its functions can't be put into another order: {error}"))?;
    let module = module.finish();
    wasmparser::validate(&module).context("another order of its functions made it invalid")?;
    Ok(module)
}

/// Where each function goes.
struct Reordered {
    /// Imported functions come first and stay.
    imported: u32,
    /// Of the others those that are written, in their new order.
    order: Vec<usize>,
    /// And the place of each in it, or of the first that is the same.
    places: Vec<u32>,
}

impl Reencode for Reordered {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, reencode::Error> {
        let own = function.checked_sub(self.imported).map(|it| self.places.get(it as usize));
        Ok(own.flatten().map_or(function, |place| self.imported + place))
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        let types = section.into_iter().collect::<Result<Vec<_>, _>>()?;
        for function in &self.order {
            functions.function(types[*function]);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: wasmparser::CodeSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        let bodies = section.into_iter().collect::<Result<Vec<FunctionBody<'_>>, _>>()?;
        for function in self.order.clone() {
            self.parse_function_body(code, bodies[function].clone())?;
        }
        Ok(())
    }
}

fn imported(wasm: &[u8]) -> Result<u32> {
    let mut count = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::ImportSection(section) = payload? {
            for import in section.into_imports() {
                count += u32::from(matches!(import?.ty, wasmparser::TypeRef::Func(_)));
            }
        }
    }
    Ok(count)
}

fn types(wasm: &[u8]) -> Result<Vec<u32>> {
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::FunctionSection(section) = payload? {
            return Ok(section.into_iter().collect::<Result<_, _>>()?);
        }
    }
    Ok(Vec::new())
}

fn bodies(wasm: &[u8]) -> Result<Vec<FunctionBody<'_>>> {
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::CodeSectionEntry(body) = payload? {
            bodies.push(body);
        }
    }
    if bodies.is_empty() {
        bail!("the module has no functions");
    }
    Ok(bodies)
}

/// From the largest on, always the one that has most in common with the last.
fn chain(bodies: &[&[u8]]) -> Vec<usize> {
    let mut having: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
    for (function, body) in bodies.iter().enumerate() {
        for run in body.windows(RUN) {
            let who = having.entry(run).or_default();
            if who.last() != Some(&function) {
                who.push(function);
            }
        }
    }
    // Of each function, who else has its runs.
    let mut runs: Vec<Vec<&[usize]>> = vec![Vec::new(); bodies.len()];
    for who in having.values().filter(|it| (2..=COMMON).contains(&it.len())) {
        for function in who {
            runs[*function].push(who);
        }
    }
    let mut largest: Vec<usize> = (0..bodies.len()).collect();
    largest.sort_by_key(|it| (std::cmp::Reverse(bodies[*it].len()), *it));
    let mut largest = largest.into_iter();
    let (mut placed, mut order) = (vec![false; bodies.len()], Vec::with_capacity(bodies.len()));
    let mut common = vec![0_u64; bodies.len()];
    let mut next = None;
    while let Some(function) = next.or_else(|| largest.find(|it| !placed[*it])) {
        placed[function] = true;
        order.push(function);
        let mut met = Vec::new();
        for who in &runs[function] {
            let weight = WEIGHT * 1_000 / (who.len() as u64 * 1_000_000).isqrt();
            for other in who.iter().copied().filter(|it| !placed[*it]) {
                if common[other] == 0 {
                    met.push(other);
                }
                common[other] += weight;
            }
        }
        next = met.iter().copied().max_by_key(|it| (common[*it], std::cmp::Reverse(*it)));
        for other in met {
            common[other] = 0;
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_comes_side_by_side_and_nothing_is_left_out() {
        let (tree, ring) = (b"branches and leaves", b"replicas in a circle");
        let texts: [&[u8]; 5] = [
            &[&tree[..], b"!"].concat(),
            &ring[..],
            b"none",
            &tree[..],
            &[&ring[..], b"?!"].concat(),
        ];
        assert_eq!(chain(&texts), [4, 1, 0, 3, 2]);
    }

    /// Three functions of which the last calls the first, which is what the module exports. The
    /// first two do nothing, so many times.
    fn module(nothing: [usize; 2]) -> Vec<u8> {
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        wasm.extend([1, 4, 1, 0x60, 0, 0]); // a type: () -> ()
        wasm.extend([3, 4, 3, 0, 0, 0]); // three functions of it
        wasm.extend([7, 5, 1, 1, b'f', 0, 2]); // the third is exported
        let mut code = vec![3];
        for times in nothing {
            code.extend([2 + times as u8, 0]);
            code.extend(vec![1; times]);
            code.push(0x0b);
        }
        code.extend([4, 0, 0x10, 0, 0x0b]);
        wasm.extend([10, code.len() as u8]);
        wasm.extend(code);
        wasm
    }

    fn texts(wasm: &[u8]) -> Vec<&[u8]> {
        bodies(wasm).unwrap().iter().map(|body| &wasm[body.range()]).collect()
    }

    fn exported(wasm: &[u8]) -> Option<u32> {
        Parser::new(0).parse_all(wasm).find_map(|payload| match payload.unwrap() {
            Payload::ExportSection(section) => Some(section.into_iter().next()?.unwrap().index),
            _ => None,
        })
    }

    #[test]
    fn calls_and_exports_follow_functions_to_their_new_places() {
        let before = module([0, 1]);
        wasmparser::validate(&before).unwrap();
        let after = reorder(&before).unwrap();
        // By size: the third, the second, the first.
        assert_eq!(texts(&after), [&[0, 0x10, 2, 0x0b][..], &[0, 1, 0x0b], &[0, 0x0b]]);
        assert_eq!(exported(&after), Some(0));
    }

    #[test]
    fn what_is_the_same_is_written_once() {
        let after = reorder(&module([1, 1])).unwrap();
        assert_eq!(texts(&after), [&[0, 0x10, 1, 0x0b][..], &[0, 1, 0x0b]]);
        assert_eq!(exported(&after), Some(0));
    }

    #[test]
    fn what_is_no_module_is_an_error() {
        assert!(reorder(b"<!doctype html>").is_err());
    }
}
