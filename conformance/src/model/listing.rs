//! Lists, the long way round: every key is looked at for every page.

use super::{
    Objects,
    answer::{Answer, Info, Outcome, Page},
    op::{Place, Text},
};

/// An item of a list.
pub(super) enum Item<E> {
    Entry(E),
    Prefix(String),
}

impl Objects {
    pub(super) fn list(
        &self,
        bucket: Text,
        prefix: Text,
        delimiter: Text,
        after: Text,
        max: u32,
    ) -> Outcome {
        let items = self.items(bucket, prefix, delimiter, after, Which::Objects)?;
        Ok(Answer::Pages(pages(items, max)))
    }

    pub(super) fn list_versions(
        &self,
        bucket: Text,
        prefix: Text,
        delimiter: Text,
        after: Text,
        max: u32,
    ) -> Outcome {
        let items = self.items(bucket, prefix, delimiter, after, Which::Versions)?;
        Ok(Answer::Pages(pages(items, max)))
    }

    /// All versions of a bucket, in the order of a list.
    pub(super) fn all_versions(&self, bucket: Text) -> Vec<Info> {
        let items = self.items(bucket, "", "", "", Which::Versions);
        let items = items.expect("it is asked of buckets that are there");
        let entry = |item| match item {
            Item::Entry(info) => Some(info),
            Item::Prefix(_) => None,
        };
        items.into_iter().filter_map(entry).collect()
    }

    fn items(
        &self,
        bucket: Text,
        prefix: Text,
        delimiter: Text,
        after: Text,
        which: Which,
    ) -> Outcome<Vec<Item<Info>>> {
        let mut items = Vec::new();
        for (key, versions) in &self.bucket(bucket)?.keys {
            let at = Place { bucket, key };
            if !key.starts_with(prefix) || *key <= after {
                continue;
            }
            let newest_first = versions.iter().rev();
            let listed: Vec<_> = match which {
                Which::Objects => newest_first.take(1).filter(|one| !one.is_marker()).collect(),
                Which::Versions => newest_first.collect(),
            };
            for version in listed {
                items.extend(item(key, prefix, delimiter, after, || self.info(at, version)));
            }
        }
        Ok(items)
    }
}

#[derive(Clone, Copy)]
enum Which {
    Objects,
    Versions,
}

/// What `key` is rolled up into: all up to the first delimiter after the prefix.
fn rolled_up<'k>(key: &'k str, prefix: &str, delimiter: &str) -> Option<&'k str> {
    if delimiter.is_empty() {
        return None;
    }
    let found = key[prefix.len()..].find(delimiter)?;
    Some(&key[..prefix.len() + found + delimiter.len()])
}

/// What is listed for `key`; nothing when it is rolled up into what the marker lies in, which was on
/// a page before.
pub(super) fn item<E>(
    key: &str,
    prefix: &str,
    delimiter: &str,
    after: &str,
    entry: impl FnOnce() -> E,
) -> Option<Item<E>> {
    match rolled_up(key, prefix, delimiter) {
        Some(common) if after.starts_with(common) => None,
        Some(common) => Some(Item::Prefix(common.to_owned())),
        None => Some(Item::Entry(entry())),
    }
}

fn same_prefix<E>(one: &Item<E>, other: &Item<E>) -> bool {
    matches!((one, other), (Item::Prefix(one), Item::Prefix(other)) if one == other)
}

/// Pages of so many items each. A page of none is the whole answer.
pub(super) fn pages<E>(mut items: Vec<Item<E>>, max: u32) -> Vec<Page<E>> {
    items.dedup_by(|one, other| same_prefix(one, other));
    let mut pages = vec![Page::default()];
    if max == 0 {
        return pages;
    }
    for item in items {
        let mut page = pages.last_mut().expect("there is always one");
        if page.entries.len() + page.prefixes.len() == max as usize {
            page.is_truncated = true;
            pages.push(Page::default());
            page = pages.last_mut().expect("it was just pushed");
        }
        match item {
            Item::Entry(entry) => page.entries.push(entry),
            Item::Prefix(prefix) => page.prefixes.push(prefix),
        }
    }
    pages
}
