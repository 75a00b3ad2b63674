//! Lists of objects and of versions.

use crate::kit::{Call, World, bucket};
use cistern_storage_core::{
    Bucket, ListEntry, ListOptions, ListPage, ListVersionsOptions, ObjectInfo, VersionId,
    Versioning, VersionsPage,
};

fn filled(keys: &[&str]) -> Bucket {
    let bucket = bucket(Versioning::Unversioned);
    for key in keys {
        bucket.put(*key, "x").unwrap();
    }
    bucket
}

fn keys(page: &ListPage) -> Vec<&str> {
    page.objects.iter().map(|info| info.key().as_str()).collect()
}

#[track_caller]
fn check(bucket: &Bucket, options: &ListOptions, objects: &[&str], prefixes: &[&str]) {
    let page = bucket.list_page(options).unwrap();
    assert_eq!((keys(&page), &page.common_prefixes[..]), (objects.to_vec(), &owned(prefixes)[..]));
    assert_eq!(page.key_count(), objects.len() + prefixes.len());
    // In pages of any size, by token and by marker, it is the same.
    for size in 1..=page.key_count().max(1) {
        let small = options.clone().max_keys(u32::try_from(size).unwrap());
        for by_marker in [false, true] {
            let (all_objects, all_prefixes) = in_pages(bucket, &small, by_marker);
            assert_eq!((all_objects, all_prefixes), (owned(objects), owned(prefixes)), "{size}");
        }
    }
    let entries = bucket.list_entries(options.clone().max_keys(1)).map(Result::unwrap);
    let entries: Vec<String> = entries
        .map(|entry| match entry {
            ListEntry::Object(info) => info.key().to_string(),
            ListEntry::CommonPrefix(prefix) => prefix,
        })
        .collect();
    assert!(entries.is_sorted(), "objects and prefixes share one order");
    assert_eq!(entries.len(), page.key_count());
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn in_pages(bucket: &Bucket, options: &ListOptions, by_marker: bool) -> (Vec<String>, Vec<String>) {
    let (mut objects, mut prefixes) = (Vec::new(), Vec::new());
    let mut next = options.clone();
    loop {
        let page = bucket.list_page(&next).unwrap();
        objects.extend(keys(&page).iter().map(ToString::to_string));
        prefixes.extend(page.common_prefixes.iter().cloned());
        assert_eq!(page.is_truncated, page.next_continuation_token.is_some());
        if !page.is_truncated {
            assert_eq!(page.next_marker, None);
            return (objects, prefixes);
        }
        next = if by_marker {
            // Without a delimiter version 1 tells no marker: clients take the last key.
            let last = || page.objects.last().unwrap().key().to_string();
            options.clone().start_after(page.next_marker.clone().unwrap_or_else(last))
        } else {
            let token = page.next_continuation_token.unwrap();
            // A token goes before a marker.
            options.clone().start_after("zzz").continuation_token(token)
        };
    }
}

// Law-test: S3, ListObjects and ListObjectsV2.
// Law-test: S3, ListObjectsV2.
// Law-test: S3, ListObjectsV2, delimiter.
#[test]
fn prefixes_and_delimiters() {
    let bucket =
        filled(&["a", "a/", "a/1", "a/2", "a/b/1", "a/b/2", "a0", "b", "b--1", "b--2", "c/d/e"]);
    let all = ListOptions::new;
    let every = ["a", "a/", "a/1", "a/2", "a/b/1", "a/b/2", "a0", "b", "b--1", "b--2", "c/d/e"];
    check(&bucket, &all(), &every, &[]);
    check(&bucket, &all().delimiter("/"), &["a", "a0", "b", "b--1", "b--2"], &["a/", "c/"]);
    check(&bucket, &all().prefix("a/").delimiter("/"), &["a/", "a/1", "a/2"], &["a/b/"]);
    check(&bucket, &all().prefix("a").delimiter("/"), &["a", "a0"], &["a/"]);
    check(&bucket, &all().prefix("a/b/").delimiter("/"), &["a/b/1", "a/b/2"], &[]);
    check(&bucket, &all().prefix("b").delimiter("--"), &["b"], &["b--"]);
    check(&bucket, &all().prefix("b"), &["b", "b--1", "b--2"], &[]);
    check(&bucket, &all().prefix("c/d/e"), &["c/d/e"], &[]);
    check(&bucket, &all().prefix("c/d/e").delimiter("/"), &["c/d/e"], &[]);
    check(&bucket, &all().prefix("z"), &[], &[]);
    check(&bucket, &all().prefix("a/").delimiter("b"), &["a/", "a/1", "a/2"], &["a/b"]);
}

// Law-test: S3, ListObjectsV2; ListObjects.
#[test]
fn a_marker_need_not_exist_and_skips_its_common_prefix() {
    let bucket = filled(&["a", "dir/a", "dir/x", "dir/z", "e"]);
    let after = |marker: &str| ListOptions::new().start_after(marker);
    check(&bucket, &after("a"), &["dir/a", "dir/x", "dir/z", "e"], &[]);
    check(&bucket, &after("b"), &["dir/a", "dir/x", "dir/z", "e"], &[]);
    check(&bucket, &after("dir/x"), &["dir/z", "e"], &[]);
    check(&bucket, &after("dir/x").delimiter("/"), &["e"], &[]);
    check(&bucket, &after("dir/").delimiter("/"), &["e"], &[]);
    check(&bucket, &after("dir").delimiter("/"), &["e"], &["dir/"]);
    check(&bucket, &after("dir/x").delimiter("/").prefix("dir/"), &["dir/z"], &[]);
    check(&bucket, &after("zzz"), &[], &[]);
    check(&bucket, &after("zzz").prefix("dir/"), &[], &[]);
    check(&bucket, &after("a").prefix("dir/"), &["dir/a", "dir/x", "dir/z"], &[]);
    check(&bucket, &after("dir").prefix("dir/").delimiter("/"), &["dir/a", "dir/x", "dir/z"], &[]);
}

// Law-test: W75
#[test]
fn a_page_ends_between_a_prefix_and_a_key() {
    let bucket = filled(&["a/1", "a/2", "b", "c/1"]);
    let options = ListOptions::new().delimiter("/").max_keys(2);
    let page = bucket.list_page(&options).unwrap();
    assert_eq!((keys(&page), &page.common_prefixes[..]), (vec!["b"], &["a/".to_owned()][..]));
    assert_eq!((page.is_truncated, page.next_marker.as_deref()), (true, Some("b")));
    let page = bucket.list_page(&options.start_after("b")).unwrap();
    assert_eq!((keys(&page), &page.common_prefixes[..]), (vec![], &["c/".to_owned()][..]));
    assert!(!page.is_truncated && page.next_marker.is_none());
}

// Law-test: W76
#[test]
fn keys_come_in_the_order_of_their_bytes() {
    let sorted = ["z", "\u{e9}", "\u{ff21}", "\u{1f600}"];
    let mut reversed = sorted;
    reversed.reverse();
    check(&filled(&reversed), &ListOptions::new(), &sorted, &[]);
    let odd = ["\0", "\0\0", "a", "a\0", "a\0b", "a\u{1}", "a!", "aa"];
    check(&filled(&odd), &ListOptions::new(), &odd, &[]);
    check(
        &filled(&odd),
        &ListOptions::new().delimiter("\0"),
        &["a", "a\u{1}", "a!", "aa"],
        &["\0", "a\0"],
    );
}

// Law-test: S3, ListObjectsV2 page size.
#[test]
fn a_page_has_at_most_a_thousand_keys() {
    let bucket = bucket(Versioning::Enabled);
    for number in 0..1005 {
        bucket.put(format!("{number:04}"), "x").unwrap();
        bucket.put(format!("{number:04}"), "y").unwrap();
    }
    let size = |options: ListOptions| {
        let page = bucket.list_page(&options).unwrap();
        (page.key_count(), page.is_truncated)
    };
    assert_eq!(size(ListOptions::new()), (1000, true));
    assert_eq!(size(ListOptions::new().max_keys(u32::MAX)), (1000, true));
    assert_eq!(size(ListOptions::new().max_keys(0)), (0, false));
    assert_eq!(size(ListOptions::new().max_keys(1).prefix("1004")), (1, false));
    assert_eq!(size(ListOptions::new().prefix("0").max_keys(1000)), (1000, false));
    assert_eq!(bucket.list("").count(), 1005);
    assert_eq!(bucket.list_versions("").count(), 2010);
    let none = ListVersionsOptions::new().max_keys(0);
    let page = bucket.list_versions_page(&none).unwrap();
    assert!(page.versions.is_empty() && !page.is_truncated);
}

#[test]
fn a_token_that_is_none_is_refused() {
    let bucket = filled(&["a"]);
    for token in ["", "a", "AQBh", "%%%"] {
        let error = bucket.list_page(&ListOptions::new().continuation_token(token)).unwrap_err();
        assert_eq!(error.code(), "InvalidArgument");
        let options = ListVersionsOptions::new().continuation_token(token);
        assert_eq!(bucket.list_versions_page(&options).unwrap_err().code(), "InvalidArgument");
    }
}

#[test]
fn a_key_whose_current_version_is_a_marker_is_not_listed() {
    let bucket = bucket(Versioning::Enabled);
    for key in ["a/1", "a/2", "b", "c"] {
        bucket.put(key, "x").unwrap();
        bucket.put(key, "y").unwrap();
    }
    for key in ["a/1", "b", "never"] {
        bucket.delete(key).unwrap();
    }
    check(&bucket, &ListOptions::new(), &["a/2", "c"], &[]);
    check(&bucket, &ListOptions::new().delimiter("/"), &["c"], &["a/"]);
    bucket.delete("a/2").unwrap();
    check(&bucket, &ListOptions::new().delimiter("/"), &["c"], &[]);
}

#[test]
fn what_lies_under_a_common_prefix_is_passed_over_in_one_jump() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Unversioned);
    for number in 0..3000 {
        bucket.put(format!("dir{}/{number}", number % 3), "x").unwrap();
    }
    let scans = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    for _ in 0..20 {
        let scans = std::sync::Arc::clone(&scans);
        let count = move || {
            scans.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        };
        world.backend.trap(Call::Scan, 0, count);
    }
    let page = bucket.list_page(&ListOptions::new().delimiter("/")).unwrap();
    assert_eq!(page.common_prefixes, ["dir0/", "dir1/", "dir2/"]);
    assert!(scans.load(std::sync::atomic::Ordering::Relaxed) <= 4);
}

