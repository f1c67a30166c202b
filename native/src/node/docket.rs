//! What all nodes agree on about who lies, as one of them has executed it: for people, in one JSON
//! object.

use conclave_core::{
    analyzer::{Entry as Recommended, Level, Network, Trend},
    detector::quarantine::{Entry, Order, Quarantine, Record},
    ids::{NodeId, Seq},
    quorum::NodeSet,
    replica::Docket,
    time::WallTime,
};
use serde::{Deserialize, Serialize};

/// The latest decisions that are shown.
const RECENT: usize = 32;

/// The docket, as of a position.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocketView {
    /// The last position executed.
    pub executed: Seq,
    /// How bad it is,
    pub level: Level,
    /// where it goes,
    #[serde(default)]
    pub trend: Trend,
    /// and what the network is like.
    #[serde(default)]
    pub network: Network,
    /// Whether more are convicted than may lie: nothing is written any more.
    #[serde(default)]
    pub safe_mode: bool,
    /// What should be run and why, in one sentence; empty: nobody ever said anything.
    pub recommendation: String,
    /// Every member of whom there is anything to say.
    pub members: Vec<Listed>,
    /// The latest decisions, the oldest first.
    pub recent: Vec<Decision>,
    /// What was recommended, the oldest first.
    pub recommended: Vec<Decision>,
}

/// One member on the docket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Who.
    pub node: NodeId,
    /// Whether it is in quarantine, for whatever reason.
    pub restrained: bool,
    /// Whether there is proof against it.
    pub convicted: bool,
    /// Until when accusations hold it at least.
    pub held_until: Option<WallTime>,
    /// What the administrator decided.
    pub order: Option<Order>,
    /// Who accuses it.
    pub accused_by: Vec<NodeId>,
    /// Whether what it says itself counts for nothing.
    pub silenced: bool,
}

/// A decision in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Counted from 1.
    pub number: u64,
    /// The agreed time.
    pub at: WallTime,
    /// What, and why.
    pub says: String,
}

impl DocketView {
    /// As a replica has it after this position.
    pub fn of(docket: &Docket, executed: Seq) -> Self {
        let (Some(quarantine), Some(analyzer)) = (docket.quarantine(), docket.analyzer()) else {
            return Self { executed, ..Self::default() };
        };
        let recommendation = analyzer.recommendation();
        let entries = quarantine.history();
        let skipped = entries.len().saturating_sub(RECENT);
        Self {
            executed,
            level: analyzer.level(),
            trend: analyzer.trend(),
            network: analyzer.network(),
            safe_mode: docket.is_beyond(),
            recommendation: recommendation.map(ToString::to_string).unwrap_or_default(),
            members: quarantine
                .members()
                .nodes()
                .filter_map(|node| listed(quarantine, node))
                .collect(),
            recent: entries.skip(skipped).map(decision).collect(),
            recommended: analyzer.history().map(recommended).collect(),
        }
    }
}

fn listed(quarantine: &Quarantine, node: NodeId) -> Option<Listed> {
    let Record { hold, convicted, order, .. } = quarantine.record(node)?;
    let accusers = quarantine.accusers(node);
    let listed = Listed {
        node,
        restrained: quarantine.is_restrained(node),
        convicted: convicted.is_some(),
        held_until: hold.map(|hold| hold.until),
        order: *order,
        accused_by: accusers.iter().collect(),
        silenced: quarantine.is_silenced(node),
    };
    let says_nothing = !listed.restrained
        && !listed.convicted
        && !listed.silenced
        && order.is_none()
        && accusers == NodeSet::default();
    (!says_nothing).then_some(listed)
}

fn decision(entry: &Entry) -> Decision {
    Decision { number: entry.number, at: entry.at, says: entry.to_string() }
}

fn recommended(entry: &Recommended) -> Decision {
    let Recommended { number, at, recommendation } = entry;
    Decision { number: *number, at: WallTime(at.0 / 1_000), says: recommendation.to_string() }
}
