//! Where in a TOML file an unsound policy is wrong: people look for lines, not for rule numbers.

use toml::de::{DeTable, DeValue};

use super::policy::BadPolicy;

impl BadPolicy {
    /// The byte at which what is wrong stands in a file whose policy is this table
    /// ("pbft.policy"): the field, or its rule, or the table; 0 if the file has none of them.
    pub fn stands_at(&self, source: &str, table: &str) -> usize {
        self.place(source, table).unwrap_or(0)
    }

    fn place(&self, source: &str, table: &str) -> Option<usize> {
        let file = DeTable::parse(source).ok()?;
        let mut names = table.split('.');
        let mut policy = file.get_ref().get(names.next()?)?;
        for name in names {
            policy = policy.get_ref().get(name)?;
        }
        let rule = |number: usize| policy.get_ref().get("rule")?.get_ref().get(number - 1);
        let part = self.rule().and_then(rule).unwrap_or(policy);
        let field = self.field().and_then(|field| key(part.get_ref(), field));
        Some(field.unwrap_or(part.span().start))
    }
}

/// Where a key stands in a table, or in one that is a part of it.
fn key(table: &DeValue, name: &str) -> Option<usize> {
    let table = table.as_table()?;
    let own = table.get_key_value(name).map(|(key, _)| key.span().start);
    own.or_else(|| table.values().find_map(|it| key(it.get_ref(), name)))
}