#[test]
fn a_page_that_goes_on_is_one_scan() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Enabled);
    for number in 0..100 {
        bucket.put(format!("{number:03}"), "x").unwrap();
    }
    let first = ListOptions::new().max_keys(40);
    let token = bucket.list_page(&first).unwrap().next_continuation_token.unwrap();
    let versions = ListVersionsOptions::new().max_keys(40);
    let of_versions = bucket.list_versions_page(&versions).unwrap();
    let of_versions = of_versions.next_continuation_token.unwrap();
    // A second scan would find the trap.
    world.backend.trap(Call::Scan, 1, || panic!("a second scan"));
    let page = bucket.list_page(&first.continuation_token(token)).unwrap();
    assert_eq!((page.key_count(), page.is_truncated), (40, true));
    world.backend.disarm();
    world.backend.trap(Call::Scan, 1, || panic!("a second scan"));
    let page = bucket.list_versions_page(&versions.continuation_token(of_versions)).unwrap();
    assert_eq!((page.versions.len(), page.is_truncated), (40, true));
}

/// A bucket with stacks of several kinds.
fn stacks() -> Bucket {
    let bucket = bucket(Versioning::Unversioned);
    bucket.put("b", "null").unwrap();
    bucket.put("d/1", "null").unwrap();
    bucket.set_versioning(Versioning::Enabled).unwrap();
    for key in ["a", "b", "b", "c", "d/1", "d/2"] {
        bucket.put(key, "x").unwrap();
    }
    bucket.delete("a").unwrap();
    bucket.delete("c").unwrap();
    bucket.put("c", "x").unwrap();
    bucket
}

