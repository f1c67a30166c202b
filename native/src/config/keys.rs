//! Private key files: one Ed25519 key, for its owner's eyes only.
//!
//! The same key signs the protocol's statements and proves the identity in the TLS handshake. The
//! two can't be confused: TLS signs a text that starts with 64 spaces (RFC 8446 §4.4.3), the
//! protocol one that starts with its domain tag, which is never a space.

use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use conclave_core::{
    crypto::SecretKey,
    hex,
    ids::{ClientId, NodeId, Principal},
};
use serde::Deserialize;
use toml::Spanned;
use zeroize::Zeroizing;

use super::{ClusterConfig, ConfigError};

/// The longest key file: two lines and a comment are far below.
const MAX_KEY_FILE_BYTES: u64 = 4_096;

/// The 32 secret bytes of an Ed25519 key. Wiped when dropped, never shown.
#[derive(Clone)]
pub struct Seed(Zeroizing<[u8; 32]>);

impl Seed {
    /// A new one from the operating system's randomness.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *bytes)?;
        Ok(Self(bytes))
    }

    /// The key that signs the protocol's statements.
    pub fn signing_key(&self) -> SecretKey {
        SecretKey::from_seed(&self.0)
    }

    /// The bytes themselves, for the TLS library.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Who one is: a principal and its private key.
#[derive(Clone)]
pub struct Identity {
    /// Whose key it is.
    pub principal: Principal,
    /// The key.
    pub seed: Seed,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({})", self.principal)
    }
}

/// The name of a principal's key file: `node-0.key`, `client-0.key`, `administrator.key`.
pub fn key_file_name(principal: Principal) -> String {
    match principal {
        Principal::ADMINISTRATOR => "administrator.key".to_owned(),
        Principal::Node(NodeId(id)) => format!("node-{id}.key"),
        Principal::Client(ClientId(id)) => format!("client-{id}.key"),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    node: Option<u16>,
    client: Option<u64>,
    #[serde(default)]
    administrator: bool,
    private_key: Spanned<String>,
}

impl Identity {
    /// Reads the key of `principal` from the cluster's directory, and checks that it is the one
    /// whose public half the configuration names.
    pub fn load(
        directory: &Path,
        principal: Principal,
        config: &ClusterConfig,
    ) -> Result<Self, ConfigError> {
        let path = directory.join(key_file_name(principal));
        let identity = Self::read(&path)?;
        if identity.principal != principal {
            return Err(ConfigError::whole(
                &path,
                format_args!("this is the key of {}, not of {principal}", identity.principal),
            ));
        }
        match config.directory().get(&principal) {
            None => Err(ConfigError::whole(
                &path,
                format_args!("the cluster's configuration knows no {principal}"),
            )),
            Some(public) if *public != identity.seed.signing_key().public() => {
                Err(ConfigError::whole(
                    &path,
                    format_args!(
                        "this private key does not belong to the public key that the cluster's \
                         configuration gives for {principal}"
                    ),
                ))
            }
            Some(_) => Ok(identity),
        }
    }

    /// Reads a key file. One that others can read is refused: its key must be taken for known.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let failed = |why| ConfigError::Read {
            path: path.to_owned(),
            why,
            hint: " (keys are made by `conclave init`)",
        };
        let file = File::open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(ConfigError::whole(
                path,
                format_args!(
                    "others may read this private key (its mode is {mode:03o}); run \
                     `chmod 600 {}`, and make a new key if anybody could have",
                    path.display()
                ),
            ));
        }
        let mut text = Zeroizing::new(String::new());
        file.take(MAX_KEY_FILE_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
        if text.len() as u64 > MAX_KEY_FILE_BYTES {
            return Err(ConfigError::whole(path, "too long for a key file"));
        }
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let file: KeyFile =
            toml::from_str(text).map_err(|error| ConfigError::toml(path, text, &error))?;
        let principal = match (file.node, file.client, file.administrator) {
            (Some(node), None, false) => Principal::Node(NodeId(node)),
            (None, Some(client), false) if ClientId(client) < ClientId::FIRST_RESERVED => {
                Principal::Client(ClientId(client))
            }
            (None, None, true) => Principal::ADMINISTRATOR,
            _ => {
                return Err(ConfigError::whole(
                    path,
                    "a key file says whose key it holds: either `node = 0`, `client = 0` or \
                     `administrator = true`",
                ));
            }
        };
        let span = file.private_key.span();
        let digits = Zeroizing::new(file.private_key.into_inner());
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode(&digits, &mut *bytes).map_err(|why| {
            ConfigError::at(path, text, &span, format_args!("not a private key: {why}"))
        })?;
        Ok(Self { principal, seed: Seed(bytes) })
    }

    /// Writes the key file into a directory, readable for its owner only.
    pub fn write(&self, directory: &Path, overwrite: bool) -> Result<PathBuf, ConfigError> {
        let path = directory.join(key_file_name(self.principal));
        let failed = |why| ConfigError::Write { path: path.clone(), why };
        if overwrite && path.exists() {
            // A new file rather than the old one, whose permissions others may have widened.
            fs::remove_file(&path).map_err(failed)?;
        }
        let whose = match self.principal {
            Principal::ADMINISTRATOR => "administrator = true".to_owned(),
            Principal::Node(NodeId(id)) => format!("node = {id}"),
            Principal::Client(ClientId(id)) => format!("client = {id}"),
        };
        let mut digits = Zeroizing::new(String::with_capacity(64));
        for byte in self.seed.0.iter() {
            let _ = write!(digits, "{byte:02x}"); // writing to a string can't fail
        }
        let text = Zeroizing::new(format!(
            "# The private key of {}. Whoever reads it can speak in its name.\n\
             {whose}\nprivate_key = \"{}\"\n",
            self.principal, *digits,
        ));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temporary() -> PathBuf {
        let name = format!("conclave-keys-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn a_key_file_is_private_and_reads_back_and_a_public_one_is_refused() {
        let directory = temporary();
        let identity =
            Identity { principal: Principal::Client(ClientId(7)), seed: Seed::generate().unwrap() };
        let path = identity.write(&directory, true).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let read = Identity::read(&path).unwrap();
        assert_eq!(read.principal, identity.principal);
        assert_eq!(read.seed.bytes(), identity.seed.bytes());

        let administrator =
            Identity { principal: Principal::ADMINISTRATOR, seed: Seed::generate().unwrap() };
        let its = administrator.write(&directory, true).unwrap();
        assert_eq!(fs::metadata(&its).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Identity::read(&its).unwrap().principal, Principal::ADMINISTRATOR);

        assert!(identity.write(&directory, false).is_err(), "it must not be overwritten unasked");

        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = Identity::read(&path).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_broken_key_is_said_with_its_place_and_without_the_key() {
        let parse = |text| Identity::parse(Path::new("node-0.key"), text).unwrap_err().to_string();
        let error = parse("node = 0\nprivate_key = \"12xy\"\n");
        assert!(error.starts_with("node-0.key, line 2, column 15: not a private key"), "{error}");
        assert!(!error.contains("12xy"), "{error}");
        let error = parse("node = 0\nclient = 1\nprivate_key = \"\"\n");
        assert!(error.contains("either"), "{error}");
    }
}
