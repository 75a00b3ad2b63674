use super::*;
use crate::{bucket_config::ChangeFeed, store::BucketOptions, store::Store, time::Timestamp};
use proptest::{collection::vec, prelude::*};

fn at(text: &str) -> Timestamp {
    Timestamp::parse_iso8601(text).unwrap()
}

fn bucket() -> Bucket {
    Store::in_memory()
        .create_bucket_with("lake", BucketOptions::new().change_feed(ChangeFeed::Off))
        .unwrap()
}

#[track_caller]
fn check(partitioning: &PartitioningBuilder, values: &Values, prefix: &str) {
    let partitioning = partitioning.clone().build().unwrap();
    let key = partitioning.key(values, "folder/part-0.parquet").unwrap();
    assert_eq!(key, format!("{prefix}folder/part-0.parquet").as_str());
    let (read, file) = partitioning.parse(&key).unwrap();
    assert_eq!((&read, file), (values, "folder/part-0.parquet"));
}

#[test]
fn keys_are_made_and_read_back() {
    let hour = at("2026-11-03T07:00:00Z");
    let day = at("2026-11-03T00:00:00Z");
    check(
        &Partitioning::hive("").year().month().day(),
        &Values::new().at(day),
        "year=2026/month=11/day=03/",
    );
    check(
        &Partitioning::plain("data/").year().month().day().hour(),
        &Values::new().at(hour),
        "data/2026/11/03/07/",
    );
    check(
        &Partitioning::plain("a/b/").hour().text("product").date("dt").padded("shop", 4),
        &Values::new().at(hour).with("product", "a/b=c").with("shop", 12),
        "a/b/07/a%2Fb%3Dc/2026-11-03/0012/",
    );
    check(
        &Partitioning::hive("").text("product").integer("shop").year(),
        &Values::new().with("product", "").with("shop", Value::Null).at_no_time(),
        "product=__HIVE_DEFAULT_PARTITION__/shop=__HIVE_DEFAULT_PARTITION__\
         /year=__HIVE_DEFAULT_PARTITION__/",
    );
}

#[test]
fn a_finer_moment_is_cut_to_where_its_partition_begins() {
    let partitioning = Partitioning::hive("").year().month().build().unwrap();
    let key = partitioning.key(&Values::new().at(at("2026-11-23T07:08:09Z")), "f").unwrap();
    let (values, _) = partitioning.parse(&key).unwrap();
    assert_eq!(values.time(), Some(at("2026-11-01T00:00:00Z")));
}

#[test]
fn keys_of_another_making_are_refused() {
    let partitioning = Partitioning::hive("data/").integer("shop").year().month().day();
    let partitioning = partitioning.build().unwrap();
    let null = "__HIVE_DEFAULT_PARTITION__";
    for key in [
        "shop=1/year=2026/month=11/day=03/f",
        "data/shop=1/year=2026/month=11/day=03/",
        "data/shop=1/year=2026/month=11/day=03",
        "data/shop=01/year=2026/month=11/day=03/f",
        "data/shop=1/year=2026/month=11/day=3/f",
        "data/shop=1/year=2026/month=02/day=30/f",
        "data/shop=1/month=11/year=2026/day=03/f",
        "data/1/2026/11/03/f",
        &format!("data/shop=1/year={null}/month=11/day=03/f"),
    ] {
        let key = ObjectKey::try_from(key).unwrap();
        assert_eq!(partitioning.parse(&key).unwrap_err().code(), "InvalidArgument", "{key}");
        assert!(!partitioning.may_match(&Predicate::all(), &key).unwrap(), "{key}");
    }
}

#[test]
fn a_partitioning_that_makes_no_sense_is_refused() {
    let hive = || Partitioning::hive("");
    for builder in [
        hive(),
        Partitioning::hive("data").year(),
        hive().text(""),
        hive().text("a/b"),
        hive().text("a=b"),
        hive().year().integer("year"),
        hive().year().year(),
        hive().month(),
        hive().year().day(),
        hive().hour(),
        hive().year().date("dt"),
        hive().padded("shop", 0),
        hive().padded("shop", 19),
    ] {
        assert_eq!(builder.build().unwrap_err().code(), "InvalidArgument");
    }
}

#[test]
fn values_must_fit_their_fields() {
    let partitioning = Partitioning::hive("").padded("shop", 2).year().build().unwrap();
    let noon = at("2026-11-23T12:00:00Z");
    for values in [
        Values::new().with("shop", 1),
        Values::new().at(noon),
        Values::new().with("shop", 1).at(noon).with("year", 2026),
        Values::new().with("shop", 1).at(noon).with("shopp", 1),
        Values::new().with("shop", 100).at(noon),
        Values::new().with("shop", "one").at(noon),
    ] {
        assert_eq!(partitioning.key(&values, "f").unwrap_err().code(), "InvalidArgument");
    }
    let values = Values::new().with("shop", 1).at(noon);
    assert_eq!(partitioning.key(&values, "").unwrap_err().code(), "InvalidArgument");
    assert_eq!(partitioning.key(&values, &"x".repeat(1100)).unwrap_err().code(), "KeyTooLongError");
}

