//! `PrefixIndex`: which rules' prefixes a key begins with, without asking every rule.
//!
//! Prefixes are sorted, and each knows the longest other one that it begins with. Every prefix of a
//! key lies at or before the key, so the last prefix that is not after the key begins with all of
//! them: one search and a walk over its ancestors find them all.

use std::collections::BTreeMap;

/// Prefixes, and the rules that have each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PrefixIndex(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    prefix: Box<str>,
    parent: Option<usize>,
    rules: Vec<usize>,
}

impl PrefixIndex {
    pub(crate) fn new<'a>(prefixes: impl Iterator<Item = (&'a str, usize)>) -> Self {
        let mut sorted: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (prefix, rule) in prefixes {
            sorted.entry(prefix).or_default().push(rule);
        }
        let mut entries: Vec<Entry> = Vec::with_capacity(sorted.len());
        let mut open: Vec<usize> = Vec::new();
        for (prefix, rules) in sorted {
            while open.last().is_some_and(|&at| !prefix.starts_with(&*entries[at].prefix)) {
                open.pop();
            }
            let parent = open.last().copied();
            open.push(entries.len());
            entries.push(Entry { prefix: prefix.into(), parent, rules });
        }
        Self(entries)
    }

    pub(crate) fn each(&self, key: &str, mut visit: impl FnMut(usize)) {
        let after = self.0.partition_point(|entry| entry.prefix.as_bytes() <= key.as_bytes());
        let mut next = after.checked_sub(1);
        while let Some(at) = next {
            let entry = &self.0[at];
            if key.as_bytes().starts_with(entry.prefix.as_bytes()) {
                entry.rules.iter().for_each(|&rule| visit(rule));
            }
            next = entry.parent;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_prefixes_found_are_those_of_a_plain_search(
            prefixes in prop::collection::vec("[ab/]{0,4}", 0..12),
            key in "[ab/]{1,6}",
        ) {
            let index = PrefixIndex::new(prefixes.iter().map(String::as_str).zip(0..));
            let mut found = Vec::new();
            index.each(&key, |rule| found.push(rule));
            found.sort_unstable();
            let all = prefixes.iter().zip(0..).filter(|(prefix, _)| key.starts_with(*prefix));
            prop_assert_eq!(found, all.map(|(_, rule)| rule).collect::<Vec<_>>());
        }
    }
}
