//! The model and a store, step by step, for whoever decides himself what happens between two calls:
//! a simulator that lets the power go.

use super::{
    Objects,
    answer::{Answer, Outcome, Picks, Refusal},
    op::{self, BUCKETS, Condition, Content, DeleteWhen, Extras, KEYS, Op, Place, Which},
    real::{BEGIN, Real, is_failure},
    uploads::PART_BYTES_MIN,
};
use cistern_storage_core::{
    Error, LegalHold, Settings, Store, Timestamp, object_lock::Bypass, options::DeleteOptions,
    port::ManualClock,
};
use proptest::{
    collection::vec,
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use std::{fmt, sync::Arc};

/// One call of a verb.
#[derive(Clone)]
pub struct Call(Op);

impl Call {
    /// Calls by chance: some that make buckets, then `count` of all kinds.
    ///
    /// # Panics
    /// Never: the strategies always give something.
    #[must_use]
    pub fn draw(seed: u64, count: usize) -> Vec<Self> {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let strategy = (op::beginning(), vec(op::any_op(), count));
        let tree = strategy.new_tree(&mut runner).expect("nothing is filtered out");
        let (mut ops, more) = tree.current();
        ops.extend(more);
        // The clock and the store are somebody else's here.
        ops.retain(|op| !matches!(op, Op::Advance { .. } | Op::Reopen | Op::CutPower));
        ops.into_iter().map(Self).collect()
    }

    /// Makes the `bucket`-th bucket, counted round.
    #[must_use]
    pub fn create_bucket(bucket: usize, lock: bool) -> Self {
        Self(Op::CreateBucket { bucket: BUCKETS[bucket % BUCKETS.len()], lock })
    }

    /// Removes such a bucket.
    #[must_use]
    pub fn delete_bucket(bucket: usize) -> Self {
        Self(Op::DeleteBucket { bucket: BUCKETS[bucket % BUCKETS.len()] })
    }

    /// Begins an upload under such a key.
    #[must_use]
    pub fn begin_upload(bucket: usize, key: usize) -> Self {
        Self(Op::BeginUpload { at: place(bucket, key), extras: Extras::default() })
    }

    /// Puts a part of the `upload`-th upload of all that were begun.
    #[must_use]
    pub fn put_part(upload: usize, number: u32, len: usize) -> Self {
        // Every third index counts from the first one on.
        Self(Op::PutPart { upload: upload * 3, number, body: Content { seed: 1, len } })
    }

    /// Puts `len` bytes that follow from `seed` under the `key`-th key of the `bucket`-th bucket,
    /// counted round.
    #[must_use]
    pub fn put(bucket: usize, key: usize, seed: u8, len: usize) -> Self {
        let (condition, extras) = (Condition::None, Extras::default());
        Self(Op::Put { at: place(bucket, key), body: Content { seed, len }, condition, extras })
    }

    /// Deletes the current version under such a key; `version` removes one of its versions instead.
    #[must_use]
    pub fn delete(bucket: usize, key: usize, version: Option<usize>) -> Self {
        let which = version.map_or(Which::Current, Which::OfKey);
        let (at, condition) = (place(bucket, key), DeleteWhen::Always);
        Self(Op::Delete { at, which, condition, bypass: false })
    }

    /// True when it may change what is kept.
    #[must_use]
    pub fn writes(&self) -> bool {
        !matches!(
            self.0,
            Op::ListBuckets
                | Op::Get { .. }
                | Op::Head { .. }
                | Op::Tags { .. }
                | Op::Retention { .. }
                | Op::Hold { .. }
                | Op::List { .. }
                | Op::ListVersions { .. }
                | Op::ListParts { .. }
                | Op::ListUploads { .. }
        )
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn place(bucket: usize, key: usize) -> Place {
    Place { bucket: BUCKETS[bucket % BUCKETS.len()], key: KEYS[key % KEYS.len()] }
}

/// The plainest S3. Cheap to clone: bodies are shared.
#[derive(Clone, Debug)]
pub struct Model(Objects);

/// What the model answers to a call.
#[derive(Clone, Debug)]
pub struct Expected {
    picks: Picks,
    outcome: Outcome,
}

impl Model {
    /// An empty store on a clock that shows [`Self::begin`].
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it begins at a time")]
    pub fn new() -> Self {
        Self(Objects::new(BEGIN.as_millis()))
    }

    /// When it begins.
    #[must_use]
    pub fn begin() -> Timestamp {
        BEGIN
    }

    /// The settings that a store needs to be like the model.
    #[must_use]
    pub fn settings() -> Settings {
        let mut settings = Settings::new();
        settings.limits.part_bytes_min = PART_BYTES_MIN;
        settings
    }

    /// Moves its clock, forwards or backwards.
    pub fn set_clock(&mut self, now: Timestamp) {
        self.0.now = now.as_millis();
    }

    /// Does what `call` says.
    pub fn call(&mut self, call: &Call) -> Expected {
        let picks = self.0.picks(&call.0);
        let outcome = self.0.apply(&call.0, &picks);
        Expected { picks, outcome }
    }

    /// Every state that the store may be in when `call` has failed half way: as before, as after,
    /// and, for a call that is several commits, in between.
    #[must_use]
    pub fn halfway(&self, call: &Call) -> Vec<Self> {
        let mut states = vec![self.clone()];
        let mut after = |op: Op| {
            let mut state = self.clone();
            state.call(&Call(op));
            states.push(state);
        };
        match &call.0 {
            // Entries are deletes of their own; any of them may have failed.
            Op::DeleteMany { bucket, entries } => {
                for chosen in 1..1_u32 << entries.len() {
                    let some = entries.iter().enumerate();
                    let some = some.filter(|(at, _)| chosen & (1 << at) != 0);
                    let entries = some.map(|(_, entry)| *entry).collect();
                    after(Op::DeleteMany { bucket, entries });
                }
            }
            op => after(op.clone()),
        }
        if let Op::DeleteBucket { bucket } = &call.0 {
            self.0.without_uploads(bucket).into_iter().for_each(|state| states.push(Self(state)));
        }
        states
    }
}

/// A store over any backend that is held to the model.
#[derive(Debug)]
pub struct Held(Real);

/// What a store did with a call.
#[derive(Clone, Debug)]
pub enum Heard {
    /// What the model did.
    Same,
    /// Something else: both answers.
    Different(String),
    /// Nothing, or not to the end: it failed.
    Failed(String),
}

impl Held {
    /// One whose store is opened, crashed and closed elsewhere; `clock` is the store's.
    #[must_use]
    pub fn new(clock: Arc<ManualClock>) -> Self {
        Self(Real::elsewhere(clock))
    }

    /// Goes on with `store`, or lets go of the one it has.
    pub fn set_store(&mut self, store: Option<Store>) {
        self.0.set_store(store);
    }

    /// Makes the call that the model has answered.
    pub fn call(&mut self, call: &Call, expected: &Expected) -> Heard {
        self.0.is_blind = false;
        let begun = self.0.begun.len();
        let outcome = match self.0.call(&call.0, &expected.picks) {
            Err(error) if is_failure(&error) => return Heard::Failed(error.to_string()),
            outcome => outcome.map_err(|error| self.0.refusal(&error)),
        };
        let failed = |one: &Result<_, Refusal>| one.as_ref().is_err_and(is_failed);
        match &outcome {
            Ok(Answer::EachGone(each)) if each.iter().any(failed) => {
                return Heard::Failed("an entry failed".into());
            }
            _ if self.0.is_blind => return Heard::Failed("names could not be told".into()),
            _ => {}
        }
        if outcome == expected.outcome {
            return Heard::Same;
        }
        self.0.begun.truncate(begun);
        Heard::Different(format!("model: {:?}\n  store: {outcome:?}", expected.outcome))
    }

    /// Compares all that the store holds with the model, bodies only when asked for.
    ///
    /// # Errors
    /// What differs, or why the store could not be read.
    pub fn compare(&mut self, model: &Model, bodies: bool) -> Result<(), Differs> {
        let Model(model) = model;
        self.0.given.truncate(model.names);
        self.0.begun.truncate(model.begun.len());
        let found = self.0.store().list_buckets()?;
        let found: Vec<_> = found.iter().map(|bucket| bucket.name.as_str()).collect();
        same("buckets", &model.buckets.keys().copied().collect::<Vec<_>>(), &found)?;
        for bucket in model.buckets.keys().copied() {
            let versioning = self.0.bucket(bucket)?.versioning()?;
            same("versioning", &model.buckets[bucket].versioning, &versioning)?;
            self.0.is_blind = false;
            let versions = self.0.all_versions(bucket)?;
            if self.0.is_blind {
                return Err(Differs::Unreadable("names could not be told".into()));
            }
            same(bucket, &model.all_versions(bucket), &versions)?;
            same("numbers", &model.stats(bucket), &self.0.stats(bucket)?)?;
            self.compare_uploads(model, bucket)?;
        }
        if bodies {
            self.compare_bodies(model)?;
        }
        Ok(())
    }

    fn compare_bodies(&self, model: &Objects) -> Result<(), Differs> {
        for (at, name, bytes) in model.bodies() {
            if self.0.body(at, name)? != bytes {
                let what = format!("the bytes of {at:?}, version {name:?}, are not those written");
                return Err(Differs::Different(what));
            }
        }
        Ok(())
    }

    fn compare_uploads(&mut self, model: &Objects, bucket: op::Text) -> Result<(), Differs> {
        self.0.learn_upload(bucket, model.begun.len())?;
        let list = Op::ListUploads { bucket, prefix: "", delimiter: "", after: "", max: 1000 };
        let mut calls = vec![(list, Picks::default())];
        for upload in model.buckets[bucket].uploads.keys() {
            let picks = Picks { upload: Some(*upload), ..Picks::default() };
            calls.push((Op::ListParts { upload: *upload, max: 1000 }, picks));
        }
        for (op, picks) in calls {
            let expected = model.clone().apply(&op, &picks);
            let found = match self.0.call(&op, &picks) {
                Err(error) if is_failure(&error) => return Err(error.into()),
                found => found.map_err(|error| self.0.refusal(&error)),
            };
            same("uploads", &expected, &found)?;
        }
        Ok(())
    }

    /// Removes everything there is: the clock must stand behind every retention.
    ///
    /// # Errors
    /// When the store fails.
    pub fn remove_everything(&self) -> Result<(), Error> {
        let store = self.0.store();
        for info in store.list_buckets()? {
            let bucket = store.bucket(info.name)?;
            for version in bucket.list_versions("") {
                let version = version?;
                let (key, id) = (version.key().as_str(), version.version());
                if version.legal_hold() == Some(LegalHold::On) {
                    bucket.set_legal_hold(key, Some(id), LegalHold::Off)?;
                }
                debug_assert_eq!(Bypass::default(), Bypass::No);
                bucket.delete_with(key, &DeleteOptions::new().version(id))?;
            }
            store.delete_bucket(bucket.name().as_str())?;
        }
        Ok(())
    }
}

/// How a store differs from the model.
#[derive(Clone, Debug)]
pub enum Differs {
    /// It holds something else.
    Different(String),
    /// It could not be read.
    Unreadable(String),
}

impl From<Error> for Differs {
    fn from(error: Error) -> Self {
        let causes =
            std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
        Self::Unreadable(causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
    }
}

impl fmt::Display for Differs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Different(what) => write!(f, "it holds something else: {what}"),
            Self::Unreadable(why) => write!(f, "it cannot be read: {why}"),
        }
    }
}

fn is_failed(refusal: &Refusal) -> bool {
    matches!(refusal.code, "InternalError" | "Damaged" | "ServiceUnavailable")
}

fn same<T: PartialEq + fmt::Debug>(what: &str, expected: &T, found: &T) -> Result<(), Differs> {
    if expected == found {
        return Ok(());
    }
    Err(Differs::Different(format!("{what}\n  model: {expected:?}\n  store: {found:?}")))
}
