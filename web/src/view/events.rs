//! What happened, as a table of sentences: the pictures' equal for those who read or listen.

use conclave_core::{
    event::{Event, EventKind},
    ids::Principal,
};
use yew::{html::Scope, prelude::*};

use super::tool::segment;
use crate::{
    app::{App, Msg, World},
    model::{lanes::time_words, scene::Selection, words},
};

/// Rows that are shown.
const ROWS: usize = 36;
/// How many sentences are made in search of rows.
const REACH: usize = 4_000;
/// How far back rows are looked for: in large clusters a milestone stands among tens of thousands of
/// messages.
const FAR: usize = 1_000_000;

/// Where a filter leaves nothing.
const NO_SUCH: &str = "No such event yet. Choose All to see every message.";

/// Which events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// What matters to the story.
    Milestones,
    /// What concerns the selected replica, client or message's ends.
    Selected,
    /// Everything.
    All,
}

impl Filter {
    fn shows(self, event: &Event, milestone: bool, selected: Option<Selection>) -> bool {
        match (self, selected) {
            (Self::All, _) => true,
            (Self::Selected, Some(Selection::Node(node))) => {
                event.place == Principal::Node(node).into()
            }
            (Self::Selected, Some(Selection::Client(client))) => {
                event.place == Principal::Client(client).into()
            }
            _ => milestone,
        }
    }

    /// Whether that can be told without a sentence: messages on their way are no milestones.
    fn passes_over(self, event: &Event, selected: Option<Selection>) -> bool {
        let is_message = matches!(
            event.kind,
            EventKind::Sent { .. } | EventKind::Delivered { .. } | EventKind::Lost { .. }
        );
        is_message && !self.shows(event, false, selected)
    }
}

/// The table with its filter.
pub(crate) fn view(app: &App, world: World, link: &Scope<App>) -> Html {
    let filter = app.filter;
    let choice = |which: Filter, name: &'static str, test: &'static str| {
        segment(name, test, filter == which, link.callback(move |_| Msg::Filter(which)))
    };
    html! {
        <section class="events" aria-label="Events">
            <div class="bar">
                <h2>{ "Events" }</h2>
                <div class="segments small" role="group" aria-label="Which events">
                    { choice(Filter::Milestones, "Milestones", "events-milestones") }
                    { choice(Filter::Selected, "Selected", "events-selected") }
                    { choice(Filter::All, "All", "events-all") }
                </div>
            </div>
            <ol class="rows" reversed={true}>
                { match world { World::Simulation => simulated(app, link), World::Live => live(app) } }
            </ol>
        </section>
    }
}

fn simulated(app: &App, link: &Scope<App>) -> Html {
    let lab = &app.lab;
    let recording = &lab.branch().recording;
    let mut rows = Vec::new();
    let mut step = lab.clock.steps;
    let (mut looked, mut passed) = (0, 0);
    while step > 0 && rows.len() < ROWS && looked < REACH && passed < FAR {
        step -= 1;
        let range = recording.events_of(step);
        for index in range.rev() {
            let event = &recording.events()[index];
            if app.filter.passes_over(event, lab.selected) {
                passed += 1;
                continue;
            }
            looked += 1;
            let (mut text, milestone) = words::event(event);
            if let EventKind::Marker { index } = event.kind
                && let Some(narration) = lab.scenario().narration.get(index as usize)
            {
                text.clone_from(&narration.say);
            }
            if !app.filter.shows(event, milestone, lab.selected) {
                continue;
            }
            let target = step + 1;
            rows.push(html! {
                <li key={index} class={classes!(milestone.then_some("milestone"))}>
                    <button onclick={link.callback(move |_| Msg::Seek(target))}
                        title={format!("Go to step {target}")}>
                        { row(event, &text, event.at.as_micros() as f64, 10.0) }
                    </button>
                </li>
            });
        }
    }
    if rows.is_empty() {
        let why = if lab.clock.steps == 0 {
            "Nothing has happened yet. Press Space to play, or . to step."
        } else {
            NO_SUCH
        };
        return html! { <li class="empty">{ why }</li> };
    }
    html! { <>{ for rows }</> }
}

fn live(app: &App) -> Html {
    let Some(live) = &app.live else { return Html::default() };
    let now_us = live.picture.shown_us(crate::app::real_us());
    let rows: Vec<Html> = live
        .picture
        .recent()
        .filter_map(|event| {
            let (text, milestone) = words::event(event);
            app.filter.shows(event, milestone, live.selected).then(
                || html! { <li>{ row(event, &text, event.at.as_micros() as f64 - now_us, 1e3) }</li> },
            )
        })
        .take(ROWS)
        .collect();
    if rows.is_empty() {
        return html! { <li class="empty">{ NO_SUCH }</li> };
    }
    html! { <>{ for rows }</> }
}

/// To `least_us` if it is less than a second.
fn row(event: &Event, text: &str, us: f64, least_us: f64) -> Html {
    html! {
        <>
            <time>{ time_words(us, if us.abs() >= 1e6 { 1e3 } else { least_us }) }</time>
            <b>{ words::place(event.place) }</b>
            <span>{ text.to_owned() }</span>
        </>
    }
}
