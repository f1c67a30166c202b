//! Scenarios as files: the reverse of [`Scenario::parse`].
//!
//! Only what differs from the default is written, so that a file says what it is about. Used for
//! scenarios that are made, not written by hand: random ones, and those that shrinking leaves.

use alloc::{
    format,
    string::{String, ToString},
};
use core::fmt::Write as _;

use serde::Serialize;
use toml::{Table, Value};

use super::{
    super::{
        disk::DiskModel,
        keys::Signatures,
        network::Network,
        scenario::{Expectations, Scenario},
        without::{DependencyConfig, DialingConfig},
        workload::Workload,
    },
    SCHEMA, ScenarioError,
};
use crate::{analyzer::Protocol, node::admission, pbft::Config, resilience::chaos};

impl Scenario {
    /// The file of this scenario; its `source` and comments in it are not looked at.
    pub fn to_file(&self) -> Result<String, ScenarioError> {
        let mut file = String::new();
        self.write(&mut file).map_err(|what| ScenarioError {
            line: 0,
            column: 0,
            what: what.to_string(),
        })?;
        Ok(file)
    }

    /// This scenario, written and read again: what is not possible in a file is refused.
    pub fn rewritten(&self) -> Result<Self, ScenarioError> {
        Self::parse(&self.to_file()?)
    }

    fn write(&self, file: &mut String) -> Result<(), toml::ser::Error> {
        let text = |text: &str| Value::from(text);
        // Writing to a string can't fail.
        let _ = writeln!(
            file,
            "schema = {SCHEMA}\nname = {}\ntitle = {}\npromise = {}\nseed = {}\nduration_ms = {}",
            text(&self.name),
            text(&self.title),
            text(&self.promise),
            Value::try_from(self.seed)?,
            self.duration_ms
        );
        if self.end_when_answered {
            let _ = writeln!(file, "end_when_answered = true");
        }
        let _ = writeln!(file, "\n[cluster]\nn = {}", self.members.n());
        if self.spares > 0 {
            let _ = writeln!(file, "spares = {}", self.spares);
        }
        if self.members.protocol() != Protocol::Pbft {
            let _ = writeln!(file, "protocol = {}", Value::try_from(self.members.protocol())?);
        }
        if self.signatures != Signatures::default() {
            let _ = writeln!(file, "signatures = {}", Value::try_from(self.signatures)?);
        }
        if !self.clock_skew_ms.is_empty() {
            let skew = Value::try_from(&self.clock_skew_ms)?;
            let _ = writeln!(file, "clock_skew_ms = {skew}");
        }
        section(file, "cluster.pbft", &self.config, &Config::default())?;
        if let Some(gate) = &self.gate {
            let _ = writeln!(file, "\n[cluster.gate]");
            fields(file, gate, &admission::Config::default(), &mut None)?;
        }
        section(file, "network", &self.network, &Network::default())?;
        section(file, "disk", &self.disk, &DiskModel::default())?;
        section(file, "workload", &self.workload, &Workload::default())?;
        if let Some(dependency) = &self.dependency {
            let _ = writeln!(file, "\n[dependency]");
            fields(file, dependency, &DependencyConfig::default(), &mut None)?;
        }
        if let Some(dialing) = &self.dialing {
            let _ = writeln!(file, "\n[dialing]");
            fields(file, dialing, &DialingConfig::default(), &mut None)?;
        }
        if let Some(chaos) = &self.chaos {
            let _ = writeln!(file, "\n[chaos]");
            fields(file, chaos, &chaos::Config::default(), &mut None)?;
        }
        for fault in &self.faults {
            let act = Value::try_from(&fault.action)?;
            let _ = write!(file, "\n[[fault]]\nat_ms = {}\nact = {act}\n", fault.at_ms);
        }
        for marker in &self.narration {
            let _ = write!(file, "\n[[narration]]\n{}", Table::try_from(marker)?);
        }
        section(file, "expect", &self.expect, &Expectations::default())
    }
}

/// The fields that are not as they are by default, if there are any.
fn section<T: Serialize>(
    file: &mut String,
    name: &str,
    value: &T,
    default: &T,
) -> Result<(), toml::ser::Error> {
    fields(file, value, default, &mut Some(format!("\n[{name}]\n")))
}

fn fields<T: Serialize>(
    file: &mut String,
    value: &T,
    default: &T,
    header: &mut Option<String>,
) -> Result<(), toml::ser::Error> {
    let default = Table::try_from(default)?;
    for (key, value) in Table::try_from(value)? {
        if default.get(&key) != Some(&value) {
            file.push_str(&header.take().unwrap_or_default());
            let _ = writeln!(file, "{key} = {value}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::{
        app::Operation,
        ids::{ClientId, NodeId},
        sim::{Action, BUILTIN, Scenario, Strategy, TimedAction},
    };

    #[test]
    fn what_is_written_is_read_as_it_was() {
        for known in BUILTIN {
            let read = Scenario::parse(known.source).unwrap();
            assert_eq!(read.rewritten().unwrap(), read);
        }
    }

    #[test]
    fn every_shape_of_act_can_be_written() {
        let mut scenario = Scenario::parse(BUILTIN[0].source).unwrap();
        let acts = [
            Action::Heal,
            Action::Partition { groups: alloc::vec![alloc::vec![NodeId(0), NodeId(2)]] },
            Action::Corrupt {
                node: NodeId(1),
                strategies: alloc::vec![
                    Strategy::Silent { kinds: alloc::vec![], to: alloc::vec![NodeId(3)] },
                    Strategy::Equivocate { victims: alloc::vec![], kinds: alloc::vec![] },
                ],
            },
            Action::Submit {
                client: ClientId(0),
                operation: Operation::CompareAndSet {
                    key: b"k".to_vec(),
                    expected: None,
                    new: Some(b"\xFF\"'".to_vec()),
                },
            },
        ];
        scenario.faults = acts.map(|action| TimedAction { at_ms: 7, action }).into_iter().collect();
        assert_eq!(scenario.rewritten().unwrap().faults, scenario.faults);
    }

    #[test]
    fn a_seed_that_no_file_can_hold_is_refused() {
        let mut scenario = Scenario::parse(BUILTIN[0].source).unwrap();
        scenario.seed = u64::MAX;
        assert!(scenario.rewritten().is_err());
    }
}
