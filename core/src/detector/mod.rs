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
//! | [`suspicion`] | signals, weighted and decaying: what one observer makes of its peers |

pub mod suspicion;