fn places(page: &VersionsPage) -> Vec<(String, VersionId)> {
    page.versions.iter().map(place).collect()
}

fn place(info: &ObjectInfo) -> (String, VersionId) {
    (info.key().to_string(), info.version())
}

// Law-test: S3, ListObjectVersions.
#[test]
fn versions_by_key_then_from_newest_to_oldest() {
    let bucket = stacks();
    let all: Vec<_> = bucket.list_versions("").map(Result::unwrap).collect();
    let found: Vec<_> = all
        .iter()
        .map(|it| {
            (it.key().as_str(), it.is_latest(), it.is_delete_marker(), it.version().is_null())
        })
        .collect();
    let expected = [
        ("a", true, true, false),
        ("a", false, false, false),
        ("b", true, false, false),
        ("b", false, false, false),
        ("b", false, false, true),
        ("c", true, false, false),
        ("c", false, true, false),
        ("c", false, false, false),
        ("d/1", true, false, false),
        ("d/1", false, false, true),
        ("d/2", true, false, false),
    ];
    assert_eq!(found, expected);
    let options = ListVersionsOptions::new().delimiter("/");
    let page = bucket.list_versions_page(&options).unwrap();
    assert_eq!((page.versions.len(), &page.common_prefixes[..]), (8, &["d/".to_owned()][..]));
    let options = ListVersionsOptions::new().prefix("d/1");
    assert_eq!(bucket.list_versions_page(&options).unwrap().versions.len(), 2);
}

