//! From one moment to the next: callers call, services work, and the manager is asked as any host
//! asks it.

use alloc::{collections::VecDeque, vec::Vec};
use core::time::Duration;

use super::{
    agenda::{Agenda, Due, Trial},
    arrivals::Arrivals,
    calls::{Calls, Stage},
    health::Belief,
    series::{Played, Recorder},
    service::{Finished, For, Taken, Worker},
    setting::{BadSetting, Setting},
    story::Story,
};
use crate::{
    config::must,
    resilience::{
        Outcome,
        chaos::{Experiment, Fault, Injection},
        manager::{BeginError, Begun, Call, Instead, Key, Manager, Turn},
        retry::Hint,
    },
    time::Time,
};

/// What all calls are calls of.
pub(super) const OPERATION: &str = "call";
/// So much happens at most: a few times what the largest rate and the longest time come to.
const MAX_STEPS: u64 = 4_000_000;
/// A service that doesn't take a call says so within this.
const REFUSAL: Duration = Duration::from_millis(1);
/// The manager isn't woken more often.
const LEAST_SLEEP: Duration = Duration::from_millis(1);

/// Plays a setting from its beginning to its end.
pub fn play(setting: &Setting) -> Result<Played, BadSetting> {
    setting.validate()?;
    let mut world = World::new(setting)?;
    let whole = world.run();
    Ok(world.recorder.finish(world.story.happened, !whole))
}

struct World<'a> {
    setting: &'a Setting,
    now: Time,
    agenda: Agenda,
    arrivals: Arrivals,
    workers: Vec<Worker>,
    manager: Manager,
    keys: Vec<Key>,
    calls: Calls,
    belief: Belief,
    recorder: Recorder,
    story: Story,
    /// Threads that are taken, and who waits for one, since when.
    threads: u32,
    backlog: VecDeque<(u8, Time)>,
    /// Services in whose line it may be somebody's turn.
    turns: Vec<u16>,
    /// When the manager is woken.
    wake: Time,
}

impl<'a> World<'a> {
    fn new(setting: &'a Setting) -> Result<Self, BadSetting> {
        let mut agenda = Agenda::default();
        let mut manager = Manager::new(setting.manager())?;
        if let Some(chaos) = &setting.chaos {
            manager.set_experiment(Some(Experiment::new(chaos.clone())?));
            let end = Time::from_millis(setting.duration_ms);
            let begun = manager.experiment().is_some_and(|it| it.permit(Time::ZERO, end).is_ok());
            let early = "nothing would be injected before the end";
            must(begun, "baseline_ms", chaos.baseline_ms, early)?;
        }
        let ids = 0..setting.services.len() as u16;
        let keys = ids.clone().filter_map(|it| manager.key(it, OPERATION).ok()).collect();
        let recorder = Recorder::new(setting);
        agenda.note(recorder.full_at(), Due::Bucket);
        let workers = ids.zip(&setting.services);
        let workers = workers.map(|(id, it)| Worker::new(id, it, setting.seed, &mut agenda));
        Ok(Self {
            workers: workers.collect(),
            arrivals: Arrivals::begin(setting, &mut agenda),
            belief: Belief::new(
                setting.watch.as_ref(),
                setting.services.len(),
                setting.seed,
                &mut agenda,
            )?,
            setting,
            now: Time::ZERO,
            agenda,
            manager,
            keys,
            calls: Calls::default(),
            recorder,
            story: Story::default(),
            threads: 0,
            backlog: VecDeque::new(),
            turns: Vec::new(),
            wake: Time::MAX,
        })
    }

