//! `World`: a store on a medium in memory, the model beside it, and everything that can happen to
//! both.

use crate::{
    chance::Chance,
    checkers,
    device::Watched,
    faults::{Aim, Tally},
    plan::{Plan, Shape, Step},
};
use cistern_conformance::model::{Call, Differs, Heard, Held, Model};
use cistern_disk::{
    DiskBackend,
    device::{Counts, Crash, Device, MemoryDevice},
    threads::NoThreads,
};
use cistern_storage_core::{
    Store, Timestamp,
    port::{Backend, BackendError, Batch, Clock, Durability, ManualClock, SeededEntropy, Ticket},
};
use std::sync::Arc;

/// What must not be.
pub type Violation = String;

/// A store, the medium below it, and the model beside it.
#[derive(Debug)]
pub struct World {
    shape: Shape,
    durability: Durability,
    device: Watched,
    clock: Arc<ManualClock>,
    entropy: Arc<SeededEntropy>,
    /// `None` only between two openings.
    backend: Option<Arc<DiskBackend>>,
    held: Held,
    model: Model,
    /// The states that losing power may go back to, oldest first. The last is the model's.
    past: Vec<Model>,
    /// What will be left once the power goes that was ordered to go.
    left: Option<Crash>,
    /// Chance for what the plan leaves open.
    chance: Chance,
}

impl World {
    /// An empty store.
    ///
    /// # Errors
    /// When it does not open.
    pub fn new(plan: &Plan) -> Result<Self, Violation> {
        let clock = Arc::new(ManualClock::new(Model::begin()));
        let model = Model::new();
        let mut world = Self {
            shape: plan.shape.clone(),
            durability: plan.durability,
            device: Watched::new(MemoryDevice::new()),
            held: Held::new(Arc::clone(&clock)),
            clock,
            entropy: Arc::new(SeededEntropy::new(plan.seed)),
            backend: None,
            past: vec![model.clone()],
            model,
            left: None,
            chance: Chance::new(!plan.seed),
        };
        world.open().map_err(|error| format!("a new store does not open: {}", told(&error)))?;
        Ok(world)
    }

    /// A sum over all calls of the medium and their answers.
    #[must_use]
    pub fn trace(&self) -> u64 {
        self.device.trace()
    }

