//! The no-I/O core of Conclave.
//!
//! Everything here is a value: it has no clock, no thread, no socket, no global and no randomness
//! of its own. Time comes in as `now`, messages as [`crypto::Verified`] values, and what should be
//! done comes out as [`protocol::Effect`]s. So the same code, byte for byte, is simulated in a
//! browser and runs real nodes, and the same inputs give the same hash on both.
//!
//! | room | holds |
//! |---|---|
//! | [`crypto`] | digests, keys, signatures, `Signed` and `Verified` |
//! | [`quorum`] | every threshold |
//! | [`config`] | what a configuration is refused with |
//! | [`protocol`] | the contract between an ordering protocol and its host |
//! | [`replica`] | what all orderings share, and the trait that they are behind |
//! | [`pbft`] | the first ordering, and what all say to each other |
//! | [`raft`] | another, for deployments in which members crash and none lies |
//! | [`app`] | what is replicated: the `Application` trait and the key-value store |
//! | [`state`] | the replicated state as a tree of pieces, each named by its digest |
//! | [`analyzer`] | how bad it is, and what to run then |
//! | [`detector`] | who lies, and how anybody knows |
//! | [`node`] | a replica and its eyes: what real nodes run and the simulator simulates |
//! | [`client`] | asks, retransmits, accepts f+1 matching replies |
//! | [`resilience`] | guards around calls to what may fail |
//! | [`event`] | the one schema of what happens |
//! | [`sim`] | virtual time, network, disks, adversary, workload, invariants, scenarios |

