//! The docket: the same at all, whatever way it came there; what it does to members and switches.

use alloc::{
    boxed::Box,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use super::{Affairs, Docket, MAX_PAST, Override, Said};
use crate::{
    analyzer::{Analyzer, Deployment, Follow, Level, Policy, Protocol},
    crypto::{Digest, Signed, Simulated},
    detector::{
        evidence::Evidence,
        quarantine::{MAX_HISTORY, Order, Refused, What},
        suspicion::Kind,
    },
    ids::{ClientId, Epoch, NodeId, Principal, RequestId, Seq, Timestamp, View},
    pbft::{Change, ChangeOutcome, ChangeRefused, Config, Prepare, Register, Reply},
    quorum::Membership,
    time::WallTime,
};

fn keys(of: u16) -> Simulated {
    Simulated::new(Principal::Node(NodeId(of)), 7)
}

fn prepare(by: u16, epoch: u64, seq: u64, of: &str) -> Signed<Prepare> {
    let digest = Digest::of_bytes(of.as_bytes());
    let body = Prepare { epoch: Epoch(epoch), view: View(0), seq: Seq(seq), digest };
    Signed::new(body, &keys(by))
}

fn against(by: u16, epoch: u64) -> Said {
    let (one, other) = (prepare(by, epoch, 3, "one"), prepare(by, epoch, 3, "other"));
    Said::Prove(Box::new(Evidence::Prepares(one, other)))
}

fn no_proof(of: u16) -> Said {
    let (one, other) = (prepare(of, 0, 3, "one"), prepare(of, 0, 4, "other"));
    Said::Prove(Box::new(Evidence::Prepares(one, other)))
}

/// The members' replies say another thing than this one's: it lied, if at most f do.
fn contradicted(by: u16, others: &[u16]) -> Said {
    let reply = |by: u16, result: &str| {
        let id = RequestId { client: ClientId(1), timestamp: Timestamp(5) };
        let result = result.as_bytes().to_vec();
        Signed::new(Reply { epoch: Epoch(0), view: View(0), id, result }, &keys(by))
    };
    let others = others.iter().map(|by| reply(*by, "one")).collect();
    Said::Prove(Box::new(Evidence::Reply(reply(by, "other"), others)))
}

fn accuse(suspect: u16) -> Said {
    Said::Accuse { suspect: NodeId(suspect), score: 60, reasons: vec![Kind::Failures] }
}

/// A register and a docket, and what is executed.
struct Log {
    register: Register,
    docket: Docket,
    config: Config,
    at: Seq,
    time: WallTime,
    decided: Vec<What>,
}

impl Log {
    fn new(n: u16) -> Self {
        Self::under(Membership::new(n).unwrap(), Config::default())
    }

    fn under(members: Membership, config: Config) -> Self {
        Self {
            register: Register::new(members),
            docket: Docket::default(),
            config,
            at: Seq(0),
            time: WallTime(1_767_225_600_000),
            decided: vec![],
        }
    }

    fn affairs<T>(&mut self, what: impl FnOnce(Affairs<'_>) -> T) -> T {
        what(Affairs {
            register: &mut self.register,
            docket: &mut self.docket,
            config: &self.config,
            keys: &keys(0),
            at: self.at,
            time: self.time,
        })
    }

    fn install(&self, piece: Option<&[u8]>) -> Option<Docket> {
        Docket::installed(piece, self.register.members(), &self.config)
    }

    fn next(&mut self) -> u64 {
        self.at = self.at.next();
        self.at.0
    }

    fn says(&mut self, by: u16, said: &Said) {
        let number = self.next();
        let minutes = self.affairs(|mut it| it.hear(NodeId(by), number, &said.encode()));
        self.decided.extend(minutes.decided.into_iter().map(|entry| entry.what));
        self.pass_ms(0);
    }

    fn administers(&mut self, operation: &[u8]) -> Vec<u8> {
        let number = self.next();
        self.affairs(|mut it| it.administer(number, operation)).0
    }

    fn orders(&mut self, node: u16, order: Option<Order>) -> Result<(), Refused> {
        let node = NodeId(node);
        let result = self.administers(&Override { node, order }.encode());
        Override::decode_outcome(&result).unwrap()
    }

    fn changes(&mut self, change: &Change) -> ChangeOutcome {
        ChangeOutcome::decode(&self.administers(&change.encode())).unwrap()
    }

    /// An idle batch, so much later.
    fn pass_ms(&mut self, ms: u64) {
        self.next();
        self.time = self.time.after_ms(ms);
        let minutes = self.affairs(|mut it| it.conclude());
        self.decided.extend(minutes.decided.into_iter().map(|entry| entry.what));
    }

    fn turns(&mut self) {
        if let Some(end) = self.register.end() {
            self.at = end;
            self.affairs(|mut it| it.turn());
        }
    }

    fn held(&self) -> Vec<u16> {
        self.docket.restrained().iter().map(|node| node.0).collect()
    }

    fn convicted(&self) -> Vec<u16> {
        self.docket.convicted().iter().map(|node| node.0).collect()
    }

    fn level(&self) -> Level {
        self.docket.analyzer().map(Analyzer::level).unwrap_or_default()
    }
}

#[test]
fn it_is_empty_until_somebody_says_something_and_its_piece_is_all_of_it() {
    let mut log = Log::new(4);
    log.pass_ms(1_000_000);
    assert!(log.docket.is_empty() && log.docket.piece().is_none());
    log.says(0, &accuse(3));
    log.says(1, &accuse(3));
    log.says(2, &against(3, 0));
    let piece = log.docket.piece().unwrap();
    let other = log.install(Some(&piece)).unwrap();
    assert_eq!((other.piece(), other.wake()), (Some(piece.clone()), log.docket.wake()));
    let recommended = |it: &Docket| it.analyzer().and_then(Analyzer::recommendation).copied();
    assert_eq!(recommended(&other), recommended(&log.docket));
    assert_eq!(other.quarantine(), log.docket.quarantine(), "members and terms, too");
    assert!(log.install(Some(&piece[..piece.len() - 1])).is_none(), "other bytes are no docket");
    assert!(log.install(None).unwrap().is_empty());
}

#[test]
fn f_plus_one_hold_who_is_accused_and_one_does_not() {
    let mut log = Log::new(4);
    log.says(0, &accuse(3));
    log.says(0, &accuse(3));
    assert_eq!(log.held(), []);
    log.says(1, &accuse(3));
    assert_eq!((log.held(), log.level()), (vec![3], Level::High));
    log.says(0, &Said::Withdraw { suspect: NodeId(3) });
    log.says(1, &Said::Withdraw { suspect: NodeId(3) });
    log.pass_ms(log.config.quarantine.term_ms);
    assert_eq!(log.held(), [], "time is over, by the agreed clock and an idle batch");
}

#[test]
fn who_is_no_member_has_no_say_and_nonsense_changes_nothing() {
    let mut log = Log::new(4);
    log.says(9, &accuse(3));
    log.says(9, &against(3, 0));
    let number = log.next();
    log.affairs(|mut it| it.hear(NodeId(1), number, b"nonsense"));
    assert!(log.docket.is_empty());
}

#[test]
fn a_proof_convicts_and_what_proves_nothing_costs_who_brings_it() {
    let mut log = Log::new(4);
    log.says(1, &no_proof(2));
    assert_eq!(log.held(), []);
    assert!(log.docket.quarantine().unwrap().is_silenced(NodeId(1)));
    assert!(log.decided.contains(&What::Misled) && log.decided.contains(&What::Silenced));
    // Its accusations count for nothing now, and what it brings is not looked at.
    log.says(1, &accuse(2));
    log.says(0, &accuse(2));
    log.says(1, &against(3, 0));
    assert_eq!((log.held(), log.docket.convicted().len()), (vec![], 0));
    log.says(0, &against(3, 0));
    assert_eq!((log.held(), log.docket.convicted().len()), (vec![3], 1));
    // It is forgiven like an unfounded accusation.
    log.pass_ms(log.config.quarantine.unfounded_ms);
    assert!(!log.docket.quarantine().unwrap().is_misled(NodeId(1)));
    assert!(log.decided.contains(&What::Heard));
}

#[test]
fn a_proof_of_an_earlier_epoch_is_judged_by_its_members_and_a_very_old_one_is_not_judged() {
    let mut log = Log::new(7);
    let mut next = 7;
    let mut replace = |log: &mut Log, out: u16| {
        let add = crate::pbft::NewMember { id: NodeId(next), key: None, contact: String::new() };
        next += 1;
        let change = Change { add: vec![add], remove: vec![NodeId(out)], ..Change::default() };
        assert!(matches!(log.changes(&change), ChangeOutcome::Changed { .. }));
        log.turns();
    };
    replace(&mut log, 6);
    log.says(1, &against(2, 0));
    assert_eq!(log.held(), [2]);
    log.says(1, &against(3, 1));
    assert_eq!(log.held(), [2, 3]);
    for round in 0..MAX_PAST as u16 {
        replace(&mut log, 7 + round);
    }
    assert!(!log.docket.remembers(Epoch(0)) && log.docket.remembers(Epoch(1)));
    log.says(1, &against(4, 0));
    assert_eq!(log.docket.convicted().len(), 2);
    assert!(!log.docket.quarantine().unwrap().is_misled(NodeId(1)), "and it costs nothing");
}

#[test]
fn the_administrator_holds_and_frees_and_is_told_why_not() {
    let mut log = Log::new(4);
    assert_eq!(log.orders(2, Some(Order::Hold)), Ok(()));
    assert_eq!(log.held(), [2]);
    assert_eq!(log.orders(1, Some(Order::Hold)), Err(Refused::Full { limit: 1 }));
    assert_eq!(log.orders(9, Some(Order::Free)), Err(Refused::NotAMember(NodeId(9))));
    assert_eq!(log.orders(2, Some(Order::Free)), Ok(()));
    log.says(0, &against(2, 0));
    assert_eq!((log.held(), log.docket.convicted().len()), (vec![], 1), "free whatever is proven");
    assert_eq!(log.orders(2, None), Ok(()));
    assert_eq!(log.held(), [2], "the rules again");
}

#[test]
fn whoever_is_restrained_when_an_epoch_begins_comes_last_in_it() {
    let mut log = Log::new(4);
    log.says(1, &against(0, 0));
    let add = crate::pbft::NewMember { id: NodeId(4), key: None, contact: String::new() };
    log.changes(&Change { add: vec![add], ..Change::default() });
    log.turns();
    let members = log.register.members();
    assert_eq!((members.primary(View(0)), members.primary(View(4))), (NodeId(1), NodeId(0)));
    assert_eq!(log.docket.quarantine().unwrap().members(), members);
}

#[test]
fn raft_is_refused_while_anybody_is_suspected_or_convicted_and_left_if_that_is_wanted() {
    let crash_only = Config { deployment: Deployment::CrashOnly, ..Config::default() };
    let mut log = Log::under(Membership::new(4).unwrap(), crash_only.clone());
    let raft = Change::switch_to(Protocol::Raft);
    log.says(0, &accuse(3));
    log.says(1, &accuse(3));
    let suspected = log.changes(&raft);
    log.says(0, &against(3, 0));
    let convicted = log.changes(&raft);
    for (outcome, words) in [(suspected, "suspected"), (convicted, "proof")] {
        let ChangeOutcome::Refused(why) = outcome else { panic!("{words}") };
        assert!(alloc::format!("{why}").contains(words), "{why}");
    }

    for (follow, next) in [
        (Follow::Never, None),
        (Follow::OnProof, Some(Protocol::Pbft)),
        (Follow::Always, Some(Protocol::TrustOrderedPbft)),
    ] {
        let members = Membership::new(4).unwrap().under(Protocol::Raft).unwrap();
        let policy = Policy { follow, ..Policy::default() };
        let mut log = Log::under(members, Config { policy, ..crash_only.clone() });
        log.says(0, &against(3, 0));
        assert_eq!(log.register.next().map(|next| next.members.protocol()), next, "{follow:?}");
        let recommended = log.docket.recommendation().unwrap();
        assert_eq!(recommended.protocol, Protocol::TrustOrderedPbft);
    }
}

#[test]
fn what_is_recommended_is_done_once_and_undone_after_the_dwell_time_if_the_policy_says_so() {
    let members = Membership::new(4).unwrap();
    let policy = Policy { follow: Follow::Always, ..Policy::default() };
    let dwell_ms = policy.dwell_ms;
    let mut log = Log::under(members, Config { policy, ..Config::default() });
    for accuser in [0, 1] {
        log.says(accuser, &accuse(3));
    }
    let next = log.register.next().expect("one of four is suspected: trust is to order").members;
    assert_eq!(next.protocol(), Protocol::TrustOrderedPbft);
    assert!(next.last().contains(NodeId(3)), "who is suspected comes last");
    log.turns();
    assert_eq!((log.register.members(), log.register.next()), (next, None), "it is done once");

    // Nobody accuses any more: when its term is over it is free, and PBFT is back after the dwell.
    for accuser in [0, 1] {
        log.says(accuser, &Said::Withdraw { suspect: NodeId(3) });
    }
    log.pass_ms(dwell_ms / 2);
    assert_eq!(log.register.next(), None, "not yet");
    log.pass_ms(20 * dwell_ms);
    log.pass_ms(20 * dwell_ms);
    assert_eq!(log.held(), []);
    let next = log.register.next().expect("it is low again").members;
    assert_eq!(next.protocol(), Protocol::Pbft);
}

/// Both stand in one batch, or the administrator's is ordered while the epoch ends.
#[test]
fn of_a_switch_that_is_followed_and_the_administrators_one_is_made_an_epoch() {
    let policy = Policy { follow: Follow::Always, ..Policy::default() };
    let config = Config { policy, deployment: Deployment::CrashOnly, ..Config::default() };
    let (ordered, four) = (Protocol::TrustOrderedPbft, Membership::new(4).unwrap());
    let next = |log: &Log| log.register.next().map(|next| next.members.protocol());

    // The administrator was first: its epoch begins, and only then is what is recommended another.
    let mut log = Log::under(four, config.clone());
    log.says(0, &accuse(3));
    let asked = log.changes(&Change::switch_to(Protocol::Raft));
    let ChangeOutcome::Changed { epoch: Epoch(1), after } = asked else { panic!("{asked:?}") };
    log.says(1, &accuse(3));
    assert_eq!((log.register.end(), next(&log)), (Some(after), Some(Protocol::Raft)));
    log.turns();
    assert_eq!(log.register.members().protocol(), Protocol::Raft);
    log.pass_ms(0);
    assert_eq!(next(&log), Some(ordered), "what is recommended, in an epoch of its own");
    log.turns();
    log.pass_ms(0);
    assert_eq!((log.register.members().epoch(), next(&log)), (Epoch(2), None));

    // The docket was: the administrator is told so.
    let mut log = Log::under(four, config);
    log.says(0, &accuse(3));
    log.says(1, &accuse(3));
    let end = log.register.end().unwrap();
    let asked = log.changes(&Change::switch_to(Protocol::Raft));
    assert_eq!(asked, ChangeOutcome::Refused(ChangeRefused::UnderWay(end)));
    log.turns();
    log.pass_ms(0);
    let now = log.register.members();
    assert_eq!((now.epoch(), now.protocol(), next(&log)), (Epoch(1), ordered, None));
}

#[test]
fn who_is_free_again_comes_forward_and_whom_the_administrator_named_stays_last() {
    let ordered = Protocol::TrustOrderedPbft;
    let mut log = Log::new(7);
    let last = |log: &Log| -> Vec<u16> {
        log.register.members().last().iter().map(|node| node.0).collect()
    };
    log.says(0, &accuse(3));
    log.says(1, &accuse(3));
    log.says(2, &accuse(3));
    let named = Change { last: vec![NodeId(2)], ..Change::switch_to(ordered) };
    assert!(matches!(log.changes(&named), ChangeOutcome::Changed { .. }));
    log.turns();
    assert_eq!((log.held(), last(&log)), (vec![3], vec![2, 3]));
    for by in 0..3 {
        log.says(by, &Said::Withdraw { suspect: NodeId(3) });
    }
    log.pass_ms(log.config.quarantine.term_ms);
    assert_eq!(log.held(), []);
    log.changes(&Change { add: vec![newcomer(7)], ..Change::default() });
    log.turns();
    assert_eq!(last(&log), [2], "it was restrained, and never named");

    // Whom the docket restrains for now can be named too, and the name withdrawn.
    log.orders(3, Some(Order::Hold)).unwrap();
    let named = |log: &mut Log, last: &[u16]| {
        let last = last.iter().map(|node| NodeId(*node)).collect();
        let outcome = log.changes(&Change { last, ..Change::switch_to(ordered) });
        assert!(matches!(outcome, ChangeOutcome::Changed { .. }), "{outcome}");
        log.turns();
    };
    named(&mut log, &[3]);
    named(&mut log, &[]);
    assert_eq!(last(&log), [3], "while it is held");
    log.orders(3, None).unwrap();
    log.changes(&Change { add: vec![newcomer(8)], ..Change::default() });
    log.turns();
    assert_eq!(last(&log), []);
}

#[test]
fn what_the_administrator_switched_to_stands_until_something_else_is_recommended() {
    let policy = Policy { follow: Follow::Always, ..Policy::default() };
    let config = Config { policy, deployment: Deployment::CrashOnly, ..Config::default() };
    let ordered = Protocol::TrustOrderedPbft;
    let next = |log: &Log| log.register.next().map(|next| next.members.protocol());
    let switch = |log: &mut Log, protocol| {
        let asked = log.changes(&Change::switch_to(protocol));
        assert!(matches!(asked, ChangeOutcome::Changed { .. }), "{asked}");
        log.turns();
        log.pass_ms(0);
    };
    // PBFT is recommended, also before anybody has said anything.
    let mut log = Log::under(Membership::new(4).unwrap(), config);
    switch(&mut log, Protocol::Raft);
    log.says(0, &Said::Measure(crate::analyzer::Network::Calm));
    assert_eq!(log.docket.recommendation().unwrap().protocol, Protocol::Pbft);
    assert_eq!((log.register.members().protocol(), next(&log)), (Protocol::Raft, None));
    let piece = log.register.clone();
    // Something else is.
    log.says(0, &accuse(3));
    log.says(1, &accuse(3));
    assert_eq!(next(&log), Some(ordered));
    log.turns();
    // That is overruled as well, and proof overrules the administrator.
    switch(&mut log, Protocol::Pbft);
    assert_eq!((log.register.members().protocol(), next(&log)), (Protocol::Pbft, None));
    log.register = piece;
    log.says(0, &against(3, 0));
    assert_eq!(next(&log), Some(ordered), "Raft can't be, whoever wants it");
}

#[test]
fn who_asks_for_what_is_recommended_is_content_with_what_comes_after() {
    let policy = Policy { follow: Follow::Always, ..Policy::default() };
    let mut log = Log::under(Membership::new(4).unwrap(), Config { policy, ..Config::default() });
    let ordered = Protocol::TrustOrderedPbft;
    for asked in [ordered, Protocol::Pbft] {
        let asked = log.changes(&Change::switch_to(asked));
        assert!(matches!(asked, ChangeOutcome::Changed { .. }), "{asked}");
        log.turns();
    }
    log.says(0, &accuse(3));
    log.says(1, &accuse(3));
    let next = log.register.next().map(|next| next.members.protocol());
    assert_eq!(next, Some(ordered));
}

#[test]
fn above_f_there_is_nothing_but_safe_mode() {
    let mut log = Log::new(4);
    log.says(0, &against(3, 0));
    log.says(0, &against(2, 0));
    assert_eq!((log.held(), log.level()), (vec![2, 3], Level::Critical));
    let recommended = log.docket.analyzer().unwrap().recommendation().unwrap();
    assert_eq!(recommended.protocol, Protocol::SafeMode);
}

/// f+1 of four accuse one, and another is proven to lie: that may be two, and is no proof of it.
#[test]
fn suspicion_of_more_than_f_calls_operators_and_stops_nothing() {
    let mut log = Log::new(4);
    log.says(0, &against(3, 0));
    log.says(0, &accuse(2));
    log.says(1, &accuse(2));
    assert_eq!((log.held(), log.docket.suspected().len()), (vec![3], 1), "every place is taken");
    assert_eq!((log.level(), log.docket.is_beyond()), (Level::Critical, false));
    let recommended = log.docket.recommendation().unwrap();
    assert_eq!(recommended.protocol, Protocol::TrustOrderedPbft);
    assert!(recommended.to_string().contains("writes go on, for suspicion is no proof"));
}

/// PBFT's proofs, brought in an epoch in which members are trusted not to lie: two of five is a
/// minority, which may crash there, and more than may lie.
#[test]
fn who_may_lie_is_a_third_at_most_also_under_a_protocol_that_stands_the_crash_of_a_half() {
    let crash_only = Config { deployment: Deployment::CrashOnly, ..Config::default() };
    let begin = || {
        let mut log = Log::under(Membership::new(5).unwrap(), crash_only.clone());
        let raft = log.changes(&Change::switch_to(Protocol::Raft));
        assert!(matches!(raft, ChangeOutcome::Changed { .. }), "{raft:?}");
        log.turns();
        assert!(log.register.members().is_crash_only());
        log
    };
    let mut log = begin();
    log.says(0, &against(3, 0));
    assert!(!log.docket.is_beyond());
    log.says(0, &against(4, 0));
    assert!(log.docket.is_beyond(), "nothing is written, whatever orders it");
    assert_eq!(log.docket.recommendation().unwrap().protocol, Protocol::SafeMode);
    // What the two said alike convicts nobody.
    log.says(3, &contradicted(0, &[3, 4]));
    assert_eq!(log.convicted(), [3, 4]);

    // As few hold and wait as elsewhere.
    let mut log = begin();
    log.says(0, &accuse(3));
    log.says(1, &accuse(3));
    assert_eq!(log.held(), [3]);
    log.says(0, &accuse(4));
    log.says(1, &accuse(4));
    assert_eq!((log.held(), log.docket.suspected().len()), (vec![3], 2));
}

#[test]
fn liars_who_say_all_there_is_to_say_fill_no_memory() {
    let mut log = Log::new(7);
    for round in 0..2_000_u64 {
        for liar in [5, 6] {
            let suspect = (round % 5) as u16;
            log.says(liar, &accuse(suspect));
            log.says(liar, &Said::Withdraw { suspect: NodeId(suspect) });
        }
        log.pass_ms(50_000);
    }
    assert_eq!(log.held(), []);
    let quarantine = log.docket.quarantine().unwrap();
    assert!(quarantine.history().len() <= MAX_HISTORY);
    assert!(log.docket.piece().unwrap().len() < 16 * 1_024);
}

fn newcomer(id: u16) -> crate::pbft::NewMember {
    crate::pbft::NewMember { id: NodeId(id), key: None, contact: String::new() }
}

fn replace(member: u16, by: u16) -> Said {
    Said::Replace { member: NodeId(member), by: Box::new(newcomer(by)) }
}

fn replacing() -> Config {
    let mut config = Config::default();
    config.policy.replace_convicted = true;
    config
}

#[test]
fn a_proven_liar_is_replaced_once_f_plus_one_propose_the_same() {
    let mut log = Log::under(Membership::new(4).unwrap(), replacing());
    log.says(0, &replace(3, 4));
    log.says(1, &replace(3, 4));
    assert_eq!(log.register.next(), None, "nothing is proven");
    log.says(0, &against(3, 0));
    log.says(3, &replace(3, 5));
    log.says(0, &replace(3, 4));
    log.says(0, &replace(3, 4));
    // The second one's is of before the proof, and counts all the same: it proposes the same.
    let next = log.register.next().unwrap().members;
    let nodes: Vec<u16> = next.nodes().map(|node| node.0).collect();
    assert_eq!(nodes, [0, 1, 2, 4]);
    assert_eq!((next.n(), next.quorum()), (4, log.register.members().quorum()));
    // While it is under way, and after it, there is nothing more to replace.
    let end = log.register.end();
    log.says(1, &replace(3, 6));
    log.says(2, &replace(3, 6));
    assert_eq!(log.register.end(), end);
    log.turns();
    for by in 0..3 {
        log.says(by, &replace(3, 6));
    }
    assert_eq!(log.register.next(), None);
    assert_eq!(log.docket.convicted().len(), 0, "who left is forgotten");
}

#[test]
fn liars_the_administrator_and_the_policy_can_each_prevent_a_replacement_and_no_liar_makes_one() {
    let four = Membership::new(4).unwrap();
    // One voice, twice, and one for somebody else.
    let mut log = Log::under(four, replacing());
    log.says(0, &against(3, 0));
    log.says(2, &replace(3, 9));
    log.says(2, &replace(3, 9));
    log.says(1, &replace(3, 4));
    assert_eq!(log.register.next(), None);
    // Nobody but the convicted is replaced, and not who is freed.
    log.says(2, &replace(0, 9));
    log.says(1, &replace(0, 9));
    assert_eq!(log.register.next(), None);
    assert_eq!(log.orders(3, Some(Order::Free)), Ok(()));
    log.says(1, &replace(3, 4));
    log.says(0, &replace(3, 4));
    assert_eq!(log.register.next(), None);
    // Agreement is broken: nothing that is decided can be relied upon. Or nobody asked for it.
    let (mut broken, unasked) = (Log::under(four, replacing()), Log::new(4));
    broken.says(0, &against(2, 0));
    for mut log in [broken, unasked] {
        log.says(0, &against(3, 0));
        log.says(0, &replace(3, 4));
        log.says(1, &replace(3, 4));
        assert_eq!(log.register.next(), None);
        assert!(log.docket.convicted().contains(NodeId(3)));
    }
}

/// Two of four lie: their replies contradict a correct one's, as only one of a correct one could.
#[test]
fn what_holds_if_at_most_f_lie_convicts_nobody_once_more_are_proven_to() {
    let mut log = Log::under(Membership::new(4).unwrap(), replacing());
    log.says(2, &contradicted(0, &[2, 3]));
    assert_eq!((log.convicted(), log.docket.is_beyond()), (vec![0], false), "one of four may lie");
    // Both can't be guilty if one lies at most: so more do, whoever they are, and nobody is replaced.
    log.says(1, &against(2, 0));
    assert_eq!((log.convicted(), log.docket.is_beyond()), (vec![0, 2], true));
    for by in [1, 3] {
        log.says(by, &replace(0, 4));
    }
    assert_eq!(log.register.next(), None, "proof that assumes the contrary is no reason");
    log.says(1, &against(3, 0));
    assert_eq!((log.convicted(), log.docket.is_beyond()), (vec![2, 3], true));
    assert!(log.decided.contains(&What::Acquitted), "and the log says so");
    assert_eq!(log.held(), [2, 3]);
    // It stays free, whatever is shown, also once the liars are gone; and who shows it isn't punished.
    log.says(1, &contradicted(0, &[2, 3]));
    let piece = log.docket.piece().unwrap();
    assert_eq!(log.install(Some(&piece)).unwrap().piece(), Some(piece));
    let add = vec![newcomer(4), newcomer(5)];
    let remove = vec![NodeId(2), NodeId(3)];
    let change = Change { add, remove, ..Change::default() };
    assert!(matches!(log.changes(&change), ChangeOutcome::Changed { .. }));
    log.turns();
    log.says(1, &contradicted(0, &[2, 3]));
    assert_eq!((log.convicted(), log.docket.is_beyond()), (vec![], false));
    assert!(!log.docket.quarantine().unwrap().is_misled(NodeId(1)));
}

#[test]
fn a_conviction_that_assumes_f_ends_with_the_epoch_that_disproved_that_unless_it_is_proven_better()
{
    for (better, left) in [(false, vec![]), (true, vec![0])] {
        let mut log = Log::new(4);
        log.says(1, &contradicted(0, &[2, 3]));
        if better {
            log.says(1, &against(0, 0));
        }
        log.says(1, &against(2, 0));
        assert_eq!(log.convicted(), [0, 2]);
        let (add, remove) = (vec![newcomer(4)], vec![NodeId(2)]);
        let change = Change { add, remove, ..Change::default() };
        assert!(matches!(log.changes(&change), ChangeOutcome::Changed { .. }));
        log.turns();
        log.says(1, &contradicted(0, &[2, 3]));
        assert_eq!(log.convicted(), left, "proven better: {better}");
    }
}