#[test]
fn predicates_must_fit_their_fields() {
    let partitioning = Partitioning::hive("").padded("shop", 2).date("dt").build().unwrap();
    let bucket = bucket();
    for predicate in [
        field("shopp").eq(1),
        field("shop").eq("one"),
        field("shop").eq(Value::Null),
        field("dt").eq("2026-11-23"),
        time().eq(7),
        !(field("shop").eq(1).and(field("shop").is_in(["x"]))),
    ] {
        assert_eq!(partitioning.prune(&bucket, &predicate).unwrap_err().code(), "InvalidArgument");
    }
    let timeless = Partitioning::hive("").text("a").build().unwrap();
    let predicate = time().ge(Timestamp::default());
    assert_eq!(timeless.prune(&bucket, &predicate).unwrap_err().code(), "InvalidArgument");
}

/// 3 countries, 2 years, 12 months, 28 days, 1 object each.
fn filled() -> (Bucket, Partitioning) {
    let bucket = bucket();
    let partitioning = Partitioning::hive("s/").text("country").year().month().day();
    let partitioning = partitioning.build().unwrap();
    for country in ["at", "ch", "de"] {
        for (year, month, day) in (2025..2027)
            .flat_map(|year| (1..=12).map(move |month| (year, month)))
            .flat_map(|(year, month)| (1..=28).map(move |day| (year, month, day)))
        {
            let time = at(&format!("{year}-{month:02}-{day:02}T00:00:00Z"));
            let values = Values::new().with("country", country).at(time);
            bucket.put(partitioning.key(&values, "f").unwrap(), "x").unwrap();
        }
    }
    (bucket, partitioning)
}

#[test]
fn a_walk_sees_little_more_than_what_matches() {
    let (bucket, partitioning) = filled();
    #[track_caller]
    fn check(bucket: &Bucket, list: &Partitioning, predicate: &Predicate, expected: [u64; 3]) {
        let mut list = list.prune(bucket, predicate).unwrap();
        assert!(list.by_ref().all(|item| item.is_ok()));
        let stats = list.stats();
        let seen = [stats.prefixes_visited, stats.prefixes_skipped, stats.objects];
        assert_eq!((seen, stats.foreign), (expected, 0));
    }
    let check = |predicate: &Predicate, expected| {
        check(&bucket, &partitioning, predicate, expected);
    };
    let november = field("year").eq(2026).and(field("month").eq(11));
    check(&field("country").eq("de").and(november.clone()), [1 + 1 + 1 + 28, 0, 28]);
    check(&november, [3 * (1 + 1 + 1 + 28), 0, 3 * 28]);
    check(&field("country").eq("fr"), [1, 0, 0]);
    let days = time().between(at("2025-12-20T00:00:00Z"), at("2026-01-04T12:00:00Z"));
    check(&field("country").eq("at").and(days), [1 + 2 + 2 + 9 + 4, 0, 13]);
    // "at", "ch", and the year 2025, which lies on the bound.
    check(&field("country").gt("ch").and(field("year").lt(2025)), [1, 3, 0]);
    check(&Predicate::all(), [3 * (1 + 2 + 24 + 24 * 28), 0, 3 * 24 * 28]);
    check(&!Predicate::all(), [0, 0, 0]);
}

#[test]
fn what_is_foreign_is_passed_over_and_counted() {
    let bucket = bucket();
    let partitioning = Partitioning::plain("d/").year().month().build().unwrap();
    for key in ["d/2026/11/f", "d/2026/readme", "d/tmp/x", "d/2026/11/", "d/2026/1/f", "e"] {
        bucket.put(key, "x").unwrap();
    }
    let mut list = partitioning.prune(&bucket, &Predicate::all()).unwrap();
    let keys: Vec<_> = list.by_ref().map(|info| info.unwrap().key().to_string()).collect();
    assert_eq!(keys, ["d/2026/11/f"]);
    assert_eq!((list.stats().foreign, list.stats().objects), (4, 1));
}

const TEXTS: [&str; 7] = ["", "a", "a!", "a/b", "b=%", "~", "\u{e9}"];

fn hours() -> impl Strategy<Value = Timestamp> {
    // Around a new year, so that every unit turns.
    (0i64..24 * 60).prop_map(|hour| {
        Timestamp::from_millis(at("2025-12-01T00:00:00Z").as_millis() + hour * 3_600_000)
    })
}

fn values() -> impl Strategy<Value = Values> {
    let number = prop_oneof![4 => (0i64..30).prop_map(Value::from), 1 => Just(Value::Null)];
    let time = prop_oneof![9 => hours().prop_map(Some), 1 => Just(None)];
    let text = proptest::sample::select(&TEXTS[..]);
    (text, number, time).prop_map(|(text, number, time)| {
        let values = Values::new().with("text", text).with("number", number);
        match time {
            Some(time) => values.at(time),
            None => values.at_no_time(),
        }
    })
}

