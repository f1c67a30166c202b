//! Chromium and its driver, for the tests that look at the lab as a visitor would.

use std::{env, path::PathBuf, process::Command};

use anyhow::{Result, bail};

use crate::{
    apt::{self, find_program},
    workspace::Workspace,
};

const BROWSERS: &[&str] =
    &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const PACKAGES: &[&str] = &["chromium", "chromium-driver", "fonts-dejavu-core"];

/// A browser and what drives it.
pub(crate) struct Browser {
    chromium: PathBuf,
    driver: PathBuf,
}

impl Browser {
    /// What is here already.
    pub(crate) fn find() -> Option<Self> {
        let chromium =
            named_in("CHROMIUM").or_else(|| BROWSERS.iter().find_map(|name| find_program(name)))?;
        let driver = named_in("CHROMEDRIVER").or_else(|| find_program("chromedriver"))?;
        Some(Self { chromium, driver })
    }

    /// What is here, or what could be installed.
    pub(crate) fn ready(workspace: &Workspace) -> Result<Self> {
        if let Some(browser) = Self::find() {
            return Ok(browser);
        }
        if apt::can_install() {
            apt::install(workspace, PACKAGES, "for the browser tests")?;
            if let Some(browser) = Self::find() {
                return Ok(browser);
            }
        }
        bail!(
            "the browser tests need Chromium and chromedriver of the same version: install them \
             (Debian: `apt-get install {}`), or name them in CHROMIUM and CHROMEDRIVER",
            PACKAGES.join(" ")
        )
    }

    /// Tells a test run which ones to take.
    pub(crate) fn tell(&self, command: &mut Command) {
        command.env("CHROMIUM", &self.chromium).env("CHROMEDRIVER", &self.driver);
    }
}

impl std::fmt::Display for Browser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} driven by {}", self.chromium.display(), self.driver.display())
    }
}

fn named_in(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from).filter(|path| path.is_file())
}
