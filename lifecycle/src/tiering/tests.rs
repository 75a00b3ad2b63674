use super::*;

fn at(text: &str) -> Timestamp {
    let full = if text.len() == 10 { format!("{text}T00:00:00Z") } else { format!("{text}:00Z") };
    Timestamp::parse_iso8601(&full).unwrap()
}

const SIZE: u64 = 1 << 20;
const NONE: ArchiveTiers = ArchiveTiers { archive: None, deep_archive: None };
const BOTH: ArchiveTiers = ArchiveTiers { archive: Some(Days(90)), deep_archive: Some(Days(180)) };

fn put() -> TierClocks {
    TierClocks::entered(at("2026-02-01T06:00"))
}

/// The days on which the tier changes, within a year.
#[track_caller]
fn check(clocks: TierClocks, size: u64, archive: ArchiveTiers, expected: &[(&str, AccessTier)]) {
    let mut now = clocks.last_access.day();
    let (mut tier, mut changes) = (AccessTier::Frequent, Vec::new());
    for _ in 0..400 {
        now = now.plus_days(Days(1));
        let next = clocks.tier(size, archive, now);
        if next != tier {
            tier = next;
            changes.push((now.to_iso8601()[..10].to_owned(), tier));
        }
    }
    let expected: Vec<_> = expected.iter().map(|(day, tier)| ((*day).to_owned(), *tier)).collect();
    assert_eq!(changes, expected);
}

// Law-test: S3, intelligent tiering.
#[test]
fn w58_w61_and_w63_an_object_that_is_not_read_goes_down() {
    use AccessTier::{Archive, ArchiveInstant, DeepArchive, Infrequent};
    let untouched = [("2026-03-04", Infrequent), ("2026-05-03", ArchiveInstant)];
    check(put(), SIZE, NONE, &untouched); // W58
    let archived =
        [("2026-03-04", Infrequent), ("2026-05-03", Archive), ("2026-08-01", DeepArchive)];
    check(put(), SIZE, BOTH, &archived); // W61
    check(put(), 100 << 10, BOTH, &[]); // W63
    assert_eq!(Archive.archive_status(), Some("ARCHIVE_ACCESS"));
    assert_eq!(Infrequent.archive_status(), None);
    assert_eq!(DeepArchive.inventory_name(), "DEEP_ARCHIVE");
}

// Law-test: S3, intelligent tiering access.
#[test]
fn w59_w60_and_w62_a_read_brings_it_back_a_scan_keeps_it_out_of_the_archive() {
    use AccessTier::{Archive, ArchiveInstant, Infrequent};
    let when = at("2026-03-20T06:00");
    let read = put().after(Access::Read, SIZE, NONE, when);
    assert_eq!(read.tier(SIZE, NONE, when), AccessTier::Frequent);
    check(read, SIZE, NONE, &[("2026-04-20", Infrequent), ("2026-06-19", ArchiveInstant)]); // W59

    let looked = put().after(Access::None, SIZE, NONE, when);
    assert_eq!(looked, put());
    assert_eq!(looked.tier(SIZE, NONE, when), Infrequent); // W60

    let archive = ArchiveTiers { archive: Some(Days(90)), deep_archive: None };
    let scanned = put().after(Access::Scan, SIZE, archive, at("2026-04-22T06:00"));
    check(
        scanned,
        SIZE,
        archive,
        &[("2026-03-04", Infrequent), ("2026-05-03", ArchiveInstant), ("2026-07-22", Archive)],
    ); // W62
}

#[test]
fn what_is_archived_stays_so_until_it_is_restored() {
    let now = at("2026-05-03");
    let archived = put().settle(SIZE, BOTH, now);
    assert_eq!(archived.archived, AccessTier::Archive);
    // A read that fails changes nothing, nor does switching the configuration off.
    assert_eq!(archived.after(Access::Read, SIZE, BOTH, now), archived);
    assert_eq!(archived.tier(SIZE, NONE, now), AccessTier::Archive);
    // W65
    let restored = TierClocks::entered(at("2026-06-01T10:00"));
    assert_eq!(restored.tier(SIZE, BOTH, at("2026-07-01")), AccessTier::Frequent);
    assert_eq!(restored.tier(SIZE, BOTH, at("2026-07-02")), AccessTier::Infrequent);
}

#[test]
fn w64_a_rule_moves_out_of_a_tier_only_down() {
    use crate::{LifecyclePolicy, Rule, StorageClass, VersionFacts, evaluate::Action};
    let next = |class| {
        let policy = LifecyclePolicy::new([Rule::all().transition(Days(30), class)]).unwrap();
        let facts = VersionFacts::new("k", SIZE, at("2026-02-01T06:00"))
            .class(StorageClass::IntelligentTiering)
            .tier(AccessTier::ArchiveInstant);
        policy.evaluate(&facts, at("2026-06-01")).map(|decision| decision.action)
    };
    assert_eq!(next(StorageClass::OnezoneIa), None);
    assert_eq!(next(StorageClass::GlacierIr), Some(Action::Transition(StorageClass::GlacierIr)));
}

#[test]
fn of_several_configurations_the_fewest_days_count() {
    let one = |prefix: &str, archive, deep_archive| {
        let tiers = ArchiveTiers { archive, deep_archive };
        TieringConfiguration::new("c", Filter::all().prefix(prefix), tiers).unwrap()
    };
    let all = [
        one("", Some(Days(200)), None),
        one("a/", Some(Days(100)), Some(Days(400))),
        one("a/", Some(Days(90)), None).status(Status::Disabled),
        one("b/", Some(Days(95)), None),
    ];
    let tiers = ArchiveTiers::of(&all, "a/x", &Tags::new());
    let expected = ArchiveTiers { archive: Some(Days(100)), deep_archive: Some(Days(400)) };
    assert_eq!(tiers, expected);
}

// Law-test: S3, intelligent tiering configuration.
#[test]
fn configurations_out_of_range_are_refused() {
    #[track_caller]
    fn refused(id: &str, filter: Filter, archive: Option<u32>, deep: Option<u32>) {
        let tiers = ArchiveTiers { archive: archive.map(Days), deep_archive: deep.map(Days) };
        let error = TieringConfiguration::new(id, filter, tiers).unwrap_err();
        assert_eq!((error.code(), error.status()), ("InvalidArgument", 400));
    }
    refused("c", Filter::all(), Some(89), None);
    refused("c", Filter::all(), Some(731), None);
    refused("c", Filter::all(), None, Some(179));
    refused("c", Filter::all(), Some(200), Some(200));
    refused("c", Filter::all(), None, None);
    refused("", Filter::all(), Some(90), None);
    refused("c", Filter::all().larger_than(5), Some(90), None);
    let twice = r#"{"Id": "c", "Status": "Enabled", "Tierings": [
        {"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}, {"Days": 91, "AccessTier": "ARCHIVE_ACCESS"}]}"#;
    assert_eq!(TieringConfiguration::from_json(twice).unwrap_err().code(), "InvalidArgument");
    let none = "<IntelligentTieringConfiguration><Id>c</Id><Status>Enabled</Status>\
                </IntelligentTieringConfiguration>";
    assert_eq!(TieringConfiguration::from_xml(none).unwrap_err().code(), "MalformedXML");
}
