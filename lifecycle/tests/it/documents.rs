//! Policies as S3's XML and as the AWS CLI's JSON.

use cistern_lifecycle::{
    ArchiveTiers, Days, Filter, LifecyclePolicy, Rule, Status,
    StorageClass::{Glacier, StandardIa},
    TieringConfiguration, Timestamp, TransitionMinimumSize,
};

/// One of everything.
fn everything() -> LifecyclePolicy {
    let date = Timestamp::parse_iso8601("2026-03-01T00:00:00Z").unwrap();
    let filter = Filter::all().prefix("a&<b>\r\n\u{e9}/").tag("k", "v").tag("l", "");
    LifecyclePolicy::new([
        Rule::new(filter.larger_than(500).smaller_than(64_000))
            .id("all \"of\" it")
            .transition(Days(30), StandardIa)
            .transition(Days(90), Glacier)
            .expire(Days(365))
            .transition_noncurrent(Days(3), Glacier)
            .expire_noncurrent_but(5, Days(30)),
        Rule::prefix("").id("empty prefix").expire(date),
        Rule::new(Filter::all().tag("k", "v")).id("tag").expire(Days(1)).disabled(),
        Rule::new(Filter::all().larger_than(0)).id("size").transition_noncurrent_but(
            2,
            Days(0),
            Glacier,
        ),
        Rule::all().id("uploads").abort_uploads(Days(7)).expire_lone_delete_markers(),
    ])
    .unwrap()
}

// Law-test: S3, lifecycle configuration elements.
#[test]
fn a_policy_reads_back_as_written_in_both_forms() {
    let policy = everything();
    assert_eq!(LifecyclePolicy::from_xml(&policy.to_xml()).unwrap(), policy);
    assert_eq!(LifecyclePolicy::from_json(&policy.to_json()).unwrap(), policy);
    let old = LifecyclePolicy::new([Rule::base_prefix("logs/").expire(Days(1))]).unwrap();
    assert_eq!(LifecyclePolicy::from_xml(&old.to_xml()).unwrap(), old);
    assert_eq!(LifecyclePolicy::from_json(&old.to_json()).unwrap(), old);
}

#[test]
fn xml_as_the_guide_writes_it_is_read() {
    let text = r#"<?xml version="1.0" encoding="UTF-8"?>
        <!-- two rules -->
        <LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
          <Rule>
            <ID>Transition then expire</ID>
            <Filter><And>
              <Prefix>tax/</Prefix>
              <Tag><Key>key1</Key><Value>value1</Value></Tag>
              <ObjectSizeGreaterThan>500</ObjectSizeGreaterThan>
            </And></Filter>
            <Status>Enabled</Status>
            <Transition><Days>365</Days><StorageClass>GLACIER</StorageClass></Transition>
            <Expiration><Days>3650</Days></Expiration>
          </Rule>
          <Rule>
            <Filter/>
            <Status>Disabled</Status>
            <NoncurrentVersionExpiration>
              <NewerNoncurrentVersions>5</NewerNoncurrentVersions>
              <NoncurrentDays>30</NoncurrentDays>
            </NoncurrentVersionExpiration>
            <AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation>
            </AbortIncompleteMultipartUpload>
          </Rule>
        </LifecycleConfiguration>"#;
    let filter = Filter::all().prefix("tax/").tag("key1", "value1").larger_than(500);
    let expected = LifecyclePolicy::new([
        Rule::new(filter)
            .id("Transition then expire")
            .transition(Days(365), Glacier)
            .expire(Days(3650)),
        Rule::all().expire_noncurrent_but(5, Days(30)).abort_uploads(Days(7)).disabled(),
    ]);
    assert_eq!(LifecyclePolicy::from_xml(text).unwrap(), expected.unwrap());
}

