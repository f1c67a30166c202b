//! Who lies, and how anybody knows: two kinds of knowledge, kept apart.
//!
//! ```text
//!  what a replica sees ─▶ suspicion: a score of one observer ─▶ accusation ─┐
//!                                                                           ├─▶ log ─▶ quarantine
//!  two signed messages ─▶ evidence: a proof for everyone ─────▶ conviction ─┘    the same everywhere
//! ```
//!
//! | room | holds |
//! |---|---|
//! | [`evidence`] | proofs: what convicts by itself, how it is found, and who can check it |
//! | [`observer`] | what a replica sees of its peers, turned into signals |
//! | [`quarantine`] | what all make of it together, decided in the log |
//! | [`suspicion`] | signals, weighted and decaying: what one observer makes of its peers |

pub mod evidence;
pub mod observer;
pub mod quarantine;
pub mod suspicion;

pub use observer::Observer;
