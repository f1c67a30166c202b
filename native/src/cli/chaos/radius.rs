//! How many nodes are disturbed at once: no node can know that, so whoever starts an experiment asks
//! all of them first. One that doesn't answer may be down, and counts.

use std::collections::BTreeSet;

use conclave_core::{crypto::Digest, ids::NodeId};
use serde::Deserialize;

/// What is needed of what a node says of experiments.
#[derive(Debug, Deserialize)]
pub(super) struct Stand {
    pub(super) development: bool,
    pub(super) number: Option<Digest>,
    members: BTreeSet<NodeId>,
    f: u16,
    experiment: Option<Running>,
}

#[derive(Debug, Deserialize)]
struct Running {
    runs: bool,
}

/// Why experiments at these nodes would be too many; `None`: they wouldn't.
pub(super) fn beyond(
    stands: &[(NodeId, Result<Stand, String>)],
    wanted: &[NodeId],
) -> Option<String> {
    let known = || stands.iter().filter_map(|(node, it)| Some((*node, it.as_ref().ok()?)));
    // Nothing in a development cluster is worth protecting.
    if known().all(|(_, it)| it.development) {
        return None;
    }
    let members: BTreeSet<NodeId> =
        known().flat_map(|(_, it)| it.members.iter().copied()).collect();
    let f = known().map(|(_, it)| it.f).min().unwrap_or(0);
    let runs = |it: &Stand| it.experiment.as_ref().is_some_and(|it| it.runs);
    let under_way: BTreeSet<NodeId> =
        known().filter(|(_, it)| runs(it)).map(|(node, _)| node).collect();
    let answered: BTreeSet<NodeId> = known().map(|(node, _)| node).collect();
    let silent = &members - &answered;
    let wanted: BTreeSet<NodeId> = wanted.iter().copied().collect();
    let all = &(&wanted | &under_way) | &silent;
    if all.len() <= usize::from(f) {
        return None;
    }
    let list = |nodes: &BTreeSet<NodeId>| {
        let names: Vec<_> = nodes.iter().map(ToString::to_string).collect();
        if names.is_empty() { "none".into() } else { names.join(", ") }
    };
    Some(format!(
        "{} nodes would be disturbed or down at once, and {f} may be faulty: asked for at {}; under \
         way at {}; no answer from {}",
        all.len(),
        list(&wanted),
        list(&under_way),
        list(&silent),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stand(node: u16, development: bool, runs: bool) -> (NodeId, Result<Stand, String>) {
        let members = (0..4).map(NodeId).collect();
        let experiment = Some(Running { runs });
        let stand = Stand { development, number: None, members, f: 1, experiment };
        (NodeId(node), Ok(stand))
    }

    #[test]
    fn no_more_than_f_nodes_are_disturbed_or_down_at_once() {
        let all = |running: &[u16]| -> Vec<_> {
            (0..4).map(|node| stand(node, false, running.contains(&node))).collect()
        };
        assert_eq!(beyond(&all(&[]), &[NodeId(2)]), None);
        let two = beyond(&all(&[]), &[NodeId(2), NodeId(3)]).unwrap();
        assert!(two.starts_with("2 nodes would be disturbed or down at once, and 1 may"), "{two}");
        let another = beyond(&all(&[1]), &[NodeId(2)]).unwrap();
        assert!(another.contains("under way at 1"), "{another}");
        assert_eq!(beyond(&all(&[2]), &[NodeId(2)]), None, "the node itself refuses a second one");
        let mut one_is_down = all(&[]);
        one_is_down[0].1 = Err("connection refused".into());
        let down = beyond(&one_is_down, &[NodeId(2)]).unwrap();
        assert!(down.contains("no answer from 0"), "{down}");
        assert_eq!(beyond(&one_is_down, &[NodeId(0)]), None, "it is down as it is");
    }

    #[test]
    fn a_development_cluster_may_be_broken_altogether() {
        let all: Vec<_> = (0..4).map(|node| stand(node, true, node == 1)).collect();
        assert_eq!(beyond(&all, &[NodeId(0), NodeId(2), NodeId(3)]), None);
    }

    #[test]
    fn what_a_node_says_is_understood() {
        let seen = crate::chaos::tests::quiet().seen();
        let said = serde_json::to_string(&seen).unwrap();
        let stand: Stand = serde_json::from_str(&said).unwrap();
        assert_eq!((stand.f, stand.members.len(), stand.number), (1, 4, seen.number));
        assert!(stand.development && stand.experiment.is_none());
    }
}
