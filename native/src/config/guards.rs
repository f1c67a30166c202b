//! `[guards]` in `cluster.toml`: how nodes let clients in, how they keep to their peers, how clients
//! ask.
//!
//! Only what differs from the defaults stands in the file, at any depth: what a table leaves out keeps
//! its default here, and `"off"` in the place of a table takes that guard away.
//!
//! # Default
//!
//! | field | default | why |
//! |---|---|---|
//! | `clients.rate` | 20,000 a second, as many at once | twice what a client that always waits for its answer reaches on loopback: only floods meet it |
//! | `clients.waiting` | 4,096 | as many clients as a file can name: it bounds memory, and tells degradation how full it is |
//! | `clients.objective` | 99 of 100 executed within `patience_ms` (10 s), over 30 days; 1 h/5 m at 14.4, 6 h/30 m at 6 | what wakes somebody degrades, what can wait for a working day doesn't |
//! | `clients.degradation` | the levels of [`degradation`], by error budget, queue, and the node's inbox | |
//! | `asking` | after 500 ms until it is known how long answers take, then after twice what 99 of 100 take, at least 100 ms; then 2, 4, 8 times as long, for ever | half of what a backup gives a primary |
//! | `peers.dial` | waits of 100 ms, doubling up to 3 s, half of each drawn; open after 5 failures for 1 to 3 s; 5 s an attempt | a peer that comes back is found within seconds, and not by all at once |
//! | `peers.queue` | 4,096 messages at a time, none in line | about a second's worth at full load |
//! | `peers.phi` | as if a heartbeat came every 5 s | idle peers send keepalives as often |
//! | `peers.restrained` | 4,096 permits a second, 1,024 at once: one a message, and one for each 4 KiB | several times what a member says at full load: votes are not slowed, floods are |
//! | `peers.outliers` | compared every 10 s | at most f are ever ejected, whatever is configured |

use conclave_core::{
    client::Patience,
    config::BadConfig,
    node::admission::{self, Waiting},
    resilience::{
        breaker, bulkhead, degradation,
        health::{OutlierConfig, PhiConfig},
        manager::{self, Policy},
        objective::{self, Pair},
        rate,
        retry::{self, BudgetConfig, Jitter},
        timeout,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use toml::Table;

/// What nodes call at each other under guards.
pub const DIAL: &str = "dial";
/// The signal of degradation that says how full a node's inbox is.
pub const INBOX_SIGNAL: u8 = admission::OWN_SIGNALS;
/// Signals that a node gives, its own included.
const SIGNALS: u8 = INBOX_SIGNAL + 1;
/// Fields whose table names one of several things: it is taken whole.
const CHOICES: [&str; 2] = ["window", "backoff"];
/// In the place of a table: without it.
const OFF: &str = "off";

/// All guards of nodes and clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardsConfig {
    /// How nodes let clients' requests in.
    pub clients: admission::Config,
    /// How clients ask.
    pub asking: Patience,
    /// How nodes keep to each other.
    pub peers: PeersConfig,
}

/// How nodes keep to each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeersConfig {
    /// How a connection is made.
    pub dial: Policy,
    /// What may wait for one peer: messages. Bytes are bounded besides.
    pub queue: bulkhead::Config,
    /// From when on a peer that says nothing counts as gone.
    pub phi: PhiConfig,
    /// Who fails more often than the others. How many there are, and how many of them may be ejected
    /// (f), follows from the membership.
    pub outliers: OutlierConfig,
    /// What a member in quarantine may say; what comes sooner waits in its socket.
    pub restrained: Option<rate::Config>,
}

impl Default for GuardsConfig {
    fn default() -> Self {
        let page = |pair: &Pair| pair.page;
        let usual = objective::Config::default();
        let pairs = usual.pairs.iter().copied().filter(page).collect();
        Self {
            clients: admission::Config::default()
                .rate(Some(rate::Config::default().permits(20_000).burst(20_000)))
                .waiting(Some(Waiting::default().most(4_096)))
                .objective(Some(usual.availability_ppm(990_000).pairs(pairs)))
                .degradation(Some(degradation::Config::default().signals(SIGNALS))),
            asking: Patience::default(),
            peers: PeersConfig {
                dial: dial(),
                queue: bulkhead::Config::default().concurrent(4_096).line(0),
                phi: PhiConfig::default()
                    .expected_ms(5_000)
                    .least_mean_ms(5_000)
                    .least_deviation_ms(1_000),
                outliers: OutlierConfig::default(),
                restrained: Some(rate::Config::default().permits(4_096).burst(1_024)),
            },
        }
    }
}

