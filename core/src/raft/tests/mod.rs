//! Stories about the rules of Raft.
//!
//! | file | holds |
//! |---|---|
//! | `member` | one member, its disk, and what it said |
//! | `net` | a cluster in which everything arrives at once, unless a test cuts it |
//! | `figure2` | the rules of the paper's figure 2, one by one |
//! | `figures` | the scenarios of figures 7 and 8 |
//! | `elections` | pre-vote, protected leaders, majorities that are lost |
//! | `replication` | pipelining, bounds, backing up, followers without room |
//! | `durability` | nothing promised that a crash undoes |
//! | `handing_over` | leadership transfer |
//! | `reads` | read index |
//! | `snapshots` | compaction, and followers that need the state |
//! | `sealing` | the end of the epoch |
//! | `simulator` | storms and calms from seeds, with the invariants of figure 3 after every step |
//! | `bad_input` | whatever is said, at any time: no panic, and a reason |

mod bad_input;
mod durability;
mod elections;
mod figure2;
mod figures;
mod handing_over;
mod member;
mod net;
mod reads;
mod replication;
mod sealing;
mod simulator;
mod snapshots;
