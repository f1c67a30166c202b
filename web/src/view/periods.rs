//! Threat and protection over time: a band for each level with what is recommended, and one for each
//! epoch with what orders it. The sentence below says why, of the band that is looked at, else of now.
//!
//! Bands are buttons: hovering or the focus opens the sentence, pressing goes to where it began.

use conclave_core::{analyzer::Level, ids::Epoch};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;
use yew::{html::Scope, prelude::*};

use crate::{
    app::{App, Msg},
    lab::Lab,
    model::{chronicle::Regime, decimals::decimals, lanes::time_words},
};

/// A regime, in µs from when to when.
#[derive(Clone, Debug, PartialEq)]
struct Stretch {
    from_us: u64,
    to_us: u64,
    /// Where pressing its band leads.
    step: u64,
    regime: Regime,
}

/// All of a run: of each kind from its beginning to its end, threats first. Empty if nothing changed.
fn stretches(lab: &Lab) -> Vec<Stretch> {
    let branch = lab.branch();
    if branch.chronicle.periods().next().is_none() {
        return Vec::new();
    }
    let members = lab.scenario().members;
    let (protocol, n) = (members.protocol(), usize::from(members.n()));
    let quiet = "nobody is known to misbehave.".to_owned();
    let firsts =
        [Regime::Threat(Level::Low, None, quiet), Regime::Epoch(Epoch::default(), protocol, n)];
    let mut all = Vec::new();
    for first in firsts {
        let is_threat = matches!(first, Regime::Threat(..));
        let (mut from_us, mut step, mut regime) = (0, 0, first);
        for period in branch.chronicle.periods().filter(|it| it.is_threat() == is_threat) {
            let next = std::mem::replace(&mut regime, period.regime.clone());
            all.push(Stretch { from_us, to_us: period.us, step, regime: next });
            (from_us, step) = (period.us, period.step + 1);
        }
        all.push(Stretch { from_us, to_us: branch.end_us() as u64, step, regime });
    }
    all
}

impl Stretch {
    const fn is_threat(&self) -> bool {
        matches!(self.regime, Regime::Threat(..))
    }

    /// What fits into a band.
    fn short(&self) -> String {
        match &self.regime {
            Regime::Threat(level, None, _) => level.to_string(),
            Regime::Threat(level, Some(protocol), _) => format!("{level} · {}", protocol.name()),
            Regime::Epoch(epoch, protocol, n) => format!("{epoch} · {} of {n}", protocol.name()),
        }
    }

    /// "0 ms to 1.2 s: threat low: PBFT, because …".
    fn sentence(&self) -> String {
        let time = |us: u64| time_words(us as f64, 1e4);
        let (from, to) = (time(self.from_us), time(self.to_us));
        match &self.regime {
            Regime::Threat(level, _, why) => format!("{from} to {to}: threat {level}: {why}"),
            Regime::Epoch(epoch, protocol, n) => {
                format!("{from} to {to}: epoch {epoch}, {} among {n} replicas.", protocol.name())
            }
        }
    }

    const fn class(&self) -> &'static str {
        match &self.regime {
            Regime::Threat(level, ..) => level.name(),
            Regime::Epoch(..) => "epoch",
        }
    }
}

/// The bands of a run in which anything is agreed on.
pub(crate) fn view(app: &App, link: &Scope<App>) -> Html {
    let all = stretches(&app.lab);
    if all.is_empty() {
        return Html::default();
    }
    let now = app.lab.clock.us as u64;
    // Threats come first. Of each kind, the last that has begun.
    let current =
        |threat: bool| all.iter().rposition(|it| it.is_threat() == threat && it.from_us <= now);
    let current = [current(true), current(false)];
    let epochs = all.iter().filter(|it| !it.is_threat()).count();
    let told = |index: &usize| all.get(*index).map(Stretch::sentence);
    let told: Vec<String> = match &app.peeked {
        Some(looked_at) => told(looked_at).into_iter().collect(),
        // One epoch is no news.
        None if epochs > 1 => current.iter().flatten().filter_map(told).collect(),
        None => current[0].as_ref().and_then(told).into_iter().collect(),
    };
    let band = |(index, stretch): (usize, &Stretch)| {
        let step = stretch.step;
        let peek = move |on: bool| Msg::Peek(on.then_some(index));
        let kind = if stretch.is_threat() { "threat" } else { "epochs" };
        html! {
            <button key={index} class={classes!("stretch", kind, stretch.class())} data-test={format!("band-{index}")}
                aria-label={stretch.sentence()}
                aria-current={current.contains(&Some(index)).then_some("true")}
                onmouseenter={link.callback(move |_| peek(true))} onmouseleave={link.callback(move |_| peek(false))}
                onfocus={link.callback(move |_| peek(true))} onblur={link.callback(move |_| peek(false))}
                onclick={link.callback(move |_| Msg::Seek(step))}>{ stretch.short() }</button>
        }
    };
    html! {
        <section class="periods" aria-label="Threat and protection over time" data-test="periods">
            <span title="How bad it is, by what is agreed, and what should be run">{ "threat" }</span>
            <span title="What runs: stretches of the log with one membership and one protocol">{ "epoch" }</span>
            <div class="tracks" ref={app.bands.clone()}>{ for all.iter().enumerate().map(band) }</div>
            <p data-test="why">{ told.join(" ") }</p>
        </section>
    }
}

/// Puts the bands to their times. As properties: a strict content-security policy forbids style
/// attributes.
pub(crate) fn lay_out(app: &App) {
    let Some(tracks) = app.bands.cast::<HtmlElement>() else { return };
    let bands = tracks.children();
    let end = app.lab.branch().end_us();
    for (index, Stretch { from_us, to_us, .. }) in (0..).zip(stretches(&app.lab)) {
        let band = bands.item(index).and_then(|it| it.dyn_into::<HtmlElement>().ok());
        let Some(band) = band else { return };
        let part = |us: u64| decimals(us as f64 / end * 100.0, 2) + "%";
        let width = part(to_us.saturating_sub(from_us));
        for (name, value) in [("left", part(from_us)), ("width", width)] {
            let _ = band.style().set_property(name, &value);
        }
    }
}
