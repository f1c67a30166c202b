//! What an ordering protocol must do for one epoch, and the table of those that do.
//!
//! # Three that come next, held against the trait on paper
//!
//! **`ProBFT`** (Avelãs et al. 2024): PBFT's three steps, but votes go to a random sample of the others
//! and a quorum of a sample decides, with high probability. *Fits:* it is told and tells as PBFT does;
//! a vote to a sample is some [`To::Node`](crate::protocol::To)s. *To be widened:*
//!
//! * Samples must be verifiable, so [`Authenticator`](crate::crypto::Authenticator) needs a verifiable
//!   random function; signatures are none. A vote carries its sample's proof, which is checked
//!   without state, as everything is.
//! * [`Membership`](crate::quorum::Membership) gets a third threshold, that of a sample, beside
//!   `quorum`: checkpoints, ends of epochs and view changes keep the deterministic one. So what is
//!   below a stable checkpoint is certain, and above it only likely: [`Shell::apply`] must be able to
//!   go back to the last stable state, or replies must say which kind they are. The first is a
//!   second use of `install`; the trait needs `News::Undone`.
//!
//! **T-PBFT** (Gao et al. 2019): trust in members is computed from what they did, the most trusted
//! form a group that takes the primary's place. *Fits:* trust that is agreed in the log and fixed for
//! an epoch is what trust-ordered PBFT has ([`Membership::last`](crate::quorum::Membership::last)):
//! a committee is that order, cut off. *To be widened:*
//!
//! * A membership tells those who order from those who only execute. Today who is no member follows
//!   from checkpoint to checkpoint; executing members want every decision, so the shell must send
//!   them ([`Message::Decided`](crate::pbft::Message) proves itself and would do). Clients count weak
//!   quorums of the committee, with its f and not the cluster's.
//! * A primary that is a group signs together: `Shell::is_primary` becomes "is one of those who
//!   propose", and a proposal is a certificate. The rest is PBFT's.
//!
//! **Bullshark** (Spiegelman et al. 2022): everybody proposes in every round, each proposal names a
//! quorum of the round before, and the order is read off that graph. *Fits:* decided leaders give
//! many batches at once, which [`Shell::apply`] takes one by one; sessions make a request that two
//! proposers took execute once; there is no view change, and an ordering that never is
//! `Standing::Changing` is none the worse. *To be widened:*
//!
//! * Who leads is not whom to ask: clients and `relay_stuck` go to `Shell::primary`, and would go to
//!   any member. [`Shell::next_batch`] marks what it gives as under way here, which is right.
//! * Positions are not rounds. Who installs a state must know which proposals it holds, so the ordering
//!   gets a piece of the replicated state: `agreed(&self) -> Vec<u8>` and `install(&[u8])`, in a
//!   section of the tree of its own. Water marks bound rounds through it.
//! * Time is each proposer's own, and the shell's only rule, that it never goes back, lets one liar set
//!   it ahead: the ordering must give [`Shell::apply`] a time that a quorum bears out.
//!
//! None of them needs another way to begin, to end, to be restored or to be left behind: those are the
//! shell's, and the end of an epoch is a position whatever found it.

use alloc::{sync::Arc, vec::Vec};

use serde::Serialize;

use super::{Record, shell::Shell};
use crate::{
    analyzer::Protocol,
    app::Application,
    crypto::Signed,
    ids::{NodeId, Seq},
    pbft::{Batch, Message, Pbft, Read, Request, SlotView, Status},
    protocol::RecordNumber,
    raft::{LogGap, RaftOrdering},
    time::Time,
};

/// What the shell has come to while the ordering was doing something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// A checkpoint became stable ([`Shell::low`]): what led there may go.
    Stable,
    /// The state was replaced by a later one: go on after [`Shell::executed`].
    Installed,
    /// The state that this epoch began with is here. For the replica, which then takes part.
    Arrived,
}

/// One epoch's order: decides what stands at each position above the epoch's start, in order.
///
/// The shell comes with every call. An ordering sends, persists, reports and applies through it,
/// and says there who leads ([`Shell::view`]) and whether it takes part ([`Shell::standing`]).
/// While [`Shell::is_over`] it says nothing more: another ordering takes its place at once.
pub(crate) trait Ordering<A: Application>: Serialize {
    /// Nothing is decided yet in the epoch that the shell is in.
    fn new(shell: &Shell<A>) -> Self;

