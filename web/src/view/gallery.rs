//! The scenarios in groups: a small picture of who fails, a name, and a one-line promise. Always in
//! reach: a list beside the stage, one choice above it where the screen is narrow.

use conclave_core::{
    ids::NodeId,
    sim::{self, Action, Scenario},
};
use web_sys::HtmlSelectElement;
use yew::{html::Scope, prelude::*};

use crate::app::{App, Msg};

/// What belongs together, in the order of reading. Names that this core doesn't bring are left out;
/// scenarios that no group names come last.
const GROUPS: &[(&str, &[&str])] = &[
    ("How it works", &["normal-case", "fast-reads", "checkpoints"]),
    (
        "When parts fail",
        &[
            "silent-primary",
            "slow-primary",
            "partition-and-heal",
            "lost-reply",
            "slow-network-suspects-nobody",
            "crash-and-recover",
            "late-replica",
            "lying-disk",
        ],
    ),
    (
        "When replicas lie",
        &[
            "equivocating-primary",
            "equivocation-proven",
            "two-faced-view-change",
            "colluding-f",
            "one-liar-too-many",
            "framing-an-honest-node",
            "rising-threat",
            "why-not-raft",
        ],
    ),
    ("When the cluster changes", &["membership-change", "switch-while-the-primary-dies"]),
];
/// The group of those that no group names.
const MORE: &str = "More";

/// A replica in a poster.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dot {
    Well,
    Down,
    Apart,
    Liar,
}

/// One entry: what of a scenario the gallery shows. Read once.
pub(crate) struct Entry {
    /// Its name in links and commands.
    name: &'static str,
    title: String,
    promise: String,
    group: &'static str,
    /// What becomes of each replica.
    dots: Vec<Dot>,
}

/// All built-in scenarios, group by group.
pub(crate) fn entries() -> Vec<Entry> {
    let named = GROUPS.iter().flat_map(|(group, names)| names.iter().map(|name| (*group, *name)));
    let mut order: Vec<(&str, &sim::Builtin)> = named
        .filter_map(|(group, name)| {
            Some((group, sim::BUILTIN.iter().find(|builtin| builtin.name == name)?))
        })
        .collect();
    for builtin in sim::BUILTIN {
        if !order.iter().any(|(_, known)| known.name == builtin.name) {
            order.push((MORE, builtin));
        }
    }
    order.into_iter().filter_map(|(group, builtin)| entry(group, builtin)).collect()
}

fn entry(group: &'static str, builtin: &sim::Builtin) -> Option<Entry> {
    let scenario = sim::builtin(builtin.name)?;
    let dots = scenario.members.nodes().map(|node| fate(&scenario, node)).collect();
    let Scenario { title, promise, .. } = scenario;
    Some(Entry { name: builtin.name, title, promise, group, dots })
}

/// The worst that happens to a replica.
fn fate(scenario: &Scenario, node: NodeId) -> Dot {
    let mut fate = Dot::Well;
    for fault in &scenario.faults {
        match &fault.action {
            Action::Corrupt { node: liar, .. } if *liar == node => return Dot::Liar,
            Action::Crash { node: down } if *down == node => fate = Dot::Down,
            Action::CutOff { node: apart } if *apart == node => fate = Dot::Apart,
            Action::Partition { groups } if groups.iter().any(|group| group.contains(&node)) => {
                fate = Dot::Apart;
            }
            _ => {}
        }
    }
    fate
}

/// The list, and the choice that stands for it on narrow screens.
pub(crate) fn view(entries: &[Entry], current: &str, link: &Scope<App>) -> Html {
    let groups: Vec<&[Entry]> = entries.chunk_by(|a, b| a.group == b.group).collect();
    let promise = entries.iter().find(|entry| entry.name == current).map(|entry| &*entry.promise);
    html! {
        <nav class="gallery" aria-label="Scenarios">
            <label class="choice">
                <span class="sr">{ "Scenario" }</span>
                <select data-test="scenario-choice" onchange={link.batch_callback(|event: Event| {
                    let select: HtmlSelectElement = event.target_dyn_into()?;
                    let name = select.value();
                    sim::BUILTIN.iter().find(|builtin| builtin.name == name).map(|found| Msg::Pick(found.name))
                })}>
                    { for groups.iter().map(|group| html! {
                        <optgroup key={group[0].group} label={group[0].group}>
                            { for group.iter().map(|entry| html! {
                                <option key={entry.name} value={entry.name} selected={entry.name == current}>
                                    { entry.title.clone() }</option>
                            }) }
                        </optgroup>
                    }) }
                </select>
                <span class="promise">{ promise.unwrap_or_default().to_owned() }</span>
            </label>
            { for groups.iter().map(|group| html! {
                <section key={group[0].group}>
                    <h2>{ group[0].group }</h2>
                    <ul>{ for group.iter().map(|entry| item(entry, entry.name == current, link)) }</ul>
                </section>
            }) }
        </nav>
    }
}

fn item(entry: &Entry, chosen: bool, link: &Scope<App>) -> Html {
    let name = entry.name;
    html! {
        <li key={name}>
            <button class={classes!("scenario", chosen.then_some("chosen"))}
                data-test={format!("scenario-{name}")} title={entry.promise.clone()}
                aria-current={chosen.then_some("true")}
                onclick={link.callback(move |_| Msg::Pick(name))}>
                { poster(&entry.dots) }
                <strong>{ entry.title.clone() }</strong>
                if chosen { <span>{ entry.promise.clone() }</span> }
            </button>
        </li>
    }
}

/// The replicas of a scenario and what becomes of them, by shape as well as by colour: a ring for
/// one that crashes, a dashed one for one that is cut off, a diamond for one that lies.
fn poster(dots: &[Dot]) -> Html {
    let count = dots.len().max(1);
    let small = (count > 7).then_some("small");
    html! {
        <svg class={classes!("poster", small)} viewBox="0 0 34 34" aria-hidden="true" focusable="false">
            <circle class="orbit" cx="17" cy="17" r="12" />
            { for dots.iter().enumerate().map(|(index, dot)| {
                let class = match dot {
                    Dot::Well => "well",
                    Dot::Down => "down",
                    Dot::Apart => "apart",
                    Dot::Liar => "liar",
                };
                // Drawn at the top and turned into its place: whole degrees are near enough.
                let turn = format!("rotate({} 17 17)", index * 360 / count);
                html! { <g class={class} transform={turn}><circle cx="17" cy="5" r="3.2" /><path d="M17 .6l4.2 4.4-4.2 4.4-4.2-4.4z" /></g> }
            }) }
        </svg>
    }
}
