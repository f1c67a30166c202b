//! The core's guards around calls that this process makes: what they decide, waited for and carried
//! out on tokio.
//!
//! ```text
//!  Guards::call(key, ask, attempt)          core: degradation ─▶ rate ─▶ bulkhead ─▶ retry ( … )
//!     │ lock, ask the manager, unlock              │
//!     ▼                                            ▼
//!   in line: until its turn · an attempt: until its deadline · between attempts: until the next
//! ```
//!
//! The manager is behind one lock, which is held for as long as a decision takes and never across an
//! await. Whoever is dropped half way (a caller that gives up drops its future) gives back what it
//! holds. The call's own error comes out as it is, and what a guard says as that guard's own type.
//!
//! | file | holds |
//! |---|---|
//! | `guards` | [`Guards`]: the manager, its clock, and who is in line |
//! | `call` | one call, from asking to its end |
//! | `race` | an attempt and its copies |
//! | `work` | [`Work`]: what outlives an attempt, and keeps its place |
//! | `layer` | [`GuardLayer`]: the same around any `tower` service |
//! | `runtime` | the lock and the clock |
//!
//! What can't be seen in one order of events is tested in many: `interleavings` draws when callers come,
//! wait and give up, poll by poll; `schedules` puts calls on threads and goes through the orders in
//! which these take the lock.

mod call;
mod guards;
#[cfg(test)]
mod interleavings;
mod layer;
mod race;
mod runtime;
#[cfg(test)]
mod schedules;
#[cfg(test)]
mod tests;
mod work;

pub use call::{Ask, CallError, Judged};
pub use guards::{CannotInject, Guards};
pub use layer::{GuardLayer, Guarded, Judge, Themselves};
pub use work::Work;
