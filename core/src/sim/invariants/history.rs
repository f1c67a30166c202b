//! Agreement, validity and exactly-once: there is one history, of requests that clients made, each
//! in it once.

use alloc::{format, vec::Vec};

use super::{super::Invariant, Broken};
use crate::{
    app::{Application, Context, KeyValue, Operation, Outcome},
    crypto::{Authenticator, Digest},
    ids::{ClientId, NodeId, RequestId, Seq},
    pbft::{Batch, Config, Register, Replica},
    quorum::Membership,
    replica::{Affairs, Docket},
    sorted::{SortedMap, SortedSet},
};

/// A request as its client made it, and what became of it.
#[derive(Clone, Debug)]
pub(in super::super) struct Asked {
    pub(super) operation: Vec<u8>,
    /// Where the history has it, and its place among all requests.
    pub(super) executed: Option<(Seq, u64)>,
    /// What the reference execution gave.
    pub(super) result: Vec<u8>,
}

/// The one history, as the first correct replica to execute each position has it.
#[derive(Clone, Debug)]
pub(in super::super) struct History {
    /// The digest at each position, from 1.
    digests: Vec<Digest>,
    /// Every request of every client (see [`place`]), by timestamp from 1.
    asked: Vec<Vec<Asked>>,
    /// The state that the history gives, executed once by itself.
    reference: KeyValue,
    /// The agreed time in it.
    context: Context,
    /// The membership that the history gives.
    register: Register,
    /// What is agreed in it about who lies.
    docket: Docket,
    /// Where members' statements stand.
    said: SortedMap<RequestId, Seq>,
    /// Agreement is broken: there is another history, and what it gives is another matter.
    forked: bool,
    /// What decides which changes are agreed.
    config: Config,
    order: u64,
    /// What Byzantine clients signed beside what they asked: as good as asked for.
    also_signed: SortedSet<(RequestId, Vec<u8>)>,
    /// Those of them that have a timestamp of their own.
    strange: SortedMap<RequestId, Asked>,
    /// What a get of each key that was ever written answers, from which place on.
    answers: SortedMap<Vec<u8>, Vec<(u64, Vec<u8>)>>,
}

/// A client's index: the administrator's number is the last there is, and its index the first.
fn place(client: ClientId) -> usize {
    client.0.wrapping_add(1) as usize
}

impl History {
    pub(in super::super) fn new(members: Membership, config: &Config) -> Self {
        Self {
            digests: Vec::new(),
            asked: Vec::new(),
            also_signed: SortedSet::new(),
            strange: SortedMap::new(),
            answers: SortedMap::new(),
            reference: KeyValue::default(),
            context: Context::default(),
            register: Register::new(members),
            docket: Docket::default(),
            said: SortedMap::new(),
            forked: false,
            config: config.clone(),
            order: 0,
        }
    }

    pub(in super::super) fn submitted(&mut self, id: RequestId, operation: Vec<u8>) {
        let client = place(id.client);
        if self.asked.len() <= client {
            self.asked.resize_with(client + 1, Vec::new);
        }
        // A flood signs timestamps ahead of its own: what became of this one is not forgotten when
        // its turn comes.
        let (executed, result) =
            self.strange.remove(&id).map_or_else(Default::default, |it| (it.executed, it.result));
        self.asked[client].push(Asked { operation, executed, result });
    }

    /// A correct client accepted an answer. Of a request that stands in the history, that is all
    /// that needs to be known from here on: a long run asks a lot.
    pub(in super::super) fn answered(&mut self, id: RequestId) {
        if let Some(asked) = self.asked_mut(id).filter(|asked| asked.executed.is_some()) {
            (asked.operation, asked.result) = (Vec::new(), Vec::new());
        }
    }

    /// A Byzantine client signed this, whatever it told anybody else.
    pub(in super::super) fn signed(&mut self, id: RequestId, operation: &[u8]) {
        if self.asked(id).is_none() {
            let operation = operation.to_vec();
            let asked = Asked { operation, executed: None, result: Vec::new() };
            self.strange.insert(id, asked);
        }
        self.also_signed.insert((id, operation.to_vec()));
    }

