#![no_main]

use conclave_tests::fuzzing;

libfuzzer_sys::fuzz_target!(
    init: fuzzing::sow("link", &fuzzing::link_seeds()),
    |bytes: &[u8]| fuzzing::link(bytes)
);
