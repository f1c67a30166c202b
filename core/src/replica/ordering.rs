//! What an ordering protocol must do for one epoch, and the table of those that do.

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
                    Protocol::TrustOrderedPbft | Protocol::SafeMode => Self::Pbft(Pbft::new(shell)),
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
    Raft(RaftOrdering);
}
pub(super) use each;
