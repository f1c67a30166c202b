//! What a node's log says to who runs it: epochs, who is suspected, what all agreed on, and how bad it
//! is. Reads events, changes nothing.
//!
//! None of it can fill the log: a score has two thresholds between which nothing is said, who accuses
//! without reason is silenced, and a level stays for its dwell.

use conclave_core::{
    detector::quarantine::{Entry, What},
    event::EventKind,
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
