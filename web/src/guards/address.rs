//! Links: a playground and where its knobs stand, `#retry?rate=60&b.budget=0`.
//!
//! Knobs that stand as usual are left out; a link that names none opens the first preset. What is
//! of one side begins with `a.` or `b.`; a link with anything of `b`, or with `&b`, shows both sides.

use core::fmt::Write as _;

use super::patterns::{PATTERNS, Pattern};

/// Where all knobs of a playground stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stand {
    /// Which playground, by its place among all.
    pub(crate) pattern: usize,
    pub(crate) world: Vec<u32>,
    pub(crate) sides: [Vec<u32>; 2],
    /// Whether the second side is shown.
    pub(crate) both: bool,
}

/// The longest link that is read.
const LONGEST: usize = 2_000;

impl Stand {
    pub(crate) fn pattern(&self) -> &'static Pattern {
        PATTERNS[self.pattern]
    }

    /// As usual.
    fn usual(pattern: usize) -> Self {
        let of = PATTERNS[pattern];
        let side: Vec<_> = of.guard.iter().map(|it| it.usual).collect();
        let world = of.world.iter().map(|it| it.usual).collect();
        Self { pattern, world, sides: [side.clone(), side], both: false }
    }

    /// As a preset has it; the first if there are fewer.
    pub(crate) fn preset(pattern: usize, preset: usize) -> Self {
        let mut stand = Self::usual(pattern);
        let presets = PATTERNS[pattern].presets;
        let preset = &presets[preset.min(presets.len() - 1)];
        for (key, value) in preset.world {
            stand.set(None, key, *value);
        }
        for (side, knobs) in [(0, preset.a), (1, preset.b.unwrap_or(preset.a))] {
            for (key, value) in knobs {
                stand.set(Some(side), key, *value);
            }
        }
        stand.both = preset.b.is_some();
        stand
    }

    /// Which preset it is.
    pub(crate) fn is_preset(&self) -> Option<usize> {
        let all = 0..self.pattern().presets.len();
        all.into_iter().find(|it| *self == Self::preset(self.pattern, *it))
    }

    /// Turns a knob, of both sides' world if no side is named. Whether there is one that can be
    /// turned so.
    pub(crate) fn set(&mut self, side: Option<usize>, key: &str, value: u32) -> bool {
        let pattern = self.pattern();
        let (knobs, values) = match side {
            None => (pattern.world, &mut self.world),
            Some(side) => (pattern.guard, &mut self.sides[side.min(1)]),
        };
        let place = knobs.iter().position(|it| it.key == key);
        match place.and_then(|at| Some((&knobs[at], values.get_mut(at)?))) {
            Some((knob, place)) if knob.takes(value) => {
                *place = value;
                true
            }
            _ => false,
        }
    }

    /// The fragment of a link, without `#`.
    pub(crate) fn link(&self) -> String {
        let pattern = self.pattern();
        let mut link = String::from(pattern.key);
        if self.is_preset() == Some(0) {
            return link;
        }
        let mut sign = '?';
        let parts = [
            ("", pattern.world, &self.world),
            ("a.", pattern.guard, &self.sides[0]),
            ("b.", pattern.guard, &self.sides[1]),
        ];
        for (side, knobs, values) in parts {
            for (knob, value) in knobs.iter().zip(values).filter(|(it, value)| it.usual != **value)
            {
                let _ = write!(link, "{sign}{side}{}={value}", knob.key);
                sign = '&';
            }
        }
        link.push(sign);
        link.push_str(if self.both { "both" } else { "one" });
        link
    }

    /// Reads a fragment. `None`: it names nothing. An error is a sentence.
    pub(crate) fn read(fragment: &str) -> Result<Option<Self>, String> {
        let text = fragment.strip_prefix('#').unwrap_or(fragment);
        if text.is_empty() {
            return Ok(None);
        }
        if text.len() > LONGEST {
            return Err("The link is too long to be one of this page.".into());
        }
        let (name, knobs) = text.split_once('?').unwrap_or((text, ""));
        let Some(pattern) = named(name) else {
            return Err(format!(
                "The link names a playground that there isn't: “{}”.",
                short(name)
            ));
        };
        if knobs.is_empty() {
            return Ok(Some(Self::preset(pattern, 0)));
        }
        let mut stand = Self::usual(pattern);
        for part in knobs.split('&').filter(|it| !it.is_empty()) {
            match part {
                "both" => stand.both = true,
                "one" => {}
                part => stand.read_knob(part)?,
            }
        }
        Ok(Some(stand))
    }

    fn read_knob(&mut self, part: &str) -> Result<(), String> {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let (side, key) = match name.split_once('.') {
            Some(("a", key)) => (Some(0), key),
            Some(("b", key)) => (Some(1), key),
            _ => (None, name),
        };
        let number: Option<u32> = value.parse().ok();
        if number.is_some_and(|it| self.set(side, key, it)) {
            return Ok(());
        }
        Err(format!(
            "The link turns a knob that there isn't, or farther than it goes: “{}”.",
            short(part)
        ))
    }
}

/// The playground of this name.
pub(crate) fn named(name: &str) -> Option<usize> {
    PATTERNS.iter().position(|it| it.key == name)
}

/// So much of what somebody wrote is shown again.
fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_comes_back_from_its_link() {
        for (pattern, of) in PATTERNS.iter().enumerate() {
            for preset in 0..of.presets.len() {
                let stand = Stand::preset(pattern, preset);
                let link = format!("#{}", stand.link());
                assert_eq!(Stand::read(&link), Ok(Some(stand)), "{link}");
            }
        }
    }

    #[test]
    fn a_broken_link_is_one_sentence() {
        let long = format!("#retry?{}", "rate=60&".repeat(300));
        for broken in [
            "#nowhere",
            "#retry?rate",
            "#retry?rate=",
            "#retry?rate=-1",
            "#retry?rate=99999999999999",
            "#retry?rate=4000",
            "#retry?c.rate=4",
            "#retry?a.rate=60",
            "#retry?%%%",
            "#retry?b.=1",
            "#\u{1f980}?x",
            &long,
        ] {
            let said = Stand::read(broken).expect_err(broken);
            assert!(said.starts_with("The link") && said.ends_with('.'), "{said}");
            assert!(said.len() < 200, "{said}");
        }
        assert_eq!(Stand::read(""), Ok(None));
        assert_eq!(Stand::read("#"), Ok(None));
    }
}
