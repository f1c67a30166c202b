//! What a node's log says to who runs it: epochs, who is suspected, what all agreed on, and how bad it
//! is. Reads events, changes nothing.
//!
//! None of it can fill the log: a score has two thresholds between which nothing is said, who accuses
//! without reason is silenced, and a level stays for its dwell.

use conclave_core::{
    detector::quarantine::{Entry, What},
    event::EventKind,
    quorum::NodeSet,
};

/// Says it, if an operator would want to know.
pub(super) fn tell(event: &EventKind) {
    match event {
        EventKind::EpochBegun { epoch, members, .. } => {
            tracing::info!(%epoch, ?members, "an epoch began");
        }
        EventKind::Retired { epoch } => tracing::warn!(
            %epoch,
            "this node is no member any more; keep it running until every new member is ready, for \
             they may fetch the state from it"
        ),
        EventKind::Suspected { peer, score, reasons } => {
            let why: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            tracing::warn!(%peer, score, why = why.join(", "), "suspects a peer");
        }
        EventKind::Unsuspected { peer, score } => {
            tracing::info!(%peer, score, "doesn't suspect a peer any more");
        }
        EventKind::Convicted { offender, offence, shown_by } => {
            let shown_by = shown_by.map_or_else(|| "nobody".into(), |node| node.to_string());
            tracing::warn!(%offender, %offence, shown_by, "holds proof");
        }
        EventKind::Decided { entry } => decided(entry),
        EventKind::Threat { level, protocol, why, .. } => {
            tracing::warn!(%level, recommended = protocol.name(), why, "the threat changed");
        }
        _ => {}
    }
}

/// What restrains somebody is a warning.
fn decided(entry: &Entry) {
    let Entry { position, what, .. } = entry;
    match what {
        What::Held { .. } | What::Convicted { .. } | What::Misled | What::Silenced => {
            tracing::warn!(%position, "agreed: {entry}");
        }
        _ => tracing::info!(%position, "agreed: {entry}"),
    }
}

/// Safe mode begins or ends: an operator has work to do, and is told which.
pub(super) fn tell_safe_mode(begins: bool, convicted: NodeSet) {
    tracing::error!("{}", safe_mode(begins, convicted));
}

fn safe_mode(begins: bool, convicted: NodeSet) -> String {
    if !begins {
        return "safe mode is over, and requests are written again: no more members are proven to lie \
                than may. What nodes agreed on before may differ or be false: look at it with \
                `conclave evidence compare`, and restore what is wrong from a copy of before"
            .into();
    }
    let guilty: Vec<String> = convicted.iter().map(|node| node.to_string()).collect();
    format!(
        "safe mode: nodes {} are proven to lie, and those are more than may. Nothing is written any \
         more, and what is read may be false. Find out who else lied with `conclave evidence \
         compare`, replace the liars with `conclave member`, and restore what is wrong from a copy \
         of before",
        guilty.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use conclave_core::ids::NodeId;

    use super::*;

    #[test]
    fn who_runs_it_is_told_who_lied_and_what_to_do() {
        let mut guilty = NodeSet::default();
        guilty.insert(NodeId(2));
        guilty.insert(NodeId(5));
        let begins = safe_mode(true, guilty);
        for says in ["nodes 2, 5 are", "Nothing is written", "evidence compare", "restore"] {
            assert!(begins.contains(says), "{says}: {begins}");
        }
        let ends = safe_mode(false, NodeSet::default());
        for says in ["is over", "written again", "evidence compare", "restore"] {
            assert!(ends.contains(says), "{says}: {ends}");
        }
    }
}
