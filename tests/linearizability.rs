//! Linearizability of client histories, checked from outside: from what clients asked and were
//! told, and when, and from nothing else.
//!
//! The search for a legal order is that of Wing and Gong (1993) with Lowe's memory (2017), as
//! `todc-utils` has it. Each key is searched by itself: a history is linearizable if and only if
//! that of each object is (Herlihy & Wing 1990, theorem 1), and each key is an object.

use std::{collections::BTreeMap, fmt};

use conclave_core::{
    app::{Context, KeyValue, Operation, Outcome},
    event::{Event, EventKind, Place},
    ids::{ClientId, RequestId},
};
use todc_utils::{Action, History as Actions, Specification, WGLChecker};

/// One question of one client, and the answer if there was one.
#[derive(Clone, Debug)]
struct Call {
    operation: Operation,
    asked: usize,
    /// When it was answered, and what, in words.
    answered: Option<(usize, String)>,
}

/// A name for a call that has no answer yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallId(usize);

/// What clients asked and were told, in real-time order.
#[derive(Clone, Debug, Default)]
pub struct History {
    calls: Vec<Call>,
    clock: usize,
}

/// A key whose history has no legal order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotLinearizable {
    /// The key.
    pub key: Vec<u8>,
    /// The first answer that no order explains, and what was asked and answered before it, with
    /// the times of asking and answering.
    pub calls: Vec<String>,
}

impl fmt::Display for NotLinearizable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = String::from_utf8_lossy(&self.key);
        writeln!(f, "for key {key} no order explains the last answer of these:")?;
        self.calls.iter().try_for_each(|call| writeln!(f, "  {call}"))
    }
}

/// One key, as the sequential specification. Its state is what the key holds.
struct Cell;

impl Specification for Cell {
    type State = Option<Vec<u8>>;
    /// What was asked, and in words what was told. `None`: anything would do.
    type Operation = (Operation, Option<String>);

    fn init() -> Self::State {
        None
    }

    fn apply((operation, told): &Self::Operation, held: &Self::State) -> (bool, Self::State) {
        let key = operation.key().to_vec();
        // Nothing here expires, so the time doesn't matter.
        let (mut store, context) = (KeyValue::default(), Context::default());
        if let Some(value) = held.clone() {
            store.apply(&Operation::Put { key: &key, value: &value }, &context);
        }
        let outcome = store.apply(&operation.lent(), &context).to_string();
        if told.as_ref().is_some_and(|told| *told != outcome) {
            return (false, held.clone());
        }
        (true, store.get(&key).map(<[u8]>::to_vec))
    }
}

impl History {
    /// A client asks.
    pub fn ask(&mut self, operation: Operation) -> CallId {
        self.clock += 1;
        self.calls.push(Call { operation, asked: self.clock, answered: None });
        CallId(self.calls.len() - 1)
    }

    /// It accepts an answer. A call that never gets one may have taken effect at any time since it
    /// was asked, or not at all.
    pub fn answer(&mut self, call: CallId, told: &Outcome) {
        self.told(call, told.to_string());
    }

    fn told(&mut self, call: CallId, told: String) {
        self.clock += 1;
        self.calls[call.0].answered = Some((self.clock, told));
    }

    /// The history of a simulated run.
    ///
    /// # Panics
    ///
    /// If an event says something of a client that can't be read: then nothing would be checked.
    #[must_use]
    pub fn of_events(events: &[Event]) -> Self {
        let mut history = Self::default();
        let mut open: BTreeMap<RequestId, CallId> = BTreeMap::new();
        for event in events {
            // The administrator changes the membership; it touches no key.
            if event.place == Place::Client(ClientId::ADMINISTRATOR) {
                continue;
            }
            match &event.kind {
                EventKind::RequestSubmitted { request, operation } => {
                    let read = read_operation(operation);
                    let read = read.unwrap_or_else(|| panic!("no operation: {operation}"));
                    open.insert(*request, history.ask(read));
                }
                EventKind::RequestCompleted { request, result, .. } => {
                    let call = open.remove(request).expect("it was submitted");
                    history.told(call, result.clone());
                }
                _ => {}
            }
        }
        history
    }

