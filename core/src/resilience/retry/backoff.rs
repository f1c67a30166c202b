//! From the number of an attempt to a time to wait.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Config;
use crate::dice::Dice;

/// The most steps of a schedule of one's own.
pub const MAX_STEPS: usize = 16;

/// How waits grow from one attempt to the next. Never beyond the cap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backoff {
    /// By a factor each time.
    Exponential,
    /// By the first wait each time.
    Linear,
    /// As the sum of the two before: slower than doubling, quicker than linear.
    Fibonacci,
    /// Not at all.
    Constant,
    /// As listed, in milliseconds; the last holds for all that follow.
    Custom(Vec<u64>),
}

/// How waits are spread, so that those who failed together don't come back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Jitter {
    /// Not at all.
    None,
    /// Half of the wait, and up to half more.
    Equal,
    /// Anything up to the wait.
    Full,
    /// Anything from the first wait to three times the last one, whatever the backoff.
    Decorrelated,
}

impl Backoff {
    /// The wait before the so manyth retry, from 1, before jitter.
    pub(super) fn wait_us(&self, config: &Config, retry: u32) -> u64 {
        let (base, cap) = (config.base_ms * 1_000, config.cap_ms * 1_000);
        let wait = match self {
            Self::Constant => base,
            Self::Linear => base.saturating_mul(u64::from(retry)),
            Self::Exponential => exponential(base, cap, config.growth_percent, retry),
            Self::Fibonacci => fibonacci(base, cap, retry),
            Self::Custom(steps) => {
                let at = (retry.max(1) as usize - 1).min(steps.len().saturating_sub(1));
                steps.get(at).copied().unwrap_or(0).saturating_mul(1_000)
            }
        };
        wait.min(cap)
    }
}

fn exponential(base: u64, cap: u64, growth_percent: u32, retry: u32) -> u64 {
    let mut wait = base;
    for _ in 1..retry {
        if wait >= cap {
            break;
        }
        wait = wait.saturating_mul(u64::from(growth_percent)) / 100;
    }
    wait
}

fn fibonacci(base: u64, cap: u64, retry: u32) -> u64 {
    let (mut wait, mut next) = (base, base);
    for _ in 1..retry {
        if wait >= cap {
            break;
        }
        (wait, next) = (next, wait.saturating_add(next));
    }
    wait
}

impl Jitter {
    /// Spreads a wait. `last_us`: what was waited the time before.
    pub(super) fn spread(
        self,
        config: &Config,
        dice: &mut Dice,
        wait_us: u64,
        last_us: u64,
    ) -> u64 {
        match self {
            Self::None => wait_us,
            Self::Equal => wait_us - wait_us / 2 + dice.below(wait_us / 2 + 1),
            Self::Full => dice.below(wait_us + 1),
            Self::Decorrelated => {
                let (base, cap) = (config.base_ms * 1_000, config.cap_ms * 1_000);
                let most = last_us.max(base).saturating_mul(3).min(cap);
                base + dice.below(most - base + 1)
            }
        }
    }
}
