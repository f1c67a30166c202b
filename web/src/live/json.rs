//! JSON, read where it lies: nothing is built of it, and what isn't asked for is passed over.
//!
//! The lab reads small objects of the nodes it watches, and writes none. A reader that makes a tree
//! of every object weighs as much as all of the live view, so this is one that only finds: a value
//! is a part of the text, and a field is found by passing over those before it.
//!
//! Text that is no JSON is none; values nested deeper than [`MAX_DEPTH`] aren't read.

use std::borrow::Cow;

/// An event's deepest field is in an object in an array in an object.
const MAX_DEPTH: u8 = 16;

/// One value: its own part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    /// The value that fills the text.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let start = blank(text, 0);
        let end = pass(text, start, 0)?;
        (blank(text, end) == text.len()).then(|| Self(&text[start..end]))
    }

    /// A field of an object, the first of that name.
    pub(super) fn get(self, name: &str) -> Option<Self> {
        self.parts(b'{').find(|(key, _)| *key == Some(name)).map(|(_, value)| value)
    }

    /// The items of an array.
    pub(super) fn array(self) -> Option<impl Iterator<Item = Self>> {
        self.0.starts_with('[').then(|| self.parts(b'[').map(|(_, value)| value))
    }

    /// A whole number that isn't negative.
    pub(super) fn number(self) -> Option<u64> {
        self.0.parse().ok()
    }

    /// A whole number.
    pub(super) fn signed(self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// True or false.
    pub(super) fn truth(self) -> Option<bool> {
        self.0.parse().ok()
    }

    /// A text, without its escapes.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        let inside = self.0.strip_prefix('"')?.strip_suffix('"')?;
        if inside.contains('\\') { unescaped(inside).map(Cow::Owned) } else { Some(inside.into()) }
    }

    /// What is between the brackets, which were found to be in order.
    fn parts(self, bracket: u8) -> impl Iterator<Item = (Option<&'a str>, Self)> {
        let Self(text) = self;
        let is_object = bracket == b'{';
        let mut at = if text.as_bytes().first() == Some(&bracket) { 1 } else { text.len() };
        std::iter::from_fn(move || {
            at = blank(text, at);
            if text.as_bytes().get(at) == Some(&b',') {
                at = blank(text, at + 1);
            }
            let mut key = None;
            if is_object {
                let end = string(text, at)?;
                key = text.get(at + 1..end - 1);
                // The colon.
                at = blank(text, blank(text, end) + 1);
            }
            let end = pass(text, at, 0)?;
            let value = Self(&text[at..end]);
            at = end;
            Some((key, value))
        })
    }
}

/// Past white space.
fn blank(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count()
}

/// Past one value; `None`: there is none.
fn pass(text: &str, at: usize, depth: u8) -> Option<usize> {
    match text.as_bytes().get(at)? {
        b'{' => nested(text, at, depth, b'}'),
        b'[' => nested(text, at, depth, b']'),
        b'"' => string(text, at),
        _ => {
            let rest = &text[at..];
            let end = rest.find(|it: char| !it.is_ascii_alphanumeric() && !"+-.".contains(it));
            let end = at + end.unwrap_or(rest.len());
            let word = &text[at..end];
            // Whether it is a whole number is seen when one is asked for. (To read it as any other
            // takes ten kilobytes of tables.)
            let digits = word.strip_prefix('-').unwrap_or(word);
            let is_number = digits.starts_with(|it: char| it.is_ascii_digit())
                && digits.bytes().all(|it| it.is_ascii_digit() || b".eE+-".contains(&it));
            (is_number || matches!(word, "true" | "false" | "null")).then_some(end)
        }
    }
}

fn nested(text: &str, mut at: usize, depth: u8, close: u8) -> Option<usize> {
    if depth == MAX_DEPTH {
        return None;
    }
    at = blank(text, at + 1);
    if text.as_bytes().get(at) == Some(&close) {
        return Some(at + 1);
    }
    loop {
        if close == b'}' {
            at = blank(text, string(text, at)?);
            if text.as_bytes().get(at) != Some(&b':') {
                return None;
            }
            at = blank(text, at + 1);
        }
        at = blank(text, pass(text, at, depth + 1)?);
        match text.as_bytes().get(at)? {
            b',' => at = blank(text, at + 1),
            byte if *byte == close => return Some(at + 1),
            _ => return None,
        }
    }
}

/// Past a text in quotes.
fn string(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = (bytes.get(at) == Some(&b'"')).then_some(at + 1)?;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            0..0x20 => return None,
            _ => at += 1,
        }
    }
}

