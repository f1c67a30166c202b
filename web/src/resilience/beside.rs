//! Scenarios that are told side by side: the other one becomes a branch, with the same seed, and both
//! are drawn on one scale.

use conclave_core::sim::{Recording, Run, Scenario};
use wasm_bindgen_futures::spawn_local;
use yew::{html::Scope, prelude::*};

use crate::{
    app::{self, App},
    lab::{Branch, MAX_BRANCHES},
    shelf::{self, NotBrought},
};

/// Two of a kind: the same in all but what is to be seen.
const PAIRS: &[(&str, &str)] =
    &[("flaky-link", "flaky-link-jitter"), ("slow-dependency", "slow-dependency-bulkhead")];

/// What happens to guards.
pub(crate) enum Msg {
    /// This scenario is to be put beside the one that is shown.
    Beside(String),
    /// It came, or didn't.
    Brought(Result<Box<Scenario>, NotBrought>),
}

/// The other one of a pair.
fn other(name: &str) -> Option<&'static str> {
    PAIRS.iter().find_map(|(one, two)| match name {
        _ if name == *one => Some(*two),
        _ if name == *two => Some(*one),
        _ => None,
    })
}

/// A button, if there is something to put beside, and it isn't there yet.
pub(super) fn offer(app: &App, link: &Scope<App>) -> Html {
    let lab = &app.lab;
    let name = other(&lab.scenario().name);
    let is_there =
        |name: &str| lab.branches.iter().any(|it| it.recording.run().scenario.name == name);
    let Some(poster) = name.filter(|it| !is_there(it)).and_then(|it| app.shelf.poster(it)) else {
        return Html::default();
    };
    let name = poster.name.clone();
    html! {
        <button class="act" data-test="beside" title={poster.promise.clone()} onclick={link.callback(move |_| {
            app::Msg::Guards(Msg::Beside(name.clone()))
        })}>{ format!("Put “{}” beside it", poster.title) }</button>
    }
}

/// Carries it out.
pub(crate) fn update(app: &mut App, message: Msg, link: &Scope<App>) {
    match message {
        Msg::Beside(name) => {
            match (app.shelf.get(&name).cloned(), app.shelf.poster(&name).cloned()) {
                (Some(scenario), _) => put(app, scenario, link),
                (None, Some(poster)) => {
                    let link = link.clone();
                    spawn_local(async move {
                        let brought = shelf::bring(poster).await.map(Box::new);
                        link.send_message(app::Msg::Guards(Msg::Brought(brought)));
                    });
                }
                (None, None) => {}
            }
        }
        Msg::Brought(Ok(scenario)) => {
            app.shelf.put(Scenario::clone(&scenario));
            put(app, *scenario, link);
        }
        Msg::Brought(Err(why)) => app.say(format!("The scenario didn't load: {why}."), link),
    }
}

fn put(app: &mut App, scenario: Scenario, link: &Scope<App>) {
    let lab = &mut app.lab;
    // It was asked for beside another, if that has been left since.
    if other(&lab.scenario().name) != Some(&scenario.name) {
        return;
    }
    if lab.branches.len() >= MAX_BRANCHES {
        let full = format!("{MAX_BRANCHES} branches are open: close one to make room.");
        return app.say(full, link);
    }
    let (name, seed) = (scenario.title.clone(), lab.branch().recording.run().seed);
    match Recording::new(Run::new(scenario, seed)) {
        Ok(recording) => lab.branches.push(Branch::new(name, recording)),
        Err(error) => app.say(error.to_string(), link),
    }
}

#[cfg(test)]
mod tests {
    use conclave_core::sim::builtin;

    use super::*;

    #[test]
    fn what_is_told_side_by_side_differs_in_what_is_to_be_seen_alone() {
        for (one, two) in PAIRS {
            let [one, two] = [one, two].map(|name| builtin(name).unwrap());
            assert_eq!(other(&one.name), Some(&*two.name));
            assert_eq!(other(&two.name), Some(&*one.name));
            assert_eq!(
                (one.seed, &one.faults, one.duration_ms),
                (two.seed, &two.faults, two.duration_ms)
            );
            assert_eq!((one.network, one.members), (two.network, two.members));
            let differ = |it: &Scenario| (it.workload.patience.clone(), it.dependency.clone());
            assert_ne!(differ(&one), differ(&two));
        }
        assert_eq!(other("normal-case"), None);
    }
}