    /// Whether it came to its end.
    fn run(&mut self) -> bool {
        let end = Time::from_millis(self.setting.duration_ms);
        for _ in 0..MAX_STEPS {
            match self.agenda.next() {
                Some((at, due)) if at <= end => {
                    self.now = at;
                    self.happen(due);
                    self.go_on();
                    self.look();
                    self.plan_wake();
                }
                _ => return true,
            }
        }
        false
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Bucket => self.close_bucket(),
            Due::Call { group } => {
                if let Some(callers) = self.setting.callers.get(usize::from(group)) {
                    self.arrivals.next(self.now, group, callers, &mut self.agenda);
                    self.ask(group);
                }
            }
            Due::Burst { group } => {
                let callers = self.setting.callers.get(usize::from(group));
                let calls = callers.and_then(|it| it.burst).map_or(0, |it| it.calls);
                (0..calls).for_each(|_| self.ask(group));
            }
            Due::Weather { service } => {
                let worker = self.workers.get_mut(usize::from(service));
                let lost = worker.map(|it| it.lose(self.now)).unwrap_or_default();
                for whom in lost {
                    self.done(service, Finished { whom, failed: true }, true);
                }
            }
            Due::Done { service, work } => {
                let worker = self.workers.get_mut(usize::from(service));
                let done = worker.and_then(|it| it.done(self.now, work, &mut self.agenda));
                if let Some(finished) = done {
                    self.done(service, finished, false);
                }
            }
            Due::Reach(trial) => self.reach(trial, true),
            Due::Answer { trial, full } => {
                if self.is_tried(trial) {
                    let outcome = if full { Outcome::Overload } else { Outcome::Failure };
                    self.settle(trial.slot, outcome);
                }
            }
            Due::Over(trial) => {
                if self.is_tried(trial) {
                    self.recorder.now.timed_out += 1;
                    self.settle(trial.slot, Outcome::Timeout);
                }
            }
            Due::Again(trial) => {
                if self.calls.of(trial).is_some_and(|it| it.made == trial.number) {
                    self.attempt(trial.slot);
                }
            }
            Due::Check { service } => self.check(service),
            Due::Heartbeat { service } => {
                let worker = self.workers.get(usize::from(service));
                let comes = worker.is_some_and(|it| it.beats(self.now));
                if let Some(pulses) = self.belief.pulses() {
                    pulses.beat(self.now, service, comes, &mut self.agenda);
                }
            }
            Due::Suspect { service } => {
                if let Some(pulses) = self.belief.pulses() {
                    pulses.look(self.now, service);
                }
            }
            Due::Wake => {
                // Another may have been planned for earlier, and planned a later one since.
                if self.wake == self.now {
                    self.wake = Time::MAX;
                    self.manager.tick(self.now);
                    self.turns.extend(0..self.keys.len() as u16);
                }
            }
        }
    }

    /// Whoever was held up goes on, until nobody can.
    fn go_on(&mut self) {
        loop {
            if let Some(service) = self.turns.pop() {
                let Some(key) = self.keys.get(usize::from(service)).copied() else { continue };
                while let Some(turn) = self.manager.poll_turn(self.now, key) {
                    self.turn(service, key, turn);
                }
            } else if self.threads < self.setting.threads
                && let Some((group, asked)) = self.backlog.pop_front()
            {
                self.enter(group, asked);
            } else {
                return;
            }
        }
    }

    fn ask(&mut self, group: u8) {
        self.recorder.group(group).offered += 1;
        if self.threads < self.setting.threads {
            self.enter(group, self.now);
        } else if self.backlog.len() < self.setting.backlog as usize {
            self.backlog.push_back((group, self.now));
        } else {
            self.recorder.no_thread(group);
        }
    }

    /// A call has its thread.
    fn enter(&mut self, group: u8, asked: Time) {
        let Some(callers) = self.setting.callers.get(usize::from(group)) else { return };
        let deadline = callers.patience_ms.map(|ms| asked + Duration::from_millis(ms));
        if deadline.is_some_and(|it| it <= self.now) {
            return self.recorder.no_thread(group);
        }
        let service = callers.to.unwrap_or_else(|| self.belief.choose());
        let Some(key) = self.keys.get(usize::from(service)).copied() else { return };
        match self.manager.begin(self.now, key, 1, Some(callers.priority), deadline) {
            Ok(Begun::Go(call)) => {
                self.threads += 1;
                let slot = self.calls.add(group, service, asked, Stage::Between(call));
                self.attempt(slot);
            }
            Ok(Begun::Wait(waiting)) => {
                self.threads += 1;
                self.calls.add(group, service, asked, Stage::InLine(waiting));
            }
            Err(BeginError::Rejected(why)) => self.recorder.refused(group, &why),
            // There is one operation, and callers were checked to call only services that are there.
            Err(BeginError::Unknown(_)) => {}
        }
        self.turns.push(service);
    }

    /// Something has become of who is in line.
    fn turn(&mut self, service: u16, key: Key, turn: Turn) {
        let slot = self.calls.waiting(service, turn.ticket);
        let Some((slot, call)) = slot.and_then(|it| Some((it, self.calls.get(it)?))) else {
            return self.manager.decline(key, turn);
        };
        let group = call.group;
        let Some(Stage::InLine(waiting)) = call.stage.take() else { return };
        match self.manager.resume(self.now, waiting, turn) {
            Ok(go) => {
                call.stage = Some(Stage::Between(go));
                self.attempt(slot);
            }
            Err(why) => {
                self.recorder.refused(group, &why);
                self.calls.take(slot);
                self.threads -= 1;
            }
        }
    }

    /// A call's first attempt, or another.
    fn attempt(&mut self, slot: u32) {
        let Some(running) = self.calls.get(slot) else { return };
        let Some(Stage::Between(mut call)) = running.stage.take() else { return };
        match self.manager.attempt(self.now, &mut call) {
            Ok(attempt) => {
                running.made += 1;
                let trial = Trial { slot, serial: running.serial, number: running.made };
                let (until, injection) = (attempt.deadline().at, attempt.injection());
                running.stage = Some(Stage::Trying(call, attempt));
                let counted = &mut self.recorder.now;
                counted.attempts += 1;
                counted.retries += u32::from(trial.number > 1);
                counted.injected += u32::from(injection.is_some());
                self.agenda.note(until, Due::Over(trial));
                self.carry_out(trial, injection);
            }
            Err(Instead::Again { at }) => {
                let trial = Trial { slot, serial: running.serial, number: running.made };
                running.stage = Some(Stage::Between(call));
                self.agenda.note(at, Due::Again(trial));
            }
            Err(Instead::GiveUp(why)) => {
                if running.made == 0 {
                    self.recorder.refused(running.group, &why);
                }
                self.finish(slot, call);
            }
            Err(Instead::Done) => self.finish(slot, call),
        }
    }

    /// Makes an attempt, and does to it what the experiment wants.
    fn carry_out(&mut self, trial: Trial, injection: Option<Injection>) {
        match injection.map(|it| (it.fault, it.delay)) {
            Some((Fault::Error, _)) => {
                self.agenda.note(self.now + REFUSAL, Due::Answer { trial, full: false });
            }
            Some((Fault::Latency { .. } | Fault::Reorder { .. }, delay)) => {
                self.agenda.note(self.now + delay, Due::Reach(trial));
            }
            Some((Fault::Drop, _)) => self.reach(trial, false),
            Some((Fault::Partition, _)) => {}
            Some((Fault::Duplicate, _)) => {
                self.reach(trial, false);
                self.reach(trial, true);
            }
            // Nothing else is let into a setting.
            _ => self.reach(trial, true),
        }
    }

    /// An attempt is at its service, if its caller still waits.
    fn reach(&mut self, trial: Trial, answered: bool) {
        if !self.is_tried(trial) {
            return;
        }
        let Some(running) = self.calls.of(trial) else { return };
        let Some(worker) = self.workers.get_mut(usize::from(running.service)) else { return };
        match worker.take(self.now, For::Trial { trial, answered }, &mut self.agenda) {
            Taken::Yes => running.works += 1,
            taken if answered => {
                let full = taken == Taken::Full;
                self.agenda.note(self.now + REFUSAL, Due::Answer { trial, full });
            }
            _ => {}
        }
    }

    /// A service has done some work, or lost it.
    fn done(&mut self, service: u16, finished: Finished, lost: bool) {
        let outcome = if finished.failed { Outcome::Failure } else { Outcome::Success };
        match finished.whom {
            For::Check { number } => self.belief.checked(self.now, service, number, outcome),
            For::Trial { trial, answered } => {
                let Some(running) = self.calls.of(trial) else { return };
                running.works -= 1;
                if answered && self.is_tried(trial) {
                    self.settle(trial.slot, outcome);
                } else if !lost {
                    self.recorder.now.wasted += 1;
                }
                self.leave(trial);
            }
        }
    }

    /// An attempt has ended.
    fn settle(&mut self, slot: u32, outcome: Outcome) {
        let Some(running) = self.calls.get(slot) else { return };
        let Some(Stage::Trying(mut call, attempt)) = running.stage.take() else { return };
        running.last = outcome;
        self.belief.settle(self.now, running.service, outcome);
        match self.manager.settle(self.now, &mut call, attempt, outcome, Hint::None) {
            Instead::Again { at } => {
                let trial = Trial { slot, serial: running.serial, number: running.made };
                running.stage = Some(Stage::Between(call));
                self.agenda.note(at, Due::Again(trial));
            }
            Instead::Done | Instead::GiveUp(_) => self.finish(slot, call),
        }
    }

    /// A caller has its answer, or none: it goes. What still works for it keeps its place in the
    /// bulkhead.
    fn finish(&mut self, slot: u32, call: Call) {
        let Some(running) = self.calls.get(slot) else { return };
        let (outcome, service) = (running.last, running.service);
        if running.made > 0 {
            self.recorder.ended(running.group, outcome, self.now.since(running.asked));
        }
        if running.works > 0 {
            let gone = self.manager.abandon(self.now, call, outcome);
            running.stage = Some(Stage::Gone(gone));
        } else {
            self.manager.finish(self.now, call, outcome);
            self.calls.take(slot);
        }
        self.threads -= 1;
        self.turns.push(service);
    }

    /// Of who is gone, once nothing works for it any more.
    fn leave(&mut self, trial: Trial) {
        let Some(running) = self.calls.of(trial) else { return };
        if running.works == 0
            && matches!(running.stage, Some(Stage::Gone(_)))
            && let Some(running) = self.calls.take(trial.slot)
            && let Some(Stage::Gone(gone)) = running.stage
        {
            self.manager.end(self.now, gone);
            self.turns.push(running.service);
        }
    }

    fn check(&mut self, service: u16) {
        let Some(number) = self.belief.check(self.now, service, &mut self.agenda) else { return };
        let Some(worker) = self.workers.get_mut(usize::from(service)) else { return };
        if worker.take(self.now, For::Check { number }, &mut self.agenda) != Taken::Yes {
            self.belief.checked(self.now, service, number, Outcome::Failure);
        }
    }

    /// Whether that attempt is under way.
    fn is_tried(&mut self, trial: Trial) -> bool {
        self.calls.of(trial).is_some_and(|it| {
            it.made == trial.number && matches!(it.stage, Some(Stage::Trying(..)))
        })
    }

    fn plan_wake(&mut self) {
        if let Some(at) = self.manager.next_wake() {
            let at = at.max(self.now + LEAST_SLEEP);
            if at < self.wake {
                self.wake = at;
                self.agenda.note(at, Due::Wake);
            }
        }
    }

    /// What has changed.
    fn look(&mut self) {
        let guards = self.keys.first().and_then(|it| self.manager.snapshot(*it).ok());
        let breaker = guards.and_then(|it| it.breaker).map(|it| it.state);
        self.story.breaker(self.now, breaker);
        if let Some(degradation) = self.manager.degradation() {
            self.story.level(self.now, degradation.level());
        }
        self.story.experiment(self.now, self.manager.experiment().map(|it| it.phase()));
        if self.belief.watches() {
            for service in 0..self.keys.len() as u16 {
                self.story.believed(self.now, service, self.belief.is_up(service));
            }
        }
    }

    fn close_bucket(&mut self) {
        let objective = self.manager.objective(OPERATION).ok().flatten();
        let bucket = &mut self.recorder.now;
        if let Some(guards) = self.keys.first().and_then(|it| self.manager.snapshot(*it).ok()) {
            bucket.see(&guards, objective.as_ref());
        }
        if let Some(worker) = self.workers.first() {
            (bucket.working, bucket.queued) = worker.busy();
            bucket.down = worker.is_down(self.now);
        }
        if let Some(degradation) = self.manager.degradation() {
            let seen = degradation.snapshot();
            (bucket.level, bucket.signal_ppm) = (seen.level, seen.highest_ppm);
        }
        bucket.threads = self.threads;
        bucket.experiment = self.manager.experiment().map(|it| it.phase());
        let services = 0..self.keys.len() as u16;
        bucket.believed_up = services.filter(|it| self.belief.is_up(*it)).count() as u16;
        bucket.phi_milli = self.belief.pulses().map(|it| it.highest_milli(self.now));
        self.story.fires(self.now, bucket.fires);
        self.recorder.close();
        self.agenda.note(self.recorder.full_at(), Due::Bucket);
    }
}
