//! Time: play, step, jump, scrub, speed.

use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::{html::Scope, prelude::*};

use super::tool::round;
use crate::{
    app::{App, Msg},
    icons::{Icon, icon},
    lab::Lab,
    model::{
        chronicle::Sign,
        decimals::decimals,
        lanes::time_words,
        pace::{Pace, Times},
    },
};

/// The bottom line.
pub(crate) fn view(app: &App, link: &Scope<App>) -> Html {
    let lab = &app.lab;
    let (here, steps) = (lab.clock.steps, lab.branch().recording.steps());
    let playing = lab.playing;
    let end_us = lab.branch().recording.at_us(steps) as f64;
    let now = time_words(lab.clock.us, if lab.clock.us >= 1e6 { 1e3 } else { 10.0 });
    let spoken = format!("step {here} of {steps}, {now}");
    html! {
        <footer class="transport" aria-label="Time">
            <div class="buttons">
                { round(Icon::Start, "To the start (Home)", "home", link, || Msg::Seek(0)) }
                { round(Icon::PreviousMarker, "Previous marker ([)", "previous-marker", link, || Msg::Jump(false)) }
                { round(Icon::StepBack, "One event back (,)", "step-back", link, || Msg::Step(-1)) }
                <button class="tool play" data-test="play"
                    aria-label={if playing { "Pause (Space)" } else { "Play (Space)" }}
                    title={if playing { "Pause (Space)" } else { "Play (Space)" }}
                    onclick={link.callback(|_| Msg::TogglePlay)}>
                    { icon(if playing { Icon::Pause } else { Icon::Play }) }
                </button>
                { round(Icon::StepForward, "One event forwards (.)", "step-forward", link, || Msg::Step(1)) }
                { round(Icon::NextMarker, "Next marker (])", "next-marker", link, || Msg::Jump(true)) }
                { round(Icon::End, "To the end (End)", "end", link, || Msg::Seek(u64::MAX)) }
            </div>
            <div class="timeline">
                { signs(lab) }
                <input type="range" class="scrubber" data-test="scrubber" min="0"
                    max={steps.to_string()} step="1" value={here.to_string()}
                    ref={app.scrubber.clone()}
                    aria-label="Position in the run" aria-valuetext={spoken}
                    oninput={link.batch_callback(|event: InputEvent| {
                        let input: HtmlInputElement = event.target_dyn_into()?;
                        Some(Msg::Seek(input.value().parse().ok()?))
                    })} />
            </div>
            <div class="readout">
                <span class="clock">{ now }</span>
                <span class="of">{ format!("/ {}", time_words(end_us, 1e5)) }</span>
                <span class="step">
                    { "step " }<b data-test="position">{ here }</b>{ " of " }
                    <span data-test="steps">{ steps }</span>
                </span>
            </div>
            <label class="speed">
                <span>{ "Speed" }</span>
                <select data-test="speed" title="Virtual time against real time (- and =). Even: slow where much happens."
                    onchange={link.batch_callback(|event: Event| {
                        let select: HtmlSelectElement = event.target_dyn_into()?;
                        Some(Msg::Pace(Pace::from_key(&select.value())))
                    })}>
                    { for Pace::all().map(|(pace, name)| html! {
                        <option key={pace.key()} value={pace.key()} selected={pace == lab.pace}>{ name }</option>
                    }) }
                </select>
            </label>
        </footer>
    }
}

/// What happened, along the scrubber: shape and height differ, not just colour.
fn signs(lab: &Lab) -> Html {
    let steps = lab.branch().recording.steps().max(1) as f64;
    let at = |step: u64| decimals((step + 1) as f64 / steps * 100.0, 3) + "%";
    let mut entered = u64::MAX;
    let marks = lab.branch().chronicle.marks().filter_map(|mark| {
        let x = at(mark.step);
        match &mark.sign {
            Sign::Fault(text) => Some(html! {
                <svg class="fault" x={x} overflow="visible"><path d="M0 1l5 5-5 5-5-5z"><title>{ text.clone() }</title></path></svg>
            }),
            Sign::Entered(view) if view.0 != entered => {
                entered = view.0;
                Some(html! {
                    <svg class="view" x={x} overflow="visible"><path d="M-1 0h2v12h-2z"><title>{ format!("view {view} starts") }</title></path></svg>
                })
            }
            Sign::Violated(invariant) => Some(html! {
                <svg class="violated" x={x} overflow="visible"><path d="M-4 2l8 8M4 2l-8 8"><title>{ format!("{} violated", invariant.name()) }</title></path></svg>
            }),
            Sign::Marker(_) => Some(html! {
                <svg class="marker" x={x} overflow="visible"><path d="M-5 0h10l-5 8z" /></svg>
            }),
            _ => None,
        }
    });
    html! { <svg class="signs" aria-hidden="true" focusable="false">{ for marks }</svg> }
}
