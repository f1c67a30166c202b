//! The report for people: a table, and the goals.

use std::fmt::Write as _;

use conclave_core::sim::appraisal::Class;

use super::{Report, Unproven, statistics::Estimate, tally::Row};

const TITLES: [&str; 12] = [
    "conduct",
    "class",
    "runs",
    "liars",
    "proven %",
    "held %",
    "false",
    "precision %",
    "/node-hour",
    "after ms",
    "messages",
    "rounds",
];

pub(super) fn text(report: &Report) -> String {
    let mut text = String::new();
    let rows: Vec<[String; 12]> = report.rows.iter().chain(&report.totals).map(cells).collect();
    let mut widths = TITLES.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    line(&mut text, &TITLES.map(String::from), &widths);
    for (at, row) in rows.iter().enumerate() {
        if at == report.rows.len() {
            text.push('\n');
        }
        line(&mut text, row, &widths);
    }
    let absent: u64 = report.rows.iter().map(|row| row.absent).sum();
    let absent_held: u64 = report.rows.iter().map(|row| row.absent_held).sum();
    // Writing to a string can't fail.
    let _ = writeln!(
        text,
        "\n  shares and rates with their 95 % interval; delays are medians, from the first lie on\n  \
         held: f+1 correct nodes have proof, or suspect it; false: correct nodes that were held;\n  \
         precision: of all that were held, liars; messages: delivered in the whole cluster"
    );
    let provable = report.totals.iter().find(|row| row.class == Class::Provable.name());
    if let Some(Row { heard, liars, .. }) = provable
        && heard < liars
    {
        let _ = writeln!(
            text,
            "  the lies of {} of {liars} provable offenders never reached two correct nodes",
            liars - heard
        );
    }
    if absent > 0 {
        let _ = writeln!(
            text,
            "  {absent_held} of {absent} honest nodes that were down or cut off were held too: a \
             silent node and a cut line look alike"
        );
    }
    text.push('\n');
    for goal in &report.goals {
        let mark = if goal.met { "met    " } else { "NOT MET" };
        let measured = goal.measured.map_or(String::new(), |it| format!(" ({})", short(it)));
        let _ = writeln!(text, "  {mark}  {}{measured}", goal.what);
    }
    if !report.unproven.is_empty() {
        text += "\n  trials to look at, in which a provable offender got away:\n";
    }
    for Unproven { conduct, size, network, seed } in &report.unproven {
        let _ = writeln!(
            text,
            "  conclave evaluate-detector show {conduct} --size {size} --network {network} --seed \
             {seed}"
        );
    }
    text
}

fn line(text: &mut String, cells: &[String; 12], widths: &[usize; 12]) {
    for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let gap = if at == 0 { "" } else { "  " };
        let _ = if at < 2 {
            write!(text, "{gap}{cell:<width$}")
        } else {
            write!(text, "{gap}{cell:>width$}")
        };
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
}

fn cells(row: &Row) -> [String; 12] {
    let percent = |it: Option<Estimate>| {
        it.map_or("–".into(), |it| {
            let [value, low, high] = [it.value, it.low, it.high].map(|it| short(100.0 * it));
            format!("{value} [{low}, {high}]")
        })
    };
    let plain = |it: Option<Estimate>| {
        it.map_or("–".into(), |it| {
            format!("{} [{}, {}]", short(it.value), short(it.low), short(it.high))
        })
    };
    [
        row.name.clone(),
        row.class.into(),
        row.runs.to_string(),
        row.liars.to_string(),
        percent(row.proven),
        percent(row.held),
        row.correct_held.to_string(),
        percent(row.precision),
        plain(row.false_per_node_hour),
        plain(row.delay_ms),
        plain(row.delay_messages),
        plain(row.delay_rounds),
    ]
}

/// Three figures, and no more.
fn short(value: f64) -> String {
    let digits = if value == value.round() || value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn a_number_has_three_figures() {
        assert_eq!(
            [0.0, 100.0, 12.34, 1.234, 1234.5].map(short),
            ["0", "100", "12.3", "1.23", "1234"]
        );
    }
}
