//! What a scenario can hold that a build without the feature `guards` can't carry out.

#[cfg(not(feature = "guards"))]
use serde::{Deserialize, Serialize};

/// There is none: a scenario that has one isn't read by such a build.
#[cfg(not(feature = "guards"))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Absent {}

/// How nodes let clients' requests in.
#[cfg(feature = "guards")]
pub type GateConfig = crate::node::admission::Config;
/// How clients ask again.
#[cfg(feature = "guards")]
pub type PatienceConfig = crate::client::Patience;
/// How clients show false replies.
#[cfg(feature = "guards")]
pub type TestimonyConfig = crate::client::Shows;
/// A chaos experiment.
#[cfg(feature = "guards")]
pub type ChaosConfig = crate::resilience::chaos::Config;
/// A service that nodes depend on.
#[cfg(feature = "guards")]
pub type DependencyConfig = super::dependency::Dependency;
/// How nodes make connections to each other.
#[cfg(feature = "guards")]
pub type DialingConfig = super::dialing::Dialing;
/// What is expected of clients that don't need it.
#[cfg(feature = "guards")]
pub type OthersConfig = super::dependency::Others;

/// How nodes let clients' requests in.
#[cfg(not(feature = "guards"))]
pub type GateConfig = Absent;
/// How clients ask again.
#[cfg(not(feature = "guards"))]
pub type PatienceConfig = Absent;
/// How clients show false replies.
#[cfg(not(feature = "guards"))]
pub type TestimonyConfig = Absent;
/// A chaos experiment.
#[cfg(not(feature = "guards"))]
pub type ChaosConfig = Absent;
/// A service that nodes depend on.
#[cfg(not(feature = "guards"))]
pub type DependencyConfig = Absent;
/// How nodes make connections to each other.
#[cfg(not(feature = "guards"))]
pub type DialingConfig = Absent;
/// What is expected of clients that don't need it.
#[cfg(not(feature = "guards"))]
pub type OthersConfig = Absent;
