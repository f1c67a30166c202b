#![no_main]
#![allow(dead_code, reason = "each target runs one of the drivers")]

#[path = "../native.rs"]
mod native;

libfuzzer_sys::fuzz_target!(
    init: conclave_tests::fuzzing::sow("config", &native::config_seeds()),
    |bytes: &[u8]| native::config(bytes)
);
