//! Delivered messages per second of the simulator as WebAssembly in headless Chromium, under the
//! load of the native bench, at n = 4, 31 and 100.
//!
//! `cargo xtask build-web && cargo bench -p conclave-tests --bench wasm`

#[allow(dead_code, reason = "tests use all of it, this a part")]
#[path = "../suite/browser"]
mod browser {
    pub(crate) mod server;
    pub(crate) mod webdriver;
}

use browser::{server::Server, webdriver::Driver};
use conclave_tests::busy_link;
use serde_json::json;

const MESSAGES: u32 = 200_000;
/// The best of so many: a browser compiles hot code while it runs.
const ROUNDS: u32 = 5;

fn main() {
    // A test run of all targets (`--test`) only wants to know that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let server = Server::lab();
    let driver = Driver::start();
    let session = driver.session(800, 600);
    session.go_to(&server.url);
    for n in [4, 31, 100] {
        let rate = session.script_async(
            "const lab = await import('./conclave_web.js'); await lab.default(); let best = 0; \
             for (let round = 0; round < args[2]; round++) { \
               const start = performance.now(); \
               const delivered = lab.conclave_bench(args[0], args[1]); \
               best = Math.max(best, delivered / (performance.now() - start) * 1000); \
             } return best;",
            &[json!(busy_link(n)), json!(MESSAGES), json!(ROUNDS)],
        );
        let rate = rate.as_f64().unwrap_or(0.0);
        assert!(rate > 0.0, "nothing was simulated at n = {n}");
        println!("simulator in wasm, n = {n}: {:.2} million messages a second", rate / 1e6);
    }
}
