//! Where in a TOML file an unsound policy is wrong: people look for lines, not for rule numbers.

use alloc::format;

use super::policy::BadPolicy;

impl BadPolicy {
    /// The byte at which what is wrong stands in a file whose policy is this table
    /// ("pbft.policy"): the field, or its rule, or the table; 0 if none has a line of its own.
    pub fn stands_at(&self, source: &str, table: &str) -> usize {
        let (policy, rules) = (format!("[{table}]"), format!("[[{table}.rule]]"));
        let nth = |header: &str, number: usize| lines(source, 0, header).nth(number - 1);
        let header = match self.rule() {
            Some(rule) => nth(&rules, rule),
            None => nth(&policy, 1),
        };
        let Some(start) = header.or_else(|| nth(&policy, 1)) else { return 0 };
        let below = format!("[{table}.rule.");
        let mut ends = lines(source, start, "[").filter(|at| *at > start);
        let end = ends.find(|at| !source[*at..].starts_with(&below)).unwrap_or(source.len());
        let field = self.field().and_then(|field| lines(&source[..end], start, field).next());
        field.unwrap_or(start)
    }
}

/// Where lines begin with something, from a line on.
fn lines<'a>(source: &'a str, from: usize, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let mut at = from;
    source[from..].split_inclusive('\n').filter_map(move |line| {
        let start = at + line.len() - line.trim_start().len();
        at += line.len();
        line.trim_start().starts_with(word).then_some(start)
    })
}
