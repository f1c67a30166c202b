//! What happened over the whole run, in rows on one scale of time, with a line where we are.

use yew::prelude::*;

use crate::model::lanes::time_words;

/// Into how many bars a row is cut.
const BARS: u64 = 150;
/// How wide each is drawn.
const BAR: u64 = 4;
/// How high a row is drawn.
const HEIGHT: u64 = 20;

/// The scale of time.
#[derive(Clone, Copy)]
pub(super) struct Strip {
    /// Where we are, in µs,
    pub(super) now_us: u64,
    /// of so much.
    pub(super) end_us: u64,
}

/// From when on until the next, how high of three, and what it is.
pub(super) type Stretch = (u64, u64, String);

impl Strip {
    fn x(self, us: u64) -> u64 {
        us.min(self.end_us) * BARS * BAR / self.end_us.max(1)
    }

    fn row(self, name: &'static str, words: &str, count: &str, drawn: Html) -> Html {
        let view = format!("0 0 {} {HEIGHT}", BARS * BAR);
        html! {
            <div class="strip">
                <span>{ name }</span>
                <svg role="img" aria-label={format!("{name}: {words}")} viewBox={view} preserveAspectRatio="none">
                    <path class="ground" d={format!("M0 {HEIGHT}H{}", BARS * BAR)} />
                    { drawn }
                    <path class="here" d={format!("M{} 0V{HEIGHT}", self.x(self.now_us))} />
                </svg>
                <b>{ count.to_owned() }</b>
            </div>
        }
    }

    /// How often something happened, and when. Nothing if it never does.
    pub(super) fn bars(self, name: &'static str, times: &[u64]) -> Html {
        if times.is_empty() {
            return Html::default();
        }
        let (mut bars, mut by_now, all) = ([0_u64; BARS as usize], 0, times.len());
        for us in times.iter().copied() {
            let bar = (self.x(us) / BAR).min(BARS - 1) as usize;
            bars[bar] += 1;
            by_now += u64::from(us <= self.now_us);
        }
        let most = bars.iter().copied().max().unwrap_or(1).max(1);
        let drawn = (0..).zip(bars).filter(|(_, count)| *count > 0).map(|(bar, count)| {
            let height = (count * HEIGHT).div_ceil(most);
            let (x, y) = (bar * BAR, HEIGHT - height);
            let class = if x > self.x(self.now_us) { "later" } else { "bar" };
            html! { <rect {class} x={x.to_string()} y={y.to_string()} width="3" height={height.to_string()} /> }
        });
        let words = format!("{by_now} by now, {all} in the whole run");
        self.row(name, &words, &by_now.to_string(), drawn.collect())
    }

    /// What lasted for how long.
    pub(super) fn stretches(self, name: &'static str, now: &str, all: &[Stretch]) -> Html {
        let mut drawn = Vec::new();
        let mut words = String::new();
        for (index, (from_us, height, what)) in all.iter().enumerate() {
            let to_us = all.get(index + 1).map_or(self.end_us, |next| next.0);
            let (from, to) = (self.x(*from_us), self.x(to_us));
            let height = (height * HEIGHT / 3).max(2);
            let class = if *from_us > self.now_us { "later" } else { "bar" };
            drawn.push(html! {
                <rect {class} x={from.to_string()} y={(HEIGHT - height).to_string()} width={to.saturating_sub(from).max(2).to_string()} height={height.to_string()} />
            });
            words = words + what + " from " + &time_words(*from_us as f64, 1e4) + "; ";
        }
        self.row(name, &words, now, drawn.into_iter().collect())
    }
}
