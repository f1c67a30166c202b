//! A chaos experiment in a file: the table `[chaos]`, as scenarios have it. Whatever else stands in
//! the file isn't looked at, so a scenario that has an experiment is such a file too.

use std::{fs, path::Path};

use conclave_core::{resilience::chaos::Config, sim::MAX_SOURCE_BYTES};
use serde::Deserialize;
use toml::Spanned;

use super::{ConfigError, place::field_span};

#[derive(Deserialize)]
struct File {
    chaos: Option<Spanned<Config>>,
}

/// Reads the experiment in a file, and checks it.
pub fn load_experiment(path: &Path) -> Result<Config, ConfigError> {
    let failed = |why| ConfigError::Read {
        path: path.to_owned(),
        why,
        hint: " (`conclave chaos example` prints one to begin with)",
    };
    if fs::metadata(path).map_err(failed)?.len() > MAX_SOURCE_BYTES as u64 {
        let why = format_args!("over the limit of {MAX_SOURCE_BYTES} bytes for an experiment");
        return Err(ConfigError::whole(path, why));
    }
    parse_experiment(path, &fs::read_to_string(path).map_err(failed)?)
}

fn parse_experiment(path: &Path, text: &str) -> Result<Config, ConfigError> {
    let file: File = toml::from_str(text).map_err(|error| ConfigError::toml(path, text, &error))?;
    let Some(chaos) = file.chaos else {
        return Err(ConfigError::whole(path, "there is no table [chaos] in it"));
    };
    chaos.get_ref().validate().map_err(|why| {
        // A table's span is its header's.
        let span = field_span(text, &(chaos.span().start..text.len()), why.field);
        ConfigError::at(path, text, &span, why)
    })?;
    Ok(chaos.into_inner())
}

#[cfg(test)]
mod tests {
    use conclave_core::resilience::chaos::Fault;

    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        parse_experiment(Path::new("one.toml"), text).map_err(|why| why.to_string())
    }

    #[test]
    fn a_scenario_that_has_an_experiment_is_such_a_file() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/scenarios/chaos-abort.toml");
        let config = load_experiment(&path).unwrap();
        assert_eq!(config.fault, Fault::Latency { ms: 200, jitter_ms: 50 });
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let good =
            "[chaos]\nname = \"one\"\nhypothesis = \"nothing is noticed\"\nfault = \"drop\"\n";
        assert_eq!(parse(good).unwrap().fault, Fault::Drop);
        let error = parse(&format!("{good}share_ppm = 0\n")).unwrap_err();
        assert!(
            error.starts_with("one.toml, line 5, column 1: share_ppm = 0 can't work"),
            "{error}"
        );
        let error = parse(&format!("{good}sahre_ppm = 1\n")).unwrap_err();
        assert!(error.contains("line 5") && error.contains("sahre_ppm"), "{error}");
        assert!(parse("# nothing\n").unwrap_err().contains("no table [chaos]"));
        assert!(parse("[chaos]\nname = \"one\"\n").unwrap_err().contains("hypothesis"));
    }
}
