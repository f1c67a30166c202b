mod acceptance;
mod properties;
mod rules;

use alloc::{vec, vec::Vec};

use super::{Applied, Claim, Config, Entry, Order, Quarantine, Statement, What};
use crate::{
    crypto::Digest,
    detector::{evidence::Assumption, suspicion::Kind},
    ids::{NodeId, Principal, Seq},
    quorum::Membership,
    time::WallTime,
};

/// What was executed: at a position and time, a statement, or nothing.
type Executed = (Seq, WallTime, Option<(Principal, Statement)>);

/// A log in which statements are executed one after the other.
struct Log {
    quarantine: Quarantine,
    position: Seq,
    now: WallTime,
    numbers: u64,
    entries: Vec<Entry>,
    executed: Vec<Executed>,
}

const MINUTE_MS: u64 = 60_000;

impl Log {
    fn new(n: u16) -> Self {
        let members = Membership::new(n).unwrap();
        Self {
            quarantine: Quarantine::new(members, Config::default()).unwrap(),
            position: Seq(0),
            now: WallTime(1_767_225_600_000),
            numbers: 0,
            entries: vec![],
            executed: vec![],
        }
    }

    fn say(&mut self, by: Principal, claim: Claim) -> Applied {
        self.position = self.position.next();
        self.numbers += 1;
        let statement = Statement { number: self.numbers, claim };
        let applied = self.quarantine.apply(self.position, self.now, by, &statement);
        self.entries.extend(applied.decided.iter().cloned());
        self.executed.push((self.position, self.now, Some((by, statement))));
        applied
    }

    fn accuse(&mut self, by: u16, suspect: u16) -> Applied {
        let reasons = vec![Kind::Failures];
        let claim = Claim::Accuse { suspect: NodeId(suspect), score: 60, reasons };
        self.say(Principal::Node(NodeId(by)), claim)
    }

    fn withdraw(&mut self, by: u16, suspect: u16) -> Applied {
        self.say(Principal::Node(NodeId(by)), Claim::Withdraw { suspect: NodeId(suspect) })
    }

    fn convict(&mut self, offender: u16) -> Applied {
        let proof = Digest::of(&offender);
        let assumption = Assumption::Absolute;
        let claim = Claim::Convict { offender: NodeId(offender), proof, assumption };
        let by = u16::from(offender == 0);
        self.say(Principal::Node(NodeId(by)), claim)
    }

    fn vouch(&mut self, by: u16, offender: u16) -> Applied {
        let claim = Claim::Vouch { offender: NodeId(offender), proof: Digest::of(&offender) };
        self.say(Principal::Node(NodeId(by)), claim)
    }

    fn order(&mut self, node: u16, order: Option<Order>) -> Applied {
        self.say(Principal::ADMINISTRATOR, Claim::Order { node: NodeId(node), order })
    }

    /// Lets time pass in one step, as an idle log does.
    fn pass_ms(&mut self, ms: u64) {
        self.position = self.position.next();
        self.now = self.now.after_ms(ms);
        let decided = self.quarantine.advance(self.position, self.now);
        self.entries.extend(decided);
        self.executed.push((self.position, self.now, None));
    }

    fn held(&self) -> Vec<u16> {
        self.quarantine.restrained().iter().map(|node| node.0).collect()
    }

    fn said(&self, node: u16) -> Vec<&What> {
        self.entries.iter().filter(|it| it.node.0 == node).map(|it| &it.what).collect()
    }
}
