//! What a panel shows of what was played: layers of numbers, or a band of states.

use conclave_core::resilience::{
    breaker::State,
    chaos::Phase,
    degradation::Level,
    playground::{Bucket, Group, Played},
};

/// What can be shown. Names are of a group of callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Panel {
    Calls,
    First(&'static str),
    Second(&'static str),
    Refused,
    Attempts,
    Latency,
    Queue,
    Threads,
    Permits,
    Limit,
    Timeout,
    Burn,
    Left,
    Signal,
    Believed,
    Phi,
    Injected,
    Breaker,
    Level,
    Alert,
    Experiment,
}

/// How a layer is drawn. Each differs from the others by more than its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Filled, on top of those before it: what went well.
    Good,
    /// Filled and striped: what went wrong.
    Bad,
    /// Filled with dots: what wasn't tried.
    Refused,
    /// Filled, paler.
    More,
    /// A thick line.
    Line,
    /// A dashed line.
    Dashed,
    /// A thin dotted line that doesn't move much: a bound.
    Bound,
}

impl Look {
    /// The style's name.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Refused => "refused",
            Self::More => "more",
            Self::Line => "line",
            Self::Dashed => "dashed",
            Self::Bound => "bound",
        }
    }

    pub(crate) const fn is_area(self) -> bool {
        matches!(self, Self::Good | Self::Bad | Self::Refused | Self::More)
    }
}

/// One series of a chart; a bucket without a value is a gap.
pub(crate) struct Layer {
    pub(crate) name: &'static str,
    pub(crate) look: Look,
    pub(crate) values: Vec<Option<u32>>,
}

/// A state over time.
pub(crate) struct Stretch {
    /// In tenths of percent of the whole.
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) name: &'static str,
    /// How bad it is, from 0 to 3.
    pub(crate) grade: usize,
}

/// What a panel shows.
pub(crate) enum Shown {
    Chart {
        /// Of the values.
        unit: &'static str,
        layers: Vec<Layer>,
    },
    Band(Vec<Stretch>),
}

