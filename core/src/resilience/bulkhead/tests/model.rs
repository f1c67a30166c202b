//! Against a list of all that run and wait.

use alloc::vec::Vec;

use super::{Admission, Config, Order, Permit, Ticket, Turn, at, bulkhead};
use crate::{
    dice::Dice,
    resilience::{
        Priority,
        bulkhead::{Bulkhead, Why},
    },
};

struct Model {
    config: Config,
    running: Vec<Permit>,
    line: Vec<(Ticket, Priority, u64)>,
}

impl Model {
    fn has_room(&self) -> bool {
        self.running.len() < self.config.concurrent as usize
    }

    /// Whose turn it should be.
    fn next(&self) -> usize {
        let most = self.line.iter().map(|it| it.1).max().unwrap();
        let first = self.line.iter().position(|it| it.1 == most).unwrap();
        if self.config.order == Order::Fair { 0 } else { first }
    }

    /// All turns there are; each must be the one that should be.
    fn turns(&mut self, guard: &mut Bulkhead, now_ms: u64) {
        while let Some(Turn { ticket, result }) = guard.poll_turn(at(now_ms)) {
            let at = self.line.iter().position(|it| it.0 == ticket).unwrap();
            match result {
                Ok(permit) => {
                    assert!(self.has_room() && at == self.next(), "out of turn");
                    self.running.push(permit);
                }
                Err(rejected) if rejected.why == Why::Waited => {
                    assert!(self.line[at].2 <= now_ms, "too soon");
                }
                Err(rejected) => {
                    assert_eq!(rejected.why, Why::Displaced);
                    let least = self.line.iter().map(|it| it.1).min().unwrap();
                    assert_eq!(self.line[at].1, least);
                }
            }
            self.line.remove(at);
        }
        assert!(!self.has_room() || self.line.is_empty(), "somebody waits though there is room");
        assert!(self.line.iter().all(|it| it.2 > now_ms), "somebody waits for too long");
    }
}

fn run(seed: u64) -> usize {
    let mut dice = Dice::new(seed, 0);
    let order = [Order::Fair, Order::Priority][seed as usize % 2];
    let (slots, room) = (1 + dice.below(4) as u32, dice.below(5) as u32);
    let config = Config::default().concurrent(slots).line(room).line_ms(50).order(order);
    let mut guard = bulkhead(config.clone());
    let mut model = Model { config, running: Vec::new(), line: Vec::new() };
    let (mut now_ms, mut waited) = (0, 0);
    for _ in 0..500 {
        now_ms += dice.below(20);
        model.turns(&mut guard, now_ms);
        if dice.below(2) == 0 {
            let priority = Priority::ALL[dice.below(4) as usize];
            let deadline_ms = now_ms + dice.below(100);
            let full = model.line.len() >= room as usize;
            match guard.admit(at(now_ms), priority, Some(at(deadline_ms))) {
                Ok(Admission::Go(permit)) => {
                    assert!(model.has_room() && model.line.is_empty());
                    model.running.push(permit);
                }
                Ok(Admission::Wait(ticket)) => {
                    waited += 1;
                    model.turns_displaced(&mut guard, now_ms, full);
                    model.line.push((ticket, priority, deadline_ms.min(now_ms + 50)));
                }
                Err(rejected) => {
                    let expired = deadline_ms == now_ms && rejected.why == Why::Deadline;
                    assert!(expired || full && rejected.why == Why::Full, "{rejected:?}");
                }
            }
        } else if !model.running.is_empty() {
            let at_random = dice.below(model.running.len() as u64) as usize;
            let permit = model.running.swap_remove(at_random);
            if dice.below(2) == 0 {
                let abandoned = guard.abandon(permit);
                guard.release(at(now_ms), abandoned);
            } else {
                guard.release(at(now_ms), permit);
            }
        }
        let snapshot = guard.snapshot();
        let counted = (model.running.len() as u32, model.line.len() as u32);
        assert_eq!((snapshot.running, snapshot.waiting), counted, "seed {seed}");
    }
    waited
}

impl Model {
    /// Who joins a full line has displaced somebody, who is told first.
    fn turns_displaced(&mut self, guard: &mut Bulkhead, now_ms: u64, full: bool) {
        if full {
            let Some(Turn { ticket, result: Err(rejected) }) = guard.poll_turn(at(now_ms)) else {
                panic!("nobody was displaced");
            };
            assert_eq!(rejected.why, Why::Displaced);
            let least = self.line.iter().map(|it| it.1).min().unwrap();
            let last = self.line.iter().rposition(|it| it.1 == least).unwrap();
            assert_eq!(self.line.remove(last).0, ticket);
        }
    }
}

#[test]
fn it_is_what_a_list_says() {
    let waited: usize = (0..300).map(run).sum();
    assert!(waited > 5_000, "{waited}");
}
