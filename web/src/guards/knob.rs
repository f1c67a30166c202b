//! What can be turned: a number within bounds, a switch, or one of a few.

/// How a knob is turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// From, to, in such steps, of that unit.
    Range(u32, u32, u32, &'static str),
    /// On or off.
    Switch,
    /// One of these.
    Choice(&'static [&'static str]),
}

/// One knob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Knob {
    /// Its name in links.
    pub(crate) key: &'static str,
    /// Its name for people.
    pub(crate) label: &'static str,
    pub(crate) kind: Kind,
    /// Where it stands unless somebody turned it.
    pub(crate) usual: u32,
}

/// A number from `bounds.0` to `bounds.1`, in steps of `bounds.2`.
pub(crate) const fn range(
    key: &'static str,
    label: &'static str,
    unit: &'static str,
    bounds: (u32, u32, u32),
    usual: u32,
) -> Knob {
    Knob { key, label, kind: Kind::Range(bounds.0, bounds.1, bounds.2, unit), usual }
}

/// On, usually.
pub(crate) const fn switch(key: &'static str, label: &'static str) -> Knob {
    Knob { key, label, kind: Kind::Switch, usual: 1 }
}

/// One of these, usually the first.
pub(crate) const fn choice(
    key: &'static str,
    label: &'static str,
    names: &'static [&'static str],
) -> Knob {
    Knob { key, label, kind: Kind::Choice(names), usual: 0 }
}

impl Knob {
    /// The lowest and the highest value.
    pub(crate) fn bounds(&self) -> (u32, u32) {
        match self.kind {
            Kind::Range(from, to, ..) => (from, to),
            Kind::Switch => (0, 1),
            Kind::Choice(names) => (0, names.len() as u32 - 1),
        }
    }

    /// Whether it can be turned to this.
    pub(crate) fn takes(&self, value: u32) -> bool {
        let (from, to) = self.bounds();
        (from..=to).contains(&value)
    }

    /// A value, with its unit.
    pub(crate) fn words(&self, value: u32) -> String {
        match self.kind {
            Kind::Range(.., unit) => amount(value, unit),
            Kind::Switch => (if value == 0 { "off" } else { "on" }).into(),
            Kind::Choice(names) => (*names.get(value as usize).unwrap_or(&"")).into(),
        }
    }
}

/// A number with its unit; a second and more in seconds.
pub(crate) fn amount(value: u32, unit: &str) -> String {
    match unit {
        "ms" if value >= 1_000 => {
            let tenths = value / 100;
            match tenths % 10 {
                0 => format!("{} s", tenths / 10),
                rest => format!("{}.{rest} s", tenths / 10),
            }
        }
        "" => value.to_string(),
        "φ" => format!("{}.{}", value / 10, value % 10),
        "×" => format!("{value}×"),
        unit => format!("{value} {unit}"),
    }
}

/// Where all knobs of one world stand: what both sides share, and one side's guards.
#[derive(Clone, Copy)]
pub(crate) struct Values<'a> {
    pub(crate) knobs: [&'a [Knob]; 2],
    pub(crate) values: [&'a [u32]; 2],
}

impl Values<'_> {
    /// Where the knob of this name stands; zero if there is none.
    pub(crate) fn get(&self, key: &str) -> u32 {
        let all = self.knobs.iter().zip(self.values);
        let mut all = all.flat_map(|(knobs, values)| knobs.iter().zip(values));
        let found = all.find(|(knob, _)| knob.key == key);
        debug_assert!(found.is_some(), "there is no knob {key}");
        found.map_or(0, |it| *it.1)
    }

    pub(crate) fn ms(&self, key: &str) -> u64 {
        u64::from(self.get(key))
    }

    pub(crate) fn is_on(&self, key: &str) -> bool {
        self.get(key) != 0
    }

    /// A percentage in parts per million.
    pub(crate) fn ppm(&self, key: &str) -> u32 {
        self.get(key) * 10_000
    }
}