fn unescaped(text: &str) -> Option<String> {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        whole.push(match next {
            '\\' => match rest.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'u' => {
                    let high = unit(&mut rest)?;
                    match high {
                        0xD800..0xDC00 => {
                            let pair = rest.next() == Some('\\') && rest.next() == Some('u');
                            let low = unit(&mut rest).filter(|low| pair && low >> 10 == 0x37)?;
                            char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00))?
                        }
                        unit => char::from_u32(unit)?,
                    }
                }
                plain @ ('"' | '\\' | '/') => plain,
                _ => return None,
            },
            plain => plain,
        });
    }
    Some(whole)
}

/// Four hexadecimal digits.
fn unit(rest: &mut std::str::Chars<'_>) -> Option<u32> {
    (0..4).try_fold(0, |unit, _| Some(unit << 4 | rest.next()?.to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both readers say the same of a text and of everything in it.
    fn same(text: &str) {
        let theirs = serde_json::from_str::<serde_json::Value>(text).ok();
        match (Json::read(text), theirs) {
            (Some(ours), Some(theirs)) => agree(ours, &theirs),
            (ours, theirs) => {
                assert_eq!(ours.is_some(), theirs.is_some(), "{text}");
            }
        }
    }

    fn agree(ours: Json<'_>, theirs: &serde_json::Value) {
        assert_eq!(ours.number(), theirs.as_u64(), "{ours:?}");
        assert_eq!(ours.signed(), theirs.as_i64(), "{ours:?}");
        assert_eq!(ours.truth(), theirs.as_bool(), "{ours:?}");
        assert_eq!(ours.text().as_deref(), theirs.as_str(), "{ours:?}");
        let items: Option<Vec<_>> = ours.array().map(Iterator::collect);
        assert_eq!(items.as_ref().map(Vec::len), theirs.as_array().map(Vec::len), "{ours:?}");
        let theirs_too = theirs.as_array().into_iter().flatten();
        items.iter().flatten().zip(theirs_too).for_each(|(ours, theirs)| agree(*ours, theirs));
        for (name, theirs) in theirs.as_object().into_iter().flatten() {
            agree(ours.get(name).unwrap_or_else(|| panic!("{name} in {ours:?}")), theirs);
        }
        assert_eq!(ours.get("no such name"), None);
    }

    const TEXTS: [&str; 12] = [
        "{}",
        " [ ] ",
        "\t{\"a\" : [1 , 2,\n{\"b\":\"x\"}] , \"c\":null}\r\n",
        "[0, 18446744073709551615, 18446744073709551616, -7, -9223372036854775808, 1.5, 2e3]",
        "[true, false, null]",
        r#"{"why":"a \"quoted\" \\ \/ \n\t\r\b\f word","unit":"\u00e9\ud83d\ude00"}"#,
        r#"{"nested":{"nested":{"nested":[[[[]]]]}},"name":"ünïcode ✓"}"#,
        r#"["\ud83d", "\ude00", "\u12"]"#,
        "\"a\u{1}b\"",
        "12",
        "\"\"",
        "{\"a\":1,\"b\":{}}",
    ];

    #[test]
    fn it_reads_what_a_full_reader_reads() {
        // A lone half of a pair is found when it is asked for, not before.
        for text in TEXTS.into_iter().filter(|text| !text.contains("\\ude00\"")) {
            same(text);
        }
        for broken in [
            "",
            " ",
            "{",
            "}",
            "[1,]",
            "[1 2]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "tru",
            "nul",
            "1 1",
            "\"",
            "\"\\",
            "{\"a\":1,}",
            "[,1]",
            "inf",
            "NaN",
            "Infinity",
            "--1",
            "-",
            "'a'",
            "{} {}",
        ] {
            assert_eq!(Json::read(broken), None, "{broken}");
        }
        assert_eq!(Json::read(r#""\ud83d""#).and_then(Json::text), None);
        assert_eq!(Json::read(r#""\x""#).and_then(Json::text), None);
    }

    #[test]
    fn no_part_of_a_text_and_no_changed_byte_breaks_it() {
        for text in TEXTS {
            for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
                let _ =
                    Json::read(&text[..end]).map(|it| (it.text(), it.array().map(Iterator::count)));
                for byte in b"\"\\{}[],:0x \n" {
                    let mut bytes = text.as_bytes().to_vec();
                    bytes[end] = *byte;
                    if let Ok(changed) = String::from_utf8(bytes) {
                        let _ = Json::read(&changed)
                            .map(|it| (it.text(), it.array().map(Iterator::count)));
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_nested_too_deep_is_not_read() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(Json::read(&nested(16)).is_some());
        assert_eq!(Json::read(&nested(17)), None);
        assert_eq!(Json::read(&nested(100_000)), None);
    }
}
