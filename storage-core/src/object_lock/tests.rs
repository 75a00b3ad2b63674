use super::*;
use RetentionMode::{Compliance, Governance};

fn at(text: &str) -> Timestamp {
    Timestamp::parse_iso8601(text).unwrap()
}

fn now() -> Timestamp {
    at("2026-06-01T12:00:00Z")
}

fn retained(mode: RetentionMode, until: &str) -> Retention {
    Retention { mode, until: at(until) }
}

fn locked(mode: RetentionMode, until: &str) -> VersionLock {
    VersionLock { retention: Some(retained(mode, until)), legal_hold: LegalHold::Off }
}

fn code(result: Result<()>) -> Option<&'static str> {
    result.err().map(|error| error.code())
}

const LATER: &str = "2026-12-31T00:00:00Z";

// Law-test: S3, object lock deletes.
#[test]
fn a_protected_version_is_not_deleted() {
    // W51
    let governed = locked(Governance, LATER);
    assert_eq!(code(governed.may_delete(now(), Bypass::No)), Some("AccessDenied"));
    assert_eq!(code(governed.may_delete(now(), Bypass::Governance)), None);
    let strict = locked(Compliance, LATER);
    assert_eq!(code(strict.may_delete(now(), Bypass::No)), Some("AccessDenied"));
    assert_eq!(code(strict.may_delete(now(), Bypass::Governance)), Some("AccessDenied"));
    for mode in [Governance, Compliance] {
        assert_eq!(code(locked(mode, LATER).may_delete(at(LATER), Bypass::No)), None);
    }
    assert_eq!(code(VersionLock::default().may_delete(now(), Bypass::No)), None);
}

// Law-test: S3, object lock deletes.
#[test]
fn a_legal_hold_cannot_be_bypassed_and_has_no_end() {
    let held = VersionLock { retention: None, legal_hold: LegalHold::On };
    for bypass in [Bypass::No, Bypass::Governance] {
        assert_eq!(code(held.may_delete(at("9999-01-01T00:00:00Z"), bypass)), Some("AccessDenied"));
    }
    let error = held.may_delete(now(), Bypass::No).unwrap_err();
    assert_eq!(error.status(), 403);
}

// Law-test: S3, object lock retention changes.
#[test]
fn retention_grows_freely_and_shrinks_only_by_bypass_of_governance() {
    #[track_caller]
    fn check(old: RetentionMode, new: Option<Retention>, plain: bool, bypassed: bool) {
        let lock = locked(old, LATER);
        for (bypass, allowed) in [(Bypass::No, plain), (Bypass::Governance, bypassed)] {
            let expected = (!allowed).then_some("AccessDenied");
            assert_eq!(code(lock.may_change_retention(new, now(), bypass)), expected);
        }
    }
    let sooner = "2026-07-01T00:00:00Z";
    let still_later = "2027-12-31T00:00:00Z";
    check(Governance, Some(retained(Governance, still_later)), true, true);
    check(Governance, Some(retained(Governance, LATER)), true, true);
    check(Governance, Some(retained(Governance, sooner)), false, true);
    check(Governance, Some(retained(Compliance, LATER)), true, true);
    check(Governance, Some(retained(Compliance, sooner)), false, true);
    check(Governance, None, false, true);
    check(Compliance, Some(retained(Compliance, still_later)), true, true);
    check(Compliance, Some(retained(Compliance, LATER)), true, true);
    check(Compliance, Some(retained(Compliance, sooner)), false, false);
    check(Compliance, Some(retained(Governance, still_later)), false, false);
    check(Compliance, None, false, false);
}

// Law-test: S3, object lock retention changes.
#[test]
fn what_has_lapsed_may_be_followed_by_anything_in_the_future() {
    let lapsed = locked(Compliance, "2026-01-01T00:00:00Z");
    let new = retained(Governance, "2026-07-01T00:00:00Z");
    assert_eq!(code(lapsed.may_change_retention(Some(new), now(), Bypass::No)), None);
    assert_eq!(code(lapsed.may_change_retention(None, now(), Bypass::No)), None);
    let fresh = VersionLock::default();
    assert_eq!(code(fresh.may_change_retention(Some(new), now(), Bypass::No)), None);
    let past = retained(Governance, "2026-06-01T12:00:00Z");
    for lock in [fresh, lapsed, locked(Governance, LATER)] {
        let answer = lock.may_change_retention(Some(past), now(), Bypass::Governance);
        assert_eq!(code(answer), Some("InvalidArgument"));
    }
}