    /// The earliest place in the history, not before `after`, at which a read gives this result.
    ///
    /// Looks only at the changes of one key since `after`: few, and each once a read at most.
    pub(super) fn first_place(&self, operation: &[u8], result: &[u8], after: u64) -> Option<u64> {
        let never_written = || KeyValue::default().query(operation, &Context::default());
        let answers = match Operation::decode(operation) {
            Some(Operation::Get { key }) => self.answers.get(key),
            _ => None,
        };
        let Some(answers) = answers else {
            return (never_written()? == result).then_some(after);
        };
        let later = answers.partition_point(|(from, _)| *from <= after);
        let holds_at_once = match later.checked_sub(1).and_then(|at| answers.get(at)) {
            Some((_, answer)) => answer == result,
            None => never_written()? == result,
        };
        if holds_at_once {
            return Some(after);
        }
        answers[later..].iter().find(|(_, answer)| answer == result).map(|(from, _)| *from)
    }

    /// Time alone makes keys vanish. That is a place of its own: a read may see the state after the
    /// last request and before time went on.
    fn advance_time(&mut self, batch: &Batch) {
        let time = self.context.time.max(batch.time().unwrap_or_default());
        if core::mem::replace(&mut self.context.time, time) < time {
            // What expires has a place of its own: a read of the value before it was right until
            // here, and stands after every operation before.
            self.order += 1;
            let keys: Vec<_> = self.answers.keys().cloned().collect();
            for key in keys {
                self.note_answer_to(&key);
            }
        }
    }

    fn note_answer_to(&mut self, key: &[u8]) {
        let answer = self.reference.answer(key, &self.context).encode();
        let Some(answers) = self.answers.get_mut(key) else {
            self.answers.insert(key.to_vec(), [(self.order, answer)].into());
            return;
        };
        if answers.last().is_none_or(|(_, last)| *last != answer) {
            answers.push((self.order, answer));
        }
    }

    pub(super) fn asked(&self, id: RequestId) -> Option<&Asked> {
        self.regular(id)
            .map_or_else(|| self.strange.get(&id), |(client, at)| self.asked.get(client)?.get(at))
    }

    fn asked_mut(&mut self, id: RequestId) -> Option<&mut Asked> {
        match self.regular(id) {
            None => self.strange.get_mut(&id),
            Some((client, at)) => self.asked.get_mut(client)?.get_mut(at),
        }
    }

    /// Where a request stands that its client asked in order.
    fn regular(&self, id: RequestId) -> Option<(usize, usize)> {
        let client = place(id.client);
        let at = usize::try_from(id.timestamp.0.checked_sub(1)?).ok()?;
        (at < self.asked.get(client)?.len()).then_some((client, at))
    }

    /// A correct replica executed a batch at a position; `requests` of it were new to it.
    pub(in super::super) fn executed(
        &mut self,
        node: NodeId,
        seq: Seq,
        digest: Digest,
        requests: &[RequestId],
        batch: Option<&Batch>,
        keys: &dyn Authenticator,
    ) -> Result<(), Broken> {
        let known = self.digests.len() as u64;
        if seq.0 <= known {
            return self.again(node, seq, digest, requests);
        }
        if seq.0 != known + 1 {
            let detail = format!("node {node} executed {seq}, but nobody executed {}", known + 1);
            return Err((Invariant::Order, detail));
        }
        self.digests.push(digest);
        if let Some(end) = self.register.end().filter(|end| *end < seq) {
            self.affairs(end, keys).turn();
        }
        let Some(batch) = batch.filter(|batch| batch.digest() == digest) else {
            let detail = format!("node {node} executed {} at {seq} without it", digest.short());
            return Err((Invariant::Validity, detail));
        };
        self.advance_time(batch);
        for request in batch.requests() {
            let id = request.body.id;
            if !requests.contains(&id) {
                continue;
            }
            if let Some(member) = id.client.as_member() {
                if let Some(before) = self.said.insert(id, seq)
                    && !self.forked
                {
                    let detail = format!(
                        "node {node} executed statement {} of node {member} at {seq}, and it stands \
                         at {before} already",
                        id.timestamp
                    );
                    return Err((Invariant::ExactlyOnce, detail));
                }
                let operation = &request.body.operation;
                self.affairs(seq, keys).hear(member, id.timestamp.0, operation);
                continue;
            }
            self.order += 1;
            let order = self.order;
            let also_signed = !self.also_signed.is_empty()
                && self.also_signed.contains(&(id, request.body.operation.clone()));
            let Some(asked) = self.asked_mut(id) else {
                let detail = format!(
                    "node {node} executed request {} of client {}, which was never made",
                    id.timestamp, id.client
                );
                return Err((Invariant::Validity, detail));
            };
            if let Some((before, _)) = asked.executed {
                let detail = format!(
                    "node {node} executed request {} of client {} at {seq}, and it stands at \
                     {before} already",
                    id.timestamp, id.client
                );
                return Err((Invariant::ExactlyOnce, detail));
            }
            if asked.operation != request.body.operation && !also_signed {
                let detail = format!(
                    "node {node} executed request {} of client {} with another operation",
                    id.timestamp, id.client
                );
                return Err((Invariant::Validity, detail));
            }
            asked.executed = Some((seq, order));
            let result = self.give(id, seq, &request.body.operation, keys);
            if let Some(asked) = self.asked_mut(id) {
                asked.result = result;
            }
        }
        self.affairs(seq, keys).conclude();
        Ok(())
    }

