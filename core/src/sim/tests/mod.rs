//! The simulator as a whole: determinism, going back, branching, links, and files that are wrong.

mod docket;
mod files;
mod guards;
mod membership;
mod raft;
mod runs;
mod stories;
mod switching;