fn dial() -> Policy {
    let retry = retry::Config::default()
        .attempts(retry::UNLIMITED)
        .cap_ms(3_000)
        .jitter(Jitter::Equal)
        // A peer that is away for a day is still wanted.
        .elapsed_ms(None)
        .budget(BudgetConfig::default().floor(u32::MAX));
    let breaker = breaker::Config::default()
        .failure_rate_ppm(None)
        .failures_in_a_row(Some(5))
        .open_ms(1_000)
        .open_max_ms(3_000)
        .probes(1);
    let timeout = timeout::Config::default().adaptive(false).initial_ms(5_000).ceiling_ms(5_000);
    Policy::default()
        .bulkhead(None)
        .retry(Some(retry))
        .breaker(Some(breaker))
        .wait_for_breaker(true)
        .timeout(timeout)
}

impl GuardsConfig {
    /// Reads what a file says, over the defaults.
    pub(super) fn read(said: &Table) -> Result<Self, serde_json::Error> {
        let mut all = serde_json::to_value(Self::default())?;
        merge(&mut all, serde_json::to_value(said)?);
        serde_json::from_value(all)
    }

    /// What a file has to say for this to be read from it.
    pub(super) fn render(&self) -> String {
        let of = |it: &Self| serde_json::to_value(it).unwrap_or_default(); // plain values always can
        match differs(&of(&Self::default()), of(self)) {
            Some(said) => format!("\n{}", text(said)),
            None => String::new(),
        }
    }

    /// All of it, as it would stand in a file.
    pub fn describe(&self) -> String {
        let all = serde_json::to_value(self).unwrap_or_default(); // plain values always can
        text(without_nulls(all))
    }

    /// Refuses what can't work, saying in which table, which field and why.
    pub fn validate(&self) -> Result<(), (&'static str, BadConfig)> {
        let of = |table| move |why| (table, why);
        self.clients.validate().map_err(of("clients"))?;
        if let Some(degradation) = &self.clients.degradation
            && degradation.signals < SIGNALS
        {
            let why = "error budget, queue and inbox: a node gives three";
            let value = u64::from(degradation.signals);
            return Err(("clients.degradation", BadConfig { field: "signals", value, why }));
        }
        self.asking.validate().map_err(of("asking"))?;
        self.peers.dial.validate().map_err(of("peers.dial"))?;
        if let Some(hedge) = &self.peers.dial.hedge {
            let why = "to dial isn't repeatable: a peer keeps the newest connection only, so that the \
                       one that lost could end the one that won";
            let value = u64::from(hedge.copies);
            return Err(("peers.dial", BadConfig { field: "hedge.copies", value, why }));
        }
        self.peers.queue.validate().map_err(of("peers.queue"))?;
        if self.peers.queue.line > 0 {
            let why = "none is in line for a queue: what finds no place in it is lost at once";
            let value = u64::from(self.peers.queue.line);
            return Err(("peers.queue", BadConfig { field: "line", value, why }));
        }
        self.peers.phi.validate().map_err(of("peers.phi"))?;
        self.peers.outliers.validate().map_err(of("peers.outliers"))?;
        let restrained = self.peers.restrained.as_ref().map(rate::Config::validate);
        restrained.unwrap_or(Ok(())).map_err(of("peers.restrained"))
    }

    /// What the manager of a node's own calls is set up with.
    pub fn manager(&self) -> manager::Config {
        manager::Config::default()
            .peers(manager::MAX_PEERS)
            .operations([(DIAL.to_owned(), self.peers.dial.clone())].into())
    }
}

/// What is said counts; tables are looked into, but for those that stand for a choice. In between a
/// guard that is off is a null, which TOML doesn't have.
fn merge(all: &mut Value, said: Value) {
    match (all, said) {
        (Value::Object(all), Value::Object(said)) => {
            for (key, value) in said {
                match all.get_mut(&key) {
                    Some(known) if !CHOICES.contains(&key.as_str()) => merge(known, value),
                    _ => drop(all.insert(key, value)),
                }
            }
        }
        (all, Value::String(off)) if off == OFF => *all = Value::Null,
        (all, said) => *all = said,
    }
}

