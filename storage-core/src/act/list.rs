//! List: current objects; a page is one walk over rows, with one jump for each common prefix.

use super::level::{Level, damaged, unreadable};
use crate::{
    authority::Permit,
    bucket::Bucket,
    error::Result,
    listing::{ListOptions, ListPage, Resume, key_text, page_size},
    object::ObjectInfo,
    object_key::ObjectKey,
    port::{KeyRange, Lent, Step},
    row::{decode_info, is_delete_marker, is_head, seq_of, split_row},
};

/// Law: S3, ListObjects and ListObjectsV2. Law: W75.
pub(crate) fn list(bucket: &Bucket, _permit: Permit, options: &ListOptions) -> Result<ListPage> {
    drop(bucket.config()?);
    let limit = page_size(options.max_keys, bucket.store().limits().page_max);
    let marker = match &options.continuation_token {
        Some(token) => match Resume::from_token(token)? {
            Resume::Key(key) | Resume::Version(key, _) => key,
        },
        None => options.start_after.clone(),
    };
    if limit == 0 {
        return Ok(ListPage::default());
    }
    let level = Level { bucket, prefix: &options.prefix, delimiter: &options.delimiter };
    let (mut start, end) = level.rows();
    if !marker.is_empty() {
        start = start.max(level.behind(&marker));
    }
    let mut filling = Filling { level, limit, page: ListPage::default() };
    let mut failure = None;
    bucket.store().walk(KeyRange::between(&start, &end), &mut |key, value| {
        filling.take(key, value).unwrap_or_else(|error| {
            failure = Some(error);
            Step::Stop
        })
    })?;
    match failure {
        Some(error) => Err(error),
        None => Ok(filling.finish()),
    }
}

/// A page that is being filled.
struct Filling<'a> {
    level: Level<'a>,
    limit: usize,
    page: ListPage,
}

impl Filling<'_> {
    /// Takes in a row: what becomes of it, and where to go on.
    fn take(&mut self, row: &[u8], value: Lent<'_>) -> Result<Step> {
        let (key, suffix) = split_row(row).ok_or_else(unreadable)?;
        let key = key_text(&key)?;
        if !is_head(suffix) {
            // Noncurrent versions of the key before: not of interest here.
            seq_of(suffix).ok_or_else(unreadable)?;
            return Ok(Step::Jump(self.level.beyond_key(key)));
        }
        if is_delete_marker(value).map_err(damaged)? {
            return Ok(Step::Next);
        }
        if self.page.key_count() == self.limit {
            self.page.is_truncated = true;
            return Ok(Step::Stop);
        }
        if let Some(prefix) = self.level.common_prefix(key) {
            self.page.common_prefixes.push(prefix.to_owned());
            return Ok(Step::Jump(self.level.beyond_prefix(prefix)));
        }
        let (key, row) = (ObjectKey::try_from(key)?, decode_info(value).map_err(damaged)?);
        self.page.objects.push(ObjectInfo { key, row, is_latest: true });
        Ok(Step::Next)
    }

    fn finish(self) -> ListPage {
        let mut page = self.page;
        if page.is_truncated {
            let object = page.objects.last().map_or("", |info| info.key().as_str());
            let prefix = page.common_prefixes.last().map_or("", String::as_str);
            let last = object.max(prefix).to_owned();
            page.next_continuation_token = Some(Resume::Key(last.clone()).to_token());
            page.next_marker = (!self.level.delimiter.is_empty()).then_some(last);
        }
        page
    }
}
