//! The narration: one sentence at a marker, what to try, and what the latest lie amounts to.

use yew::{html::Scope, prelude::*};

use crate::{
    app::{App, Msg},
    icons::{Icon, icon},
    model::words,
};

/// The card.
pub(crate) fn view(app: &App, link: &Scope<App>) -> Html {
    let lab = &app.lab;
    let scenario = lab.scenario();
    let told = lab.narration();
    let count = scenario.narration.len();
    let ended = lab.branch().complete && lab.clock.steps >= lab.branch().recording.steps();
    let lie = words::latest_lie(&lab.branch().chronicle, lab.clock.steps);
    let told = told.and_then(|index| Some((index, scenario.narration.get(index)?)));
    let try_it = told.and_then(|(_, narration)| narration.try_it.clone());
    let body = match told {
        Some((index, narration)) => html! {
            <>
                <p class="count">{ format!("{} of {count}", index + 1) }</p>
                <p class="say" data-test="narration">{ narration.say.clone() }</p>
            </>
        },
        None => html! { <p class="say" data-test="narration">{ scenario.promise.clone() }</p> },
    };
    html! {
        <section class="story" aria-label="Story">
            <h2>{ scenario.title.clone() }</h2>
            { body }
            if let Some(lie) = lie {
                <p class="lie" data-test="lie">{ icon(Icon::Mask) }<span>{ lie }</span></p>
            }
            if let Some(try_it) = try_it {
                <p class="try"><b>{ "Now you try. " }</b>{ try_it }</p>
            }
            <div class="go">
                if ended {
                    <button class="primary" onclick={link.callback(|_| Msg::Seek(0))}>
                        { icon(Icon::Start) }{ "From the start" }
                    </button>
                } else if !lab.playing && lab.clock.steps == 0 {
                    <button class="primary" data-test="story-play"
                        onclick={link.callback(|_| Msg::TogglePlay)}>
                        { icon(Icon::Play) }
                        { "Play" }
                    </button>
                }
            </div>
        </section>
    }
}
