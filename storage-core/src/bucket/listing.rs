//! Lists of objects and of versions.

use super::Bucket;
use crate::{
    act::{list, list_versions},
    action::Action,
    error::Result,
    listing::{ListEntry, ListOptions, ListPage, ListVersionsOptions, VersionsPage},
    object::ObjectInfo,
};
use std::fmt;

impl Bucket {
    /// Every object whose key begins with `prefix`, in byte order of keys. The iterator reads pages
    /// of 1,000 as it goes, and ends after the first error.
    ///
    /// An object that is there all the time is listed once; one that comes or goes meanwhile may be
    /// listed or not.
    ///
    /// Law: S3, ListObjectsV2.
    pub fn list(&self, prefix: impl Into<String>) -> Listing<ObjectInfo> {
        let bucket = self.clone();
        pages(Some(ListOptions::new().prefix(prefix)), move |options| {
            let page = bucket.list_page(options)?;
            // Nothing rolls up without a delimiter.
            Ok((page.objects, options.next(page.next_continuation_token)))
        })
    }

    /// Objects and common prefixes in one order of bytes. The iterator reads pages as it goes, and
    /// ends after the first error.
    ///
    /// Cost: with a delimiter, one seek for each common prefix, however many keys it covers.
    ///
    /// Law: S3, ListObjectsV2, delimiter.
    pub fn list_entries(&self, options: ListOptions) -> Listing<ListEntry> {
        let bucket = self.clone();
        pages(Some(options), move |options| {
            let page = bucket.list_page(options)?;
            let next = options.next(page.next_continuation_token);
            Ok((merge(page.objects, page.common_prefixes), next))
        })
    }

    /// One page of objects, as S3's version 2 answers it, and version 1 too.
    ///
    /// # Errors
    /// [`crate::Error::InvalidArgument`] for a token that is none.
    ///
    /// Law: S3, ListObjectsV2; ListObjects.
    pub fn list_page(&self, options: &ListOptions) -> Result<ListPage> {
        let permit = self.permit(Action::ListBucket, None, None)?;
        list::list(self, permit, options)
    }

    /// Every version and delete marker of the keys that begin with `prefix`: by key, then from
    /// newest to oldest. The iterator reads pages as it goes, and ends after the first error.
    ///
    /// Law: S3, ListObjectVersions.
    pub fn list_versions(&self, prefix: impl Into<String>) -> Listing<ObjectInfo> {
        let bucket = self.clone();
        let options = ListVersionsOptions::new().prefix(prefix);
        pages(Some(options), move |options| {
            let page = bucket.list_versions_page(options)?;
            let next = page.next_continuation_token.map(|token| {
                let next = options.clone();
                next.continuation_token(token)
            });
            Ok((page.versions, next))
        })
    }

    /// One page of versions and delete markers.
    ///
    /// # Errors
    /// [`crate::Error::InvalidArgument`] for a version marker without a key marker, and for a token
    /// that is none.
    ///
    /// Law: S3, ListObjectVersions.
    pub fn list_versions_page(&self, options: &ListVersionsOptions) -> Result<VersionsPage> {
        let permit = self.permit(Action::ListBucketVersions, None, None)?;
        list_versions::list_versions(self, permit, options)
    }
}

/// Items of pages that are read as they are needed; ends after the first error.
pub(crate) fn pages<Request: Send + 'static, Item: Send + 'static>(
    first: Option<Request>,
    mut read: impl FnMut(&Request) -> Result<(Vec<Item>, Option<Request>)> + Send + 'static,
) -> Listing<Item> {
    let mut next = first;
    let mut page = Vec::new().into_iter();
    Listing(Box::new(std::iter::from_fn(move || {
        loop {
            if let Some(item) = page.next() {
                return Some(Ok(item));
            }
            let request = next.take()?;
            match read(&request) {
                Ok((items, following)) => {
                    page = items.into_iter();
                    next = following;
                }
                Err(error) => return Some(Err(error)),
            }
        }
    })))
}

/// A list that reads its pages as it goes, and ends after the first error. It holds a handle of
/// its bucket, and at most one page.
pub struct Listing<T>(Box<dyn Iterator<Item = Result<T>> + Send>);

impl<T> Iterator for Listing<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        self.0.next()
    }
}

impl<T> fmt::Debug for Listing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listing")
    }
}

/// Objects and common prefixes, each in order, as one list in order.
fn merge(objects: Vec<ObjectInfo>, prefixes: Vec<String>) -> Vec<ListEntry> {
    let mut merged = Vec::with_capacity(objects.len() + prefixes.len());
    let mut prefixes = prefixes.into_iter().peekable();
    for object in objects {
        while let Some(prefix) = prefixes.next_if(|prefix| prefix.as_str() < object.key().as_str())
        {
            merged.push(ListEntry::CommonPrefix(prefix));
        }
        merged.push(ListEntry::Object(object));
    }
    merged.extend(prefixes.map(ListEntry::CommonPrefix));
    merged
}
