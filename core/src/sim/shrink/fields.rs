//! Smaller numbers, and defaults instead of what was drawn.

use serde::{Serialize, de::DeserializeOwned};
use toml::Table;

use super::{
    super::{disk::DiskModel, network::Network, scenario::Scenario, workload::Workload},
    faults::keep_possible,
    search::{Search, changed},
};
use crate::{pbft::Config, quorum::Membership};

/// Nothing that comes after the failure matters.
pub(super) fn cut_the_end(search: &mut Search<'_>) {
    let end_ms = u32::try_from(search.fails_at().0 / 1_000 + 1).unwrap_or(u32::MAX);
    if end_ms >= search.best().duration_ms {
        return;
    }
    let candidate = changed(search.best(), |scenario| {
        scenario.duration_ms = end_ms;
        keep_possible(scenario);
    });
    search.improves(&candidate);
}

/// Fewer nodes, clients and requests.
pub(super) fn fewer(search: &mut Search<'_>) {
    // The smallest that fails: from below.
    for n in 4..search.best().members.n() {
        let Ok(members) = Membership::new(n) else { continue };
        let Ok(members) = members.under(search.best().members.protocol()) else { continue };
        // Those that are members no more wait as spares: numbers go on meaning the same nodes. So
        // it is only tried where there are spares; `change_less` sees to those that aren't needed.
        let same_numbers = changed(search.best(), |scenario| {
            scenario.spares += scenario.members.n() - n;
            scenario.members = members;
        });
        let candidate = changed(search.best(), |scenario| {
            scenario.members = members;
            keep_possible(scenario);
        });
        let has_spares = search.best().spares > 0;
        if search.improves(&candidate) || (has_spares && search.improves(&same_numbers)) {
            break;
        }
    }
    let clients = i64::from(search.best().workload.clients);
    search.towards(clients, clients.min(1), &|scenario, clients| {
        scenario.workload.clients = clients as u16;
        keep_possible(scenario);
        expect_no_more(scenario);
    });
    let requests = i64::from(search.best().workload.requests);
    search.towards(requests, requests.min(1), &|scenario, requests| {
        scenario.workload.requests = requests as u32;
        expect_no_more(scenario);
    });
}

/// Nobody can be answered more often than asked.
fn expect_no_more(scenario: &mut Scenario) {
    scenario.expect.min_completed = scenario.expect.min_completed.min(scenario.asked_honestly());
}

/// Every section as a whole, then each of its fields, as it is by default. Not `expect`: what is
/// expected is what fails.
pub(super) fn defaults(search: &mut Search<'_>) {
    section(search, |scenario| &mut scenario.network, |_| Network::default());
    section(search, |scenario| &mut scenario.disk, |_| DiskModel::default());
    // How many clients and requests: `fewer` has seen to that, and defaults would undo it.
    section(
        search,
        |scenario| &mut scenario.workload,
        |workload| Workload {
            clients: workload.clients,
            requests: workload.requests,
            ..Workload::default()
        },
    );
    section(search, |scenario| &mut scenario.config, |_| Config::default());
}

fn section<T: Clone + Serialize + DeserializeOwned>(
    search: &mut Search<'_>,
    of: impl Fn(&mut Scenario) -> &mut T,
    default: impl Fn(&T) -> T,
) {
    let default = default(of(&mut search.best().clone()));
    let candidate = changed(search.best(), |scenario| *of(scenario) = default.clone());
    if search.improves(&candidate) {
        return;
    }
    // A section is a table of numbers and names; what couldn't be written, `improves` refuses.
    let Ok(default) = Table::try_from(default) else { return };
    for (field, value) in default {
        let candidate = changed(search.best(), |scenario| {
            let section = of(scenario);
            let Ok(mut table) = Table::try_from(section.clone()) else { return };
            table.insert(field.clone(), value);
            if let Ok(simpler) = table.try_into() {
                *section = simpler;
            }
        });
        search.improves(&candidate);
    }
}