    /// What was asked of the medium so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.device.medium().counts()
    }

    /// Which faults struck.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.device.tally()
    }

    /// Lets one thing happen, and checks what must hold then.
    ///
    /// # Errors
    /// What does not hold.
    pub fn step(&mut self, step: &Step) -> Result<(), Violation> {
        match step {
            Step::Call(call) => self.call(call),
            Step::Maintain(steps) => self.work(*steps, DiskBackend::maintain),
            Step::Settle => self.work(u32::MAX, DiskBackend::tidy),
            Step::Clock(millis) => {
                self.jump(*millis);
                Ok(())
            }
            Step::Flush => {
                let struck = self.device.struck();
                match self.backend().flush(Durability::Synced) {
                    Ok(()) => {
                        self.past = vec![self.model.clone()];
                        Ok(())
                    }
                    Err(error) => self.failed(struck, &told(&error), vec![self.model.clone()]),
                }
            }
            Step::Reopen => self.reopen(),
            Step::Restart => self.restart(vec![self.model.clone()]),
            Step::Crash(left) => self.crash(*left, vec![self.model.clone()]),
            Step::PowerOff { change, left } => {
                self.device.medium().power_off_at(*change);
                self.left = Some(*left);
                Ok(())
            }
            Step::Fail { aim, failure } => {
                let medium = self.device.medium();
                match aim {
                    Aim::Any(nth) => medium.fail_at(*nth, *failure),
                    Aim::Of(call, nth) => medium.fail_nth(*call, *nth, *failure),
                    Aim::Every(call) => medium.fail_always(*call, *failure),
                }
                Ok(())
            }
        }
    }

    /// Checks everything, as it is and once more after losing power.
    ///
    /// # Errors
    /// What does not hold.
    pub fn finish(&mut self, removes_all: bool) -> Result<(), Violation> {
        // A power loss that was ordered and never came is forgotten with all other faults.
        if !self.is_off() {
            self.device.medium().mend();
            self.left = None;
            let same = self.held.compare(&self.model, true);
            same.map_err(|differs| format!("at the end {differs}"))?;
        }
        let left = Crash::Seeded(self.chance.draw());
        self.crash(left, vec![self.model.clone()])?;
        checkers::space::check_medium(self.device.medium())?;
        if removes_all { self.remove_all() } else { Ok(()) }
    }

    /// Removes all that there is: nothing may be left on the medium then.
    fn remove_all(&mut self) -> Result<(), Violation> {
        self.clock.set(Timestamp::from_millis(self.clock.now().as_millis() + A_YEAR));
        let failed = |what: &str, error: &dyn std::error::Error| format!("cannot {what}: {error}");
        self.held.remove_everything().map_err(|error| failed("remove everything", &error))?;
        // Files go once no crash can bring their owners back.
        let flushed = self.backend().flush(Durability::Synced);
        flushed.map_err(|error| failed("flush", &error))?;
        self.work(u32::MAX, DiskBackend::tidy)?;
        checkers::space::check_nothing_is_left(self.backend(), self.device.medium())?;
        self.backend().close().map_err(|error| failed("close", &error))?;
        checkers::space::check_medium(self.device.medium())
    }

    fn backend(&self) -> &DiskBackend {
        self.backend.as_ref().expect("the store is closed only between two openings")
    }

    fn open(&mut self) -> Result<(), BackendError> {
        let device = Arc::new(self.device.clone());
        let backend = DiskBackend::open_on(device, Arc::new(NoThreads), self.shape.settings())?;
        let backend = Arc::new(backend);
        let mut settings = Model::settings();
        settings.durability = self.durability;
        let store = Store::builder(Arc::clone(&backend) as _)
            .clock(Arc::clone(&self.clock) as _)
            .entropy(Arc::clone(&self.entropy) as _)
            .settings(settings)
            .build();
        let store = store.map_err(|error| {
            BackendError::io("build", "the store", std::io::Error::other(error.to_string()))
        })?;
        self.backend = Some(backend);
        self.held.set_store(Some(store));
        Ok(())
    }

    /// Lets go of the store as a process does that dies: nothing reaches the medium any more but
    /// what was just under way.
    fn drop_store(&mut self) {
        self.device.medium().power_off_at(0);
        self.held.set_store(None);
        self.backend = None;
    }

    fn is_off(&self) -> bool {
        let listed = self.device.medium().list("");
        self.left.is_some() && listed.is_err_and(|error| error.raw_os_error().is_none())
    }

    fn jump(&mut self, millis: i64) {
        let now = Timestamp::from_millis(self.clock.now().as_millis() + millis);
        self.clock.set(now);
        self.model.set_clock(now);
        if millis < 0 {
            self.device.count("clock set back");
        }
    }

    fn call(&mut self, call: &Call) -> Result<(), Violation> {
        let struck = self.device.struck();
        let before = self.model.clone();
        let expected = self.model.call(call);
        let heard = self.held.call(call, &expected);
        match heard {
            Heard::Same => {
                if call.writes() {
                    self.acknowledge(before.halfway(call));
                }
                Ok(())
            }
            Heard::Different(what) if self.device.struck() == struck => {
                Err(format!("{call:?} was answered otherwise\n  {what}"))
            }
            Heard::Different(what) | Heard::Failed(what) => {
                self.model = before;
                self.failed(struck, &what, self.model.halfway(call))
            }
        }
    }

    /// A write was acknowledged; it came by `way`.
    fn acknowledge(&mut self, way: Vec<Model>) {
        if self.durability == Durability::Synced {
            self.past.clear();
        } else {
            self.past.extend(way);
        }
        self.past.push(self.model.clone());
    }

    fn work(
        &mut self,
        steps: u32,
        work: fn(&DiskBackend) -> Result<bool, BackendError>,
    ) -> Result<(), Violation> {
        let struck = self.device.struck();
        for step in 0..steps {
            match work(self.backend()) {
                Ok(true) if step > MAINTAIN_STEPS_MAX => {
                    return Err("background work does not come to an end".into());
                }
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return self.failed(struck, &told(&error), vec![self.model.clone()]),
            }
        }
        Ok(())
    }

    /// Something failed, and one of `states` must be what is there.
    fn failed(&mut self, struck: u64, why: &str, states: Vec<Model>) -> Result<(), Violation> {
        if self.device.struck() == struck {
            return Err(format!("it failed, and no fault had struck: {why}"));
        }
        if self.is_off() {
            let left = self.left.unwrap_or(Crash::LoseAll);
            return self.crash(left, states);
        }
        self.device.medium().mend();
        self.left = None;
        // Reads go on, whatever failed.
        let state = self.find(&states, &format!("after failing ({why})"))?;
        let probe = self.backend().commit(Batch::new(Durability::Os)).map(Ticket::wait);
        if matches!(probe, Ok(Ok(()))) {
            self.model = state;
            self.past.push(self.model.clone());
            return Ok(());
        }
        self.device.count("store poisoned");
        match self.chance.below(3) {
            0 => self.restart(states),
            1 => self.crash(Crash::KeepAll, states),
            _ => self.crash(Crash::Seeded(self.chance.draw()), states),
        }
    }

    fn reopen(&mut self) -> Result<(), Violation> {
        let struck = self.device.struck();
        let closed = self.backend().close();
        let states = vec![self.model.clone()];
        if let Err(error) = closed {
            if self.device.struck() == struck && !self.is_off() {
                return Err(format!(
                    "it does not close, and no fault had struck: {}",
                    told(&error)
                ));
            }
            if self.is_off() {
                return self.crash(self.left.unwrap_or(Crash::LoseAll), states);
            }
            return self.restart(states);
        }
        self.past = vec![self.model.clone()];
        self.held.set_store(None);
        self.backend = None;
        self.open_again(states, "closed and opened")
    }

    /// The process dies: what the system has in its cache stays.
    fn restart(&mut self, states: Vec<Model>) -> Result<(), Violation> {
        if self.is_off() {
            return self.crash(self.left.unwrap_or(Crash::LoseAll), states);
        }
        self.device.count("process died");
        self.drop_store();
        self.device.medium().mend();
        self.left = None;
        self.open_again(states, "after the death of the process")
    }

    /// Opens the store on the medium as it is, in spite of faults that were ordered.
    fn open_again(&mut self, states: Vec<Model>, when: &str) -> Result<(), Violation> {
        let struck = self.device.struck();
        if let Err(error) = self.open() {
            if self.device.struck() == struck {
                return Err(format!("{when}, it does not open: {}", told(&error)));
            }
            self.device.count("opening failed");
            if self.is_off() {
                return self.crash(self.left.unwrap_or(Crash::LoseAll), states);
            }
            self.device.medium().mend();
            self.left = None;
            self.open().map_err(|error| format!("{when}, once more: {}", told(&error)))?;
        }
        let state = match self.find(&states, when) {
            Ok(state) => state,
            // Faults may strike while it is being compared.
            Err(_) if self.device.struck() > struck && self.is_off() => {
                return self.crash(self.left.unwrap_or(Crash::LoseAll), states);
            }
            Err(_) if self.device.struck() > struck => {
                self.device.medium().mend();
                self.left = None;
                self.find(&states, when)?
            }
            Err(what) => return Err(what),
        };
        self.model = state;
        self.past.push(self.model.clone());
        Ok(())
    }

    /// The power goes, and comes back.
    fn crash(&mut self, left: Crash, states: Vec<Model>) -> Result<(), Violation> {
        self.left = None;
        self.device.count(format!("power lost, {}", name_of(left)));
        let mut after = self.device.crash(left);
        self.drop_store();
        let mut states = states;
        if left != Crash::KeepAll {
            // Newest first, so that it is found soonest.
            states.splice(0..0, self.past.iter().cloned());
        }
        // Recovery is cut short now and then.
        for _ in 0..3 {
            if !self.chance.percent(20) {
                break;
            }
            after.medium().power_off_at(self.chance.below(12));
            self.device = after;
            if self.open().is_ok() {
                self.drop_store();
            }
            self.device.count("power lost in recovery");
            after = self.device.crash(Crash::Seeded(self.chance.draw()));
        }
        self.device = after;
        if self.chance.percent(20) {
            checkers::space::check_medium(self.device.medium())?;
        }
        let when = format!("after losing power ({left:?})");
        self.open().map_err(|error| format!("{when}, it does not open: {}", told(&error)))?;
        self.model = self.find(&states, &when)?;
        self.past = vec![self.model.clone()];
        Ok(())
    }

    /// Which of `states` the store is in: the newest that it can be told to be in.
    fn find(&mut self, states: &[Model], when: &str) -> Result<Model, Violation> {
        let mut first = None;
        for state in states.iter().rev() {
            let mut state = state.clone();
            state.set_clock(self.clock.now());
            match self.held.compare(&state, true) {
                Ok(()) => return Ok(state),
                Err(differs @ Differs::Unreadable(_)) => return Err(format!("{when} {differs}")),
                Err(differs) => first = first.or(Some(differs)),
            }
        }
        let first = first.map_or_else(String::new, |differs| differs.to_string());
        Err(format!("{when} it is in none of {} states that may be; {first}", states.len()))
    }
}

fn name_of(left: Crash) -> &'static str {
    match left {
        Crash::LoseAll => "all unsynced lost",
        Crash::KeepAll => "all unsynced kept",
        Crash::Seeded(_) => "unsynced kept, lost or torn",
    }
}

/// An error with its causes.
pub(crate) fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

const A_YEAR: i64 = 400 * 24 * 60 * 60 * 1000;

/// More than any store of these sizes needs.
const MAINTAIN_STEPS_MAX: u32 = 2000;