    /// Holds a replica's docket to that of the history, if it is there and no further.
    pub(in super::super) fn agrees<A: Application>(
        &self,
        seq: Seq,
        replica: &Replica<A>,
    ) -> Result<(), Broken> {
        let here = self.digests.len() as u64;
        let epoch = self.register.members().epoch();
        if seq.0 != here
            || self.forked
            || replica.last_executed() != seq
            || replica.register().members().epoch() != epoch
            || replica.docket().piece() == self.docket.piece()
        {
            return Ok(());
        }
        let detail = format!("after {here} node {} has another docket", replica.id());
        Err((Invariant::Docket, detail))
    }

    fn affairs<'a>(&'a mut self, at: Seq, keys: &'a dyn Authenticator) -> Affairs<'a> {
        Affairs {
            register: &mut self.register,
            docket: &mut self.docket,
            config: &self.config,
            keys,
            at,
            time: self.context.time,
        }
    }

    /// What the history gives as the answer.
    fn give(
        &mut self,
        id: RequestId,
        seq: Seq,
        operation: &[u8],
        keys: &dyn Authenticator,
    ) -> Vec<u8> {
        if id.client == ClientId::ADMINISTRATOR {
            self.affairs(seq, keys).administer(id.timestamp.0, operation).0
        } else {
            if self.docket.is_beyond() {
                return self.reference.in_safe_mode(operation, &self.context);
            }
            let Some(operation) = Operation::decode(operation) else {
                return Outcome::Malformed.encode();
            };
            // A get changes no answer.
            let result = self.reference.apply(&operation, &self.context).encode();
            if !matches!(operation, Operation::Get { .. }) {
                self.note_answer_to(operation.key());
            }
            result
        }
    }

    /// Another replica reached a position that the history has.
    fn again(
        &mut self,
        node: NodeId,
        seq: Seq,
        digest: Digest,
        requests: &[RequestId],
    ) -> Result<(), Broken> {
        let agreed = (seq.0 as usize).checked_sub(1).and_then(|at| self.digests.get(at));
        if agreed.is_some_and(|agreed| *agreed != digest) {
            self.forked = true;
            let agreed = agreed.copied().unwrap_or_default();
            let detail = format!(
                "at {seq} node {node} executed {}, where another correct node executed {}",
                digest.short(),
                agreed.short()
            );
            return Err((Invariant::Agreement, detail));
        }
        for id in requests {
            let asked = || self.asked(*id).and_then(|asked| asked.executed).map(|(at, _)| at);
            let stands_at = self.said.get(id).copied().or_else(asked);
            if stands_at.is_none_or(|at| at != seq) {
                let detail = format!(
                    "node {node} executed request {} of client {} at {seq}, where the history \
                     doesn't have it",
                    id.timestamp, id.client
                );
                return Err((Invariant::ExactlyOnce, detail));
            }
        }
        Ok(())
    }
}
