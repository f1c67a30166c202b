//! Calls on threads of their own, in a great many of the orders in which these can run.
//!
//! What tests of an executor leave out is what happens between one thread's taking of the lock and its
//! next: somebody else gives its place back, gives up, or time passes. Here the same text as everywhere
//! (`call`, `guards`, `race`, `work`) is compiled once more, on a `runtime` whose lock and clock belong to a scheduler:
//! before each taking of the lock, each wait and each wake it chooses who goes on. A failure names the
//! seed or the order that repeats it, and who waits for ever is found at once, as a deadlock.
//!
//! Three ways to choose, over the same scenes: at random; with priorities that change a few times only
//! (Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", 2010),
//! which finds what needs one thread to stand still for long; and, for the smallest scenes, all of them.
//!
//! The scheduler is `shuttle` (Apache-2.0). `loom` (MIT) is the other one there is. It also goes through
//! what each atomic's ordering allows, and there is none here: guards are behind one lock, and the
//! channel that tells somebody its turn is tokio's, which tokio has under loom itself. In exchange loom
//! knows no random choice, so that a handful of callers is more than it can end with; it has neither
//! spawned futures nor cancelled ones; and it is switched on by a flag for all that is compiled, with
//! which tokio is without its timers. Shuttle is built in seconds, and only for tests.
//!
//! | file | holds |
//! |---|---|
//! | `runtime` | the lock, the clock |
//! | `callers` | calls that end in any way, and the account that is made of them |
//! | `breaker` | probes, late results |
//! | `bulkhead` | places, turns in line |
//! | `hedge` | copies beside what takes long |
//! | `shared` | what all calls share: retry budget, rate |

mod breaker;
mod bulkhead;
#[expect(clippy::duplicate_mod, unreachable_pub, reason = "the same text on another runtime")]
#[path = "../call.rs"]
mod call;
mod callers;
#[expect(
    clippy::duplicate_mod,
    unreachable_pub,
    dead_code,
    reason = "the same text, not all of it used"
)]
#[path = "../guards.rs"]
mod guards;
mod hedge;
#[expect(clippy::duplicate_mod, reason = "the same text on another runtime")]
#[path = "../race.rs"]
mod race;
mod runtime;
mod shared;
#[expect(clippy::duplicate_mod, unreachable_pub, reason = "the same text on another runtime")]
#[path = "../work.rs"]
mod work;

use call::{Ask, CallError, Judged};
use guards::Guards;
use shuttle::{
    Config, MaxSteps, Runner,
    scheduler::{DfsScheduler, PctScheduler, RandomScheduler, Scheduler},
};
use work::Work;

const SEED: u64 = 1_999;
/// How often at random.
const RANDOM: usize = 4_000;
/// How often with priorities, and how many of these change besides the first.
const PRIORITIES: usize = 2_000;
const CHANGES: usize = 3;
/// Whoever takes so many steps goes round in circles.
const MOST_STEPS: usize = 20_000;

/// Carries a scene out in many orders.
fn explore(scene: fn()) {
    run(RandomScheduler::new_from_seed(SEED, RANDOM), scene);
    run(PctScheduler::new_from_seed(SEED, 1 + CHANGES, PRIORITIES), scene);
}

/// Carries a scene out in all orders there are: how many those were. No more than so many are tried.
fn exhaust(scene: fn(), most: usize) -> usize {
    run(DfsScheduler::new(Some(most), false), scene)
}

fn run(scheduler: impl Scheduler + 'static, scene: fn()) -> usize {
    let mut config = Config::new();
    // Tests are compiled without optimisation, and their frames are large.
    config.stack_size = 1 << 18;
    config.max_steps = MaxSteps::FailAfter(MOST_STEPS);
    Runner::new(scheduler, config).run(scene)
}