fn layouts() -> Vec<Partitioning> {
    [
        Partitioning::hive("r/").text("text").integer("number").year().month().day().hour(),
        Partitioning::plain("").padded("number", 2).date("dt").hour().text("text"),
        Partitioning::hive("").hour().day().integer("number").month().text("text").year(),
    ]
    .into_iter()
    .map(|builder| builder.build().unwrap())
    .collect()
}

fn leaf() -> impl Strategy<Value = Predicate> {
    let text = || proptest::sample::select(&TEXTS[1..]);
    let number = || -3i64..35;
    prop_oneof![
        text().prop_map(|value| field("text").eq(value)),
        text().prop_map(|value| field("text").lt(value)),
        text().prop_map(|value| field("text").ge(value)),
        Just(field("text").is_null()),
        vec(number(), 0..4).prop_map(|numbers| field("number").is_in(numbers)),
        (number(), number()).prop_map(|(low, high)| field("number").between(low, high)),
        number().prop_map(|value| field("number").gt(value)),
        number().prop_map(|value| field("number").le(value)),
        Just(field("number").is_null()),
        hours().prop_map(|hour| time().lt(hour)),
        hours().prop_map(|hour| time().ge(hour)),
        Just(time().is_null()),
    ]
}

fn predicate() -> impl Strategy<Value = Predicate> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(one, two)| one.and(two)),
            (inner.clone(), inner.clone()).prop_map(|(one, two)| one.or(two)),
            inner.prop_map(|one| !one),
        ]
    })
}

/// SQL's answer, by the plainest means; `None` is its "unknown".
fn holds(tree: &Tree, values: &Values) -> Option<bool> {
    match tree {
        Tree::Not(tree) => holds(tree, values).map(|holds| !holds),
        Tree::And(trees) => trees
            .iter()
            .try_fold(Some(true), |all, tree| match holds(tree, values) {
                Some(false) => Err(Some(false)),
                Some(true) => Ok(all),
                None => Ok(None),
            })
            .unwrap_or_else(|settled| settled),
        Tree::Or(trees) => trees
            .iter()
            .try_fold(Some(false), |any, tree| match holds(tree, values) {
                Some(true) => Err(Some(true)),
                Some(false) => Ok(any),
                None => Ok(None),
            })
            .unwrap_or_else(|settled| settled),
        Tree::Leaf(subject, test) => {
            let value = match subject {
                Subject::Field(name) => values.get(name).cloned().unwrap(),
                Subject::Time => values.time().map_or(Value::Null, Value::Time),
            };
            match (value, test) {
                (Value::Null, predicate::Test::IsNull) => Some(true),
                (Value::Null, _) => None,
                (value, test) => Some(test.passes(&value)),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_pruned_list_is_the_full_list_filtered(
        all in vec(values(), 0..60),
        predicates in vec(predicate(), 8),
    ) {
        for partitioning in layouts() {
            let bucket = bucket();
            for values in &all {
                let key = partitioning.key(values, "f").unwrap();
                prop_assert_eq!(partitioning.parse(&key).unwrap(), (values.clone(), "f"));
                bucket.put(key, "x").unwrap();
            }
            for predicate in &predicates {
                let list = partitioning.prune(&bucket, predicate).unwrap();
                let mut found: Vec<_> = list.map(|info| info.unwrap().key().clone()).collect();
                found.sort();
                let full = bucket.list("").map(|info| info.unwrap().key().clone());
                let expected: Vec<_> = full.filter(|key| {
                    let (values, _) = partitioning.parse(key).unwrap();
                    holds(&predicate.0, &values) == Some(true)
                }).collect();
                prop_assert_eq!(&found, &expected, "{:?}", predicate);
                for key in bucket.list("").map(|info| info.unwrap().key().clone()) {
                    let matches = partitioning.may_match(predicate, &key).unwrap();
                    prop_assert_eq!(matches, expected.contains(&key));
                }
            }
        }
    }

    #[test]
    fn any_text_comes_back_from_its_key(text in "\\PC{0,12}|[\\x00-\\x7f]{0,12}", number: i64) {
        let values = Values::new().with("text", text).with("number", number);
        for style in [Partitioning::hive(""), Partitioning::plain("x/")] {
            let partitioning = style.text("text").integer("number").build().unwrap();
            let key = partitioning.key(&values, "f").unwrap();
            prop_assert_eq!(partitioning.parse(&key).unwrap(), (values.clone(), "f"));
        }
    }

    #[test]
    fn reading_any_key_does_not_panic(key in "(year=)?[0-9%./=_a-f-]{1,40}") {
        for partitioning in layouts() {
            let key = ObjectKey::try_from(key.as_str()).unwrap();
            if let Ok((values, file)) = partitioning.parse(&key) {
                prop_assert_eq!(partitioning.key(&values, file).unwrap(), key);
            }
        }
    }
}
