#![no_main]

use conclave_tests::fuzzing;

libfuzzer_sys::fuzz_target!(
    init: fuzzing::sow("message", &fuzzing::message_seeds()),
    |bytes: &[u8]| fuzzing::message(bytes)
);
