#![no_main]

use conclave_tests::fuzzing;

libfuzzer_sys::fuzz_target!(
    init: fuzzing::sow("replica", &fuzzing::replica_seeds()),
    |bytes: &[u8]| {
        let _ = fuzzing::replica(bytes);
    }
);