//!
//! # Where this goes beyond the first design
//!
//! * **Durability is gated inside the protocol.** Sends that follow a record are held back until
//!   the host reports it durable ([`protocol`]), so that no host can get the order wrong.
//! * **Quorums are ⌈(n+f+1)/2⌉**, which is the paper's 2f+1 where n = 3f+1 and stays safe for every
//!   other n ([`quorum`]).
//! * **Batches adapt.** One leaves as soon as it holds as many requests as are in flight, so that
//!   a lone request never waits and a loaded primary never sends batches of one ([`pbft`],
//!   `batching`).
//! * **Reads take one round.** A replica answers from its state, but only once it has executed all
//!   that had prepared there when the read arrived; so a quorum of equal answers is linearizable
//!   although writes are accepted with f+1 replies ([`pbft`], `reads`, with the proof).
//! * **Who votes has the request.** A certificate is made only by replicas that can show what it is
//!   for, and a new primary starts from view changes whose requests it has; so a liar that alone
//!   holds a certificate and hides its request blocks nothing ([`pbft`], `view_change`).
//! * **A slow primary is replaced.** Backups measure it against their own rounds, tell each other,
//!   and leave it when a quorum agrees ([`pbft`], `pace`).
//! * **Repair is by proof.** A replica that waits says where it stands; whoever is ahead answers
//!   with messages that prove themselves, so they may come from anyone ([`pbft`], `repair`).
//! * **Amnesia is a state, not an accident.** A replica whose disk lost something knows it, says
//!   nothing that counts in that epoch any more, and begins anew in the next one, which knows it by a
//!   number that never comes back ([`pbft`], `renewal`).
//! * **State is content-addressed.** What is checkpointed is a tree of pieces, each named by the
//!   digest of its bytes ([`state`]): a checkpoint hashes and writes only what changed, and a
//!   replica that is behind fetches only what differs, from whoever has it, every piece proving
//!   itself ([`pbft`], `transfer`).
//! * **Sessions are bounded.** Those with the oldest timestamps give way, and exactly-once
//!   survives it ([`pbft::Sessions`]).
//! * **Time is agreed.** A batch carries the primary's clock where the application asks for it,
//!   and backups judge it ([`pbft`], `agreed_time`); keys of the store may expire ([`app`]).
//! * **Random scenarios are files.** A seed gives a scenario file (swarm testing: a random half of
//!   all faults each); what fails is shrunk to the least file that fails in the same way, and goes
//!   into a link ([`sim::swarm`], [`sim::shrink`]).
//! * **Storms hold everything that a person can do to a cluster**: damaged disks, loss of some kinds
//!   of message only, clients that lie, changes of membership, newcomers that lie, false
//!   accusations of a primary's pace. At most f are faulty in every membership that any of the
//!   changes can lead to ([`sim::swarm`]).
//! * **What is shrunk is early and mild.** Times and amounts are halved towards zero or the default,
//!   so that what is left of a fault is what matters ([`sim::shrink`]).
//! * **A fault that does nothing doesn't count.** Every act and every way of lying is credited with
//!   the messages that it stopped or changed, and reports tell declared from effective.
//! * **The bound of liveness is computed** from configuration, network and f, and held in every
//!   random run (`sim::swarm::bound`).
//! * **What a replica signs it can be held to.** A checkpoint is durable before the vote for it
//!   leaves, who lost its memory says nothing more in that epoch, and parts of the state travel
//!   signed: so that no correct replica ever signs what would convict it, and who sends false bytes has signed them.
//! * **Lies convict.** Every offence that can be proven has a type that holds the offender's own
//!   signed messages; who says what on which assumption, and why no correct replica can be
//!   convicted, stands in [`detector::evidence`]. If more than *f* lie and agreement breaks, what
//!   correct replicas hold convicts more than *f* of them.
//! * **Proofs travel like everything else.** Who finds one tells all, once; statuses carry a fingerprint of
//!   whom their sender knows to be guilty, and so repair what was lost; a file of proofs brings the
//!   chain of epochs along, so that a stranger needs nothing but the first public keys ([`node`]).
//! * **Membership changes.** The log is cut into epochs. A change is an ordered request of the
//!   administrator; the epoch ends at the next checkpoint, which a quorum of the old replicas
//!   signs and which names the new ones; votes and certificates name their epoch; newcomers,
//!   stragglers and clients follow the chain of such ends ([`pbft`], `epochs`).
//! * **Suspicion is relative.** Slowness, silence and losses are judged against the group of peers
//!   by medians that f liars can't move, so that neither a slow network nor a slow observer suspects
//!   anybody; and signals alone never add up to a conviction ([`detector`]).
//! * **Accusing costs.** Quarantine is decided in the log by f+1 observers; an accusation that nobody
//!   shares weakens its author's voice, and more than f of them silence it, so that f liars can
//!   neither hold a correct member nor silence one ([`detector::quarantine`], with the argument).
//! * **No unsound recommendation.** A policy that offers a protocol where its fault assumption can't
//!   hold isn't loaded, and each recommendation is checked against the facts again; above f there is
//!   nothing but safe mode ([`analyzer`]).
//! * **One shell, many orderings.** Sessions, execution, checkpoints, transfer, epochs and the disk
//!   are the same whoever orders; what orders the positions of one epoch is behind one trait, is
//!   given the shell with every call, and is replaced when the epoch ends ([`replica`]).
//! * **The protocol is part of the membership.** Thresholds follow it, so that certificates, chains of
//!   epochs and clients are right under each without knowing any. A switch is a change in the log,
//!   agreed only if what the new protocol takes for granted holds by what is declared and agreed; the
//!   old one orders up to the epoch's end, the new one from there ([`replica`], `epochs`).
//! * **Trust orders primaries, and nothing else.** Who is suspected is primary last and votes as
//!   before; the order is agreed in the log and fixed for an epoch ([`quorum`], `rotation`).
//! * **Raft, for members that only crash.** In full, and shaped by epochs: memberships change between
//!   them, so there is no joint consensus; the leader counts itself only once its own disk has what
//!   it counts; reads need no clock; what no crash can explain is refused with a reason ([`raft`]).
//! * **Guards are values, too.** Breaker, retries, limits, bulkhead, timeouts, health, error budgets,
//!   degradation and chaos take `now` and give decisions; a simulator drives them as a host does, and
//!   one manager puts them around each call in one order ([`resilience`]).
//! * **What is few is a sorted vector.** A tree's code for every pair of types was a quarter of what
//!   the lab sends; only maps that grow with keys or clients stay trees ([`sorted`]).
//! * **Files are for people.** Scenarios are read from TOML natively; links carry them in the one
//!   encoding, and the lab gets its own packed in it by the build tool, so that no page links TOML
//!   (the feature `files`, `sim::files`; a seventh of what the lab sent). Posters of all come with the
//!   page, each scenario when it is opened, and is refused if it isn't the poster's.
//! * **A batch knows its digest.** It is worked out once, where the batch is made or read, and nothing
//!   can change the batch afterwards ([`pbft::Batch`]).
//! * **One encoding.** Wire, signatures and digests all use the same canonical binary
//!   encoding (postcard); JSON is for people only.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod analyzer;
pub mod app;
pub mod client;
pub mod config;
pub mod crypto;
pub mod detector;
mod dice;
pub mod event;
pub mod hex;
pub mod ids;
pub mod node;
pub mod pbft;
pub mod protocol;
pub mod quorum;
pub mod raft;
pub mod replica;
pub mod resilience;
pub mod sim;
pub mod sorted;
pub mod state;
pub mod time;

/// The version of this core. Part of every run's address: another version may decide otherwise.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
