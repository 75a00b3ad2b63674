//! List of versions: every version and delete marker; a page is one scan, and one for each common
//! prefix.

use super::level::{Level, damaged, unreadable};
use crate::{
    authority::Permit,
    bucket::Bucket,
    edit::{key_and_seq, look_up},
    error::{Error, Result},
    listing::{ListVersionsOptions, Resume, VersionsPage, key_text, page_size},
    object::ObjectInfo,
    object_key::ObjectKey,
    port::Row,
    row::{HeadKey, decode_info},
    row_cursor::RowCursor,
    store::after,
};

/// Rows of the first chunk of a list that may roll up: most of them it would jump over.
const CHUNK_WITH_DELIMITER: usize = 8;
/// How often a scan is done again because the key that it begins in is being written.
const SCANS_MAX: usize = 64;

/// Law: S3, ListObjectVersions.
pub(crate) fn list_versions(
    bucket: &Bucket,
    _permit: Permit,
    options: &ListVersionsOptions,
) -> Result<VersionsPage> {
    drop(bucket.config()?);
    let limit = page_size(options.max_keys, bucket.store().limits().page_max);
    let resume = resume_of(bucket, options)?;
    let mut page = VersionsPage::default();
    if limit == 0 {
        return Ok(page);
    }
    let level = Level { bucket, prefix: &options.prefix, delimiter: &options.delimiter };
    let mut walk = Walk::new(level, limit);
    match &resume {
        Resume::Key(key) => walk.begin_after(key),
        Resume::Version(key, seq) => walk.begin_within(key, *seq),
    }
    let mut last = None;
    while let Some(found) = walk.next_version()? {
        if page.versions.len() + page.common_prefixes.len() == limit {
            page.is_truncated = true;
            break;
        }
        match found {
            Found::Version(info) => {
                let key = info.key().as_str().to_owned();
                last = Some((Resume::Version(key, info.sequence()), Some(info.version())));
                page.versions.push(info);
            }
            Found::Prefix(prefix) => {
                last = Some((Resume::Key(prefix.clone()), None));
                page.common_prefixes.push(prefix);
            }
        }
    }
    if let (true, Some((resume, version))) = (page.is_truncated, last) {
        page.next_continuation_token = Some(resume.to_token());
        page.next_version_id_marker = version;
        let (Resume::Key(key) | Resume::Version(key, _)) = resume;
        page.next_key_marker = Some(key);
    }
    Ok(page)
}

fn resume_of(bucket: &Bucket, options: &ListVersionsOptions) -> Result<Resume> {
    if let Some(token) = &options.token {
        return Resume::from_token(token);
    }
    let key = options.key_marker.clone();
    let Some(version) = options.version_id_marker else { return Ok(Resume::Key(key)) };
    if key.is_empty() {
        return Err(Error::invalid_argument(
            "version-id-marker",
            version.to_string(),
            "a version-id marker cannot be specified without a key marker",
        ));
    }
    if let Some(seq) = version.seq() {
        return Ok(Resume::Version(key, seq));
    }
    // The null version's place is in its row; when it is gone, so is its place.
    let head = HeadKey::new(bucket.state().id, &key);
    Ok(match look_up(bucket.store(), &head, Some(version))? {
        Some(null) => Resume::Version(key, null.row.seq),
        None => Resume::Key(key),
    })
}

/// An item of a page.
enum Found {
    Version(ObjectInfo),
    Prefix(String),
}

/// A walk over the versions of a bucket whose keys have a prefix.
struct Walk<'a> {
    level: Level<'a>,
    rows: RowCursor<'a>,
    /// The key of the version before, and its sequence number: only older ones follow.
    within: Option<(String, u64)>,
}

impl<'a> Walk<'a> {
    fn new(level: Level<'a>, limit: usize) -> Self {
        let chunk = if level.delimiter.is_empty() { limit + 1 } else { CHUNK_WITH_DELIMITER };
        let (start, end) = level.rows();
        let rows = RowCursor::new(level.bucket.store(), start, end, chunk);
        Self { level, rows, within: None }
    }

    /// Begins behind `key`, and behind the common prefix that it is or lies in.
    fn begin_after(&mut self, key: &str) {
        if !key.is_empty() {
            self.rows.begin(self.level.behind(key));
        }
    }

    /// Begins at the versions of `key` that are older than `seq`.
    fn begin_within(&mut self, key: &str, seq: u64) {
        if self.level.rolled_up(key).is_some() {
            return self.begin_after(key);
        }
        self.rows.begin(after(&self.head(key).noncurrent(seq)));
        self.within = Some((key.to_owned(), seq));
    }

    fn head(&self, key: &str) -> HeadKey {
        HeadKey::new(self.level.bucket.state().id, key)
    }

    /// The next row of any version.
    ///
    /// Where one scan ends within the versions of a key and the next begins, they may have changed
    /// places: the last one seen became noncurrent, and must not be seen again; or an older one
    /// became the current one, and must not be passed over.
    fn next_row(&mut self) -> Result<Option<Row>> {
        if let (true, Some((key, seq))) = (self.rows.is_due(), &self.within) {
            let head = self.head(key);
            let store = self.level.bucket.store();
            let mut before = store.row(head.row())?;
            for _ in 0..SCANS_MAX {
                let mut rows = self.rows.clone();
                rows.fill()?;
                let again = store.row(head.row())?;
                let calm = again == before;
                before = again;
                if calm {
                    self.rows = rows;
                    break;
                }
            }
            if let Some(value) = before
                && decode_info(value.lend()).map_err(damaged)?.seq < *seq
            {
                self.rows.put_first(Row { key: head.row().to_bytes(), value });
            }
        }
        self.rows.next()
    }

    /// The next version or delete marker, or what its key is rolled up into.
    fn next_version(&mut self) -> Result<Option<Found>> {
        while let Some(row) = self.next_row()? {
            let (key, seq) = key_and_seq(&row.key).ok_or_else(unreadable)?;
            let key = key_text(&key)?;
            if let Some(prefix) = self.level.common_prefix(key) {
                self.rows.jump(self.level.beyond_prefix(prefix));
                self.within = None;
                return Ok(Some(Found::Prefix(prefix.to_owned())));
            }
            let object = decode_info(row.value.lend()).map_err(damaged)?;
            if let Some((within, older_than)) = &self.within
                && key == within
                && object.seq >= *older_than
            {
                continue;
            }
            self.within = Some((key.to_owned(), object.seq));
            return Ok(Some(Found::Version(ObjectInfo {
                key: ObjectKey::try_from(key)?,
                row: object,
                is_latest: seq.is_none(),
            })));
        }
        Ok(None)
    }
}
