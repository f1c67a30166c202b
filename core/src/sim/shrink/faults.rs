//! Leaving out timed faults, ways of lying, and changes of membership.

use alloc::vec::Vec;

use super::{
    super::action::Action,
    search::{Search, changed},
};

/// *ddmin*: leaves out ever smaller parts of the list, until no single fault can be left out.
pub(super) fn leave_out(search: &mut Search<'_>) {
    let mut parts = 2;
    loop {
        let count = search.best().faults.len();
        if count == 0 || search.is_spent() {
            return;
        }
        let size = count.div_ceil(parts).max(1);
        let shorter = (0..count).step_by(size).any(|start| {
            let candidate = changed(search.best(), |scenario| {
                scenario.faults.drain(start..(start + size).min(count));
            });
            search.improves(&candidate)
        });
        if shorter {
            parts = parts.saturating_sub(1).max(2);
        } else if size == 1 {
            return;
        } else {
            parts = (parts * 2).min(count);
        }
    }
}

/// Leaves out one way of lying at a time.
pub(super) fn lie_less(search: &mut Search<'_>) {
    for index in 0..search.best().faults.len() {
        let mut way = 0;
        while ways(search, index) > 1 && way < ways(search, index) {
            let candidate = changed(search.best(), |scenario| {
                if let Action::Corrupt { strategies, .. } = &mut scenario.faults[index].action {
                    strategies.remove(way);
                }
            });
            if !search.improves(&candidate) {
                way += 1;
            }
        }
    }
}

/// Leaves out who joins and who leaves, one at a time; then the nodes that only wait.
pub(super) fn change_less(search: &mut Search<'_>) {
    for index in 0..search.best().faults.len() {
        for way in (0..changed_nodes(search.best(), index)).rev() {
            let candidate = changed(search.best(), |scenario| {
                let Some(fault) = scenario.faults.get_mut(index) else { return };
                if let Action::Reconfigure { add, remove } = &mut fault.action {
                    if way < add.len() {
                        add.remove(way);
                    } else if way < add.len() + remove.len() {
                        remove.remove(way - add.len());
                    }
                }
            });
            // With nobody left it is another fault to be left out.
            if changed_nodes(&candidate, index) > 0 {
                search.improves(&candidate);
            }
        }
    }
    while search.best().spares > 0 && !search.is_spent() {
        let candidate = changed(search.best(), |scenario| {
            scenario.spares -= 1;
            keep_possible(scenario);
        });
        if !search.improves(&candidate) {
            return;
        }
    }
}

/// How many nodes join or leave by a fault.
fn changed_nodes(scenario: &super::Scenario, index: usize) -> usize {
    match scenario.faults.get(index).map(|fault| &fault.action) {
        Some(Action::Reconfigure { add, remove }) => add.len() + remove.len(),
        _ => 0,
    }
}

fn ways(search: &Search<'_>, index: usize) -> usize {
    match search.best().faults.get(index).map(|fault| &fault.action) {
        Some(Action::Corrupt { strategies, .. }) => strategies.len(),
        _ => 0,
    }
}

/// Only those faults that a smaller cluster, a shorter run or fewer clients still have.
pub(super) fn keep_possible(scenario: &mut super::Scenario) {
    let (nodes, workload) = (scenario.all_nodes(), scenario.workload.clone());
    let possible: Vec<_> = core::mem::take(&mut scenario.faults)
        .into_iter()
        .filter(|fault| fault.at_ms < scenario.duration_ms)
        .filter(|fault| {
            super::super::limits::validate_action(&fault.action, nodes, &workload).is_ok()
        })
        .collect();
    scenario.faults = possible;
}
