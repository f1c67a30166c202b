//! The scenarios in groups: a small picture of who fails, a name, and a one-line promise. Always in
//! reach: a list beside the stage, one choice above it where the screen is narrow.

use conclave_core::sim::{Fate, Poster};
use web_sys::HtmlSelectElement;
use yew::{html::Scope, prelude::*};

use crate::app::{App, Msg};

/// What belongs together, in the core's order: each group and the scenario that it begins with.
const GROUPS: &[(&str, &str)] = &[
    ("How it works", "normal-case"),
    ("When parts fail", "silent-primary"),
    ("When replicas lie", "equivocating-primary"),
    ("When the cluster changes", "membership-change"),
    ("When there is too much to do", "client-flood"),
];

/// The posters group by group.
fn groups(posters: &[Poster]) -> Vec<(&'static str, &[Poster])> {
    let mut rest = posters;
    let mut groups = Vec::with_capacity(GROUPS.len());
    for (index, (title, _)) in GROUPS.iter().enumerate() {
        let next = GROUPS.get(index + 1);
        let end = next.and_then(|(_, first)| rest.iter().position(|it| it.name == *first));
        let (group, others) = rest.split_at(end.unwrap_or(rest.len()));
        groups.push((*title, group));
        rest = others;
    }
    groups
}

/// The list, and the choice that stands for it on narrow screens.
pub(crate) fn view(posters: &[Poster], current: &str, link: &Scope<App>) -> Html {
    let groups = groups(posters);
    let promise = posters.iter().find(|poster| poster.name == current).map(|it| &*it.promise);
    html! {
        <nav class="gallery" aria-label="Scenarios">
            <label class="choice">
                <span class="sr">{ "Scenario" }</span>
                <select data-test="scenario-choice" onchange={link.batch_callback(|event: Event| {
                    let select: HtmlSelectElement = event.target_dyn_into()?;
                    Some(Msg::Pick(select.value()))
                })}>
                    { for groups.iter().map(|(title, group)| html! {
                        <optgroup key={*title} label={*title}>
                            { for group.iter().map(|poster| html! {
                                <option key={&*poster.name} value={poster.name.clone()} selected={poster.name == current}>
                                    { poster.title.clone() }</option>
                            }) }
                        </optgroup>
                    }) }
                </select>
                <span class="promise">{ promise.unwrap_or_default().to_owned() }</span>
            </label>
            { for groups.iter().map(|(title, group)| html! {
                <section key={*title}>
                    <h2>{ *title }</h2>
                    <ul>{ for group.iter().map(|poster| item(poster, poster.name == current, link)) }</ul>
                </section>
            }) }
        </nav>
    }
}

fn item(poster: &Poster, chosen: bool, link: &Scope<App>) -> Html {
    let name = poster.name.clone();
    html! {
        <li key={&*name}>
            <button class={classes!("scenario", chosen.then_some("chosen"))}
                data-test={format!("scenario-{name}")} title={poster.promise.clone()}
                aria-current={chosen.then_some("true")}
                onclick={link.callback(move |_| Msg::Pick(name.clone()))}>
                { picture(&poster.fates) }
                <strong>{ poster.title.clone() }</strong>
                if chosen { <span>{ poster.promise.clone() }</span> }
            </button>
        </li>
    }
}

/// The replicas of a scenario and what becomes of them, by shape as well as by colour: a ring for
/// one that crashes, a dashed one for one that is cut off, a diamond for one that lies.
fn picture(fates: &[Fate]) -> Html {
    let count = fates.len().max(1);
    let small = (count > 7).then_some("small");
    html! {
        <svg class={classes!("poster", small)} viewBox="0 0 34 34" aria-hidden="true" focusable="false">
            <circle class="orbit" cx="17" cy="17" r="12" />
            { for fates.iter().enumerate().map(|(index, fate)| {
                let class = match fate {
                    Fate::Well => "well",
                    Fate::Down => "down",
                    Fate::Apart => "apart",
                    Fate::Liar => "liar",
                };
                // Drawn at the top and turned into its place: whole degrees are near enough.
                let turn = format!("rotate({} 17 17)", index * 360 / count);
                html! { <g class={class} transform={turn}><circle cx="17" cy="5" r="3.2" /><path d="M17 .6l4.2 4.4-4.2 4.4-4.2-4.4z" /></g> }
            }) }
        </svg>
    }
}

#[cfg(test)]
mod tests {
    use conclave_core::sim;

    use super::*;

    #[test]
    fn each_group_begins_with_its_scenario_and_together_they_hold_all() {
        let posters = sim::gallery().unwrap().posters;
        let groups = groups(&posters);
        for ((_, group), (title, first)) in groups.iter().zip(GROUPS) {
            assert_eq!(group[0].name, *first, "{title}");
        }
        assert_eq!(groups.iter().map(|(_, group)| group.len()).sum::<usize>(), posters.len());
    }
}
