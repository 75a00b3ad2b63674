//! What a stream can be told after it was made: tags, retention, sizes, mode, encryption.

use crate::{
    error::{Error, Result},
    limits, sealing,
    stream::{Stream, StreamMode, count_in_day},
    stream_row::{StreamRow, tag_error},
    streams::{check_record_kib, check_retention, millis},
};
use cistern_storage_core::BucketTags;
use std::time::Duration;

impl Stream {
    /// Its tags.
    #[must_use]
    pub fn tags(&self) -> BucketTags {
        self.state.table.read().row.tags.clone()
    }

    /// Sets these tags, and leaves others as they are.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a tag that breaks a rule, or more than 50.
    ///
    /// Law: Kinesis, AddTagsToStream.
    pub fn add_tags(&self, tags: &[(&str, &str)]) -> Result<()> {
        self.change_tags(|all| {
            for (key, value) in tags {
                all.retain(|(other, _)| other != key);
                all.push(((*key).to_owned(), (*value).to_owned()));
            }
        })
    }

    /// Removes tags by their keys; those that are not there are no error.
    ///
    /// # Errors
    /// When the backend fails.
    ///
    /// Law: Kinesis, RemoveTagsFromStream.
    pub fn remove_tags(&self, keys: &[&str]) -> Result<()> {
        self.change_tags(|all| all.retain(|(key, _)| !keys.contains(&key.as_str())))
    }

    fn change_tags(&self, change: impl FnOnce(&mut Vec<(String, String)>)) -> Result<()> {
        let mut table = self.state.table.write();
        let tags = table.row.tags.iter();
        let mut tags: Vec<_> =
            tags.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        change(&mut tags);
        let tags = BucketTags::from_pairs(tags).map_err(|error| tag_error(&error))?;
        let row = StreamRow { tags, ..table.row.clone() };
        self.state.save(&row)?;
        table.row = row;
        Ok(())
    }

    /// Keeps records for `retention` from now on, which must not be shorter than it was. What was
    /// too old already does not come back.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when it is shorter, or above 365 days.
    ///
    /// Law: Kinesis, IncreaseStreamRetentionPeriod.
    pub fn increase_retention(&self, retention: Duration) -> Result<()> {
        let stream = self.name();
        self.set_retention(retention, |old| {
            if retention >= old {
                return Ok(());
            }
            Err(Error::invalid_argument(format!(
                "Requested retention period ({} hours) for stream {stream} can not be shorter than \
                 existing retention period ({} hours). Use DecreaseRetentionPeriod API.",
                retention.as_secs() / 3600,
                old.as_secs() / 3600,
            )))
        })
    }

    /// Keeps records for `retention` from now on, which must not be longer than it was. What is
    /// older is gone at once.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when it is longer, or too short.
    ///
    /// Law: Kinesis, DecreaseStreamRetentionPeriod.
    pub fn decrease_retention(&self, retention: Duration) -> Result<()> {
        let stream = self.name();
        self.set_retention(retention, |old| {
            if retention <= old {
                return Ok(());
            }
            Err(Error::invalid_argument(format!(
                "Requested retention period ({} hours) for stream {stream} can not be longer than \
                 existing retention period ({} hours). Use IncreaseRetentionPeriod API.",
                retention.as_secs() / 3600,
                old.as_secs() / 3600,
            )))
        })
    }

    fn set_retention(
        &self,
        retention: Duration,
        check: impl FnOnce(Duration) -> Result<()>,
    ) -> Result<()> {
        check_retention(&self.state.hub, self.name().as_str(), retention)?;
        // What is too old for the retention until now must stay gone under a longer one.
        self.state.trim_all()?;
        self.state.update(|row, _| {
            check(Duration::from_millis(row.retention_millis))?;
            row.retention_millis = millis(retention);
            Ok(())
        })
    }

    /// Sets the largest record that the stream takes, in KiB: 1,024 to 10,240.
    ///
    /// # Errors
    /// [`Error::Validation`] outside of that.
    ///
    /// Law: Kinesis, UpdateMaxRecordSize.
    pub fn set_record_kib_max(&self, kib: u32) -> Result<()> {
        check_record_kib(kib)?;
        self.state.update(|row, _| {
            row.record_kib_max = kib;
            Ok(())
        })
    }

    /// Chooses how the stream's capacity is chosen; its shards stay. Twice in 24 hours.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`] after the second time.
    ///
    /// Law: Kinesis, UpdateStreamMode.
    pub fn set_mode(&self, mode: StreamMode) -> Result<()> {
        self.state.update(|row, now| {
            if row.mode == mode {
                return Ok(());
            }
            count_in_day(&mut row.mode_switches, now, limits::MODE_SWITCHES_MAX, "mode switches")?;
            row.mode = mode;
            Ok(())
        })
    }

    /// Seals new records from now on; those that are there stay as they are.
    ///
    /// The store's sealer chooses the key that they are sealed under. `key` is kept with the stream and
    /// told by [`Stream::describe`], as the service does; it chooses nothing.
    ///
    /// # Errors
    /// [`Error::Sealing`] when the store has no sealer.
    ///
    /// Law: Kinesis, StartStreamEncryption.
    pub fn start_encryption(&self, key: impl Into<Box<str>>) -> Result<()> {
        if self.state.hub.sealer.is_none() {
            return Err(sealing::no_sealer());
        }
        self.state.update(|row, _| {
            row.encryption_key = Some(key.into());
            Ok(())
        })
    }

    /// Seals no new records from now on; those that are sealed are still read.
    ///
    /// # Errors
    /// When the backend fails.
    ///
    /// Law: Kinesis, StopStreamEncryption.
    pub fn stop_encryption(&self) -> Result<()> {
        self.state.update(|row, _| {
            row.encryption_key = None;
            Ok(())
        })
    }
}
