//! Style sheets and scripts of our own as they are sent: without what only people read. In a browser they
//! come to the same.

use std::{fs, path::Path};

use anyhow::{Context, Result, anyhow};
use minifier::css::minify;

use super::files_below;

/// Makes every style sheet and script below a folder smaller. Not for what a tool wrote.
pub(super) fn shrink_all(folder: &Path) -> Result<()> {
    for file in files_below(folder)? {
        let kind = file.extension().and_then(|extension| extension.to_str());
        if !matches!(kind, Some("css" | "js")) {
            continue;
        }
        let name = file.display();
        let text = fs::read_to_string(&file).with_context(|| format!("can't read {name}"))?;
        let smaller = if kind == Some("css") {
            shrink_sheet(&text).with_context(|| format!("{name} is no style sheet"))?
        } else {
            shrink_script(&text)
        };
        fs::write(&file, smaller).with_context(|| format!("can't write {name}"))?;
    }
    Ok(())
}

/// Comments on lines of their own, and indentation. Ours have no text of several lines, in which both
/// would mean something.
fn shrink_script(script: &str) -> String {
    let lines = script.lines().map(str::trim);
    let kept = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
    kept.flat_map(|line| [line, "\n"]).collect()
}

fn shrink_sheet(sheet: &str) -> Result<String> {
    Ok(minify(sheet).map_err(|why| anyhow!("{why}"))?.to_string().trim_start().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{shrink_script, shrink_sheet};

    #[test]
    fn what_only_people_read_is_gone_and_what_means_something_stays() {
        let sheet = "
            /* The looks. */
            .lane > .node :hover, .lane .node:hover { width: calc(100% - 16px); color: var(--ink) }
            @media (max-width: 760px) { .lane { background: rgb(20 30 40 / 6%) } }
            .stale::before { content: \"a  /* b */\"; margin: 0 -4px }
        ";
        let smaller = shrink_sheet(sheet).unwrap();
        assert!(smaller.len() < sheet.len() * 3 / 4 && !smaller.contains("looks"), "{smaller}");
        for stays in [
            ".node :hover,",
            ".node:hover{",
            "calc(100% - 16px)",
            "0 -4px",
            "\"a  /* b */\"",
            "@media (max-width:760px){",
            "rgb(20 30 40/6%)",
        ] {
            assert!(smaller.contains(stays), "{stays}: {smaller}");
        }
    }

    #[test]
    fn a_script_loses_its_comments_and_indentation() {
        let script = "// What it does.\nif (a) {\n\n  // Why.\n  b('//'); // c\n}\n";
        assert_eq!(shrink_script(script), "if (a) {\nb('//'); // c\n}\n");
    }
}
