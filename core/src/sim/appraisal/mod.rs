//! How good the detector is: what nodes believe, against the truth that only a simulation knows.
//!
//! ```text
//!  Conduct × size × Setting × seed = Trial ─▶ Scenario (a file) ─▶ Appraisal: who lied, who was
//!                                                                  held guilty, when, by how many
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `conduct` | what liars do, and what honest nodes suffer |
//! | `setting` | the networks in which they do it |
//! | `trial` | one of each, as a scenario |
//! | `judge` | carrying it out, and comparing |
//!
//! A node is *proven* guilty once f+1 correct nodes hold proof against it, and *held* guilty once
//! f+1 correct nodes hold proof or suspect it: at that moment everyone may act on it, because one
//! of any f+1 observers is correct.

mod conduct;
mod judge;
mod setting;
#[cfg(test)]
mod tests;
mod trial;

pub use conduct::{CONDUCTS, Class, Conduct};
pub use judge::{Appraisal, Believed, Moment, Truth};
pub use setting::{SETTINGS, Setting};
pub use trial::{LIES_FROM_MS, Trial};