#[test]
fn json_as_the_cli_takes_and_prints_it_is_read() {
    let text = r#"{
        "Rules": [{
            "ID": "Move and end",
            "Filter": {"And": {"Prefix": "logs/", "Tags": [{"Key": "a", "Value": "1"}]}},
            "Status": "Enabled",
            "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}],
            "NoncurrentVersionTransitions": [{"NoncurrentDays": 30, "StorageClass": "GLACIER"}],
            "Expiration": {"Days": 400}
        }, {
            "ID": "by tag",
            "Filter": {"Tag": {"Key": "k", "Value": "v"}},
            "Status": "Enabled",
            "Expiration": {"Date": "2026-03-01T00:00:00+00:00"}
        }],
        "TransitionDefaultMinimumObjectSize": "varies_by_storage_class"
    }"#;
    let date = Timestamp::parse_iso8601("2026-03-01T00:00:00Z").unwrap();
    let expected = LifecyclePolicy::new([
        Rule::new(Filter::all().prefix("logs/").tag("a", "1"))
            .id("Move and end")
            .transition(Days(30), StandardIa)
            .transition_noncurrent(Days(30), Glacier)
            .expire(Days(400)),
        Rule::new(Filter::all().tag("k", "v")).id("by tag").expire(date),
    ]);
    let expected = expected.unwrap().minimum_size(TransitionMinimumSize::VariesByStorageClass);
    let policy = LifecyclePolicy::from_json(text).unwrap();
    assert_eq!(policy, expected);
    assert!(policy.to_json().contains("\"Tags\": ["));
    assert!(policy.to_json().contains("\"Tag\": {"));
}

#[track_caller]
fn refused(rule: &str, code: &str) {
    let text = format!("<LifecycleConfiguration>{rule}</LifecycleConfiguration>");
    let error = LifecyclePolicy::from_xml(&text).unwrap_err();
    assert_eq!((error.code(), error.status()), (code, 400), "{error}");
}

/// A rule that needs no more than what is given.
#[track_caller]
fn refused_in_rule(content: &str, code: &str) {
    refused(&format!("<Rule><ID>r</ID><Status>Enabled</Status>{content}</Rule>"), code);
}

// Law-test: S3, PutBucketLifecycleConfiguration errors.
#[test]
fn xml_of_the_wrong_shape_is_malformed() {
    const EXPIRE: &str = "<Expiration><Days>1</Days></Expiration>";
    for filter in [
        "",
        "<Filter><Prefix>a</Prefix><ObjectSizeLessThan>5</ObjectSizeLessThan></Filter>",
        "<Filter><And><Prefix>a</Prefix></And></Filter>",
        "<Filter><And/></Filter>",
        "<Filter><Prefix>a</Prefix><Prefix>b</Prefix></Filter>",
        "<Filter><Tag><Key>a</Key></Tag></Filter>",
        "<Filter><Suffix>a</Suffix></Filter>",
        "<Filter>a</Filter>",
        "<Filter><ObjectSizeLessThan>-1</ObjectSizeLessThan></Filter>",
        "<Filter><ObjectSizeLessThan>+1</ObjectSizeLessThan></Filter>",
        "<Filter/><Surprise/>",
        "<Filter/><Expiration><Days>1</Days></Expiration>",
    ] {
        refused_in_rule(&format!("{filter}{EXPIRE}"), "MalformedXML");
    }
    for action in [
        "<Expiration><Days>1</Days><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>",
        "<Expiration><ExpiredObjectDeleteMarker>false</ExpiredObjectDeleteMarker></Expiration>",
        "<Expiration/>",
        "<Expiration><Days>soon</Days></Expiration>",
        "<Expiration><Days>1</Days><Date>2026-03-01T00:00:00Z</Date></Expiration>",
        "<Expiration><Date>tomorrow</Date></Expiration>",
        "<Transition><Days>1</Days></Transition>",
        "<Transition><StorageClass>GLACIER</StorageClass></Transition>",
        "<Transition><Days>1</Days><StorageClass>STANDARD</StorageClass></Transition>",
        "<Transition><Days>1</Days><StorageClass>glacier</StorageClass></Transition>",
        "<NoncurrentVersionExpiration/>",
        "<NoncurrentVersionExpiration><NewerNoncurrentVersions>5</NewerNoncurrentVersions></NoncurrentVersionExpiration>",
    ] {
        refused_in_rule(&format!("<Filter/>{action}"), "MalformedXML");
    }
    refused("", "MalformedXML");
    refused("<Rule><Filter/><Expiration><Days>1</Days></Expiration></Rule>", "MalformedXML");
    let rule = format!("<Rule><Filter/><Status>enabled</Status>{EXPIRE}</Rule>");
    refused(&rule, "MalformedXML");
    for text in [
        "",
        "<LifecycleConfiguration>",
        "<Other/>",
        "<LifecycleConfiguration/><LifecycleConfiguration/>",
        "<!DOCTYPE a [<!ENTITY b \"c\">]><LifecycleConfiguration>&b;</LifecycleConfiguration>",
        "text",
    ] {
        let error = LifecyclePolicy::from_xml(text).unwrap_err();
        assert_eq!(error.code(), "MalformedXML", "{text}");
    }
    let deep = format!("{}{}", "<A>".repeat(100_000), "</A>".repeat(100_000));
    assert_eq!(LifecyclePolicy::from_xml(&deep).unwrap_err().code(), "MalformedXML");
}

