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
//!
//! # Weights and defaults
//!
//! What each kind of signal weighs, in points, and the most that its signals weigh together; what can be
//! set, and what it is if nobody does. Held to the code by a test.
//!
//! | what | is | at most | a signal is, or why |
//! |---|---|---|---|
//! | `failures` | 12 | 60 | an expected message failed, in a row; or too often |
//! | `inconsistent` | 20 | 80 | a vote contradicts what its view decided |
//! | `late` | 55 | 70 | it answers later than its peers explain; or leads more slowly |
//! | `silent` | 10 | 60 | nothing was heard for a while, while others were |
//! | `malformed` | 15 | 75 | it sent what is no message, or is badly signed |
//! | `flood` | 12 | 60 | it sent far more in a second than its peers did |
//! | `view-change` | 8 | 40 | it asked for a view that nobody else wanted |
//! | `checkpoint` | 30 | 80 | it vouches for another state than a quorum |
//! | all kinds together | | 90 | suspicion is no conviction |
//! | `late` at twice the threshold | 55 | | a little more than it takes to accuse, for it decays |
//! | `late` for each further doubling | 10 | | up to the kind's most |
//! | `suspicion.half_life_ms` | 60000 | | an accusation is withdrawn a minute after the signals stop |
//! | `suspicion.window_ms` | 60000 | | hundreds of rounds of a busy cluster, and several of an idle one |
//! | `suspicion.accuse_at` | 50 | | five failures in a row, or two kinds of signal at half of their most |
//! | `suspicion.withdraw_at` | 25 | | one half-life below, so that no score flutters around one threshold |
//! | `suspicion.late_floor_ms` | 250 | | a round trip to the other side of the world: distance is no offence |
//! | `suspicion.pause_ms` | 1000 | | a disk that stands still once is no offence, however many answers wait |
//! | `suspicion.failure_tolerance_ppm` | 100000 | | what may fail above what fails for all peers: chance |
//! | `quarantine.term_ms` | 300000 | | several half-lives of suspicion: what made it has decayed |
//! | `quarantine.max_term_ms` | 86400000 | | doubling stops here; who is worse needs an operator |
//! | `quarantine.corroborate_within_ms` | 60000 | | what one observer sees others see within a minute, or not at all |
//! | `quarantine.accusation_lasts_ms` | 600000 | | who still stands by it says so again; a crashed accuser can't |
//! | `quarantine.unfounded_ms` | 3600000 | | long enough that standing accusations cost, short enough to forgive errors |
//! | `quarantine.offence_ms` | 86400000 | | for each day without another one, one offence is forgotten |

pub mod evidence;
pub mod observer;
pub mod quarantine;
pub mod suspicion;

pub use observer::Observer;