impl Panel {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Calls => "Calls a second",
            Self::First(name) | Self::Second(name) => name,
            Self::Refused => "Refused calls a second, by guard",
            Self::Attempts => "Attempts a second that reach the service",
            Self::Latency => "How long successful calls take",
            Self::Queue => "At the service",
            Self::Threads => "The host's threads that are taken",
            Self::Permits => "Permits that a client would get at once",
            Self::Limit => "The limit, and how much of it is used",
            Self::Timeout => "The timeout, and how long calls take",
            Self::Burn => "How fast the budget burns",
            Self::Left => "What is left of the budget",
            Self::Signal => "The highest signal",
            Self::Believed => "Services that the host believes to be up",
            Self::Phi => "Phi: how unlikely it is that a heartbeat of the first still comes",
            Self::Injected => "Calls a second that are touched",
            Self::Breaker => "Breaker",
            Self::Level => "Level",
            Self::Alert => "Alert",
            Self::Experiment => "Experiment",
        }
    }

    /// Of one side.
    pub(crate) fn of(self, played: &Played) -> Shown {
        let per_second = 1_000_000 / played.bucket_us.max(1);
        let rate = |of: fn(&Bucket) -> u32| -> Vec<Option<u32>> {
            let scale = |it: &Bucket| Some((u64::from(of(it)) * per_second) as u32);
            played.buckets.iter().map(scale).collect()
        };
        let seen = |of: fn(&Bucket) -> Option<u32>| -> Vec<Option<u32>> {
            played.buckets.iter().map(of).collect()
        };
        let layer = |name, look, values| Layer { name, look, values };
        let calls = |of: fn(&Bucket) -> Group| {
            let part = |part: fn(&Group) -> u32| -> Vec<Option<u32>> {
                let scale = |it: &Bucket| Some((u64::from(part(&of(it))) * per_second) as u32);
                played.buckets.iter().map(scale).collect()
            };
            vec![
                layer("succeeded", Look::Good, part(|it| it.succeeded)),
                layer("failed", Look::Bad, part(|it| it.failed)),
                layer("refused", Look::Refused, part(|it| it.refused)),
                layer("asked for", Look::Bound, part(|it| it.offered)),
            ]
        };
        let us_to_ms = |it: u32| it.div_ceil(1_000);
        let (unit, layers) = match self {
            Self::Calls => ("", calls(Bucket::all)),
            Self::First(_) => ("", calls(|it| it.groups[0])),
            Self::Second(_) => ("", calls(|it| it.groups[1])),
            Self::Refused => {
                let names = [
                    ("by the rate limit", Look::More, rate(|it| it.refused.rate)),
                    ("by degradation", Look::Refused, rate(|it| it.refused.degraded)),
                    ("by the breaker", Look::Good, rate(|it| it.refused.breaker)),
                    (
                        "by bulkhead and limit",
                        Look::Bad,
                        rate(|it| it.refused.bulkhead + it.refused.adaptive),
                    ),
                    (
                        "for want of a thread, or of time",
                        Look::Dashed,
                        rate(|it| it.refused.host + it.refused.deadline),
                    ),
                ];
                ("", names.map(|(name, look, values)| layer(name, look, values)).into())
            }
            Self::Attempts => (
                "",
                vec![
                    layer("first attempts", Look::Good, rate(|it| it.attempts - it.retries)),
                    layer("retries", Look::More, rate(|it| it.retries)),
                    layer("work for who had given up", Look::Dashed, rate(|it| it.wasted)),
                ],
            ),
            Self::Latency => (
                "ms",
                vec![
                    layer("99 of a hundred", Look::Line, {
                        let all = played.buckets.iter();
                        all.map(|it| it.p99_us.map(us_to_ms)).collect()
                    }),
                    layer("half of them", Look::Dashed, {
                        let all = played.buckets.iter();
                        all.map(|it| it.p50_us.map(us_to_ms)).collect()
                    }),
                ],
            ),
            Self::Queue => (
                "",
                vec![
                    layer("worked on", Look::Good, seen(|it| Some(it.working))),
                    layer("in its queue", Look::More, seen(|it| Some(it.queued))),
                ],
            ),
            Self::Threads => ("", vec![layer("taken", Look::Good, seen(|it| Some(it.threads)))]),
            Self::Permits => ("", vec![layer("permits", Look::Line, seen(|it| it.permits))]),
            Self::Limit => (
                "",
                vec![
                    layer("under way", Look::Good, seen(|it| it.adaptive.map(|it| it[1]))),
                    layer("limit", Look::Line, seen(|it| it.adaptive.map(|it| it[0]))),
                ],
            ),
            Self::Timeout => (
                "ms",
                vec![
                    layer(
                        "timeout",
                        Look::Line,
                        seen(|it| Some(it.timeout_us.div_ceil(1_000) as u32)),
                    ),
                    layer("99 of a hundred that succeed take", Look::Dashed, {
                        let all = played.buckets.iter();
                        all.map(|it| it.p99_us.map(us_to_ms)).collect()
                    }),
                ],
            ),
            Self::Burn => (
                "%",
                vec![
                    layer(
                        "long window",
                        Look::Line,
                        seen(|it| it.burn_percent.map(|it| it[0] as u32)),
                    ),
                    layer(
                        "short window",
                        Look::Dashed,
                        seen(|it| it.burn_percent.map(|it| it[1] as u32)),
                    ),
                ],
            ),
            Self::Left => (
                "%",
                vec![layer(
                    "left",
                    Look::Good,
                    seen(|it| it.left_ppm.map(|it| (it / 10_000) as u32)),
                )],
            ),
            Self::Signal => (
                "%",
                vec![layer(
                    "signal",
                    Look::Line,
                    seen(|it| Some((it.signal_ppm / 10_000).min(200))),
                )],
            ),
            Self::Believed => {
                ("", vec![layer("up", Look::Line, seen(|it| Some(u32::from(it.believed_up))))])
            }
            Self::Phi => {
                // Of who is gone it rises without end.
                let tenths = |milli: u64| (milli / 100) as u32;
                let phi = |[phi, from]: [u64; 2]| tenths(phi.min(2 * from));
                let from = |[_, from]: [u64; 2]| tenths(from);
                (
                    "φ",
                    vec![
                        layer("phi, cut off at twice that", Look::Line, {
                            let all = played.buckets.iter();
                            all.map(|it| it.phi_milli.map(phi)).collect()
                        }),
                        layer("suspected from", Look::Bound, {
                            let all = played.buckets.iter();
                            all.map(|it| it.phi_milli.map(from)).collect()
                        }),
                    ],
                )
            }
            Self::Injected => ("", vec![layer("touched", Look::Bad, rate(|it| it.injected))]),
            Self::Breaker | Self::Level | Self::Alert | Self::Experiment => {
                return Shown::Band(self.band(played));
            }
        };
        Shown::Chart { unit, layers }
    }

    /// A state over time, from what happened when.
    fn band(self, played: &Played) -> Vec<Stretch> {
        use conclave_core::resilience::playground::What;
        let whole_us = played.bucket_us * played.buckets.len().max(1) as u64;
        let part = |us: u64| (us.min(whole_us) * 1_000 / whole_us) as u32;
        let first = match self {
            Self::Breaker => ("closed", 0),
            Self::Level => ("normal", 0),
            Self::Alert => ("quiet", 0),
            _ => ("waiting", 0),
        };
        let absent = match self {
            Self::Breaker => played.buckets.iter().all(|it| it.breaker.is_none()),
            Self::Alert => played.buckets.iter().all(|it| it.burn_percent.is_none()),
            Self::Experiment => played.buckets.iter().all(|it| it.experiment.is_none()),
            _ => false,
        };
        if absent {
            return vec![Stretch { from: 0, to: 1_000, name: "off", grade: 0 }];
        }
        let mut stretches = vec![Stretch { from: 0, to: 1_000, name: first.0, grade: first.1 }];
        for it in &played.happened {
            let (name, grade) = match (self, it.what) {
                (Self::Breaker, What::Breaker(state)) => match state {
                    State::Closed => ("closed", 0),
                    State::HalfOpen => ("half-open", 1),
                    State::Open => ("open", 3),
                },
                (Self::Level, What::Level(level)) => match level {
                    Level::Normal => ("normal", 0),
                    Level::Degraded => ("degraded", 1),
                    Level::Severe => ("severe", 2),
                    Level::Emergency => ("emergency", 3),
                },
                (Self::Alert, What::Fires(fires)) => {
                    if fires {
                        ("fires", 3)
                    } else {
                        ("quiet", 0)
                    }
                }
                (Self::Experiment, What::Experiment(phase)) => match phase {
                    Phase::Idle => ("waiting", 0),
                    Phase::Baseline => ("is it steady?", 0),
                    Phase::Injecting => ("injecting", 2),
                    Phase::Recovering => ("recovering", 1),
                    Phase::Held => ("the hypothesis held", 0),
                    Phase::Aborted(_) => ("aborted", 3),
                },
                _ => continue,
            };
            let at = part(it.at.as_micros());
            if let Some(last) = stretches.last_mut() {
                last.to = at;
            }
            stretches.push(Stretch { from: at, to: 1_000, name, grade });
        }
        stretches.retain(|it| it.to > it.from || it.to == 1_000);
        stretches
    }
}
