use super::*;

fn at(text: &str) -> Timestamp {
    let full = if text.len() == 10 { format!("{text}T00:00:00Z") } else { format!("{text}:00Z") };
    Timestamp::parse_iso8601(&full).unwrap()
}

fn object(class: StorageClass) -> Archived {
    Archived { class, tier: AccessTier::Frequent, size: 1 << 20 }
}

const GLACIER: StorageClass = StorageClass::Glacier;
const TIMES: &RestoreTimes = &RestoreTimes::LONGEST;

#[track_caller]
fn begin(days: u32, tier: RestoreTier, now: &str) -> Restore {
    let asked = RestoreRequest::days(Days(days)).tier(tier);
    let (restore, answer) = object(GLACIER).request_restore(None, asked, at(now), TIMES).unwrap();
    assert_eq!((answer, answer.status()), (RestoreAnswer::Started, 202));
    restore
}

// Law-test: S3, restored copies lapse at midnight.
// Law-test: S3, x-amz-restore.
#[test]
fn w66_a_copy_is_kept_to_the_midnight_after_its_days() {
    let restore = begin(3, RestoreTier::Standard, "2012-10-15T05:30");
    assert_eq!(restore.completes, at("2012-10-15T10:30"));
    assert_eq!(restore.expires, Some(at("2012-10-19")));
    let header = |now: &str| restore.header(at(now));
    assert_eq!(header("2012-10-15T10:29").unwrap(), "ongoing-request=\"true\"");
    assert_eq!(
        header("2012-10-15T10:30").unwrap(),
        "ongoing-request=\"false\", expiry-date=\"Fri, 19 Oct 2012 00:00:00 GMT\""
    );
    assert!(header("2012-10-18T23:59").is_some());
    assert_eq!(header("2012-10-19"), None);
}

// Law-test: S3, archived objects are restored before they are read.
#[test]
fn archived_bytes_are_read_while_a_copy_lives() {
    let restore = begin(1, RestoreTier::Expedited, "2026-07-01T10:00");
    let read = |now: &str| object(GLACIER).check_readable(Some(&restore), at(now));
    assert_eq!(read("2026-07-01T10:04").unwrap_err().code(), "InvalidObjectState");
    assert_eq!(read("2026-07-01T10:05"), Ok(()));
    assert_eq!(read("2026-07-02T23:59"), Ok(()));
    assert_eq!(read("2026-07-03").unwrap_err().status(), 403);
    assert!(object(GLACIER).check_readable(None, at("2026-07-01")).is_err());
    assert_eq!(object(StorageClass::GlacierIr).check_readable(None, at("2026-07-01")), Ok(()));
}

// Law-test: S3, RestoreObject.
#[test]
fn w67_a_copy_that_lives_is_kept_from_now_on() {
    let restore = begin(30, RestoreTier::Standard, "2026-07-01T09:00");
    let asked = RestoreRequest::days(Days(10));
    let now = at("2026-07-03T09:00");
    let (longer, answer) =
        object(GLACIER).request_restore(Some(&restore), asked, now, TIMES).unwrap();
    assert_eq!((answer, answer.status()), (RestoreAnswer::Prolonged, 200));
    assert_eq!(longer.expires, Some(at("2026-07-14")));
    assert_eq!(longer.completes, restore.completes);
    let later = at("2026-09-01T09:00");
    let (again, answer) =
        object(GLACIER).request_restore(Some(&longer), asked, later, TIMES).unwrap();
    assert_eq!((answer, again.requested), (RestoreAnswer::Started, later));
}

