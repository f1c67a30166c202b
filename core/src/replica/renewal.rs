//! Amnesia: a replica whose disk lost something gets a new life, and never contradicts what it said
//! in the one before.
//!
//! In Castro & Liskov, "Practical Byzantine Fault Tolerance and Proactive Recovery" (TOCS 2002), a
//! recovering replica makes a request that is ordered like a client's, asks a quorum how far it can
//! have come, and trusts itself only beyond that. Its memory may be wrong there; here it may be gone,
//! its view changes too, and what a replica claims about its own past is worth nothing when who lied
//! is to be found out. So here, too, recovery is ordered, and it begins an epoch: in an epoch every
//! member has one life, by what all agree on.
//!
//! ```text
//! damaged disk ─▶ keep the stable checkpoint, forget every vote; write down `Forgot(life)`
//!       │
//!       ▼            RECOVERY-REQUEST(life)
//!  recovering ───────────────────────────────▶ others: each says so in the log (`Renew`)
//!       │                                          │ f+1 of them did
//!       │                                          ▼
//!       │ the checkpoint at the epoch's end ◀── the epoch ends, for that alone if for nothing else
//!       ▼
//!  it holds the state that the next epoch begins with, and that names its life: votes again, as a
//!  member that joins does
//! ```
//!
//! Until then it executes what is proven to be decided, and says nothing that counts: no proposal, no
//! vote, no checkpoint, no view change. It counts as one of the *f* faulty.
//!
//! # Why this is safe
//!
//! Let r be the replica, L its life, e the epoch whose state is the first that names L for r.
//!
//! 1. **r said nothing in e before it lost its memory.** L is named because f+1 others said it, one of
//!    them correct, so r had asked for L, and r chose L after the loss. Whoever is correct enters e only
//!    with a certificate of its start, signed by a quorum that had executed all that. So before the
//!    loss r was in earlier epochs only.
//! 2. **What is said in one epoch means nothing in another**: every statement names its epoch
//!    (`epochs`, and evidence). So r begins in e as one that was never there.
//! 3. **r knows whether it may speak**: only with the state that its epoch began with, and only if that
//!    names the life that it has. A replica that was started from the copy of an old disk has another
//!    life than the state names, and recovers, too.
//!
//! And nobody can lie about lives: in an epoch each member has one, the same for all. A commit and a
//! later view change without it convict their author, whatever it says of its memory.
//!
//! # Why it ends
//!
//! r asks once in a status interval, and all n − f correct others hear it. Each has its word ordered
//! as any request, and times who leads. Then the epoch ends as for any change: filled up with null
//! requests where nobody asks for anything, and who doesn't fill it is replaced. A crash while
//! recovering finds `Forgot` on disk and goes on with the same life.
//!
//! # What a liar can do with it
//!
//! It can ask although it forgot nothing: that ends an epoch. It is given that at once the first time,
//! and then waits twice as long each time (`docket::renewals`), some hours at last. If it asks some for
//! one life and others for another, or asks too few, nothing happens, to it or to anyone.

use serde::Serialize;

use super::{
    allowance::Work,
    docket::Said,
    durable::Record,
    machine::Replica,
    ordering::{Ordering, each},
    shell::Shell,
};
use crate::{
    app::Application,
    event::EventKind,
    ids::{ClientId, NodeId},
    pbft::{Message, RecoveryRequest},
    protocol::To,
};

/// After so much time by its own clock a member says another life of the same one.
const ANOTHER_LIFE_MS: u64 = 10_000;

/// What a replica knows of its own memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Memory {
    /// Which life this is: 0 until it first forgot, then what the host gave.
    pub(crate) life: u64,
    /// Whether the epoch knows it by another one.
    pub(crate) is_lost: bool,
}

impl<A: Application> Shell<A> {
    /// Whether it lost memory and can't vote yet.
    pub(crate) fn is_recovering(&self) -> bool {
        self.memory.is_lost
    }

    /// Whether it may propose in its view and start it.
    pub(crate) fn may_lead(&self) -> bool {
        !self.is_recovering() && !self.is_reading
    }

    /// It takes part from here on, with the state that the epoch began with: in the life that it is
    /// known by, or in none.
    pub(super) fn look_up_life(&mut self) {
        let was_lost = self.memory.is_lost;
        self.memory.is_lost = self.docket.life(self.id) != self.memory.life;
        if was_lost && !self.memory.is_lost {
            let (seq, view) = (self.low, self.view);
            self.event(EventKind::Recovered { seq, view });
        }
    }

    /// Asks all for its life.
    pub(super) fn ask_for_renewal(&mut self) {
        let known = self.docket.life(self.id);
        if known > self.memory.life {
            // The clock that numbers lives went back.
            self.memory.life = known.saturating_add(1);
            self.outbox.persist(Record::Forgot(self.memory.life));
        }
        let request = RecoveryRequest { life: self.memory.life };
        self.send(To::Others, Message::RecoveryRequest(request));
    }

    /// Whether it is to say in the log that a peer asks for a life: if the log doesn't have it, and
    /// didn't have another just now.
    fn is_to_vouch(&mut self, peer: NodeId, life: u64) -> bool {
        let clock = self.wall_clock();
        let is_new = self
            .docket
            .wish(self.id, peer)
            .is_none_or(|(known, at)| known < life && at.after_ms(ANOTHER_LIFE_MS) <= clock);
        is_new
            && self.pending.get(ClientId::member(self.id)).is_none()
            && self.may_cost(peer, Work::Vouch)
    }
}

impl<A: Application> Replica<A> {
    /// A peer says that it lost its memory, and asks for a life.
    pub(super) fn on_recovery_request(&mut self, peer: NodeId, request: RecoveryRequest) {
        let Self { shell, order } = self;
        // What one that recovers itself says doesn't count either.
        if shell.is_recovering() || request.life <= shell.docket.life(peer) {
            return;
        }
        each!(order, it => it.on_message(shell, peer, Message::RecoveryRequest(request)));
        if shell.is_to_vouch(peer, request.life) {
            self.say(Said::Renew { member: peer, life: request.life }.encode());
        }
    }
}
