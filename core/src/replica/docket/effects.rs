//! What the docket means to a replica: what it hears, what it says of it, and whom it trusts less.

use alloc::{boxed::Box, string::ToString, vec::Vec};

use super::affairs::{Affairs, Minutes};
use crate::{
    analyzer::Analyzer,
    app::Application,
    event::EventKind,
    ids::{ClientId, NodeId, RequestId, Seq, Timestamp},
    replica::{Known, Work, shell::Shell},
};

impl<A: Application> Shell<A> {
    fn affairs(&mut self, at: Seq) -> Affairs<'_> {
        Affairs {
            register: &mut self.register,
            docket: &mut self.docket,
            config: &self.config,
            keys: &*self.authenticator,
            at,
            time: self.time,
        }
    }

    /// Whether what a member says is taken up. What it has said already costs nothing; of what is new
    /// each member has its allowance, whoever passes it on, and this one speaks freely.
    pub(crate) fn may_speak(&mut self, member: NodeId, id: RequestId) -> bool {
        let waits = self.pending.get(id.client).map(|pending| pending.request.body.id);
        let is_new = waits != Some(id) && self.sessions.lookup(id) == Known::New;
        self.members.contains(member)
            && (!is_new || member == self.id || self.may_cost(member, Work::Say))
    }

    /// The number of what this member says next: by its clock, so that it rises also when the last one
    /// was forgotten.
    pub(crate) fn next_said(&self) -> RequestId {
        let client = ClientId::member(self.id);
        let clock = self.now.0.saturating_add_signed(self.clock_offset_us);
        let last = self.sessions.last(client).0.saturating_add(1);
        RequestId { client, timestamp: Timestamp(clock.max(last)) }
    }

    /// Executes a member's request.
    pub(crate) fn hear_member(&mut self, at: Seq, by: NodeId, id: RequestId, operation: &[u8]) {
        let before = self.register.end();
        let minutes = self.affairs(at).hear(by, id.timestamp.0, operation);
        self.announce(minutes);
        self.note_end(before);
    }

    /// Executes the administrator's request, and returns what came of it.
    pub(crate) fn administer(&mut self, at: Seq, id: RequestId, operation: &[u8]) -> Vec<u8> {
        let before = self.register.end();
        let (result, minutes) = self.affairs(at).administer(id.timestamp.0, operation);
        self.announce(minutes);
        self.note_end(before);
        result
    }

    /// After a batch was executed.
    pub(crate) fn conclude(&mut self, at: Seq) {
        let before = self.register.end();
        let minutes = self.affairs(at).conclude();
        self.announce(minutes);
        self.note_end(before);
    }

    /// The checkpoint at the epoch's end is stable: the register speaks of the next from here on.
    pub(crate) fn turn_register(&mut self, at: Seq) {
        let minutes = self.affairs(at).turn();
        self.announce(minutes);
    }

    fn note_end(&mut self, before: Option<Seq>) {
        if let Some(after) = self.register.end().filter(|_| before.is_none()) {
            self.ending_since = Some(self.now);
            self.event(EventKind::EpochEnding { after });
        }
    }

    fn announce(&mut self, Minutes { decided, threat, .. }: Minutes) {
        for entry in decided {
            self.event(EventKind::Decided { entry: Box::new(entry) });
        }
        if let Some(threat) = threat {
            let number = self.docket.analyzer().map_or(0, Analyzer::decided);
            let (level, protocol, why) = (threat.level, threat.protocol, threat.to_string());
            self.event(EventKind::Threat { number, level, protocol, why });
        }
    }
}
