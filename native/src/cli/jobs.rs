//! How many threads do what can be done side by side.

/// The most threads.
const MAX_JOBS: usize = 1_024;

pub(super) fn one_for_each_core() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(MAX_JOBS)
}

pub(super) fn parse(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(jobs) if (1..=MAX_JOBS).contains(&jobs) => Ok(jobs),
        _ => Err(format!("it must be from 1 to {MAX_JOBS}")),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn no_thread_and_too_many_threads_are_refused() {
        assert_eq!(parse("8"), Ok(8));
        assert!(["0", "1025", "two", ""].into_iter().all(|wrong| parse(wrong).is_err()));
    }
}
