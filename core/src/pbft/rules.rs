//! PBFT as an ordering: its state, and which rule handles what.
//!
//! ```text
//!             ┌ request, pre-prepare, prepare, commit ─▶ normal      (§4.2)
//! shell ──────┼ view-change, new-view, tick ───────────▶ view_change (§4.4)
//!             ├ pace ──────────────────────────────────▶ pace
//!             ├ read ──────────────────────────────────▶ reads
//!             ├ fetch, batch, decided, status ─────────▶ repair
//!             └ recovery query and answer ─────────────▶ recovery    (TOCS 2002)
//! ```

use alloc::{sync::Arc, vec::Vec};
use core::ops::{Deref, DerefMut};

use serde::Serialize;

use super::{
    Batch, Message, NewView, Read, Request, SlotView, Status, ViewChange, pace::Paces,
    reads::WaitingRead, slot::Log,
};
use crate::{
    app::Application,
    crypto::Signed,
    ids::{ClientId, NodeId, Seq},
    protocol::{RecordNumber, To},
    raft::LogGap,
    replica::{News, Ordering, Record, Shell},
    sorted::SortedMap,
    time::{Time, earlier},
};

/// What PBFT knows of its epoch.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Pbft {
    pub(crate) log: Log,
    /// The last position that a batch was proposed for in this view (as primary), or accepted.
    pub(crate) proposed: Seq,
    /// One read a client, its latest: what had prepared when it came isn't all executed yet.
    pub(crate) reads: SortedMap<ClientId, WaitingRead>,
    /// Each replica's view change for the latest view that it asked for.
    pub(crate) view_changes: SortedMap<NodeId, Arc<Signed<ViewChange>>>,
    /// The message that started the current view. `None` in view 0.
    pub(crate) new_view: Option<Arc<Signed<NewView>>>,
    /// The stable checkpoint that the current view was started from: see `on_pre_prepare`.
    pub(crate) min_s: Seq,
    /// Views in a row that were left before anything was executed in them.
    pub(crate) failed_views: u32,
    /// How quick this view's primary is.
    pub(crate) paces: Paces,
}

/// PBFT at work: its own state, and the shell's.
pub(crate) struct Rules<'a, A> {
    pub(crate) own: &'a mut Pbft,
    pub(crate) shell: &'a mut Shell<A>,
}

impl<A> Deref for Rules<'_, A> {
    type Target = Shell<A>;
    fn deref(&self) -> &Shell<A> {
        self.shell
    }
}

impl<A> DerefMut for Rules<'_, A> {
    fn deref_mut(&mut self) -> &mut Shell<A> {
        self.shell
    }
}

impl Pbft {
    fn at_work<'a, A>(&'a mut self, shell: &'a mut Shell<A>) -> Rules<'a, A> {
        Rules { own: self, shell }
    }
}

impl<A: Application> Ordering<A> for Pbft {
    fn new(shell: &Shell<A>) -> Self {
        let start = shell.members.start();
        let mut log = Log::new(shell.config.window);
        log.restart(start);
        Self {
            log,
            proposed: start.max(shell.executed),
            reads: SortedMap::new(),
            view_changes: SortedMap::new(),
            new_view: None,
            min_s: start,
            failed_views: 0,
            paces: Paces::default(),
        }
    }

    fn start(&mut self, shell: &mut Shell<A>) {
        let mut rules = self.at_work(shell);
        rules.catch_up();
        rules.start_view();
    }

    fn on_message(&mut self, shell: &mut Shell<A>, from: NodeId, message: Message) {
        let mut rules = self.at_work(shell);
        match message {
            Message::PrePrepare(header, batch) => rules.on_pre_prepare(header, batch),
            Message::Prepare(prepare) => rules.on_prepare(prepare),
            Message::Commit(commit) => rules.on_commit(commit),
            Message::ViewChange(change) => rules.on_view_change(change),
            Message::NewView(new_view) => rules.on_new_view(new_view),
            Message::FetchBatch(digest) => rules.on_fetch_batch(from, digest),
            Message::Batch(batch) => rules.on_batch(&batch),
            Message::Decided(decided) => rules.on_decided(&decided),
            Message::Pace(report) => rules.on_pace(from, report),
            Message::RecoveryRequest(_) => rules.on_recovery_request(from),
            _ => {}
        }
    }

    /// "The primary … starts a three-phase protocol"; a backup that got a request from the client
    /// itself relays it (§4.1).
    fn on_request(
        &mut self,
        shell: &mut Shell<A>,
        request: &Arc<Signed<Request>>,
        from_client: bool,
    ) {
        if !shell.is_active() {
            return;
        }
        if shell.is_primary() {
            self.at_work(shell).propose();
        } else if from_client {
            shell.send(To::Node(shell.primary()), Message::Request(request.clone()));
        }
    }

    fn on_read(&mut self, shell: &mut Shell<A>, read: Arc<Signed<Read>>) {
        self.at_work(shell).on_read(read);
    }

    fn on_news(&mut self, shell: &mut Shell<A>, news: News) {
        let mut rules = self.at_work(shell);
        match news {
            News::Stable => rules.on_stable(),
            News::Installed => {
                rules.catch_up();
                rules.execute();
            }
            News::Arrived => {}
        }
    }

    /// What waits for the disk waits in the outbox.
    fn on_durable(&mut self, _: &mut Shell<A>, _: RecordNumber) {}

    fn on_tick(&mut self, shell: &mut Shell<A>) {
        let now = shell.now;
        if self.view_timer(shell).is_some_and(|at| at <= now) {
            self.at_work(shell).on_view_timer();
        }
        if self.batch_timer(shell).is_some_and(|at| at <= now) {
            self.at_work(shell).propose();
        }
    }

    fn after_input(&mut self, _: &mut Shell<A>) {}

    fn deadline(&self, shell: &Shell<A>) -> Option<Time> {
        earlier(self.view_timer(shell), self.batch_timer(shell))
    }

    fn is_waiting(&self, shell: &Shell<A>) -> bool {
        self.log.any_after(shell.executed)
    }

    fn repeat(&mut self, shell: &mut Shell<A>) {
        self.at_work(shell).repeat();
    }

    fn show_view(&mut self, shell: &mut Shell<A>, peer: NodeId, theirs: &Status) {
        self.at_work(shell).show_view(peer, theirs);
    }

    fn show_positions(&mut self, shell: &mut Shell<A>, peer: NodeId, theirs: &Status) {
        self.at_work(shell).show_positions(peer, theirs);
    }

    fn begin_after(&mut self, shell: &mut Shell<A>) {
        self.at_work(shell).catch_up();
    }

    fn replay(&mut self, shell: &mut Shell<A>, record: Record) {
        self.at_work(shell).replay(record);
    }

    fn restored(&mut self, shell: &mut Shell<A>) -> Result<(), LogGap> {
        self.at_work(shell).restored();
        Ok(())
    }

    fn slots(&self, shell: &Shell<A>) -> Vec<SlotView> {
        let slots = self.log.iter();
        slots.filter_map(|(seq, slot)| slot.view(*seq, shell.executed)).collect()
    }

    fn batch_at(&self, seq: Seq) -> Option<&Arc<Batch>> {
        let slot = self.log.get(seq)?;
        if let Some(decided) = &slot.decided {
            return Some(&decided.batch);
        }
        slot.batch(slot.accepted.as_ref()?.body.digest)
    }

    fn waiting_reads(&self) -> usize {
        self.reads.len()
    }
}
