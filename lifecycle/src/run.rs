//! The runner: a sweep over every bucket that has a lifecycle, in batches, with a place that is kept
//! in the store.
//!
//! ```text
//!   a page of versions -> one stack a key -> evaluate each version -> a batch of acts -> its place
//!        (list)              (newest first)       (pure)              (one wait)       (one row)
//! ```
//!
//! Nothing is lost when a run ends in the middle: every act is decided anew from what is there, and
//! the store holds each to what it was decided on. A run that begins where another was stopped goes
//! on behind that place, and takes what lies before it last.

mod report;
mod stack;

pub use report::{BucketReport, RunReport};

use crate::{error::Error, policy::LifecyclePolicy};
use cistern_storage_core::{
    self as core, Bucket, BucketName, LifecycleAct, LifecycleDocument, ListVersionsOptions,
    RestoresSettled, Store, Timestamp, Versioning,
};
use stack::Stack;

/// Runs the lifecycle of a store. Cheap to clone.
///
/// It starts no thread: whoever has the store calls [`Lifecycle::run`] when it suits, at best once
/// after each midnight in UTC, since that is when rules fall due.
///
/// ```
/// use cistern_lifecycle::{Days, Lifecycle, LifecyclePolicy, Rule};
/// use cistern_storage_core::{MemoryBackend, Store, Timestamp, port::ManualClock};
/// use std::{sync::Arc, time::Duration};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let start = Timestamp::parse_iso8601("2026-01-01T12:00:00Z").ok_or("no moment")?;
/// let clock = Arc::new(ManualClock::new(start));
/// let store = Store::builder(Arc::new(MemoryBackend::new())).clock(clock.clone()).build()?;
/// let logs = store.create_bucket("logs")?;
/// logs.set_lifecycle(LifecyclePolicy::new([Rule::all().expire(Days(30))])?)?;
/// logs.put("today", "it rained")?;
///
/// let lifecycle = Lifecycle::new(store);
/// assert_eq!(lifecycle.run()?.acts(), 0);
/// clock.advance(Duration::from_secs(31 * 86_400));
/// assert_eq!(lifecycle.run()?.deleted(), 1);
/// assert_eq!(logs.list("").count(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Lifecycle {
    store: Store,
    batch: usize,
}

/// Why a run ended early. What it did stays done, and the next one goes on from there.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A bucket's document is no policy.
    #[error("the lifecycle of bucket `{bucket}` cannot be read")]
    Policy {
        /// The bucket.
        bucket: BucketName,
        /// What is wrong with the document.
        source: Error,
    },

    /// The store failed.
    #[error("the lifecycle of the store could not be run")]
    Store(#[from] core::Error),
}

type Result<T, E = RunError> = std::result::Result<T, E>;

/// Acts that are done with one wait, unless it is said otherwise.
const BATCH: usize = 1000;
/// Pages after which the place is kept even when nothing was done.
const IDLE_PAGES: usize = 64;

