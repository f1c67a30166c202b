//! One moment, as both pictures need it; made from a simulated cluster or from real nodes' events.

use std::fmt::Write as _;

use conclave_core::{
    crypto::Digest,
    ids::{ClientId, MessageId, NodeId, Principal},
};

use super::{
    belief::{Agreed, Standing},
    chronicle::Chronicle,
};

/// What is true of a replica (simulation) or known of it (real nodes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeState {
    /// Runs and behaves.
    Up,
    /// Crashed, or its process is gone.
    Down,
    /// Runs, but nothing reaches it.
    CutOff,
    /// Lies.
    Byzantine,
    /// Its disk lost something: it says nothing that counts until it has recovered.
    Recovering,
    /// No member yet.
    Spare,
    /// No member any more.
    Retired,
    /// A real node that doesn't answer us: nothing is known.
    Unknown,
}

impl NodeState {
    /// For `data-state` and style sheets.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::CutOff => "cut-off",
            Self::Byzantine => "byzantine",
            Self::Recovering => "recovering",
            Self::Spare => "spare",
            Self::Retired => "retired",
            Self::Unknown => "unknown",
        }
    }

    /// In words.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "crashed",
            Self::CutOff => "cut off",
            Self::Byzantine => "Byzantine",
            Self::Recovering => "recovering",
            Self::Spare => "spare",
            Self::Retired => "retired",
            Self::Unknown => "not answering",
        }
    }
}

/// How far a slot is at one replica: 1 pre-prepared, 2 prepared, 3 committed, 4 executed.
pub(crate) type PhaseNumber = u8;

/// The words for [`PhaseNumber`].
pub(crate) const PHASES: [&str; 5] = ["idle", "pre-prepared", "prepared", "committed", "executed"];

/// The slot that a replica works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Current {
    /// Its position.
    pub(crate) seq: u64,
    /// How far.
    pub(crate) phase: PhaseNumber,
    /// Which batch.
    pub(crate) digest: Digest,
    /// Another batch than others were told.
    pub(crate) alt: bool,
}

/// One replica, as it looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Face {
    /// Which.
    pub(crate) id: NodeId,
    /// Its condition.
    pub(crate) state: NodeState,
    /// Its view.
    pub(crate) view: u64,
    /// In normal operation in that view.
    pub(crate) active: bool,
    /// It is the primary of the view it is in.
    pub(crate) primary: bool,
    /// The last position that it executed.
    pub(crate) executed: u64,
    /// What it works on.
    pub(crate) current: Option<Current>,
    /// What others hold of it.
    pub(crate) standing: Standing,
    /// How it lies, verb by verb.
    pub(crate) verbs: Vec<&'static str>,
}

impl Face {
    /// "Replica 2, backup, view 3, prepared 15, executed 14, crashed".
    pub(crate) fn name(&self) -> String {
        let role = if self.primary { "primary" } else { "backup" };
        let view = if self.active {
            format!("view {}", self.view)
        } else {
            format!("changing to view {}", self.view)
        };
        let slot = match self.current {
            Some(slot) if (1..4).contains(&slot.phase) => {
                format!(", {} {}", PHASES[slot.phase as usize], slot.seq)
            }
            _ => String::new(),
        };
        let lies = if self.verbs.is_empty() {
            String::new()
        } else {
            format!(" ({})", self.verbs.join(", "))
        };
        let (id, executed, state) = (self.id, self.executed, self.state.words());
        let mut name =
            format!("Replica {id}, {role}, {view}{slot}, executed {executed}, {state}{lies}");
        if self.standing.proven > 0 {
            let _ = write!(name, ", proven guilty by {}", self.standing.proven);
        }
        if self.standing.suspected > 0 {
            let _ = write!(name, ", suspected by {}", self.standing.suspected);
        }
        if self.standing.agreed != Agreed::Nothing {
            let _ = write!(name, ", {} by agreement", self.standing.agreed.words());
        }
        name
    }
}

/// What is looked at closely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// A replica.
    Node(NodeId),
    /// A message.
    Message(MessageId),
    /// A client.
    Client(ClientId),
}

/// Everything that a painter needs for one frame.
pub(crate) struct Scene<'a> {
    /// The past (and, in a recording, the future).
    pub(crate) chronicle: &'a Chronicle,
    /// The replicas.
    pub(crate) faces: &'a [Face],
    /// The clients.
    pub(crate) clients: &'a [ClientId],
    /// The clock, in µs.
    pub(crate) now_us: f64,
    /// How many steps have happened; `None` for real nodes.
    pub(crate) steps: Option<u64>,
    /// Where time begins and ends, in µs.
    pub(crate) extent_us: (f64, f64),
    /// Pairs between which nothing travels, each way on its own.
    pub(crate) cuts: &'a [(NodeId, NodeId)],
    /// What is selected.
    pub(crate) selected: Option<Selection>,
    /// Reduced motion: arrows instead of flying dots.
    pub(crate) still: bool,
}

impl Scene<'_> {
    /// The lane of a principal: clients above, replicas below.
    pub(crate) fn lane_of(&self, principal: Principal) -> Option<usize> {
        match principal {
            Principal::Client(client) => self.clients.iter().position(|c| *c == client),
            Principal::Node(node) => {
                let index = self.faces.iter().position(|face| face.id == node)?;
                Some(self.clients.len() + index)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_is_named_with_role_view_progress_and_state() {
        let face = Face {
            id: NodeId(2),
            state: NodeState::Down,
            view: 3,
            active: true,
            primary: false,
            executed: 14,
            current: None,
            standing: Standing::default(),
            verbs: vec![],
        };
        assert_eq!(face.name(), "Replica 2, backup, view 3, executed 14, crashed");
        let liar = Face { state: NodeState::Byzantine, verbs: vec!["equivocate"], ..face };
        assert!(liar.name().ends_with("Byzantine (equivocate)"));
        let standing = Standing { proven: 2, suspected: 1, agreed: Agreed::Convicted };
        let known = Face { standing, ..liar };
        let name = known.name();
        assert!(name.ends_with(", proven guilty by 2, suspected by 1, convicted by agreement"));
    }
}
