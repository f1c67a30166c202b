//! What a visitor downloads, against the budget.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::files_below;
use crate::say;

/// The most that the whole lab may weigh, compressed.
const BUDGET: u64 = 350_000;

/// The files of the finished lab and what each weighs.
pub(crate) struct Weight {
    files: Vec<File>,
}

struct File {
    name: String,
    plain: u64,
    /// As it travels to today's browsers: by brotli where compressing is worth it.
    sent: u64,
}

impl Weight {
    /// Weighs a finished folder.
    pub(super) fn of(dist: &Path) -> Result<Self> {
        let size = |file: &Path| file.metadata().map(|meta| meta.len());
        let mut files = Vec::new();
        for file in files_below(dist)? {
            if file.extension().is_some_and(|extension| extension == "gz" || extension == "br") {
                continue;
            }
            let plain = size(&file).with_context(|| format!("can't read {}", file.display()))?;
            let mut compressed = file.clone().into_os_string();
            compressed.push(".br");
            let sent = size(Path::new(&compressed)).unwrap_or(plain);
            let name = file.strip_prefix(dist).unwrap_or(&file).display().to_string();
            files.push(File { name, plain, sent });
        }
        Ok(Self { files })
    }

    /// Prints each file's weight and the sum.
    pub(crate) fn print(&self) {
        for File { name, plain, sent } in &self.files {
            say::detail(&format!(
                "{name:<28} {:>10}  sent as {:>10}",
                say::kilobytes(*plain),
                say::kilobytes(*sent)
            ));
        }
        say::detail(&format!(
            "{:<28} {:>10}  sent as {:>10}, budget {}",
            "together",
            say::kilobytes(self.files.iter().map(|file| file.plain).sum()),
            say::kilobytes(self.sent()),
            say::kilobytes(BUDGET)
        ));
    }

    /// What all of it weighs as it travels.
    pub(crate) fn sent(&self) -> u64 {
        self.files.iter().map(|file| file.sent).sum()
    }

    /// An error if it is heavier than the budget.
    pub(crate) fn within_budget(&self) -> Result<()> {
        let sent = self.sent();
        if sent > BUDGET {
            bail!(
                "the lab weighs {} compressed, {} over its budget of {}",
                say::kilobytes(sent),
                say::kilobytes(sent - BUDGET),
                say::kilobytes(BUDGET)
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(sent: u64) -> Weight {
        Weight { files: vec![File { name: "lab".into(), plain: sent * 3, sent }] }
    }

    #[test]
    fn over_the_budget_is_an_error_that_says_by_how_much() {
        assert!(weight(BUDGET).within_budget().is_ok());
        let error = weight(BUDGET + 1_500).within_budget().unwrap_err().to_string();
        assert!(error.contains("1.5 kB over"), "{error}");
    }
}
