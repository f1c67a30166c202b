//! One playground each: what can be turned, what is shown, and what to notice.

mod adaptive;
mod breaker;
mod budget;
mod bulkhead;
mod chaos;
mod degradation;
mod health;
mod manager;
mod rate;
mod retry;
#[cfg(test)]
mod tests;
mod timeout;

use conclave_core::resilience::{
    manager::Policy,
    playground::{Callers, Service, Setting, Spell, Weather},
    retry::{self as retries, BudgetConfig},
    timeout as timeouts,
};

use super::{
    knob::{Knob, Values, range},
    panel::Panel,
};

/// A playground.
pub(crate) struct Pattern {
    /// Its name in links.
    pub(crate) key: &'static str,
    pub(crate) name: &'static str,
    /// What it is for, in a few words.
    pub(crate) promise: &'static str,
    /// What callers and services do: the same for both sides.
    pub(crate) world: &'static [Knob],
    /// What guards do: each side's own.
    pub(crate) guard: &'static [Knob],
    /// Classic failures. The first is what it opens with.
    pub(crate) presets: &'static [Preset],
    pub(crate) panels: &'static [Panel],
    pub(crate) setting: fn(&Values<'_>) -> Setting,
}

/// Knobs turned together. Those that it doesn't list stand as usual.
pub(crate) struct Preset {
    pub(crate) name: &'static str,
    /// What to notice, in one sentence.
    pub(crate) notice: &'static str,
    pub(crate) world: &'static [(&'static str, u32)],
    pub(crate) a: &'static [(&'static str, u32)],
    /// The other side, where two are to be held side by side.
    pub(crate) b: Option<&'static [(&'static str, u32)]>,
}

/// All of them, in the order in which a call meets them.
pub(crate) const PATTERNS: [&Pattern; 11] = [
    &manager::PATTERN,
    &degradation::PATTERN,
    &rate::PATTERN,
    &bulkhead::PATTERN,
    &adaptive::PATTERN,
    &retry::PATTERN,
    &breaker::PATTERN,
    &timeout::PATTERN,
    &health::PATTERN,
    &budget::PATTERN,
    &chaos::PATTERN,
];

/// What everything is drawn from.
const SEED: Knob = range("seed", "Seed", "", (1, 99, 1), 1);

/// The quiet world with these guards, and so many calls a second.
fn world(values: &Values<'_>, policy: Policy) -> Setting {
    let mut setting = Setting::quiet(policy);
    setting.seed = values.ms("seed");
    if let Some(callers) = setting.callers.first_mut() {
        callers.number = values.get("rate");
    }
    setting
}

/// No guard says no, and callers wait for long.
fn unguarded() -> Policy {
    Policy::default().bulkhead(None).retry(None).breaker(None).timeout(patience(30_000))
}

/// A timeout that stays where it is.
fn patience(ms: u64) -> timeouts::Config {
    timeouts::Config::default().adaptive(false).initial_ms(ms)
}

/// Retries that nothing bounds but their number.
fn unbudgeted(attempts: u32) -> retries::Config {
    let budget = BudgetConfig::default().share_ppm(10_000_000).floor(1_000_000);
    retries::Config::default().attempts(attempts).budget(budget)
}

/// The world's trouble begins here, in milliseconds.
const FROM_MS: u64 = 15_000;

/// A service in this weather from the usual moment on, for so many seconds.
fn service(weather: Weather, seconds: u32) -> Service {
    Service { weather: vec![spell(weather, seconds)], ..Service::default() }
}

fn spell(weather: Weather, seconds: u32) -> Spell {
    Spell { from_ms: FROM_MS, to_ms: FROM_MS + u64::from(seconds) * 1_000, weather }
}

/// The first group, as often as said and to that service.
fn group(setting: &Setting, number: u32, to: Option<u16>) -> Option<Callers> {
    setting.callers.first().map(|it| Callers { number, to, ..it.clone() })
}
