use super::*;
use proptest::prelude::*;

#[track_caller]
fn refused(key: &str, value: &str, says: &str) {
    let error = Tags::new().with(key, value).unwrap_err();
    assert_eq!((error.code(), error.status()), ("InvalidTag", 400));
    assert!(error.to_string().contains(says), "{error}");
}

// Law-test: S3, object tags.
#[test]
fn lengths_count_utf16_units() {
    let wide = "\u{10400}"; // a letter of two units
    assert!(Tags::new().with("k".repeat(128), "v".repeat(256)).is_ok());
    assert!(Tags::new().with(wide.repeat(64), wide.repeat(128)).is_ok());
    assert!(Tags::new().with("k", "").is_ok());
    refused("", "v", "empty");
    refused(&"k".repeat(129), "v", "128");
    refused(&wide.repeat(65), "v", "128");
    refused("k", &"v".repeat(257), "256");
    refused("k", &wide.repeat(129), "256");
}

// Law-test: S3, object tags.
#[test]
fn letters_digits_spaces_and_eight_signs_are_allowed() {
    let text = "az AZ 09 + - = . _ : / @ \u{e9} \u{4e2d} \u{0967} \u{a0}";
    assert!(Tags::new().with(text, text).is_ok());
    for bad in ["a!", "a?", "a&b", "a\n", "a\t", "<a>", "a%", "a,b", "\u{1f600}", "\u{0}"] {
        refused(bad, "v", "no tag may hold");
        refused("k", bad, "no tag may hold");
    }
}

// Law-test: S3, object tags.
#[test]
fn aws_is_reserved_in_keys() {
    refused("aws:x", "v", "reserved");
    refused("AWS:x", "v", "reserved");
    assert!(Tags::new().with("awsx", "aws:v").is_ok());
    assert!(Tags::new().with("\u{e9}\u{e9}\u{e9}", "v").is_ok());
}

// Law-test: S3, object tags.
// Law-test: S3, bucket tags.
#[test]
fn keys_are_unique_and_few() {
    let error = Tags::try_from([("a", "1"), ("b", "2"), ("a", "3")]).unwrap_err();
    assert_eq!(error.code(), "InvalidTag");
    assert!(Tags::try_from([("a", "1"), ("A", "2")]).is_ok());
    let pairs = |count: usize| (0..count).map(|n| (format!("k{n}"), "v")).collect::<Vec<_>>();
    assert_eq!(Tags::try_from(pairs(10)).unwrap().len(), 10);
    assert_eq!(Tags::try_from(pairs(11)).unwrap_err().code(), "InvalidTag");
    assert_eq!(BucketTags::try_from(pairs(50)).unwrap().len(), 50);
    assert_eq!(BucketTags::try_from(pairs(51)).unwrap_err().code(), "InvalidTag");
}

#[test]
fn a_set_has_one_order() {
    let tags = Tags::try_from([("b", "2"), ("a", "1")]).unwrap();
    assert_eq!(tags, Tags::try_from([("a", "1"), ("b", "2")]).unwrap());
    assert_eq!(tags.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
    assert_eq!((tags.value("b"), tags.value("c")), (Some("2"), None));
    assert!(!tags.is_empty());
}

#[test]
fn stored_pairs_must_be_in_order() {
    let tags = Tags::try_from([("b", "2"), ("a", "1")]).unwrap();
    let mut pairs: Vec<(Box<str>, Box<str>)> =
        tags.iter().map(|(key, value)| (key.into(), value.into())).collect();
    assert_eq!(Tags::from_stored(pairs.clone()), Some(tags));
    assert_eq!(TagSet::<1>::from_stored(pairs.clone()), None);
    pairs.swap(0, 1);
    assert_eq!(Tags::from_stored(pairs.clone()), None);
    pairs[1] = pairs[0].clone();
    assert_eq!(Tags::from_stored(pairs), None);
}

// Law-test: S3, x-amz-tagging.
#[test]
fn the_header_reads_as_a_query_string() {
    #[track_caller]
    fn check(query: &str, expected: &[(&str, &str)]) {
        assert_eq!(Tags::parse_query(query).unwrap().iter().collect::<Vec<_>>(), expected);
    }
    check("", &[]);
    check("a=1&b=2", &[("a", "1"), ("b", "2")]);
    check("a=b%3Dc+d%20e", &[("a", "b=c d e")]);
    check("a=b=c", &[("a", "b=c")]);
    check("a", &[("a", "")]);
    check("a=", &[("a", "")]);
    check("%C3%A9=%c3%a9", &[("\u{e9}", "\u{e9}")]);
}

// Law-test: S3, x-amz-tagging.
#[test]
fn a_malformed_header_is_an_invalid_argument_and_a_bad_tag_an_invalid_tag() {
    for query in ["a=1&&b=2", "&", "=1", "a=%", "a=%4", "a=%zz", "a=%+1", "a=%ff", "a=1&"] {
        assert_eq!(Tags::parse_query(query).unwrap_err().code(), "InvalidArgument", "{query}");
    }
    for query in ["a=1&a=2", "aws%3Ax=1", "a=%21", "a=?"] {
        assert_eq!(Tags::parse_query(query).unwrap_err().code(), "InvalidTag", "{query}");
    }
}

proptest! {
    #[test]
    fn tags_read_back_as_printed(
        pairs in prop::collection::vec(("[a-zA-Z0-9 +=._:/@\u{e9}-]{1,9}", "[ -~\u{e9}]{0,9}"), 0..5),
    ) {
        if let Ok(tags) = Tags::try_from(pairs) {
            prop_assert_eq!(Tags::parse_query(&tags.to_string()).unwrap(), tags);
        }
    }

    #[test]
    fn any_text_is_refused_or_reads_back(query in ".{0,40}") {
        if let Ok(tags) = Tags::parse_query(&query) {
            prop_assert_eq!(Tags::parse_query(&tags.to_string()).unwrap(), tags);
        }
    }
}
