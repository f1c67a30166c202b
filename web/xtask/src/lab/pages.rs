//! The pages that are served: each with a module of its own, and a budget for all that it loads.

use super::scenarios;

/// A page.
#[derive(Debug)]
pub(crate) struct Page {
    /// For people.
    pub(crate) name: &'static str,
    /// The name of its glue (`.js`) and, with `_bg`, of its module (`.wasm`).
    pub(crate) module: &'static str,
    /// What the names of files begin with that no other page loads.
    own: &'static [&'static str],
    /// The most that all it loads may weigh, compressed, in bytes.
    pub(crate) budget: u64,
}

/// All of them.
pub(crate) const PAGES: [Page; 3] = [
    Page {
        name: "the lab",
        module: "conclave_web",
        own: &["conclave_web", "index."],
        budget: 350_000,
    },
    Page {
        name: "the lab with guards",
        module: "conclave_resilience",
        own: &["conclave_resilience", "resilience."],
        budget: 390_000,
    },
    Page {
        name: "the playgrounds",
        module: "conclave_guards",
        own: &["conclave_guards", "guards."],
        budget: 150_000,
    },
];

/// What a page fetches only when somebody opens it: a folder, and the most that a file of it may
/// weigh, compressed, in bytes.
pub(crate) const ON_DEMAND: [(&str, u64); 2] = [(scenarios::FOLDER, 4_000), ("detector", 20_000)];

/// The folder that a file is in, if it is fetched on demand only, and its budget.
pub(super) fn on_demand(file: &str) -> Option<(&'static str, u64)> {
    ON_DEMAND.into_iter().find(|(folder, _)| {
        file.strip_prefix(folder).is_some_and(|rest| rest.starts_with(['/', '\\']))
    })
}

impl Page {
    /// Its module, as it is served.
    pub(crate) fn served(&self) -> String {
        format!("{}_bg.wasm", self.module)
    }

    /// Whether it loads a file at once: its own ones, and what is nobody's own.
    pub(super) fn loads(&self, file: &str) -> bool {
        if on_demand(file).is_some() {
            return false;
        }
        self.owns(file) || !PAGES.iter().any(|page| page.owns(file))
    }

    fn owns(&self, file: &str) -> bool {
        self.own.iter().any(|begin| file.starts_with(begin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_of_one_page_or_of_all() {
        let [lab, resilience, guards] = &PAGES;
        assert!(resilience.loads("resilience.css") && resilience.loads(&resilience.served()));
        assert!(!lab.loads("resilience.css") && !guards.loads(&resilience.served()));
        assert!(resilience.loads("style.css") && !resilience.loads(&lab.served()));
        assert!(lab.loads("index.html") && !guards.loads("index.html"));
        assert!(guards.loads("guards.css") && !lab.loads("guards.css"));
        assert!(guards.loads(&guards.served()) && !lab.loads(&guards.served()));
        assert!(lab.loads("style.css") && guards.loads("style.css"));
        let scenario = "scenarios/normal-case.bin";
        assert!(!lab.loads(scenario) && !guards.loads(scenario));
        assert!(on_demand(scenario).is_some() && on_demand("scenarios.css").is_none());
    }
}
