//! What happened over the whole run, in rows on one scale of time, with a line where we are.

use yew::prelude::*;

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

/// From when on, until when, how high of three, and what it is.
pub(super) struct Stretch {
    pub(super) from_us: u64,
    pub(super) to_us: u64,
    pub(super) height: u64,
    pub(super) name: String,
}

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
    pub(super) fn bars(self, name: &'static str, times: impl Iterator<Item = u64>) -> Html {
        let (mut bars, mut by_now, mut all) = ([0_u64; BARS as usize], 0, 0);
        for us in times {
            let bar = (self.x(us) / BAR).min(BARS - 1) as usize;
            bars[bar] += 1;
            all += 1;
            by_now += u64::from(us <= self.now_us);
        }
        if all == 0 {
            return Html::default();
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
        let drawn = all.iter().map(|it| {
            let (from, to) = (self.x(it.from_us), self.x(it.to_us));
            let height = (it.height * HEIGHT / 3).max(2);
            let class = if it.from_us > self.now_us { "later" } else { "bar" };
            html! {
                <rect {class} x={from.to_string()} y={(HEIGHT - height).to_string()} width={to.saturating_sub(from).max(2).to_string()} height={height.to_string()}>
                    <title>{ it.name.clone() }</title>
                </rect>
            }
        });
        let words: Vec<&str> = all.iter().map(|it| &*it.name).collect();
        self.row(name, &words.join(", "), now, drawn.collect())
    }
}
