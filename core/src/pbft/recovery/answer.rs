//! The part of those who remember: they answer, hold back the past of whoever forgot, and keep the
//! log moving for it.

use alloc::sync::Arc;

use serde::Serialize;

use super::super::{
    messages::{Message, NewView, RecoveryAnswer, RecoveryQuery, ViewChange, node_of},
    rules::Rules,
};
use crate::{
    app::Application,
    crypto::Signed,
    event::ViewChangeCause,
    ids::{NodeId, Seq},
    protocol::To,
    replica::Record,
    sorted::SortedMap,
    time::Time,
};

/// How many windows above the log's end a peer may ask the log to be filled up to: it may be one
/// ahead of us, and asks for one more.
const MAX_FILLED_WINDOWS: u64 = 2;

/// What is known of one peer that forgot.
#[derive(Clone, Copy, Debug, Serialize)]
struct Life {
    /// Its latest life. What it said of views in earlier ones doesn't count.
    number: u64,
    /// Up to where it needs the log to go; fixed once a life.
    target: Option<Seq>,
    /// When it may be answered again, and begin another life: once in half a status interval.
    answer_at: Time,
}

/// The peers that ever forgot.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Lives(SortedMap<NodeId, Life>);

impl Lives {
    /// From disk.
    pub(crate) fn restore(&mut self, peer: NodeId, number: u64) {
        let life = Life { number, target: None, answer_at: Time::ZERO };
        let known = self.0.entry(peer).or_insert(life);
        known.number = known.number.max(number);
    }

    /// Whether a view change is of an earlier life than the latest that is known of its sender.
    pub(crate) fn is_past(&self, change: &Signed<ViewChange>) -> bool {
        let known = node_of(change.by).and_then(|by| self.0.get(&by));
        known.is_some_and(|known| change.body.life < known.number)
    }

    /// Whether a new view was started with such a view change.
    pub(crate) fn is_stale(&self, new_view: &NewView) -> bool {
        new_view.view_changes.iter().any(|change| self.is_past(change))
    }

    /// The highest position that one that recovers waits for.
    pub(crate) fn target(&self) -> Option<Seq> {
        self.0.values().filter_map(|life| life.target).max()
    }
}

impl<A: Application> Rules<'_, A> {
    pub(crate) fn on_recovery_query(&mut self, peer: NodeId, query: RecoveryQuery) {
        if self.is_recovering() {
            // What it knows of its own past is no help to another.
            return;
        }
        let known = self.lives.0.get(&peer).copied();
        if known.is_some_and(|it| query.life < it.number || self.now < it.answer_at) {
            return;
        }
        let answer_at = self.now + self.config.status_interval() / 2;
        let is_new = known.is_none_or(|it| it.number < query.life);
        let known_target = known.filter(|_| !is_new).and_then(|it| it.target);
        let furthest =
            self.own.log.high().0.saturating_add(MAX_FILLED_WINDOWS * self.config.window);
        let target = known_target.or(query.target.map(|target| target.min(Seq(furthest))));
        self.lives.0.insert(peer, Life { number: query.life, target, answer_at });
        if is_new {
            self.outbox.persist(Record::Life(peer, query.life));
            let lives = &self.shell.lives;
            self.own.view_changes.retain(|_, change| !lives.is_past(change));
        }
        let prepared = self.own.log.iter().rev().find_map(|(_, slot)| slot.prepared.clone());
        let answer = RecoveryAnswer {
            life: query.life,
            epoch: self.epoch(),
            view: self.view,
            stable: self.stable_in_epoch().cloned(),
            prepared,
        };
        self.send(To::Node(peer), Message::RecoveryAnswer(Arc::new(answer)));
        if is_new && self.is_active() && self.primary() == peer {
            // It can't lead, and says so itself.
            self.leave_for(self.next_view(), ViewChangeCause::PrimaryForgot);
        }
        self.propose();
    }

    /// The next position is filled with the null request: no request waits, and somebody who
    /// recovers needs the log to move, or somebody asked for it. As many at a time as the pipeline
    /// takes.
    pub(crate) fn must_fill(&self) -> bool {
        let owed = self.debt.open(self.executed).map(|(up_to, _)| up_to);
        self.queue.is_empty() && self.lives.target().max(owed) > Some(self.own.proposed)
    }
}
