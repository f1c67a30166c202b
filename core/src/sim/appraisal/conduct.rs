//! What the nodes of a trial do: one table.

use alloc::{vec, vec::Vec};

use super::super::{
    action::Action,
    adversary::{Forgery, Strategy},
};
use crate::{ids::NodeId, pbft::MessageKind, quorum::Membership};

/// What can be asked of a detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Liars sign what no correct node signs: once two correct nodes have it, they are to be proven
    /// guilty.
    Provable,
    /// Liars misbehave all the time, where others can see it: they are to be held guilty.
    Active,
    /// Liars do what a correct node sees nothing of, can't tell from a bad line, or answers otherwise
    /// than by holding them guilty: who accuses falsely loses its voice. Reported, and nothing is
    /// asked but that nobody honest pays for it.
    Hidden,
    /// Nobody lies: nobody may be held guilty.
    Honest,
}

impl Class {
    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provable => "provable",
            Self::Active => "active",
            Self::Hidden => "hidden",
            Self::Honest => "honest",
        }
    }
}

/// A way to behave.
#[derive(Clone, Copy, Debug)]
pub struct Conduct {
    /// Lower-case words with hyphens.
    pub name: &'static str,
    /// What can be asked.
    pub class: Class,
    /// In one line.
    pub what: &'static str,
    /// Who lies.
    pub(super) liars: Liars,
    /// How; nothing if nobody does.
    pub(super) strategies: fn() -> Vec<Strategy>,
    /// What happens besides, so long after the lies begin (ms).
    pub(super) besides: fn(Membership) -> Vec<(u32, Action)>,
}

/// Which f nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Liars {
    /// Nobody.
    None,
    /// The first: they lead first.
    First,
    /// Those after the first: they lead once it is down.
    Next,
    /// The last: they follow.
    Last,
}

const fn lying(
    name: &'static str,
    class: Class,
    liars: Liars,
    strategies: fn() -> Vec<Strategy>,
    what: &'static str,
) -> Conduct {
    Conduct { name, class, what, liars, strategies, besides: |_| Vec::new() }
}

const fn honest(
    name: &'static str,
    besides: fn(Membership) -> Vec<(u32, Action)>,
    what: &'static str,
) -> Conduct {
    Conduct { name, class: Class::Honest, what, liars: Liars::None, strategies: Vec::new, besides }
}

impl Conduct {
    /// The same, while something else happens.
    const fn while_also(mut self, besides: fn(Membership) -> Vec<(u32, Action)>) -> Self {
        self.besides = besides;
        self
    }
}

