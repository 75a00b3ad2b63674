use super::*;
use proptest::prelude::*;

// Law-test: S3, PutObject content type.
#[test]
fn an_object_that_does_not_say_is_binary() {
    let metadata = Metadata::new();
    assert_eq!(metadata.content_type(), "binary/octet-stream");
    assert!(metadata.is_empty());
    let metadata = metadata.with_content_type("text/plain").unwrap();
    assert_eq!(metadata.content_type(), "text/plain");
    assert!(!metadata.is_empty());
}

// Law-test: S3, working with object metadata.
#[test]
fn the_users_names_are_kept_in_lower_case() {
    let metadata = Metadata::new().with_user("Camera", "X100").unwrap();
    let metadata = metadata.with_user("CAMERA", "X200").unwrap().with_user("a", "").unwrap();
    assert_eq!(metadata.user("cAmErA"), Some("X200"));
    assert_eq!(metadata.user_pairs().collect::<Vec<_>>(), [("a", ""), ("camera", "X200")]);
}

// Law-test: S3, working with object metadata.
#[test]
fn two_kilobytes_of_names_and_values_and_no_byte_more() {
    let full = Metadata::new().with_user("name", "v".repeat(2044)).unwrap();
    assert_eq!(full.user_bytes(), 2048);
    let error = full.clone().with_user("b", "").unwrap_err();
    assert!(matches!(error, Error::MetadataTooLarge { size: 2049, max: 2048 }));
    assert!(full.clone().with_user("name", "short").is_ok());
    let error = Metadata::new().with_user("name", "\u{e9}".repeat(1023)).unwrap_err();
    assert!(matches!(error, Error::MetadataTooLarge { size: 2050, .. }));
    // The system's metadata has a limit of its own.
    assert!(full.with_content_type("text/plain").is_ok());
    let error = Metadata::new().with(SystemHeader::CacheControl, "x".repeat(2048)).unwrap_err();
    assert_eq!((error.code(), error.status()), ("MetadataTooLarge", 400));
}

#[test]
fn what_no_header_can_carry_is_refused() {
    for name in ["", "a b", "a:b", "\u{e9}", "a\r\n", "a(b)"] {
        let error = Metadata::new().with_user(name, "v").unwrap_err();
        assert_eq!(error.code(), "InvalidArgument", "{name:?}");
    }
    for value in ["a\r\nx: y", "\u{0}", "\u{7f}"] {
        assert_eq!(Metadata::new().with_user("k", value).unwrap_err().code(), "InvalidArgument");
        let error = Metadata::new().with_content_type(value).unwrap_err();
        assert_eq!(error.code(), "InvalidArgument");
    }
    assert!(Metadata::new().with_user("k_1.x-y", "caf\u{e9}").is_ok());
}

// Law-test: S3, CopyObject.
#[test]
fn a_redirect_leads_somewhere_and_stays_behind() {
    let redirect = |to: &str| Metadata::new().with(SystemHeader::WebsiteRedirect, to);
    assert!(redirect("/new.html").is_ok());
    assert!(redirect("https://example.com/").is_ok());
    assert_eq!(redirect("new.html").unwrap_err().code(), "InvalidArgument");
    let both = redirect("/new").unwrap().with_content_type("text/html").unwrap();
    let copied = both.without_redirect();
    assert_eq!(copied.system(SystemHeader::WebsiteRedirect), None);
    assert_eq!(copied.content_type(), "text/html");
}

#[test]
fn stored_codes_never_change() {
    assert_eq!(SystemHeader::ALL.map(SystemHeader::code), [0, 1, 2, 3, 4, 5, 6]);
    for header in SystemHeader::ALL {
        assert_eq!(SystemHeader::from_code(header.code()), Some(header));
    }
    assert_eq!(SystemHeader::from_code(7), None);
}

proptest! {
    #[test]
    fn what_was_set_is_found(pairs in prop::collection::btree_map("[a-z-]{1,8}", "[ -~]{0,20}", 0..8)) {
        let metadata = pairs.iter().try_fold(Metadata::new(), |metadata, (name, value)| {
            metadata.with_user(name, value.as_str())
        }).unwrap();
        let found: Vec<_> = metadata.user_pairs().collect();
        let expected: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        prop_assert_eq!(found, expected);
        let stored = metadata.user_pairs().map(|(k, v)| (k.into(), v.into()));
        let mut stored: Vec<(Box<str>, Box<str>)> = stored.collect();
        prop_assert_eq!(Metadata::from_stored(Vec::new(), stored.clone()), Some(metadata));
        if stored.len() > 1 {
            stored.reverse();
            prop_assert_eq!(Metadata::from_stored(Vec::new(), stored), None);
        }
    }
}
