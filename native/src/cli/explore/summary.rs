//! A report for people.

use std::fmt::Write as _;

use super::{
    super::progress::clock,
    report::{Report, Share, Slowest},
    subject::{About, Subject},
};

/// The most failures that are told whole.
const MAX_TOLD: usize = 5;

/// After a sweep: what was covered, and what failed.
pub(super) fn text(report: &Report, subject: &Subject) -> String {
    let mut text = counted(report);
    if report.failed > report.failures.len().min(MAX_TOLD) as u64 {
        let _ = writeln!(text, "\n  further failures are in the report");
    }
    if let Some(first) = report.failures.first() {
        let _ = writeln!(text, "\n  begin with: {}", subject.command(first.seed));
    }
    text
}

/// What a report says, whoever made it.
pub(super) fn counted(report: &Report) -> String {
    let mut text = String::new();
    let what = match &report.about {
        About::Storms { .. } => "storms".to_owned(),
        About::Scenario { name, .. } => format!("runs of {name}"),
    };
    // Writing to a string can't fail.
    let counting = report.runs - report.idle;
    let _ = writeln!(text, "{counting} {what} that count, of seeds {}\n", report.covered);
    features(&mut text, report);
    totals(&mut text, report);
    failures(&mut text, report);
    text
}

fn features(text: &mut String, report: &Report) {
    if !report.features.is_empty() {
        let _ =
            writeln!(text, "  {:<24} {:>10} {:>10}", "in so many runs", "declared", "effective");
    }
    for (feature, Share { declared, effective }) in &report.features {
        let _ = writeln!(text, "  {feature:<24} {declared:>10} {effective:>10}");
    }
    for (reached, runs) in &report.reached {
        let _ = writeln!(text, "  {reached:<24} {:>10} {runs:>10}", "");
    }
    if report.idle > 0 {
        let seeds: Vec<_> = report.idle_seeds.iter().map(u64::to_string).collect();
        let more = if report.idle > report.idle_seeds.len() as u64 { ", …" } else { "" };
        let _ = writeln!(
            text,
            "\n  {} runs more don't count: nothing of what they declare had an effect, so they tested \
             nothing: seeds {}{more}",
            report.idle,
            seeds.join(", ")
        );
    }
}

fn totals(text: &mut String, report: &Report) {
    let totals = &report.totals;
    let busy = totals.busy_ms as f64 / 1_000.0;
    let rate = |count: u64| count as f64 / busy.max(0.001);
    let _ = writeln!(
        text,
        "\n  {} requests answered, {} messages delivered, {} of virtual time",
        totals.completed,
        totals.delivered,
        clock(totals.virtual_ms as f64 / 1_000.0)
    );
    let _ = writeln!(
        text,
        "  {} of one core: {:.1} runs and {:.0} messages a second",
        clock(busy),
        rate(report.runs),
        rate(totals.delivered)
    );
    if let Some(Slowest { seed, waited_ms, bound_ms }) = report.slowest {
        let _ = writeln!(
            text,
            "  the slowest request waited {waited_ms} ms in calm (seed {seed}, bound {bound_ms} ms)"
        );
    }
}

fn failures(text: &mut String, report: &Report) {
    if report.failed == 0 {
        let _ = match report.runs - report.idle {
            0 => writeln!(text, "\n  NOTHING WAS TESTED: no run did what it declares"),
            _ => writeln!(text, "\n  every invariant held in every run"),
        };
        return;
    }
    let _ = writeln!(text, "\n  {} of {} runs FAILED", report.failed, report.runs);
    for found in report.failures.iter().take(MAX_TOLD) {
        let _ = writeln!(text, "\n  seed {}: {}", found.seed, found.trouble);
        for detail in &found.details {
            let _ = writeln!(text, "    {detail}");
        }
        let _ = writeln!(text, "    {}", found.command);
        if let Some(shrunk) = &found.shrunk {
            let how = if shrunk.is_minimal { "minimal" } else { "as far as the runs went" };
            let _ = writeln!(text, "    shrunk in {} runs ({how}):\n", shrunk.runs);
            for line in shrunk.file.lines() {
                let _ = writeln!(text, "      {line}");
            }
            let _ = writeln!(text, "\n    conclave simulate --link {}", shrunk.link);
        }
    }
}
