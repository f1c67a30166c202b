//! Presets and knobs.

use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::{html::Scope, prelude::*};

use crate::{
    knob::{Kind, Knob},
    page::{Msg, Page},
};

/// The buttons for classic failures.
pub(super) fn presets(page: &Page, link: &Scope<Page>) -> Html {
    let chosen = page.stand.is_preset();
    html! {
        <div class="presets" role="group" aria-label="Classic failures">
            { for page.stand.pattern().presets.iter().enumerate().map(|(at, preset)| html! {
                <button class="preset" data-test={format!("preset-{at}")}
                    aria-pressed={(chosen == Some(at)).to_string()}
                    onclick={link.callback(move |_| Msg::Preset(at))}>{ preset.name }</button>
            }) }
        </div>
    }
}

/// All knobs: the world's, and those of the side that is looked at.
pub(super) fn knobs(page: &Page, link: &Scope<Page>) -> Html {
    let pattern = page.stand.pattern();
    let both = page.stand.both;
    let side = page.side;
    let segment = |at: usize, name: &'static str| {
        html! {
            <button class="segment" data-test={format!("side-{at}")} aria-pressed={(side == at).to_string()}
                onclick={link.callback(move |_| Msg::Side(at))}>{ name }</button>
        }
    };
    html! {
        <div class="knobs">
            <fieldset>
                <legend>{ "The world" }</legend>
                { for pattern.world.iter().zip(&page.stand.world).map(|(knob, value)| {
                    self::knob(knob, *value, None, None, link)
                }) }
            </fieldset>
            <fieldset>
                <legend>{ "The guard" }</legend>
                <div class="sides-row">
                    if both {
                        <div class="segments small" role="group" aria-label="Whose knobs">
                            { segment(0, "A") }{ segment(1, "B") }
                        </div>
                    }
                    <label class="compare"><input type="checkbox" data-test="compare" checked={both}
                        onchange={link.callback(|event: Event| {
                            let input: HtmlInputElement = event.target_unchecked_into();
                            Msg::Both(input.checked())
                        })} />{ "A beside B" }</label>
                </div>
                { for pattern.guard.iter().enumerate().map(|(at, knob)| {
                    let value = |side: usize| page.stand.sides[side].get(at).copied().unwrap_or(knob.usual);
                    let other = both.then(|| value(1 - side)).filter(|it| *it != value(side));
                    self::knob(knob, value(side), Some(side), other, link)
                }) }
            </fieldset>
        </div>
    }
}

fn knob(
    knob: &'static Knob,
    value: u32,
    side: Option<usize>,
    other: Option<u32>,
    link: &Scope<Page>,
) -> Html {
    let key = knob.key;
    let test = format!("knob-{key}");
    let turn = move |value: u32| Msg::Turn(side, key, value);
    let settled = link.callback(|_: Event| Msg::Settled);
    let differs = other.map(|it| {
        let name = if side == Some(0) { "B" } else { "A" };
        html! { <em>{ format!("{name}: {}", knob.words(it)) }</em> }
    });
    let control = match knob.kind {
        Kind::Range(from, to, step, _) => {
            let oninput = link.batch_callback(move |event: InputEvent| {
                let input: HtmlInputElement = event.target_unchecked_into();
                Some(turn(input.value().parse().ok()?))
            });
            let share = (value - from) * 100 / (to - from).max(1);
            html! {
                <input type="range" class="scrubber" data-test={test} min={from.to_string()} max={to.to_string()}
                    step={step.to_string()} value={value.to_string()} style={format!("--at:{share}%")}
                    aria-valuetext={knob.words(value)} {oninput} onchange={settled} />
            }
        }
        Kind::Switch => html! {
            <input type="checkbox" class="switch" role="switch" data-test={test} checked={value != 0}
                onchange={link.callback(move |event: Event| {
                    let input: HtmlInputElement = event.target_unchecked_into();
                    turn(u32::from(input.checked()))
                })} onclick={link.callback(|_| Msg::Settled)} />
        },
        Kind::Choice(names) => html! {
            <select data-test={test} onchange={link.callback(move |event: Event| {
                let select: HtmlSelectElement = event.target_unchecked_into();
                turn(select.selected_index().max(0) as u32)
            })} onblur={link.callback(|_| Msg::Settled)}>
                { for names.iter().enumerate().map(|(at, name)| html! {
                    <option selected={at as u32 == value}>{ *name }</option>
                }) }
            </select>
        },
    };
    let class = if knob.kind == Kind::Switch { "knob flat" } else { "knob" };
    let shown = matches!(knob.kind, Kind::Range(..)).then(|| knob.words(value));
    html! {
        <label class={class} key={key}>
            <span>{ knob.label }{ for differs }</span>
            <b>{ shown.unwrap_or_default() }</b>
            { control }
        </label>
    }
}
