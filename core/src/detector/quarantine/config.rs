//! Terms and windows of quarantine.

use serde::{Deserialize, Serialize};

use crate::config::{BadConfig, must};

/// How long what takes. Decides what executes: equal on all replicas.
///
/// # Default
///
/// Each stands in the table of [`detector`](crate::detector), and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long the first offence is held.
    pub term_ms: u64,
    /// How long any is held at a time.
    pub max_term_ms: u64,
    /// How long an accusation waits for others before it is unfounded.
    pub corroborate_within_ms: u64,
    /// How long an accusation lives unless it is repeated.
    pub accusation_lasts_ms: u64,
    /// How long an unfounded accusation weakens its author after it ended.
    pub unfounded_ms: u64,
    /// How long an offence counts.
    pub offence_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            term_ms: 300_000,
            max_term_ms: 86_400_000,
            corroborate_within_ms: 60_000,
            accusation_lasts_ms: 600_000,
            unfounded_ms: 3_600_000,
            offence_ms: 86_400_000,
        }
    }
}

/// The longest of all: thirty days. Who is to be away for longer is to be removed.
const MAX_MS: u64 = 30 * 86_400_000;

impl Config {
    /// Refuses what can't work, saying which field and why.
    pub fn validate(&self) -> Result<(), BadConfig> {
        for (field, value) in [
            ("term_ms", self.term_ms),
            ("max_term_ms", self.max_term_ms),
            ("corroborate_within_ms", self.corroborate_within_ms),
            ("accusation_lasts_ms", self.accusation_lasts_ms),
            ("unfounded_ms", self.unfounded_ms),
            ("offence_ms", self.offence_ms),
        ] {
            must((1..=MAX_MS).contains(&value), field, value, "from 1 ms to thirty days")?;
        }
        must(
            self.term_ms <= self.max_term_ms,
            "max_term_ms",
            self.max_term_ms,
            "it must be at least term_ms, with which doubling begins",
        )?;
        must(
            self.corroborate_within_ms < self.accusation_lasts_ms,
            "accusation_lasts_ms",
            self.accusation_lasts_ms,
            "an accusation must live longer than it waits for others, or none is ever unfounded",
        )?;
        must(
            self.corroborate_within_ms <= self.unfounded_ms,
            "unfounded_ms",
            self.unfounded_ms,
            "shorter than corroborate_within_ms, accusing falsely again and again would cost nothing",
        )
    }

    /// How long an offence is held: twice as long for each one before.
    pub(super) fn term_ms(&self, offences: u32) -> u64 {
        let doublings = offences.saturating_sub(1).min(32);
        self.term_ms.saturating_mul(1 << doublings).min(self.max_term_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_term_doubles_up_to_a_bound() {
        let minutes = |offences| Config::default().term_ms(offences) / 60_000;
        assert_eq!([minutes(1), minutes(2), minutes(3), minutes(4)], [5, 10, 20, 40]);
        assert_eq!([minutes(40), minutes(u32::MAX)], [1_440, 1_440]);
    }

    #[test]
    fn the_default_is_valid_and_what_can_not_work_is_named() {
        let good = Config::default();
        assert_eq!(good.validate(), Ok(()));
        let field = |config: Config| config.validate().unwrap_err().field;
        assert_eq!(field(Config { term_ms: 0, ..good }), "term_ms");
        assert_eq!(field(Config { max_term_ms: 299_999, ..good }), "max_term_ms");
        assert_eq!(field(Config { accusation_lasts_ms: 60_000, ..good }), "accusation_lasts_ms");
        assert_eq!(field(Config { unfounded_ms: 59_999, ..good }), "unfounded_ms");
    }
}
