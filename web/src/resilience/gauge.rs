//! How much of how much: a bar with the places at which something changes, and the same in words.

use yew::prelude::*;

/// How it stands, by looks and by words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// As it should be.
    Calm,
    /// Something is done about it.
    Near,
    /// Over its limit.
    Over,
}

/// A bar.
pub(super) struct Gauge {
    /// What it measures.
    pub(super) name: String,
    /// The same at length.
    pub(super) title: &'static str,
    /// For tests.
    pub(super) test: String,
    /// How full it is, in parts per million.
    pub(super) ppm: u64,
    /// Where something changes, in parts per million.
    pub(super) ticks: Vec<u64>,
    /// How it stands.
    pub(super) tone: Tone,
    /// The value.
    pub(super) words: String,
}

/// So many parts per million of the whole; nothing of nothing.
pub(super) fn ppm(part: u64, of: u64) -> u64 {
    part.saturating_mul(1_000_000).checked_div(of).unwrap_or(0)
}

impl Gauge {
    pub(super) fn view(self) -> Html {
        let x = |ppm: u64| (ppm.min(1_000_000) / 1_000).to_string();
        let class = match self.tone {
            Tone::Calm => "calm",
            Tone::Near => "near",
            Tone::Over => "over",
        };
        html! {
            <div class={classes!("gauge", class)} title={self.title}>
                <span>{ self.name }</span>
                <svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">
                    <rect class="track" width="1000" height="10" />
                    <rect class="fill" width={x(self.ppm)} height="10" />
                    { for self.ticks.iter().map(|tick| html! { <path class="tick" d={format!("M{} 0V10", x(*tick))} /> }) }
                </svg>
                <b data-test={self.test}>{ self.words }</b>
            </div>
        }
    }
}

/// A part of the inspector: its heading, the same at length, and what it shows.
pub(super) fn section(
    test: &'static str,
    heading: &'static str,
    title: &'static str,
    shown: Html,
) -> Html {
    html! { <section class="guard" data-test={test}><h3 {title}>{ heading }</h3>{ shown }</section> }
}

/// Steps of which the lower ones are taken, up to the one that is named.
pub(super) fn ladder(steps: usize, taken: usize) -> Html {
    html! {
        <svg class={format!("ladder at-{taken}")} viewBox="0 0 52 22" aria-hidden="true" focusable="false">
            { for (0..steps).map(|step| {
                let height = 7 + 5 * step;
                let class = if step <= taken { "taken" } else { "left" };
                html! { <rect {class} x={(step * 13).to_string()} y={(22 - height).to_string()} width="11" height={height.to_string()} rx="2" /> }
            }) }
        </svg>
    }
}

/// Milliseconds between two moments, as a sentence says them.
pub(super) fn in_ms(now_us: u64, then_us: u64) -> String {
    format!("{} ms", then_us.saturating_sub(now_us).div_ceil(1_000))
}
