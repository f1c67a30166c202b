#![no_main]

use conclave_tests::fuzzing;

libfuzzer_sys::fuzz_target!(
    init: fuzzing::sow("evidence", &fuzzing::evidence_seeds()),
    |bytes: &[u8]| fuzzing::evidence(bytes)
);
