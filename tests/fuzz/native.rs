//! The entry points of real nodes, for fuzzing: see `conclave_tests::fuzzing`.

use std::{fmt::Write as _, path::Path};

use conclave::{
    config::{Address, ClusterConfig},
    transport::{FrameReader, frame as framed, limits::MAX_CLIENT_FRAME_BYTES},
};
use conclave_core::crypto::SecretKey;
use conclave_tests::fuzzing::{self, Target};

/// All of them.
pub(crate) const TARGETS: [Target; 2] = [
    Target { name: "frames", run: frames, seeds: frame_seeds },
    Target { name: "config", run: config, seeds: config_seeds },
];

/// What a connection carries.
pub(crate) fn frames(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime without input and output");
    runtime.block_on(async {
        let mut reader = FrameReader::new(bytes, MAX_CLIENT_FRAME_BYTES);
        while let Ok(frame) = reader.next().await {
            assert!(frame.len() <= MAX_CLIENT_FRAME_BYTES, "a frame over the limit");
            fuzzing::message(&frame);
        }
    });
}

pub(crate) fn frame_seeds() -> Vec<Vec<u8>> {
    let frames: Vec<_> =
        fuzzing::message_seeds().iter().map(|message| framed(message).to_vec()).collect();
    vec![frames.concat()]
}

/// Configuration files and the addresses in them.
pub(crate) fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = text.parse::<Address>();
    if let Ok(config) = ClusterConfig::parse(Path::new("cluster.toml"), text) {
        let again = ClusterConfig::parse(Path::new("cluster.toml"), &config.render());
        assert!(again.is_ok(), "what it renders it reads");
    }
}

pub(crate) fn config_seeds() -> Vec<Vec<u8>> {
    let mut text = String::from("version = 1\n[pbft]\nwindow = 200\n");
    for id in 0_u8..4 {
        let key = SecretKey::from_seed(&[id + 1; 32]).public();
        let _ = write!(
            text,
            "[[node]]\nid = {id}\naddress = \"127.0.0.1:{}\"\nadmin = \"127.0.0.1:{}\"\n\
             public_key = \"{key}\"\n",
            7_000 + u16::from(id),
            8_000 + u16::from(id)
        );
    }
    vec![text.into_bytes(), b"127.0.0.1:80".to_vec(), b"[::1]:80".to_vec()]
}