// Law-test: S3, RestoreObject.
#[test]
fn w68_a_restore_is_sped_up_and_never_slowed_down() {
    let ask = |current: &Restore, tier| {
        let asked = RestoreRequest::days(Days(5)).tier(tier);
        object(GLACIER).request_restore(Some(current), asked, at("2026-07-01T09:00"), TIMES)
    };
    let bulk = begin(2, RestoreTier::Bulk, "2026-07-01T08:00");
    let (faster, answer) = ask(&bulk, RestoreTier::Standard).unwrap();
    assert_eq!((answer, answer.status()), (RestoreAnswer::SpedUp, 202));
    assert_eq!((faster.completes, faster.days), (at("2026-07-01T14:00"), Some(Days(2))));
    for tier in [RestoreTier::Standard, RestoreTier::Bulk] {
        let error = ask(&faster, tier).unwrap_err();
        assert_eq!((error.code(), error.status()), ("RestoreAlreadyInProgress", 409));
    }
    // One that was almost done is not made later.
    let old = begin(2, RestoreTier::Bulk, "2026-06-30T22:00");
    assert_eq!(ask(&old, RestoreTier::Standard).unwrap().0.completes, old.completes);
}

// Law-test: S3, RestoreObject.
#[test]
fn requests_that_do_not_fit_the_object_are_refused() {
    #[track_caller]
    fn refused(object: Archived, asked: RestoreRequest, code: &str) {
        let error = object.request_restore(None, asked, at("2026-07-01"), TIMES).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
    let deep = object(StorageClass::DeepArchive);
    let day = RestoreRequest::days(Days(1));
    refused(object(StorageClass::Standard), day, "InvalidObjectState");
    refused(object(StorageClass::IntelligentTiering), day, "InvalidObjectState");
    refused(deep, day.tier(RestoreTier::Expedited), "InvalidArgument");
    refused(deep, RestoreRequest::to_frequent_tier(), "InvalidArgument");
    refused(deep, RestoreRequest::days(Days(0)), "InvalidArgument");
    let tiered = Archived { tier: AccessTier::Archive, ..object(StorageClass::IntelligentTiering) };
    refused(tiered, day, "InvalidArgument");
}

#[test]
fn w65_an_object_of_an_archive_tier_comes_back_for_good() {
    let tiered = Archived { tier: AccessTier::Archive, ..object(StorageClass::IntelligentTiering) };
    let asked = RestoreRequest::to_frequent_tier();
    let (restore, _) = tiered.request_restore(None, asked, at("2026-06-01T05:00"), TIMES).unwrap();
    assert_eq!(restore.completes, at("2026-06-01T10:00"));
    let state = restore.state(at("2046-06-01"));
    assert_eq!(state, RestoreState::Restored { until: None });
    assert_eq!(restore.header(at("2026-06-02")), None);
}

// Law-test: S3, archive retrieval options.
#[test]
fn the_table_of_times() {
    let hours =
        |archive, tier, size| TIMES.time(archive, tier, size).map(|time| time.as_secs() / 60);
    let all = |archive, size| RestoreTier::ALL.map(|tier| hours(archive, tier, size));
    assert_eq!(all(Archive::Flexible, 1), [Some(5), Some(300), Some(720)]);
    assert_eq!(all(Archive::Deep, 1), [None, Some(720), Some(2880)]);
    assert_eq!(all(Archive::Flexible, HUGE_BYTES + 1), [Some(2880); 3]);
}

#[test]
fn a_request_reads_back_as_written_in_both_forms() {
    for days in [None, Some(Days(1))] {
        for tier in RestoreTier::ALL {
            let request = RestoreRequest { days, tier };
            assert_eq!(RestoreRequest::from_xml(&request.to_xml()).unwrap(), request);
            assert_eq!(RestoreRequest::from_json(&request.to_json()).unwrap(), request);
        }
    }
    let bare = "<RestoreRequest><Days>2</Days><Tier>Bulk</Tier></RestoreRequest>";
    let expected = RestoreRequest::days(Days(2)).tier(RestoreTier::Bulk);
    assert_eq!(RestoreRequest::from_xml(bare).unwrap(), expected);
    for wrong in [
        "<RestoreRequest><Tier>Slow</Tier></RestoreRequest>",
        "<RestoreRequest><Days>x</Days></RestoreRequest>",
        "<RestoreRequest><OutputLocation/></RestoreRequest>",
        "<RestoreRequest><Tier>Bulk</Tier><GlacierJobParameters><Tier>Bulk</Tier>\
         </GlacierJobParameters></RestoreRequest>",
    ] {
        assert_eq!(RestoreRequest::from_xml(wrong).unwrap_err().code(), "MalformedXML");
    }
}
