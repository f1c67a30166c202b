//! The rules of the paper, one story each, on a network that delivers what the test lets through.

mod agreed_time;
mod amnesia;
mod batching;
mod certificates;
mod contents;
mod decoding;
mod durability;
mod epochs;
mod fairness;
mod lessons;
mod memory;
mod net;
mod normal;
mod pace;
mod reads;
mod recovery;
mod sessions;
mod starting;
mod storm;
mod transfer;
mod view_change;
