#![no_main]

use conclave_tests::fuzzing;

libfuzzer_sys::fuzz_target!(
    init: fuzzing::sow("scenario", &fuzzing::scenario_seeds()),
    |bytes: &[u8]| fuzzing::scenario(bytes)
);
