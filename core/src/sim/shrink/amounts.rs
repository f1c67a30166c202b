//! Earlier faults, and smaller numbers and shorter lists in them: when something happens, how late,
//! how often, to whom.

use alloc::string::String;

use serde::Serialize;
use toml::{Table, Value};

use super::{
    super::{action::Action, scenario::Scenario},
    search::{Search, changed},
};

/// What of an act may be another amount; all else is whom it is done to.
const AMOUNTS: [&str; 3] = ["by_ms", "kinds", "ppm"];

/// Each fault as early as it can be and still come after the one before it.
pub(super) fn earlier(search: &mut Search<'_>) {
    for index in 0..search.best().faults.len() {
        let at_ms = |index: usize| i64::from(search.best().faults[index].at_ms);
        let (now, before) = (at_ms(index), index.checked_sub(1).map_or(0, at_ms));
        search.towards(now, before, &|scenario, at_ms| {
            scenario.faults[index].at_ms = at_ms as u32;
        });
    }
}

/// Every amount in the faults: as by default, else as near to that as it can be.
pub(super) fn milder(search: &mut Search<'_>) {
    for fault in 0..search.best().faults.len() {
        let ways = match &search.best().faults[fault].action {
            Action::Corrupt { strategies, .. } => strategies.len(),
            _ => 0,
        };
        parameters(search, Verb { fault, way: None });
        for way in 0..ways {
            parameters(search, Verb { fault, way: Some(way) });
        }
    }
}

/// A fault's act, or one of the ways of lying in it.
#[derive(Clone, Copy)]
struct Verb {
    fault: usize,
    way: Option<usize>,
}

fn parameters(search: &mut Search<'_>, verb: Verb) {
    let Some((_, parameters)) = verb.read(search.best()) else { return };
    for (field, value) in parameters {
        if verb.way.is_none() && !AMOUNTS.contains(&&*field) {
            continue;
        }
        let put = |search: &mut Search<'_>, value: Option<Value>| {
            let candidate = changed(search.best(), |scenario| {
                verb.put(scenario, &field, value);
            });
            search.improves(&candidate)
        };
        if put(search, None) {
            continue;
        }
        match value {
            Value::Integer(number) => {
                let goal = verb.default(search.best(), &field).unwrap_or(0);
                search.towards(number, goal, &|scenario, number| {
                    verb.put(scenario, &field, Some(number.into()));
                });
            }
            Value::Array(mut list) => {
                let mut at = 0;
                while list.len() > 1 && at < list.len() {
                    let mut shorter = list.clone();
                    shorter.remove(at);
                    if put(search, Some(shorter.clone().into())) {
                        list = shorter;
                    } else {
                        at += 1;
                    }
                }
            }
            _ => {}
        }
    }
}

/// As a file has it: its name and what follows. What can't be written has nothing to shrink.
fn written<T: Serialize>(verb: &T) -> Option<(String, Table)> {
    let Value::Table(written) = Value::try_from(verb).ok()? else { return None };
    match written.into_iter().next()? {
        (name, Value::Table(parameters)) => Some((name, parameters)),
        _ => None,
    }
}

impl Verb {
    fn read(self, scenario: &Scenario) -> Option<(String, Table)> {
        match (&scenario.faults.get(self.fault)?.action, self.way) {
            (Action::Corrupt { strategies, .. }, Some(way)) => written(strategies.get(way)?),
            (act, _) => written(act),
        }
    }

    /// Another value for one parameter; `None`: as it is by default. What can't be leaves the
    /// scenario as it is, which is no improvement. Whether it can be.
    fn put(self, scenario: &mut Scenario, field: &str, value: Option<Value>) -> bool {
        let Some((name, mut parameters)) = self.read(scenario) else { return false };
        match value {
            Some(value) => _ = parameters.insert(field.into(), value),
            None => _ = parameters.remove(field),
        }
        let verb = Value::from(Table::from_iter([(name, Value::from(parameters))]));
        match (&mut scenario.faults[self.fault].action, self.way) {
            (Action::Corrupt { strategies, .. }, Some(way)) => {
                verb.try_into().map(|strategy| strategies[way] = strategy).is_ok()
            }
            (act, _) => verb.try_into().map(|other| *act = other).is_ok(),
        }
    }

    /// What a number is by default, if it has one.
    fn default(self, scenario: &Scenario, field: &str) -> Option<i64> {
        let mut scenario = scenario.clone();
        let has_default = self.put(&mut scenario, field, None);
        self.read(&scenario)?.1.get(field).filter(|_| has_default)?.as_integer()
    }
}