    /// How many calls there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// How many have no answer.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.calls.iter().filter(|call| call.answered.is_none()).count()
    }

    /// The most calls that were open at one time.
    #[must_use]
    pub fn concurrency(&self) -> usize {
        let asked = self.calls.iter().map(|call| (call.asked, 1));
        let answered = self.calls.iter().filter_map(|call| Some((call.answered_at()?, -1)));
        let mut changes: Vec<(usize, isize)> = asked.chain(answered).collect();
        changes.sort_unstable();
        let open = changes.iter().scan(0, |open, (_, change)| {
            *open += change;
            Some(*open)
        });
        open.max().unwrap_or(0) as usize
    }

    /// Whether some order of all calls, each within its own time, explains every answer.
    pub fn check(&self) -> Result<(), NotLinearizable> {
        let mut by_key: BTreeMap<&[u8], Vec<&Call>> = BTreeMap::new();
        for call in self.calls.iter().filter(|call| !call.is_in_safe_mode()) {
            by_key.entry(call.operation.key()).or_default().push(call);
        }
        // When such a value vanished depends on the agreed time, which no client sees.
        by_key.retain(|_, calls| !calls.iter().any(|call| expires(&call.operation)));
        by_key.into_iter().try_for_each(|(key, calls)| check_key(key, &calls))
    }
}

fn expires(operation: &Operation) -> bool {
    matches!(operation, Operation::PutFor { .. })
}

fn check_key(key: &[u8], calls: &[&Call]) -> Result<(), NotLinearizable> {
    if is_linearizable(calls, usize::MAX) {
        return Ok(());
    }
    // What was answered later can't explain it: the shortest beginning that can't be explained
    // ends with the answer that is wrong.
    let mut answers: Vec<_> = calls.iter().filter_map(|call| call.answered_at()).collect();
    answers.sort_unstable();
    let first = answers.partition_point(|at| is_linearizable(calls, *at));
    let end = answers.get(first).copied().unwrap_or(usize::MAX);
    let mut known: Vec<_> = calls.iter().filter(|call| call.asked < end).collect();
    known.sort_unstable_by_key(|call| call.answered_at().filter(|at| *at <= end).unwrap_or(0));
    let shown = known.len().saturating_sub(CALLS_SHOWN);
    let calls = known[shown..].iter().map(ToString::to_string).collect();
    Err(NotLinearizable { key: key.to_vec(), calls })
}

/// A message holds so many calls: those around the wrong answer.
const CALLS_SHOWN: usize = 24;

/// Whether the history up to a moment can be explained; what is answered later is open then.
///
/// An open call may take effect at any later time, or never. Both are found if it is taken to be
/// answered after everything else, with whatever fits.
fn is_linearizable(calls: &[&Call], end: usize) -> bool {
    let known = calls.iter().enumerate().filter(|(_, call)| call.asked < end);
    let mut moments: Vec<_> = known
        .flat_map(|(index, call)| {
            let told = call.answered.as_ref().filter(|(at, _)| *at <= end);
            let asked = (call.operation.clone(), None);
            let answered = (call.operation.clone(), told.map(|(_, told)| told.clone()));
            [
                (call.asked, (index, Action::Call(asked))),
                (told.map_or(usize::MAX, |(at, _)| *at), (index, Action::Response(answered))),
            ]
        })
        .collect();
    moments.sort_by_key(|(at, _)| *at);
    let actions: Vec<_> = moments.into_iter().map(|(_, action)| action).collect();
    actions.is_empty() || WGLChecker::<Cell>::is_linearizable(Actions::from_actions(actions))
}

impl Call {
    /// Whether the answer itself says that nothing changed and that nobody should rely on it: more
    /// nodes are proven to lie than may.
    fn is_in_safe_mode(&self) -> bool {
        self.answered.as_ref().is_some_and(|(_, told)| {
            told.starts_with("unsafe: ") || *told == Outcome::SafeMode.to_string()
        })
    }

    fn answered_at(&self) -> Option<usize> {
        self.answered.as_ref().map(|(at, _)| *at)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, ", self.asked)?;
        match &self.answered {
            Some((at, told)) => write!(f, "{at}] {}: {told}", self.operation),
            None => write!(f, "…) {}: no answer", self.operation),
        }
    }
}

/// Reads an operation as an event puts it in words. Keys and values of workloads hold no spaces.
fn read_operation(words: &str) -> Option<Operation> {
    let bytes = |word: &str| word.as_bytes().to_vec();
    let maybe = |word: &str| (word != "nothing").then(|| bytes(word));
    let words: Vec<_> = words.split(' ').collect();
    let operation = match words[..] {
        ["get", key] => Operation::Get { key: bytes(key) },
        ["put", key, "=", value] => Operation::Put { key: bytes(key), value: bytes(value) },
        ["put", key, "=", value, "for", ttl_ms, "ms"] => {
            Operation::PutFor { key: bytes(key), value: bytes(value), ttl_ms: ttl_ms.parse().ok()? }
        }
        ["delete", key] => Operation::Delete { key: bytes(key) },
        ["cas", key, expected, "→", new] => Operation::CompareAndSet {
            key: bytes(key.strip_suffix(':')?),
            expected: maybe(expected),
            new: maybe(new),
        },
        _ => return None,
    };
    Some(operation)
}
