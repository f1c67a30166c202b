//! Permission for a node's first start: an empty file beside its key.
//!
//! A data directory that was lost whole looks like one that never was. But a node that voted, and
//! has forgotten it, could vote otherwise: it must not begin anew. So whoever makes a node's key
//! (`conclave init`, `conclave member prepare`) lays this file beside it, and the node removes it
//! as soon as it has a journal, before it says anything. From then on an empty data directory is a
//! loss, and the node refuses to take it for a beginning.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use conclave_core::ids::NodeId;

use super::ConfigError;

/// The file that permits one node's first start, be it there or not.
#[derive(Clone, Debug)]
pub struct FirstStart(PathBuf);

impl FirstStart {
    /// Of a node whose key lies in `directory`.
    pub fn of(directory: &Path, node: NodeId) -> Self {
        Self(directory.join(format!("node-{node}.first-start")))
    }

    /// Whether the node may begin with nothing.
    pub fn is_permitted(&self) -> bool {
        self.0.exists()
    }

    /// For whoever made the node's key just now, or knows that nothing of the cluster is left.
    pub fn permit(&self) -> Result<(), ConfigError> {
        let made = File::create(&self.0).map(drop);
        made.map_err(|why| ConfigError::Write { path: self.0.clone(), why })
    }

    /// It has begun: never again.
    pub fn used(&self) -> Result<(), ConfigError> {
        if !self.is_permitted() {
            return Ok(()); // also where nothing may be written
        }
        fs::remove_file(&self.0).map_err(|why| {
            ConfigError::whole(
                &self.0,
                format_args!(
                    "the permission for this node's first start can't be taken back ({why}); \
                     remove this file, and start the node again"
                ),
            )
        })
    }
}
