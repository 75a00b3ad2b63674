//! Entry points for fuzzers: one function a document. Not an interface: it may change with any commit.
//!
//! Each takes any bytes, does not panic, and takes memory in proportion to them. True says that the
//! bytes were understood; what was understood is written down in both forms and read again, and must
//! be the same.

use crate::{LifecyclePolicy, PriceTable, Result, TieringConfiguration, restore::RestoreRequest};
use std::fmt::Debug;

/// Takes any bytes; true when they were understood.
pub type Target = fn(&[u8]) -> bool;

/// Every entry point, by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("lifecycle_json", lifecycle_json),
    ("lifecycle_xml", lifecycle_xml),
    ("price_table", price_table),
    ("restore_request", restore_request),
    ("tiering_configuration", tiering_configuration),
];

/// Runs the entry point `name`.
///
/// # Panics
/// When there is none, and when the reader is wrong.
pub fn run(name: &str, input: &[u8]) -> bool {
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    found.expect("targets name entry points that exist").1(input)
}

fn text(input: &[u8]) -> &str {
    std::str::from_utf8(input).unwrap_or_default()
}

/// A way to read, and a way to write.
type Form<T> = (fn(&str) -> Result<T>, fn(&T) -> String);

/// What one form says, both forms say again.
fn agree<T: Debug + PartialEq>(read: Result<T>, forms: [Form<T>; 2]) -> bool {
    let Ok(value) = read else { return false };
    for (read, write) in forms {
        assert_eq!(read(&write(&value)).as_ref(), Ok(&value));
    }
    true
}

/// The default for small objects stands in neither form that is written.
fn policy(read: Result<LifecyclePolicy>) -> bool {
    let read = read.map(|policy| policy.minimum_size(crate::TransitionMinimumSize::default()));
    agree(
        read,
        [
            (LifecyclePolicy::from_xml, LifecyclePolicy::to_xml),
            (LifecyclePolicy::from_json, LifecyclePolicy::to_json),
        ],
    )
}

fn lifecycle_xml(input: &[u8]) -> bool {
    policy(LifecyclePolicy::from_xml(text(input)))
}

fn lifecycle_json(input: &[u8]) -> bool {
    policy(LifecyclePolicy::from_json(text(input)))
}

/// JSON when it begins like it, else XML.
fn either<T: Debug + PartialEq>(input: &[u8], forms: [Form<T>; 2]) -> bool {
    let [xml, json] = forms;
    let text = text(input);
    let read = if text.starts_with('{') { json.0(text) } else { xml.0(text) };
    agree(read, forms)
}

fn restore_request(input: &[u8]) -> bool {
    either(
        input,
        [
            (RestoreRequest::from_xml, RestoreRequest::to_xml),
            (RestoreRequest::from_json, RestoreRequest::to_json),
        ],
    )
}

fn tiering_configuration(input: &[u8]) -> bool {
    either(
        input,
        [
            (TieringConfiguration::from_xml, TieringConfiguration::to_xml),
            (TieringConfiguration::from_json, TieringConfiguration::to_json),
        ],
    )
}

fn price_table(input: &[u8]) -> bool {
    PriceTable::us_east_1().with_json(text(input)).is_ok()
}

/// Documents that each entry point understands, to begin from.
#[must_use]
pub fn seeds(name: &str) -> Vec<Vec<u8>> {
    let seeds: &[&str] = match name {
        "lifecycle_xml" => &[
            "<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule><ID>a&amp;b\
             </ID><Filter><And><Prefix>l&#13;/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag>\
             <ObjectSizeLessThan>9</ObjectSizeLessThan></And></Filter><Status>Enabled</Status>\
             <Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition><Expiration>\
             <Days>40</Days></Expiration></Rule></LifecycleConfiguration>",
            "<LifecycleConfiguration><Rule><Prefix/><Status>Disabled</Status><Expiration><Date>\
             2026-03-01</Date></Expiration></Rule></LifecycleConfiguration>",
        ],
        "lifecycle_json" => &[r#"{"Rules": [{"ID": "a", "Filter": {"And": {"Prefix": "l/",
            "Tags": [{"Key": "k", "Value": "v"}]}}, "Status": "Enabled",
            "NoncurrentVersionTransitions": [{"NoncurrentDays": 3, "StorageClass": "GLACIER"}],
            "NoncurrentVersionExpiration": {"NoncurrentDays": 9, "NewerNoncurrentVersions": 2}}],
            "TransitionDefaultMinimumObjectSize": "varies_by_storage_class"}"#],
        "restore_request" => &[
            "<RestoreRequest><Days>2</Days><Tier>Bulk</Tier></RestoreRequest>",
            r#"{"Days": 3, "GlacierJobParameters": {"Tier": "Expedited"}}"#,
        ],
        "tiering_configuration" => &[
            "<IntelligentTieringConfiguration><Id>c</Id><Status>Enabled</Status><Tiering><Days>90\
             </Days><AccessTier>ARCHIVE_ACCESS</AccessTier></Tiering></IntelligentTieringConfiguration>",
            r#"{"Id": "c", "Status": "Disabled", "Filter": {"Tag": {"Key": "k", "Value": ""}},
                "Tierings": [{"Days": 180, "AccessTier": "DEEP_ARCHIVE_ACCESS"}]}"#,
        ],
        "price_table" => &[r#"{"STANDARD": {"storage": [[10, 0.2], [null, 0.1]]},
            "GLACIER": {"restore_gb": [1, 2, 3]}, "monitoring_1000": 0.5}"#],
        _ => &[],
    };
    seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, sample::Index};

    #[test]
    fn every_entry_point_understands_its_seeds() {
        for (name, target) in TARGETS {
            let seeds = seeds(name);
            assert!(!seeds.is_empty(), "{name}");
            seeds.iter().for_each(|seed| {
                assert!(target(seed), "{name}: {}", String::from_utf8_lossy(seed));
            });
        }
    }

    #[test]
    fn every_entry_point_has_a_fuzz_target() {
        let targets = include_str!("../../fuzz/Cargo.toml");
        for (name, _) in TARGETS {
            assert!(targets.contains(&format!("name = \"{name}\"\n")), "{name}");
        }
    }

    /// `CISTERN_FUZZ_CORPUS` names the folder in which every target has one for its inputs.
    #[test]
    #[allow(clippy::disallowed_methods, reason = "fuzzers read files")]
    fn the_seeds_are_written_where_a_fuzzer_asks_for_them() {
        let Some(corpus) = std::env::var_os("CISTERN_FUZZ_CORPUS") else { return };
        for (name, _) in TARGETS {
            let folder = std::path::Path::new(&corpus).join(name);
            std::fs::create_dir_all(&folder).unwrap();
            for (number, seed) in seeds(name).into_iter().enumerate() {
                std::fs::write(folder.join(format!("seed-{number}")), seed).unwrap();
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn no_entry_point_panics_on_any_text(input in "\\PC{0,60}", number in 0..TARGETS.len()) {
            TARGETS[number].1(input.as_bytes());
        }

        #[test]
        fn no_entry_point_panics_on_a_seed_with_changes(
            number in 0..TARGETS.len(),
            seed in any::<Index>(),
            changes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..4),
            cut in any::<Option<Index>>(),
        ) {
            let (name, target) = TARGETS[number];
            let mut input = seed.get(&seeds(name)).clone();
            for (place, byte) in changes {
                let place = place.index(input.len());
                input[place] = byte;
            }
            if let Some(cut) = cut {
                input.truncate(cut.index(input.len()));
            }
            target(&input);
        }
    }
}