// Law-test: S3, PutBucketLifecycleConfiguration errors.
#[test]
fn xml_of_the_right_shape_with_wrong_values_has_the_codes_of_s3() {
    let expire = |days: &str| format!("<Filter/><Expiration><Days>{days}</Days></Expiration>");
    refused_in_rule(&expire("0"), "InvalidArgument");
    refused_in_rule(&expire("-1"), "InvalidArgument");
    refused_in_rule(&expire("2147483648"), "InvalidArgument");
    refused_in_rule(
        "<Filter/><Expiration><Date>2026-03-01T01:00:00Z</Date></Expiration>",
        "InvalidArgument",
    ); // W10
    refused_in_rule(
        "<Filter/><Prefix>a</Prefix><Expiration><Days>1</Days></Expiration>",
        "InvalidRequest",
    );
    refused_in_rule("<Filter/>", "InvalidRequest");
    refused_in_rule(
        "<Filter/><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays>\
         <NewerNoncurrentVersions>-1</NewerNoncurrentVersions></NoncurrentVersionExpiration>",
        "InvalidArgument",
    );
}

#[test]
fn json_of_the_wrong_shape_is_malformed() {
    for text in [
        "",
        "[]",
        "{}",
        r#"{"Rules": {}}"#,
        r#"{"Rules": [{"Status": "Enabled", "Filter": {}, "Expiration": {"Days": "1.5"}}]}"#,
        r#"{"Rules": [{"Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1.5}}]}"#,
        r#"{"Rules": [{"Status": "Enabled", "Filter": {}, "Expiration": {"Days": null}}]}"#,
        r#"{"Rules": [{"Status": "Enabled", "Filter": {}, "Expiration": {"Days": [1]}}]}"#,
        r#"{"Rule": {"Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}}"#,
    ] {
        assert_eq!(LifecyclePolicy::from_json(text).unwrap_err().code(), "MalformedXML", "{text}");
    }
}

// Law-test: S3, intelligent tiering configuration.
#[test]
fn a_tiering_configuration_reads_back_as_written_in_both_forms() {
    let tiers = ArchiveTiers { archive: Some(Days(90)), deep_archive: Some(Days(180)) };
    let filter = Filter::all().prefix("a/").tag("k", "v");
    for filter in [Filter::all(), Filter::all().prefix("a/"), filter] {
        let one = TieringConfiguration::new("cold", filter, tiers).unwrap();
        for one in [one.clone(), one.status(Status::Disabled)] {
            assert_eq!(TieringConfiguration::from_xml(&one.to_xml()).unwrap(), one);
            assert_eq!(TieringConfiguration::from_json(&one.to_json()).unwrap(), one);
        }
    }
}
