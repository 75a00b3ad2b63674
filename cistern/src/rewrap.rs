//! Rewrapping: what rotating the store key leaves to be done, in steps.

use crate::{Cistern, encryption::no_key_because};
use bytes::Bytes;
use cistern_storage_core::{Error, RenewStep, Result, port::SealError};
use cistern_stream::Error as StreamError;
use std::{fmt, str::FromStr};

/// Where a pass of rewrapping goes on. Its text can be kept, and parsed after a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RewrapCursor(Bytes);

/// What one step of rewrapping did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RewrapStep {
    /// Where the next step begins; `None` when the pass is done.
    pub next: Option<RewrapCursor>,
    /// Rows that were looked at: versions, uploads, chunks of records.
    pub seen: u64,
    /// Rows that were under a retired key, and are under the current one now.
    pub rewrapped: u64,
}

/// A text that no cursor has printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no cursor of a pass of rewrapping")]
pub struct InvalidRewrapCursor;

/// Rows of streams begin here, behind those of buckets.
const STREAMS: &[u8] = &[0x20];

impl RewrapCursor {
    /// The beginning of a pass.
    #[must_use]
    pub fn start() -> Self {
        Self::default()
    }
}

impl Cistern {
    /// Brings what lies under retired keys under the current one: looks at `rows_max` rows behind
    /// `from`, of buckets first and of streams then. A row of such steps, each from the cursor of the
    /// one before, is a pass over everything. Bodies are not read and not written, only the wrapped
    /// keys in the rows; the cistern may be in use meanwhile.
    ///
    /// After a pass that began when a key was retired already, [`Keys::destroy`](crate::Keys::destroy)
    /// loses nothing, with one exception: a version that took the place of a deleted one while the
    /// pass was at just that key. A second pass finds it.
    ///
    /// ```
    /// use cistern::{Cistern, RewrapCursor};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let cistern = Cistern::builder().memory().encrypt().build()?;
    /// let photos = cistern.create_bucket("photos")?;
    /// photos.put("tom", "meow")?;
    /// let old = cistern.keys()?.current();
    /// cistern.keys()?.rotate()?;
    /// let (mut next, mut rewrapped) = (Some(RewrapCursor::start()), 0);
    /// while let Some(cursor) = next {
    ///     let step = cistern.rewrap(&cursor, 1000)?;
    ///     rewrapped += step.rewrapped;
    ///     next = step.next; // its text is worth keeping: a pass goes on after a restart
    /// }
    /// assert_eq!(rewrapped, 1);
    /// cistern.keys()?.destroy(old)?;
    /// assert_eq!(photos.get("tom")?.text()?, "meow");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Seal`] when the cistern is not encrypted, or a key is lost; then the error says which,
    /// and the same cursor meets the same row again.
    pub fn rewrap(&self, from: &RewrapCursor, rows_max: usize) -> Result<RewrapStep> {
        self.keys()?;
        if from.0 < STREAMS {
            let step = self.store().renew_envelopes(&from.0, rows_max)?;
            let streams = Bytes::from_static(STREAMS);
            return Ok(step_of(step, Some(streams)));
        }
        let streams = self.streams().map_err(of_streams)?;
        let step = streams.renew_envelopes(&from.0, rows_max).map_err(of_streams)?;
        Ok(step_of(step, None))
    }
}

/// A step, and where to go on behind its rows.
fn step_of(step: RenewStep, behind: Option<Bytes>) -> RewrapStep {
    let next = step.next.or(behind).map(RewrapCursor);
    RewrapStep { next, seen: step.seen, rewrapped: step.renewed }
}

fn of_streams(error: StreamError) -> Error {
    match error {
        StreamError::Backend { action, source } => Error::backend(action, source),
        StreamError::Store(error) => error,
        StreamError::Sealing { source: SealError::NoKey { key, reason } } => {
            no_key_because(&key, reason)
        }
        StreamError::Sealing { source } => Error::Seal(source),
        other => Error::damaged("the streams", other.to_string()),
    }
}

impl fmt::Display for RewrapCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rewrap-1-")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for RewrapCursor {
    type Err = InvalidRewrapCursor;

    fn from_str(text: &str) -> std::result::Result<Self, InvalidRewrapCursor> {
        let digits = text.strip_prefix("rewrap-1-").ok_or(InvalidRewrapCursor)?;
        let pairs = digits.as_bytes().chunks(2);
        let byte = |pair: &[u8]| {
            let [high, low] = *pair else { return None };
            let digit = |byte| char::from(byte).to_digit(16);
            u8::try_from(digit(high)? << 4 | digit(low)?).ok()
        };
        let bytes = pairs.map(byte).collect::<Option<Vec<u8>>>();
        bytes.map(|bytes| Self(bytes.into())).ok_or(InvalidRewrapCursor)
    }
}
