//! List: current objects, or all versions; a page is one walk over rows, and one jump for each common
//! prefix.

use crate::{
    authority::Permit,
    bucket::Bucket,
    edit::{key_and_seq, look_up},
    error::{Error, Result},
    listing::{
        ListOptions, ListPage, ListVersionsOptions, Resume, VersionsPage, common_prefix, key_text,
        page_size,
    },
    object::ObjectInfo,
    port::Row,
    row::{HeadKey, ObjectRow, ranges},
    row_cursor::RowCursor,
    store::after,
};
use bytes::Bytes;

/// Rows of the first chunk of a list that may roll up: most of them it would jump over.
const CHUNK_WITH_DELIMITER: usize = 8;
/// How often a scan is done again because the key that it begins in is being written.
const SCANS_MAX: usize = 64;

/// Law: S3, ListObjects and ListObjectsV2. Law: W75.
pub(crate) fn list(bucket: &Bucket, _permit: Permit, options: &ListOptions) -> Result<ListPage> {
    drop(bucket.config()?);
    let limit = page_size(options.max_keys, bucket.store().limits().page_max);
    let start = match &options.continuation_token {
        Some(token) => match Resume::from_token(token)? {
            Resume::Key(key) | Resume::Version(key, _) => key,
        },
        None => options.start_after.clone(),
    };
    let mut page = ListPage::default();
    if limit == 0 {
        return Ok(page);
    }
    let mut walk = Walk::new(bucket, &options.prefix, &options.delimiter, limit);
    walk.begin_after(&start);
    let mut last = String::new();
    while let Some(found) = walk.next_current()? {
        if page.key_count() == limit {
            page.is_truncated = true;
            break;
        }
        match found {
            Found::Version(info) => page.objects.push(info),
            Found::Prefix(prefix) => page.common_prefixes.push(prefix),
        }
    }
    if page.is_truncated {
        let object = page.objects.last().map_or("", |info| info.key().as_str());
        let prefix = page.common_prefixes.last().map_or("", String::as_str);
        last.push_str(object.max(prefix));
        page.next_continuation_token = Some(Resume::Key(last.clone()).to_token());
        page.next_marker = (!options.delimiter.is_empty()).then_some(last);
    }
    Ok(page)
}

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
    let mut walk = Walk::new(bucket, &options.prefix, &options.delimiter, limit);
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
    bucket: &'a Bucket,
    prefix: &'a str,
    delimiter: &'a str,
    rows: RowCursor<'a>,
    /// The key of the version before, and its sequence number: only older ones follow.
    within: Option<(String, u64)>,
}

impl<'a> Walk<'a> {
    fn new(bucket: &'a Bucket, prefix: &'a str, delimiter: &'a str, limit: usize) -> Self {
        let id = bucket.state().id;
        let chunk = if delimiter.is_empty() { limit + 1 } else { CHUNK_WITH_DELIMITER };
        let (start, end) = match prefix {
            "" => ranges::objects(id),
            _ => (ranges::objects_from(id, prefix), ranges::objects_beyond(id, prefix)),
        };
        let rows = RowCursor::new(bucket.store(), start, end, chunk);
        Self { bucket, prefix, delimiter, rows, within: None }
    }

    /// Begins behind `key`, and behind the common prefix that it is or lies in.
    fn begin_after(&mut self, key: &str) {
        if key.is_empty() {
            return;
        }
        let to = match self.rolled_up(key) {
            Some(prefix) => self.beyond_prefix(prefix),
            None => HeadKey::new(self.bucket.state().id, key).beyond(),
        };
        self.rows.begin(to);
    }

    fn rolled_up<'k>(&self, key: &'k str) -> Option<&'k str> {
        if !key.starts_with(self.prefix) {
            return None;
        }
        common_prefix(key, self.prefix, self.delimiter)
    }

    /// Begins at the versions of `key` that are older than `seq`.
    fn begin_within(&mut self, key: &str, seq: u64) {
        if self.rolled_up(key).is_some() {
            return self.begin_after(key);
        }
        let head = HeadKey::new(self.bucket.state().id, key);
        self.rows.begin(after(&head.noncurrent(seq)));
        self.within = Some((key.to_owned(), seq));
    }

    /// The next row of any version.
    ///
    /// Where one scan ends within the versions of a key and the next begins, they may have changed
    /// places: the last one seen became noncurrent, and must not be seen again; or an older one
    /// became the current one, and must not be passed over.
    fn next_row(&mut self) -> Result<Option<Row>> {
        if let (true, Some((key, seq))) = (self.rows.is_due(), &self.within) {
            let head = HeadKey::new(self.bucket.state().id, key);
            let store = self.bucket.store();
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
                && ObjectRow::decode(&value).map_err(damaged)?.seq < *seq
            {
                self.rows.put_first(Row { key: head.row().to_bytes(), value });
            }
        }
        self.rows.next()
    }

    fn beyond_prefix(&self, prefix: &str) -> Bytes {
        ranges::objects_beyond(self.bucket.state().id, prefix)
    }

    /// The next key whose current version is data, or what it is rolled up into.
    fn next_current(&mut self) -> Result<Option<Found>> {
        while let Some(row) = self.rows.next()? {
            let (key, seq) = key_and_seq(&row.key).ok_or_else(unreadable)?;
            let key = key_text(&key)?;
            if seq.is_some() {
                // Noncurrent versions of the key before: not of interest here.
                let beyond = HeadKey::new(self.bucket.state().id, key.as_str()).beyond();
                self.rows.jump(beyond);
                continue;
            }
            let object = ObjectRow::decode(&row.value).map_err(damaged)?;
            if object.delete_marker {
                continue;
            }
            if let Some(prefix) = common_prefix(key.as_str(), self.prefix, self.delimiter) {
                self.rows.jump(self.beyond_prefix(prefix));
                return Ok(Some(Found::Prefix(prefix.to_owned())));
            }
            return Ok(Some(Found::Version(ObjectInfo { key, row: object, is_latest: true })));
        }
        Ok(None)
    }

    /// The next version or delete marker, or what its key is rolled up into.
    fn next_version(&mut self) -> Result<Option<Found>> {
        while let Some(row) = self.next_row()? {
            let (key, seq) = key_and_seq(&row.key).ok_or_else(unreadable)?;
            let key = key_text(&key)?;
            if let Some(prefix) = common_prefix(key.as_str(), self.prefix, self.delimiter) {
                self.rows.jump(self.beyond_prefix(prefix));
                self.within = None;
                return Ok(Some(Found::Prefix(prefix.to_owned())));
            }
            let object = ObjectRow::decode(&row.value).map_err(damaged)?;
            if let Some((within, older_than)) = &self.within
                && key.as_str() == within
                && object.seq >= *older_than
            {
                continue;
            }
            self.within = Some((key.as_str().to_owned(), object.seq));
            return Ok(Some(Found::Version(ObjectInfo {
                key,
                row: object,
                is_latest: seq.is_none(),
            })));
        }
        Ok(None)
    }
}

fn unreadable() -> Error {
    Error::damaged("an object's row", "its key does not decode")
}

fn damaged(damage: crate::row::Damage) -> Error {
    Error::damaged("an object's row", damage.0)
}
