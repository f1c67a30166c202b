//! The core as a wasm module of its own, without `std` and without any host.
//!
//! `cargo xtask test` builds it and fails if the module imports anything at all. So that the proof
//! is about the whole core, the exported functions really drive it: every input that decides a
//! branch comes from the caller, and nothing can be computed away by the compiler.
#![cfg(target_arch = "wasm32")]
#![no_std]

extern crate alloc;

mod nodes;
mod simulation;

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// Four replicas with real keys and a client, message by message; the result tells their states.
#[unsafe(no_mangle)]
pub extern "C" fn drive_nodes(seed: u64, rounds: u32) -> u64 {
    nodes::drive(seed, rounds).map_or(u64::MAX, |hash| hash.prefix())
}

/// A built-in scenario to its end, and the same moment again by its link; the result tells both.
#[unsafe(no_mangle)]
pub extern "C" fn simulate(scenario: u32, seed: u64) -> u64 {
    simulation::simulate(scenario, seed).map_or(u64::MAX, |hash| hash.prefix())
}
