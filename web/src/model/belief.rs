//! What replicas believe of each other at a moment, beside what is so.

use std::collections::VecDeque;

use conclave_core::{
    detector::{
        evidence::Offence,
        quarantine::{Order, What},
    },
    event::EventKind,
    ids::NodeId,
    replica::Docket,
    sorted::SortedMap,
};

/// What one replica thinks of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Opinion {
    /// It holds proof.
    Proven(Offence),
    /// It suspects it: the score, and why in words.
    Suspected(u8, String),
    /// It did once.
    Cleared,
}

/// An opinion, and when it was formed.
#[derive(Clone, Debug)]
struct Formed {
    us: u64,
    step: u64,
    by: NodeId,
    about: NodeId,
    opinion: Opinion,
}

/// All opinions in the order in which they were formed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beliefs(VecDeque<Formed>);

/// What is believed at a moment: of whom, by whom, what, and since when (µs).
pub(crate) type Held<'a> = SortedMap<(NodeId, NodeId), (&'a Opinion, u64)>;

/// What all agree on about one replica: decided in the log, and the same for everyone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Agreed {
    /// Nothing.
    #[default]
    Nothing,
    /// It is in quarantine.
    Quarantined,
    /// There is proof against it.
    Convicted,
}

impl Agreed {
    /// By what a replica has of the log.
    pub(crate) fn of(docket: Option<&Docket>, node: NodeId) -> Self {
        match docket {
            Some(docket) if docket.convicted().contains(node) => Self::Convicted,
            Some(docket) if docket.is_restrained(node) => Self::Quarantined,
            _ => Self::Nothing,
        }
    }

    /// What all agree on once this is decided. `None`: it changes nothing of that.
    pub(crate) fn after(what: &What) -> Option<Self> {
        Some(match what {
            What::Held { .. } | What::Ordered(Some(Order::Hold)) => Self::Quarantined,
            What::Convicted { .. } => Self::Convicted,
            What::Released
            | What::Displaced
            | What::Acquitted
            | What::Ordered(Some(Order::Free)) => Self::Nothing,
            _ => return None,
        })
    }

    /// In words.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Nothing => "–",
            Self::Quarantined => "quarantined",
            Self::Convicted => "convicted",
        }
    }
}

/// What others hold of one replica.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// How many hold proof.
    pub(crate) proven: usize,
    /// How many suspect it without proof.
    pub(crate) suspected: usize,
    /// What all agree on.
    pub(crate) agreed: Agreed,
}

impl Beliefs {
    /// Takes in what a replica comes to think. Proof isn't forgotten.
    pub(crate) fn push(
        &mut self,
        us: u64,
        step: u64,
        by: NodeId,
        kind: &EventKind,
        limit: Option<usize>,
    ) {
        let (about, opinion) = match kind {
            EventKind::Convicted { offender, offence, .. } => {
                (*offender, Opinion::Proven(**offence))
            }
            EventKind::Suspected { peer, score, reasons } => {
                let why: Vec<_> = reasons.iter().map(|reason| reason.kind.name()).collect();
                (*peer, Opinion::Suspected(*score, why.join(", ")))
            }
            EventKind::Unsuspected { peer, .. } => (*peer, Opinion::Cleared),
            _ => return,
        };
        // The replica inside a liar is honest, and finds out whose name it bears.
        if about == by {
            return;
        }
        super::chronicle::keep(&mut self.0, Formed { us, step, by, about, opinion }, limit);
    }

    /// What is believed after so many steps (`None`: as far as is known).
    pub(crate) fn held(&self, steps: Option<u64>) -> Held<'_> {
        let mut held = Held::new();
        for it in self.0.iter().take_while(|it| steps.is_none_or(|steps| it.step < steps)) {
            let key = (it.about, it.by);
            let proven = matches!(held.get(&key), Some((Opinion::Proven(_), _)));
            match it.opinion {
                _ if proven => {}
                Opinion::Cleared => drop(held.remove(&key)),
                _ => drop(held.insert(key, (&it.opinion, it.us))),
            }
        }
        held
    }
}

/// What others hold of it, and what all agree on.
pub(crate) fn standing(held: &Held<'_>, about: NodeId, agreed: Agreed) -> Standing {
    let mut standing = Standing { agreed, ..Standing::default() };
    for (_, (opinion, _)) in held.iter().filter(|((of, _), _)| *of == about) {
        match opinion {
            Opinion::Proven(_) => standing.proven += 1,
            _ => standing.suspected += 1,
        }
    }
    standing
}
