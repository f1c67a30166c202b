//! What a visitor of a page downloads, against its budget.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::{
    PAGES, Page, files_below,
    pages::{ON_DEMAND, on_demand},
};
use crate::say;

/// The finished files and what each weighs.
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
        for File { name, plain, sent } in
            self.files.iter().filter(|it| on_demand(&it.name).is_none())
        {
            say::detail(&format!(
                "{name:<28} {:>10}  sent as {:>10}",
                say::kilobytes(*plain),
                say::kilobytes(*sent)
            ));
        }
        for page in &PAGES {
            let plain: u64 = self.of_page(page).map(|file| file.plain).sum();
            say::detail(&format!(
                "{:<28} {:>10}  sent as {:>10}, budget {}",
                format!("{} together", page.name),
                say::kilobytes(plain),
                say::kilobytes(self.sent(page)),
                say::kilobytes(page.budget)
            ));
        }
        for (folder, budget) in ON_DEMAND {
            let (count, most) = (self.of_folder(folder).count(), self.heaviest(folder));
            say::detail(&format!(
                "{:<28} sent as {:>10} at most, budget {}",
                format!("{folder}, {count} on demand"),
                say::kilobytes(most.map_or(0, |file| file.sent)),
                say::kilobytes(budget)
            ));
        }
    }

    fn heaviest(&self, folder: &'static str) -> Option<&File> {
        self.of_folder(folder).max_by_key(|file| file.sent)
    }

    fn of_folder(&self, folder: &'static str) -> impl Iterator<Item = &File> {
        self.files.iter().filter(move |file| on_demand(&file.name).is_some_and(|it| it.0 == folder))
    }

    fn of_page<'a>(&'a self, page: &'a Page) -> impl Iterator<Item = &'a File> {
        self.files.iter().filter(|file| page.loads(&file.name))
    }

    /// What all that a page loads weighs as it travels.
    pub(crate) fn sent(&self, page: &Page) -> u64 {
        self.of_page(page).map(|file| file.sent).sum()
    }

    /// An error if a page is heavier than its budget, or a file that is fetched on demand.
    pub(crate) fn within_budget(&self) -> Result<()> {
        for page in &PAGES {
            let sent = self.sent(page);
            if sent > page.budget {
                bail!(
                    "{} weighs {} compressed, {} over its budget of {}",
                    page.name,
                    say::kilobytes(sent),
                    say::kilobytes(sent - page.budget),
                    say::kilobytes(page.budget)
                );
            }
        }
        for (folder, budget) in ON_DEMAND {
            match self.heaviest(folder) {
                None => bail!("{folder} is empty, and the pages fetch from it"),
                Some(File { name, sent, .. }) if *sent > budget => bail!(
                    "{name} weighs {} compressed, {} over the budget of a file in {folder}",
                    say::kilobytes(*sent),
                    say::kilobytes(sent - budget)
                ),
                Some(_) => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(sent: u64) -> Weight {
        let file = |name: &str, sent| File { name: name.into(), plain: sent * 3, sent };
        let files = [
            ("index.html", sent),
            ("guards.html", 1_000),
            ("detector/report.json", 800),
            ("scenarios/a.bin", 900),
        ];
        Weight { files: files.map(|(name, sent)| file(name, sent)).into() }
    }

    #[test]
    fn over_the_budget_is_an_error_that_says_which_page_and_by_how_much() {
        let [lab, _, guards] = &PAGES;
        assert!(weight(lab.budget).within_budget().is_ok());
        assert_eq!(weight(7).sent(guards), 1_000);
        let error = weight(lab.budget + 1_500).within_budget().unwrap_err().to_string();
        assert!(error.contains("the lab weighs") && error.contains("1.5 kB over"), "{error}");
    }

    #[test]
    fn what_is_fetched_on_demand_has_a_budget_of_its_own_and_is_there() {
        let mut heavy = weight(7);
        heavy.files[3].sent = ON_DEMAND[0].1 + 1_500;
        let error = heavy.within_budget().unwrap_err().to_string();
        assert!(error.contains("scenarios/a.bin") && error.contains("1.5 kB over"), "{error}");
        assert_eq!(heavy.sent(&PAGES[0]), 7);
        heavy.files.pop();
        assert!(heavy.within_budget().unwrap_err().to_string().contains("scenarios is empty"));
    }
}