impl Lifecycle {
    /// Over a store. It must be the handle of its owner: policies of access do not concern lifecycle.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store, batch: BATCH }
    }

    /// How many acts are done with one wait for the medium, at most; all acts of a key go together.
    /// Default: 1,000. 0 counts as 1.
    #[must_use]
    pub fn batch(mut self, acts: usize) -> Self {
        self.batch = acts.max(1);
        self
    }

    /// Does everything that is due by the store's clock, in every bucket that has a lifecycle: at most
    /// one action for each version. In every bucket, it tells of restores that are done and of copies
    /// that have lapsed ([`Bucket::settle_restores`]). Safe to stop at any moment, and to run twice.
    ///
    /// What is being written to meanwhile may be left for the next run: the report counts it.
    ///
    /// Cost: one pass over the versions and uploads of those buckets, and one commit an act, a batch
    /// of them with one sync. Memory: a page, a batch, and the versions of one key.
    ///
    /// # Errors
    /// [`RunError::Policy`] for a document that is no policy, when all other buckets are done;
    /// [`RunError::Store`] when the store fails, or is another's.
    ///
    /// Law: S3, lifecycle rules act on all objects in the bucket.
    pub fn run(&self) -> Result<RunReport> {
        let mut report = RunReport::default();
        let mut unreadable = None;
        for info in self.store.list_buckets()? {
            let bucket = match self.store.bucket(info.name.clone()) {
                Err(core::Error::NoSuchBucket { .. }) => continue,
                bucket => bucket?,
            };
            match self.run_bucket(&bucket) {
                Ok(Some(done)) => report.buckets.push(done),
                Ok(None) => {}
                Err(error @ RunError::Policy { .. }) => {
                    unreadable.get_or_insert(error);
                }
                // It was deleted meanwhile.
                Err(RunError::Store(core::Error::NoSuchBucket { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        unreadable.map_or(Ok(report), Err)
    }

    /// Does everything that is due in one bucket; `None` when it has no lifecycle, and no restore that
    /// was done or lapsed.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_bucket(&self, bucket: &Bucket) -> Result<Option<BucketReport>> {
        let mut report = BucketReport::new(bucket.name().clone());
        report.restores = bucket.settle_restores()?;
        let document = match bucket.lifecycle() {
            Err(core::Error::NoSuchLifecycleConfiguration { .. }) => {
                return Ok((report.restores != RestoresSettled::default()).then_some(report));
            }
            document => document?,
        };
        let policy = LifecyclePolicy::try_from(&document)
            .map_err(|source| RunError::Policy { bucket: bucket.name().clone(), source })?;
        let mut sweep = Sweep {
            bucket,
            document: &document,
            policy: &policy,
            now: self.store.clock().now(),
            versioning: bucket.versioning()?,
            batch: self.batch,
            acts: Vec::new(),
            kept: false,
            idle_pages: 0,
            report,
        };
        let stopped = bucket.sweep_position()?;
        sweep.kept = stopped.is_some();
        sweep.versions(stopped.as_deref(), None)?;
        if let Some(stopped) = &stopped {
            sweep.versions(None, Some(stopped))?;
        }
        sweep.uploads()?;
        if sweep.kept {
            bucket.set_sweep_position(None)?;
        }
        Ok(Some(sweep.report))
    }
}

/// One pass over a bucket.
struct Sweep<'a> {
    bucket: &'a Bucket,
    document: &'a LifecycleDocument,
    policy: &'a LifecyclePolicy,
    now: Timestamp,
    versioning: Versioning,
    batch: usize,
    acts: Vec<LifecycleAct>,
    /// Whether the store has a place of this sweep.
    kept: bool,
    idle_pages: usize,
    report: BucketReport,
}

impl Sweep<'_> {
    /// The versions of all keys behind `after`, up to and with `last`.
    fn versions(&mut self, after: Option<&str>, last: Option<&str>) -> Result<()> {
        let mut options = ListVersionsOptions::new();
        if let Some(key) = after {
            options = options.key_marker(key);
        }
        let mut stack = Stack::default();
        loop {
            let page = self.bucket.list_versions_page(&options)?;
            for version in page.versions {
                if last.is_some_and(|last| version.key().as_str() > last) {
                    return self.end_of_versions(&mut stack);
                }
                if stack.is_of_other_key(&version) {
                    self.judge(&mut stack)?;
                }
                stack.push(version);
            }
            let Some(token) = page.next_continuation_token else {
                return self.end_of_versions(&mut stack);
            };
            options = ListVersionsOptions::new().continuation_token(token);
            self.idle_pages += 1;
        }
    }

    fn end_of_versions(&mut self, stack: &mut Stack) -> Result<()> {
        self.judge(stack)?;
        self.act()
    }

    /// Decides about all versions of one key, and acts when a batch is full.
    fn judge(&mut self, stack: &mut Stack) -> Result<()> {
        self.report.versions += stack.len();
        let acts = stack.decide(self.policy, self.versioning, self.now);
        self.acts.extend(acts);
        let key = stack.take_key();
        if self.acts.len() >= self.batch || self.idle_pages >= IDLE_PAGES {
            self.act()?;
            if let Some(key) = key {
                self.bucket.set_sweep_position(Some(&key))?;
                self.kept = true;
            }
            self.idle_pages = 0;
        }
        Ok(())
    }

    fn uploads(&mut self) -> Result<()> {
        for upload in self.bucket.list_uploads("") {
            let upload = upload?;
            let key = upload.key.as_str();
            if self.policy.evaluate_upload(key, upload.initiated, self.now).is_some() {
                let upload = self.bucket.upload(key, &upload.id)?;
                self.acts.push(LifecycleAct::AbortUpload(upload));
            }
            if self.acts.len() >= self.batch {
                self.act()?;
            }
        }
        self.act()
    }

    fn act(&mut self) -> Result<()> {
        if self.acts.is_empty() {
            return Ok(());
        }
        let outcomes = self.bucket.apply_lifecycle(self.document, &self.acts)?;
        for (act, outcome) in self.acts.drain(..).zip(outcomes) {
            self.report.count(&act, outcome);
        }
        Ok(())
    }
}

impl From<&LifecyclePolicy> for LifecycleDocument {
    fn from(policy: &LifecyclePolicy) -> Self {
        Self::new(policy.to_xml(), policy.transition_minimum_size().as_str())
    }
}

impl From<LifecyclePolicy> for LifecycleDocument {
    fn from(policy: LifecyclePolicy) -> Self {
        Self::from(&policy)
    }
}

impl TryFrom<&LifecycleDocument> for LifecyclePolicy {
    type Error = Error;

    fn try_from(document: &LifecycleDocument) -> Result<Self, Error> {
        let minimum_size = document.minimum_size().parse()?;
        Ok(Self::from_xml(document.xml())?.minimum_size(minimum_size))
    }
}

#[cfg(test)]
mod tests;