// Law-test: S3, object lock retention.
// Law-test: S3, object lock retention modes.
#[test]
fn retention_has_a_mode_and_a_date_in_the_future_or_neither() {
    let parse = |mode, until| Retention::from_parts(mode, until, now());
    assert_eq!(parse(None, None).unwrap(), None);
    let both = parse(Some(Compliance), Some(at(LATER))).unwrap();
    assert_eq!(both, Some(retained(Compliance, LATER)));
    for (mode, until) in
        [(Some(Governance), None), (None, Some(at(LATER))), (Some(Governance), Some(now()))]
    {
        assert_eq!(parse(mode, until).unwrap_err().code(), "InvalidArgument");
    }
    for mode in [Governance, Compliance] {
        assert_eq!(mode.as_str().parse::<RetentionMode>().unwrap(), mode);
    }
    assert_eq!("governance".parse::<RetentionMode>().unwrap_err().code(), "InvalidArgument");
    for hold in [LegalHold::On, LegalHold::Off] {
        assert_eq!(hold.as_str().parse::<LegalHold>().unwrap(), hold);
    }
    assert_eq!("on".parse::<LegalHold>().unwrap_err().code(), "InvalidArgument");
}

#[test]
fn stored_codes_never_change() {
    assert_eq!((Governance.code(), Compliance.code()), (1, 2));
    let known = (0..4).map(RetentionMode::from_code).collect::<Vec<_>>();
    assert_eq!(known, [None, Some(Governance), Some(Compliance), None]);
}

// Law-test: S3, object lock default retention.
#[test]
fn a_default_counts_from_the_creation_of_the_version() {
    let created = at("2024-02-29T08:30:00Z");
    let until = |period| {
        DefaultRetention::new(Governance, period).unwrap().of_version(created).until.to_iso8601()
    };
    assert_eq!(until(RetentionPeriod::Days(1)), "2024-03-01T08:30:00.000Z");
    assert_eq!(until(RetentionPeriod::Days(366)), "2025-03-01T08:30:00.000Z");
    assert_eq!(until(RetentionPeriod::Years(4)), "2028-02-29T08:30:00.000Z");
    assert_eq!(until(RetentionPeriod::Years(1)), "2025-02-28T08:30:00.000Z");
}

// Law-test: S3, object lock default retention.
#[test]
fn a_default_has_days_or_years_and_at_most_a_hundred_of_them() {
    let parse = |days, years| DefaultRetention::from_parts(Compliance, days, years);
    let found = parse(Some(30), None).unwrap();
    assert_eq!((found.mode(), found.period()), (Compliance, RetentionPeriod::Days(30)));
    assert!(parse(None, Some(100)).is_ok());
    assert!(parse(Some(36_500), None).is_ok());
    assert_eq!(parse(None, None).unwrap_err().code(), "MalformedXML");
    assert_eq!(parse(Some(1), Some(1)).unwrap_err().code(), "MalformedXML");
    for (days, years) in [(Some(0), None), (None, Some(0)), (Some(36_501), None), (None, Some(101))]
    {
        assert_eq!(parse(days, years).unwrap_err().code(), "InvalidArgument");
    }
}

// Law-test: S3, object lock default retention.
#[test]
fn what_a_version_names_wins_over_the_default() {
    let default = DefaultRetention::new(Governance, RetentionPeriod::Days(1)).unwrap();
    let config = ObjectLockConfig::new().default_retention(default);
    let named = retained(Compliance, LATER);
    assert_eq!(config.retention_of(Some(named), now()), Some(named));
    assert_eq!(config.retention_of(None, now()), Some(default.of_version(now())));
    assert_eq!(ObjectLockConfig::new().retention_of(None, now()), None);
}

// Law-test: S3, object lock prerequisites.
#[test]
fn a_lock_needs_versioning_and_keeps_it_enabled() {
    let bucket = BucketName::try_from("photos").unwrap();
    let config = ObjectLockConfig::new();
    for versioning in [Versioning::Unversioned, Versioning::Enabled, Versioning::Suspended] {
        let expected = (versioning != Versioning::Enabled).then_some("InvalidBucketState");
        assert_eq!(code(ObjectLockConfig::may_enable(&bucket, versioning)), expected);
        assert_eq!(code(config.may_set_versioning(&bucket, versioning)), expected);
    }
}
