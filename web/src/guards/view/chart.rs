//! One panel of one side: a picture, and the same in words.

use yew::{html::Scope, prelude::*};

use super::scale::{HEIGHT, Scale};
use crate::{
    knob::amount,
    page::{Msg, Page},
    panel::{Layer, Shown, Stretch},
};

/// What both sides of a panel have in common.
pub(super) struct Frame<'a> {
    pub(super) page: &'a Page,
    pub(super) link: &'a Scope<Page>,
    pub(super) name: &'static str,
    /// What the top stands for, on both sides.
    pub(super) top: u32,
    /// The time that is shown, in seconds.
    pub(super) seconds: u32,
}

/// A chart or a band.
pub(super) fn view(frame: &Frame<'_>, shown: &Shown) -> Html {
    match shown {
        Shown::Chart { unit, layers } => chart(frame, unit, layers),
        Shown::Band(stretches) => band(frame, stretches),
    }
}

/// The highest point that is drawn.
pub(super) fn highest(shown: &Shown) -> u32 {
    let Shown::Chart { layers, .. } = shown else { return 0 };
    let lines = layers.iter().filter(|it| !it.look.is_area());
    let lines = lines.flat_map(|it| it.values.iter().flatten()).copied().max().unwrap_or(0);
    stacked(layers)
        .last()
        .map_or(0, |(_, _, above)| above.iter().copied().max().unwrap_or(0))
        .max(lines)
}

/// Areas on top of each other: below and above of each.
fn stacked(layers: &[Layer]) -> Vec<(&Layer, Vec<u32>, Vec<u32>)> {
    let mut sums: Vec<u32> = layers.first().map_or_else(Vec::new, |it| vec![0; it.values.len()]);
    let mut areas = Vec::new();
    for layer in layers.iter().filter(|it| it.look.is_area()) {
        let below = sums.clone();
        for (sum, value) in sums.iter_mut().zip(&layer.values) {
            *sum += value.unwrap_or(0);
        }
        areas.push((layer, below, sums.clone()));
    }
    areas
}

fn chart(frame: &Frame<'_>, unit: &'static str, layers: &[Layer]) -> Html {
    let Frame { page, link, name, top, seconds } = *frame;
    let buckets = layers.first().map_or(1, |it| it.values.len());
    let scale = Scale { width: page.width, buckets, top };
    let areas = stacked(layers).into_iter().map(|(layer, below, above)| {
        html! { <path class={layer.look.class()} d={scale.area(&below, &above)} /> }
    });
    let lines = layers.iter().filter(|it| !it.look.is_area()).map(|layer| {
        html! { <path class={layer.look.class()} d={scale.line(&layer.values)} /> }
    });
    let at = scale.x(page.moment) / 10;
    let width = page.width;
    let rule = |value: u32| {
        let y = scale.y(value) / 10;
        html! { <line class="rule" x1="0" x2={width.to_string()} y1={y.to_string()} y2={y.to_string()} /> }
    };
    let onpointermove = link.batch_callback(move |event: PointerEvent| {
        let moment = event.offset_x().max(0) as usize * buckets / width.max(1) as usize;
        (moment < buckets).then_some(Msg::Moment(moment))
    });
    html! {
        <>
            <ul class="key">{ for layers.iter().map(|it| key(it, page.moment, unit)) }</ul>
            <svg class="chart" role="img" aria-label={words(name, unit, layers)} width={width.to_string()}
                height={HEIGHT.to_string()} viewBox={format!("0 0 {width} {HEIGHT}")} {onpointermove}>
                { rule(top) }{ rule(top / 2) }
                { for areas }{ for lines }
                <line class="moment" x1={at.to_string()} x2={at.to_string()} y1="0" y2={HEIGHT.to_string()} />
                <text x="2" y="11">{ amount(top, unit) }</text>
            </svg>
            <p class="ticks" aria-hidden="true">
                { for (0..=6).map(|it| html! { <span>{ format!("{} s", seconds * it / 6) }</span> }) }
            </p>
        </>
    }
}

/// How a layer is drawn, and where it is at the moment that is read out.
fn key(layer: &Layer, moment: usize, unit: &str) -> Html {
    let value = layer.values.get(moment).copied().flatten();
    let value = value.map_or_else(|| "–".into(), |it| amount(it, unit));
    html! {
        <li><svg class="swatch" aria-hidden="true" viewBox="0 0 22 12">
            if layer.look.is_area() { <path class={layer.look.class()} d="M0 0H22V12H0Z" /> }
            else { <path class={layer.look.class()} d="M0 6H22" /> }
        </svg>{ layer.name }<b>{ value }</b></li>
    }
}

/// The picture in one sentence.
fn words(name: &str, unit: &str, layers: &[Layer]) -> String {
    let of = |Layer { name, values, .. }: &Layer| {
        let there = || values.iter().flatten().copied();
        match (there().min(), there().max(), there().last()) {
            (Some(min), Some(max), Some(last)) => format!(
                " {name}: from {} to {}, at the end {}.",
                amount(min, unit),
                amount(max, unit),
                amount(last, unit)
            ),
            _ => format!(" {name}: nothing."),
        }
    };
    format!("{name}.{}", layers.iter().map(of).collect::<String>())
}

fn band(frame: &Frame<'_>, stretches: &[Stretch]) -> Html {
    let seconds = frame.seconds;
    let when = |it: u32| format!("{}.{} s", it * seconds / 1_000, it * seconds / 100 % 10);
    let words = stretches.iter().fold(format!("{}:", frame.name), |words, it| {
        format!("{words} {} from {} to {};", it.name, when(it.from), when(it.to))
    });
    html! {
        <div class="band" role="img" aria-label={words}>
            { for stretches.iter().map(|it| {
                let width = it.to - it.from;
                let style = format!("width:{}.{}%", width / 10, width % 10);
                // Of short ones the name doesn't fit; the list of what happened has it.
                html! { <i class={format!("grade-{}", it.grade)} {style} title={it.name}>
                    { if width >= 70 { it.name } else { "" } }</i> }
            }) }
        </div>
    }
}

/// Patterns that areas are filled with: stripes and dots tell them apart without colour.
pub(super) fn patterns() -> Html {
    html! {
        <svg class="defs" aria-hidden="true" width="0" height="0"><defs>
            <pattern id="stripes" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
                <rect width="6" height="6" class="bad-ground" /><rect width="2.6" height="6" class="bad-ink" />
            </pattern>
            <pattern id="dots" width="6" height="6" patternUnits="userSpaceOnUse">
                <rect width="6" height="6" class="refused-ground" /><circle cx="1.5" cy="1.5" r="1.2" class="refused-ink" />
                <circle cx="4.5" cy="4.5" r="1.2" class="refused-ink" />
            </pattern>
        </defs></svg>
    }
}
