//! Counts what a test runner says it ran, so that the last line can say it for all of them.

/// Checks that passed, failed and were left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Ended well.
    pub(crate) passed: u64,
    /// Ended badly: failed, crashed, or took too long.
    pub(crate) failed: u64,
    /// Left out on purpose.
    pub(crate) skipped: u64,
}

impl Tally {
    /// Takes in a line, if it is a runner's summary.
    pub(crate) fn read(&mut self, line: &str) {
        let line = without_colour(line);
        if let Some(counts) = nextest_counts(&line).or_else(|| cargo_test_counts(&line)) {
            for part in counts.split([',', ';']) {
                self.count(part);
            }
        }
    }

    /// Puts another one's counts on top.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// "12 passed (1 slow)", "1 exec failed", "2 timed out", "0 ignored": the first word counts.
    fn count(&mut self, part: &str) {
        let mut words = part.split_whitespace();
        let Some(number) = words.next().and_then(|word| word.parse::<u64>().ok()) else { return };
        let what = words.collect::<Vec<_>>().join(" ");
        if what.starts_with("passed") {
            self.passed += number;
        } else if what.starts_with("failed")
            || what.starts_with("exec failed")
            || what.starts_with("timed out")
        {
            self.failed += number;
        } else if what.starts_with("skipped") || what.starts_with("ignored") {
            self.skipped += number;
        }
    }
}

/// `Summary [   0.005s] 4 tests run: 3 passed, 1 failed, 0 skipped`
fn nextest_counts(line: &str) -> Option<&str> {
    let summary = line.trim_start().strip_prefix("Summary [")?;
    let (head, counts) = summary.split_once(" run: ")?;
    (head.ends_with("test") || head.ends_with("tests")).then_some(counts)
}

/// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s`
fn cargo_test_counts(line: &str) -> Option<&str> {
    line.strip_prefix("test result: ")?.split_once(". ").map(|(_, counts)| counts)
}

fn without_colour(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == '\x1b' {
            for end in characters.by_ref() {
                if end.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            plain.push(character);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        for line in lines {
            tally.read(line);
        }
        tally
    }

    #[test]
    fn nextest_is_understood() {
        let passed = tally(&["     Summary [   0.005s] 2 tests run: 2 passed (1 slow), 3 skipped"]);
        assert_eq!(passed, Tally { passed: 2, failed: 0, skipped: 3 });
        let cut_short = "     Summary [ 1.2s] 5/9 tests run: 2 passed, 1 failed, 1 exec failed, 1 timed out, 4 skipped";
        assert_eq!(tally(&[cut_short]), Tally { passed: 2, failed: 3, skipped: 4 });
        let one = "\x1b[32;1m     Summary\x1b[0m [   0.1s] \x1b[1m1\x1b[0m test run: \x1b[1m1\x1b[0m \x1b[32;1mpassed\x1b[0m, 0 skipped";
        assert_eq!(tally(&[one]), Tally { passed: 1, failed: 0, skipped: 0 });
    }

    #[test]
    fn cargo_test_is_understood_and_summed() {
        let one = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        let two = "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 5 filtered out; finished in 0.10s";
        assert_eq!(
            tally(&[one, "running 3 tests", two]),
            Tally { passed: 4, failed: 2, skipped: 1 }
        );
    }

    #[test]
    fn other_lines_count_nothing() {
        let lines = [
            "    Starting 9 tests across 2 binaries",
            "test a::b ... ok",
            "",
            "Summary of 3 passed",
        ];
        assert_eq!(tally(&lines), Tally::default());
    }
}