// Law-test: S3, ListObjectVersions.
#[test]
fn a_list_of_versions_goes_on_from_every_place() {
    for delimiter in ["", "/"] {
        let bucket = stacks();
        let whole = ListVersionsOptions::new().delimiter(delimiter);
        let all = bucket.list_versions_page(&whole).unwrap();
        let all_places = places(&all);
        for size in 1..=11 {
            let (mut found, mut prefixes) = (Vec::new(), Vec::new());
            let (mut by_token, mut by_marker) =
                (whole.clone().max_keys(size), whole.clone().max_keys(size));
            loop {
                let page = bucket.list_versions_page(&by_token).unwrap();
                assert_eq!(bucket.list_versions_page(&by_marker).unwrap(), page);
                found.extend(places(&page));
                prefixes.extend(page.common_prefixes.clone());
                if !page.is_truncated {
                    assert_eq!((page.next_key_marker, page.next_version_id_marker), (None, None));
                    break;
                }
                let key = page.next_key_marker.unwrap();
                by_marker = whole.clone().max_keys(size).key_marker(key);
                match page.next_version_id_marker {
                    Some(version) => by_marker = by_marker.version_id_marker(version),
                    None => assert!(page.versions.is_empty() || !page.common_prefixes.is_empty()),
                }
                by_token = whole
                    .clone()
                    .max_keys(size)
                    .continuation_token(page.next_continuation_token.unwrap());
            }
            assert_eq!((&found, &prefixes), (&all_places, &all.common_prefixes), "{size}");
        }
    }
}

