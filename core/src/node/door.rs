//! A client's request at the gate, and who is told what.

use alloc::boxed::Box;

use super::{
    admission::{Asked, Busy, Config, Gate},
    machine::Node,
};
use crate::{
    app::Application,
    config::BadConfig,
    event::EventKind,
    ids::RequestId,
    pbft::{Known, Message},
    protocol::Effect,
    replica::Shell,
    resilience::degradation::{Level, NoSuchSignal},
    time::Time,
};

impl<A: Application> Node<A> {
    /// From now on clients' requests are let in like this; `None`: all are. What a gate knows, it
    /// keeps.
    pub fn guard(&mut self, config: Option<Config>) -> Result<(), BadConfig> {
        let now = self.now();
        match (&mut self.gate, config) {
            (Some(gate), Some(config)) => gate.reconfigure(now, config)?,
            (gate, config) => *gate = config.map(Gate::new).transpose()?.map(Box::new),
        }
        Ok(())
    }

    /// The gate, if it has one.
    pub fn gate(&self) -> Option<&Gate> {
        self.gate.as_deref()
    }

    /// How high one of the host's own signals is, in parts per million: see
    /// [`OWN_SIGNALS`](super::admission::OWN_SIGNALS). Without a gate it is ignored.
    pub fn observe_load(&mut self, now: Time, signal: u8, ppm: u64) -> Result<(), NoSuchSignal> {
        self.gate.as_mut().map_or(Ok(()), |gate| gate.observe(now, signal, ppm))
    }

    /// An operator wants it to leave out so much, whatever signals say; `None`: not any more. False:
    /// it isn't set up to leave anything out.
    pub fn hold_level(&mut self, now: Time, level: Option<Level>) -> bool {
        let held = self.gate.as_mut().is_some_and(|gate| gate.hold(now, level));
        self.report_gate();
        held
    }

    /// Whether what a client says itself is let in. If not, the client is told.
    pub(super) fn let_in(&mut self, message: &Message) -> bool {
        let Self { gate: Some(gate), replica, .. } = self else { return true };
        let shell = &mut replica.shell;
        let id = match message {
            Message::Request(request) => request.body.id,
            Message::Read(read) => read.body.id,
            // Not a request: it has no number to be turned away by.
            Message::FetchEpochEnds(fetch) => {
                let client = fetch.body.client;
                let asked =
                    Asked { client, request: None, is_read: false, is_known: true, waiting: None };
                return gate.admit(shell.now, asked).is_ok();
            }
            // The replica ignores it.
            _ => return true,
        };
        let RequestId { client, timestamp } = id;
        let is_read = matches!(message, Message::Read(_));
        let waits = shell.pending.get(client).is_some();
        let asked = Asked {
            client,
            request: Some(timestamp),
            is_read,
            is_known: knows(shell, id),
            waiting: (!waits && !is_read).then(|| shell.pending.len()),
        };
        match gate.admit(shell.now, asked) {
            Ok(()) => true,
            Err((why, retry_after_ms)) => {
                // Neither waits for the disk: they promise nothing, and a flood of them must crowd out no vote.
                let event = EventKind::TurnedAway { request: id, why, retry_after_ms };
                shell.outbox.push_at_once(Effect::Event(event));
                let message = Message::Busy(Busy { id, why, retry_after_ms });
                shell.outbox.push_at_once(Effect::Reply { client, message });
                false
            }
        }
    }

    /// Whether this is answered already, or waits here.
    pub(crate) fn knows(&self, id: RequestId) -> bool {
        knows(&self.replica.shell, id)
    }

    /// Once in a while: what the gate makes of how it goes.
    pub(super) fn watch_load(&mut self, now: Time) {
        if let Some(gate) = &mut self.gate {
            gate.tick(now, self.replica.shell.pending.len());
            self.report_gate();
        }
    }

    fn report_gate(&mut self) {
        while let Some(event) = self.gate.as_mut().and_then(|gate| gate.poll_event()) {
            self.replica.shell.event(event);
        }
    }
}

fn knows<A: Application>(shell: &Shell<A>, id: RequestId) -> bool {
    let waits = shell.pending.get(id.client).map(|it| it.request.body.id);
    waits == Some(id) || shell.sessions.lookup(id) != Known::New
}