/// All of them.
pub const CONDUCTS: &[Conduct] = &[
    lying(
        "equivocating-primary",
        Class::Provable,
        Liars::First,
        || vec![Strategy::Equivocate { victims: Vec::new(), kinds: Vec::new() }],
        "proposes one batch to half of the others, and another to the rest",
    ),
    lying(
        "equivocating-votes",
        Class::Provable,
        Liars::Last,
        || equivocate(&[MessageKind::Prepare, MessageKind::Commit]),
        "votes for the batch before half of the others, and for another before the rest",
    ),
    lying(
        "equivocating-checkpoints",
        Class::Provable,
        Liars::Last,
        || equivocate(&[MessageKind::Checkpoint]),
        "vouches for two states at one position",
    ),
    lying(
        "split-votes",
        Class::Provable,
        Liars::Last,
        || vec![wrong_digest(&[MessageKind::Commit])],
        "prepares one batch and commits another",
    ),
    lying(
        "forged-view-change",
        Class::Provable,
        Liars::Last,
        || vec![Strategy::Forge { how: Forgery::Few, kinds: vec![MessageKind::ViewChange] }],
        "asks for a view with certificates that lack a signer",
    )
    .while_also(first_crashes),
    lying(
        "repeated-signer",
        Class::Provable,
        Liars::Last,
        || vec![Strategy::Forge { how: Forgery::Repeated, kinds: vec![MessageKind::ViewChange] }],
        "asks for a view with certificates that name a signer twice",
    )
    .while_also(first_crashes),
    lying(
        "foreign-signature",
        Class::Provable,
        Liars::Last,
        || vec![Strategy::Forge { how: Forgery::Foreign, kinds: vec![MessageKind::ViewChange] }],
        "asks for a view with certificates that it signed in another's name",
    )
    .while_also(first_crashes),
    lying(
        "hidden-prepared",
        Class::Provable,
        Liars::Last,
        || vec![Strategy::HidePrepared { to: Vec::new() }],
        "asks for a view as if it had prepared and committed nothing",
    )
    .while_also(first_crashes),
    lying(
        "equivocating-new-view",
        Class::Provable,
        Liars::Next,
        || equivocate(&[MessageKind::NewView]),
        "begins its view one way before half of the others, and another before the rest",
    )
    .while_also(first_crashes),
    lying(
        "forged-new-view",
        Class::Provable,
        Liars::Next,
        || vec![Strategy::Forge { how: Forgery::Few, kinds: vec![MessageKind::NewView] }],
        "begins its view with too few who asked for it",
    )
    .while_also(first_crashes),
    lying(
        "false-new-view",
        Class::Provable,
        Liars::Next,
        || vec![Strategy::FalseNewView { to: Vec::new() }],
        "begins its view with proposals that don't follow from what was shown",
    )
    .while_also(first_crashes),
    lying(
        "false-state",
        Class::Provable,
        Liars::Last,
        || vec![Strategy::FalseState { kinds: vec![MessageKind::State], to: Vec::new() }],
        "gives who fetches the state other bytes than were agreed on",
    )
    .while_also(|_| {
        let node = NodeId(1);
        vec![(0, Action::CutOff { node }), (6_000, Action::Reconnect { node })]
    }),
    lying(
        "two-faced-view-change",
        Class::Provable,
        Liars::Last,
        || vec![Strategy::TwoFacedViewChange { victims: Vec::new() }],
        "shows half of the others what it prepared, and hides it from the rest",
    )
    .while_also(first_crashes),
    lying(
        "wrong-votes",
        Class::Active,
        Liars::Last,
        || vec![wrong_digest(&[MessageKind::Prepare, MessageKind::Commit])],
        "votes for another batch than was proposed, before all",
    ),
    lying(
        "silent-backup",
        Class::Active,
        Liars::Last,
        || vec![Strategy::Silent { kinds: Vec::new(), to: Vec::new() }],
        "says nothing",
    ),
    lying(
        "silent-primary",
        Class::Active,
        Liars::First,
        || vec![Strategy::Silent { kinds: Vec::new(), to: Vec::new() }],
        "says nothing, and leads",
    ),
    lying(
        "selective-backup",
        Class::Active,
        Liars::Last,
        || vec![Strategy::Selective { kinds: Vec::new() }],
        "speaks to half of the others, to which half changes",
    ),
    lying(
        "stale-votes",
        Class::Active,
        Liars::Last,
        || {
            let kinds = vec![MessageKind::Prepare, MessageKind::Commit];
            vec![Strategy::WrongPlace { view_by: 0, seq_by: -1, kinds, to: Vec::new() }]
        },
        "votes for the position before the one that is to be decided",
    ),
    lying(
        "late-backup",
        Class::Active,
        Liars::Last,
        || vec![Strategy::Delay { by_ms: 1_000, kinds: Vec::new(), to: Vec::new() }],
        "says everything a second late",
    ),
    lying(
        "slow-primary",
        Class::Active,
        Liars::First,
        || vec![Strategy::Slow { percent: 80 }],
        "proposes as late as it may without being replaced",
    ),
    lying(
        "flood",
        Class::Active,
        Liars::Last,
        || vec![Strategy::Flood { per_second: 1_000, to: Vec::new() }],
        "sends a thousand useless messages a second to everyone",
    ),
    lying(
        "replay",
        Class::Hidden,
        Liars::Last,
        || vec![Strategy::Replay { every: 1 }],
        "sends old messages again: so does whoever repairs a lossy line",
    ),
    lying(
        "reorder",
        Class::Hidden,
        Liars::Last,
        || vec![Strategy::Reorder { by_ms: 40, kinds: Vec::new() }],
        "holds messages back by up to 40 ms: so does a network",
    ),
    lying(
        "false-replies",
        Class::Provable,
        Liars::Last,
        || vec![Strategy::FalseReply {}],
        "answers clients with what nothing gave: they show it to the others",
    ),
    lying(
        "false-accusation",
        Class::Hidden,
        Liars::Last,
        || vec![Strategy::FalseAccusation { claim_ms: 10_000, every_ms: 50, to: Vec::new() }],
        "says that honest primaries are slow: nobody honest may pay for it",
    ),
    lying(
        "slander",
        Class::Hidden,
        Liars::Last,
        || slander(false),
        "accuses the innocent in the log: it loses its voice, and nobody honest may pay for it",
    ),
    lying(
        "false-proofs",
        Class::Hidden,
        Liars::Last,
        || slander(true),
        "brings proofs that prove nothing: it loses its voice, and nobody honest may pay for it",
    ),
    honest("calm", |_| Vec::new(), "everyone does as it should"),
    honest("slow-network", |members| between_all(members, 400), "every line becomes 400 ms slower"),
    honest(
        "slow-line",
        |members| {
            let (from, to) = (NodeId(1), NodeId(members.n() - 1));
            let slow = |from, to| (0, Action::SlowLink { from, to, by_ms: 300 });
            vec![slow(from, to), slow(to, from)]
        },
        "the line between two nodes becomes 300 ms slower",
    ),
    honest(
        "crash-and-restart",
        |members| {
            let node = NodeId(members.n() - 1);
            vec![(0, Action::Crash { node }), (4_000, Action::Restart { node })]
        },
        "a backup is down for four seconds",
    ),
    honest(
        "primary-crashes",
        |_| {
            vec![
                (0, Action::Crash { node: NodeId(0) }),
                (4_000, Action::Restart { node: NodeId(0) }),
            ]
        },
        "the primary is down for four seconds",
    ),
    honest(
        "cut-off",
        |members| {
            let node = NodeId(members.n() - 1);
            vec![(0, Action::CutOff { node }), (4_000, Action::Reconnect { node })]
        },
        "nobody hears a backup for four seconds, nor it anybody",
    ),
];

/// Equivocates in these kinds of message only.
fn equivocate(kinds: &[MessageKind]) -> Vec<Strategy> {
    vec![Strategy::Equivocate { victims: Vec::new(), kinds: kinds.to_vec() }]
}

fn wrong_digest(kinds: &[MessageKind]) -> Strategy {
    Strategy::WrongDigest { kinds: kinds.to_vec(), to: Vec::new() }
}

fn slander(proof: bool) -> Vec<Strategy> {
    vec![Strategy::Slander { against: Vec::new(), every_ms: 50, proof }]
}

/// So that views change.
fn first_crashes(_: Membership) -> Vec<(u32, Action)> {
    vec![(1_000, Action::Crash { node: NodeId(0) }), (4_000, Action::Restart { node: NodeId(0) })]
}

fn between_all(members: Membership, by_ms: u32) -> Vec<(u32, Action)> {
    let pairs = members.nodes().flat_map(|from| members.others(from).map(move |to| (from, to)));
    pairs.map(|(from, to)| (0, Action::SlowLink { from, to, by_ms })).collect()
}
