mod conservation;
mod settings;
mod stories;

use super::{Bucket, Heartbeats, Played, Service, Setting, Spell, Weather, play};
use crate::resilience::{health::PhiConfig, manager::Policy};

/// No guard says no: calls wait for up to a minute and are tried once.
fn unguarded() -> Policy {
    let timeout = crate::resilience::timeout::Config::default().adaptive(false).initial_ms(30_000);
    Policy::default().bulkhead(None).retry(None).breaker(None).timeout(timeout)
}

fn spell(from_s: u64, to_s: u64, weather: Weather) -> Spell {
    Spell { from_ms: from_s * 1_000, to_ms: to_s * 1_000, weather }
}

fn weather(from_s: u64, to_s: u64, weather: Weather) -> Service {
    Service { weather: [spell(from_s, to_s, weather)].into(), ..Service::default() }
}

/// The callers of the quiet world, but so many calls a second.
fn calling(mut setting: Setting, per_second: u32) -> Setting {
    setting.callers[0].number = per_second;
    setting
}

fn heartbeats(every_ms: u64, jitter_percent: u32, threshold_milli: u64) -> Heartbeats {
    let phi = PhiConfig::default().expected_ms(every_ms).threshold_milli(threshold_milli);
    Heartbeats { every_ms, jitter_percent, phi, decides: true }
}

fn played(setting: &Setting) -> Played {
    play(setting).unwrap_or_else(|why| panic!("{why}"))
}

/// Of the buckets that begin between those seconds.
fn sum(played: &Played, from_s: u64, to_s: u64, of: impl Fn(&Bucket) -> u32) -> u32 {
    let within = |at: &usize| (from_s..to_s).contains(&(*at as u64 * played.bucket_us / 1_000_000));
    played.buckets.iter().enumerate().filter(|(at, _)| within(at)).map(|(_, it)| of(it)).sum()
}