    /// Takes part from now on: the state that the epoch began with is here.
    fn start(&mut self, shell: &mut Shell<A>);

    /// A message, checked. What names this epoch and is no message of its own was refused before;
    /// of the rest it ignores what isn't its own.
    fn on_message(&mut self, shell: &mut Shell<A>, from: NodeId, message: Message);

    /// A request waits in [`Shell::pending`].
    fn on_request(
        &mut self,
        shell: &mut Shell<A>,
        request: &Arc<Signed<Request>>,
        from_client: bool,
    );

    /// A client asks for what is there: [`Shell::answer_read`] once that is linearizable.
    fn on_read(&mut self, shell: &mut Shell<A>, read: Arc<Signed<Read>>);

    /// See [`News`].
    fn on_news(&mut self, shell: &mut Shell<A>, news: News);

    /// Every record up to this one is on disk.
    fn on_durable(&mut self, shell: &mut Shell<A>, number: RecordNumber);

    /// Time has passed.
    fn on_tick(&mut self, shell: &mut Shell<A>);

    /// After whatever the replica was told.
    fn after_input(&mut self, shell: &mut Shell<A>);

    /// When it next wants a tick.
    fn deadline(&self, shell: &Shell<A>) -> Option<Time>;

    /// Whether it waits for others to say something again.
    fn is_waiting(&self, shell: &Shell<A>) -> bool;

    /// It waits: says again what may be lost.
    fn repeat(&mut self, shell: &mut Shell<A>);

    /// A peer of this epoch stands there: shows it who leads, if it doesn't know.
    fn show_view(&mut self, shell: &mut Shell<A>, peer: NodeId, theirs: &Status);

    /// The same, for positions that it lacks and that are above the last stable checkpoint.
    fn show_positions(&mut self, shell: &mut Shell<A>, peer: NodeId, theirs: &Status);

    /// The shell read a state from the disk: goes on after [`Shell::executed`], and says nothing.
    fn begin_after(&mut self, shell: &mut Shell<A>);

    /// A record of its own, of this epoch, read from the disk.
    fn replay(&mut self, shell: &mut Shell<A>, record: Record);

    /// All records are read. What was sent meanwhile is lost. An error: the disk is not what it was.
    fn restored(&mut self, shell: &mut Shell<A>) -> Result<(), LogGap>;

    /// Every position above the last stable checkpoint that it knows something of.
    fn slots(&self, shell: &Shell<A>) -> Vec<SlotView>;

    /// What was decided at a position, else what is proposed there; while it is known.
    fn batch_at(&self, seq: Seq) -> Option<&Arc<Batch>>;

    /// How many reads wait.
    fn waiting_reads(&self) -> usize;
}

/// The table of orderings: a new one is a line below, and its folder.
macro_rules! orderings {
    ($d:tt $($name:ident($state:ty);)*) => {
        impl Order {
            /// The ordering of the epoch that the shell is in. No membership has a protocol that
            /// is not in the table; PBFT would be the one that takes least for granted.
            pub(super) fn new<A: Application>(shell: &Shell<A>) -> Self {
                match shell.members.protocol() {
                    $(Protocol::$name => Self::$name(<$state as Ordering<A>>::new(shell)),)*
                    Protocol::SafeMode => Self::Pbft(Pbft::new(shell)),
                }
            }
        }

        /// The ordering of the epoch that a replica is in.
        #[derive(Clone, Debug, Serialize)]
        #[allow(clippy::large_enum_variant, reason = "a replica has one, and a host few replicas")]
        pub(crate) enum Order { $($name($state),)* }

        /// Does the same with whichever it is.
        macro_rules! each {
            ($d order:expr, $d it:ident => $d what:expr) => {
                match $d order { $($crate::replica::Order::$name($d it) => $d what,)* }
            };
        }
    };
}

orderings! { $
    Pbft(Pbft);
    TrustOrderedPbft(Pbft);
    Raft(RaftOrdering);
}
pub(super) use each;