/// The reverse: `None` if nothing differs.
fn differs(default: &Value, is: Value) -> Option<Value> {
    if *default == is {
        return None;
    }
    let (Value::Object(default), Value::Object(is)) = (default, &is) else {
        return Some(without_nulls(is));
    };
    let fields = is.iter().filter_map(|(key, value)| {
        let default = default.get(key).unwrap_or(&Value::Null);
        let differs = if CHOICES.contains(&key.as_str()) {
            (default != value).then(|| value.clone())
        } else {
            differs(default, value.clone())
        };
        Some((key.clone(), differs?))
    });
    Some(Value::Object(fields.collect()))
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Null => Value::String(OFF.into()),
        Value::Object(all) => {
            Value::Object(all.into_iter().map(|(key, it)| (key, without_nulls(it))).collect())
        }
        value => value,
    }
}

fn text(guards: Value) -> String {
    let all = serde_json::Map::from_iter([("guards".to_owned(), guards)]);
    toml::to_string(&all).unwrap_or_default() // no nulls are left, and numbers are small
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<GuardsConfig, String> {
        GuardsConfig::read(&text.parse().unwrap()).map_err(|why| why.to_string())
    }

    #[test]
    fn what_a_file_leaves_out_keeps_its_default_at_any_depth() {
        let config = read("clients.rate.permits = 7").unwrap();
        let mut expected = GuardsConfig::default();
        expected.clients.rate.as_mut().unwrap().permits = 7;
        assert_eq!(config, expected);
        assert_eq!(read("").unwrap(), GuardsConfig::default());
        let config = read("peers.dial.breaker.window.ms = 9_000").unwrap();
        let breaker = config.peers.dial.breaker.clone().unwrap();
        assert_eq!(breaker.window, breaker::Window::Ms(9_000), "a choice is taken whole");
        let rendered: Table = config.render().parse().unwrap();
        let Some(toml::Value::Table(said)) = rendered.get("guards") else { panic!("{rendered}") };
        assert_eq!(GuardsConfig::read(said).unwrap(), config);
        assert!(read("clients.rate.permit = 7").unwrap_err().contains("permit"));
    }

    #[test]
    fn a_guard_that_is_off_is_none_and_is_written_so() {
        let config = read("clients.degradation = \"off\"\npeers.dial.breaker = \"off\"").unwrap();
        assert_eq!(
            (config.clients.degradation.as_ref(), &config.peers.dial.breaker),
            (None, &None)
        );
        let text = config.render();
        let table: Table = text.parse().unwrap();
        let Some(toml::Value::Table(said)) = table.get("guards") else { panic!("{text}") };
        assert_eq!(GuardsConfig::read(said).unwrap(), config);
        assert_eq!(GuardsConfig::default().render(), "");
        let described: Table = GuardsConfig::default().describe().parse().unwrap();
        let Some(toml::Value::Table(said)) = described.get("guards") else { panic!("{described}") };
        assert_eq!(GuardsConfig::read(said).unwrap(), GuardsConfig::default());
    }

    #[test]
    fn what_can_not_work_is_refused_with_its_table_and_field() {
        assert_eq!(GuardsConfig::default().validate(), Ok(()));
        let wrong = |text: &str| {
            let (table, why) = read(text).unwrap().validate().unwrap_err();
            (table, why.field)
        };
        assert_eq!(wrong("clients.rate.burst = 0"), ("clients", "burst"));
        assert_eq!(wrong("clients.degradation.signals = 2"), ("clients.degradation", "signals"));
        assert_eq!(wrong("asking.retry.attempts = 0"), ("asking", "attempts"));
        assert_eq!(wrong("peers.dial.breaker.probes = 0"), ("peers.dial", "probes"));
        assert_eq!(wrong("peers.dial.hedge.copies = 1"), ("peers.dial", "copies"));
        let declared = "peers.dial.repeatable = true\npeers.dial.hedge.copies = 1";
        assert_eq!(wrong(declared), ("peers.dial", "hedge.copies"), "it isn't, whoever says so");
        assert_eq!(wrong("peers.queue.concurrent = 0"), ("peers.queue", "concurrent"));
        assert_eq!(wrong("peers.queue.line = 1"), ("peers.queue", "line"));
        assert_eq!(wrong("peers.phi.intervals = 1"), ("peers.phi", "intervals"));
        assert_eq!(wrong("peers.outliers.interval_ms = 0"), ("peers.outliers", "interval_ms"));
        assert_eq!(wrong("peers.restrained.burst = 0"), ("peers.restrained", "burst"));
    }
}