// Law-test: S3, ListObjectVersions.
#[test]
fn a_list_goes_on_after_its_marker_was_deleted() {
    let count = stacks().list_versions("").count();
    for size in 1..count {
        let bucket = stacks();
        let all: Vec<_> = bucket.list_versions("").map(|info| place(&info.unwrap())).collect();
        let options = ListVersionsOptions::new().max_keys(u32::try_from(size).unwrap());
        let page = bucket.list_versions_page(&options).unwrap();
        let (key, version) = all[size - 1].clone();
        bucket.delete_version(key, version).unwrap();
        let rest =
            ListVersionsOptions::new().continuation_token(page.next_continuation_token.unwrap());
        let rest = bucket.list_versions_page(&rest).unwrap();
        assert_eq!(places(&rest), all[size..], "after {size}");
    }
}

// Law-test: S3, ListObjectVersions.
#[test]
fn version_markers_have_their_rules() {
    let bucket = stacks();
    let version = bucket.head("b").unwrap().version();
    let alone = ListVersionsOptions::new().version_id_marker(version);
    assert_eq!(bucket.list_versions_page(&alone).unwrap_err().code(), "InvalidArgument");
    let after_key = ListVersionsOptions::new().key_marker("b");
    let page = bucket.list_versions_page(&after_key).unwrap();
    assert_eq!(page.versions[0].key(), &"c");
    let after_null = after_key.version_id_marker(VersionId::Null);
    let page = bucket.list_versions_page(&after_null).unwrap();
    assert_eq!(page.versions[0].key(), &"c");
}

#[test]
fn versions_that_change_places_during_a_list_are_listed_once() {
    // Between the scans of one walk the stack of a key grows, or loses its newest version.
    for (skip, before) in (0..4).flat_map(|skip| (0..9).map(move |before| (skip, before))) {
        for grows in [false, true] {
            let world = World::new();
            let bucket = world.bucket("test", Versioning::Enabled);
            // So that one of the scans ends just behind the current version.
            for number in 0..before {
                bucket.put(format!("before-{number}"), "x").unwrap();
            }
            let versions: Vec<_> =
                (0..40).map(|_| bucket.put("k", "x").unwrap().version.unwrap()).collect();
            let other = bucket.clone();
            let newest = versions[39];
            world.backend.trap(Call::Scan, skip, move || {
                if grows {
                    other.put("k", "newer").unwrap();
                } else {
                    other.delete_version("k", newest).unwrap();
                }
            });
            // A delimiter makes short scans.
            let options = ListVersionsOptions::new().delimiter("/");
            let page = bucket.list_versions_page(&options).unwrap();
            let mut found: Vec<_> = page.versions.iter().map(ObjectInfo::version).collect();
            found.retain(|version| versions.contains(version));
            found.reverse();
            // The newest may go before it is seen, or after.
            let there = if grows { 40 } else { found.len().clamp(39, 40) };
            assert_eq!(found, versions[..there], "{skip} {before} {grows}");
        }
    }
}

#[test]
fn the_heir_of_a_deleted_version_is_not_passed_over() {
    // All newer versions than the marker go: the next one becomes the current one.
    for (call, skip) in [(Call::Row, 0), (Call::Row, 1), (Call::Scan, 0), (Call::Scan, 1)] {
        let world = World::new();
        let bucket = world.bucket("test", Versioning::Enabled);
        let versions: Vec<_> =
            (0..5).map(|_| bucket.put("k", "x").unwrap().version.unwrap()).collect();
        let page = bucket.list_versions_page(&ListVersionsOptions::new().max_keys(2)).unwrap();
        let other = bucket.clone();
        let newer = [versions[4], versions[3]];
        world.backend.trap(call, skip, move || {
            for version in newer {
                other.delete_version("k", version).unwrap();
            }
        });
        let token = page.next_continuation_token.unwrap();
        let rest = ListVersionsOptions::new().continuation_token(token);
        let rest = bucket.list_versions_page(&rest).unwrap();
        let found: Vec<_> = rest.versions.iter().map(ObjectInfo::version).collect();
        assert_eq!(found, [versions[2], versions[1], versions[0]]);
    }
}
