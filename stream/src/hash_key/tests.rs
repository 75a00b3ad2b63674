use super::*;

#[track_caller]
fn check_shards(key: &str, hash: u128, places: [usize; 3]) {
    let found = HashKey::of_partition_key(key);
    assert_eq!(found, HashKey(hash), "{key}");
    for (count, place) in (2..).zip(places) {
        let shard = HashRange::uniform(count).position(|range| range.contains(found));
        assert_eq!(shard, Some(place), "{key} over {count} shards");
    }
}

/// Law-test: Kinesis, partition key to hash key. Worked examples 1 to 6.
#[test]
fn partition_keys_lie_where_kinesis_has_them() {
    check_shards("a", 16955237001963240173058271559858726497, [0, 0, 0]);
    check_shards("b", 195289424170611159128911017612795795343, [1, 1, 2]);
    check_shards("e", 299611584147932843547128611849858313266, [1, 2, 3]);
    check_shards("f", 190917122200326810055233066464581373159, [1, 1, 2]);
    check_shards("user-1", 285573413173782752570879317399258818820, [1, 2, 3]);
    let hash = |key| HashKey::of_partition_key(key).0;
    assert_eq!(hash("caf\u{e9}"), 9395458997242411472544951782067420578);
    assert_eq!(hash("\u{6d4b}\u{8bd5}"), 291136132238058877555384468889734092780);
}

/// Law-test: Kinesis, CreateStream: initial hash key ranges. Worked example 7.
#[test]
fn the_ranges_of_a_new_stream_tile_the_space() {
    let three: Vec<_> = HashRange::uniform(3).map(|range| range.to_string()).collect();
    assert_eq!(
        three,
        [
            "[0, 113427455640312821154458202477256070484]",
            "[113427455640312821154458202477256070485, 226854911280625642308916404954512140969]",
            "[226854911280625642308916404954512140970, 340282366920938463463374607431768211455]",
        ]
    );
    for count in [1, 2, 3, 4, 5, 7, 255, 256, 1000, 10_000] {
        let ranges: Vec<_> = HashRange::uniform(count).collect();
        assert_eq!(ranges[0].start, HashKey(0), "{count}");
        assert_eq!(ranges.last().unwrap().end, HashKey::MAX, "{count}");
        assert!(ranges.windows(2).all(|pair| pair[0].is_followed_by(&pair[1])), "{count}");
    }
}

#[test]
fn powers_of_two_divide_the_space_without_a_rest() {
    let second = HashRange::uniform(4).nth(1).unwrap();
    assert_eq!(second.start.0, 1 << 126);
    assert_eq!(HashRange::uniform(2).next().unwrap().end.0, (1 << 127) - 1);
    assert_eq!(HashRange::ALL.middle().0, 1 << 127);
}

/// Law-test: Kinesis, ExplicitHashKey. Worked example 9.
#[test]
fn explicit_hash_keys_are_numbers_of_the_space() {
    assert_eq!(HashKey::parse("0").unwrap(), HashKey(0));
    assert_eq!(HashKey::parse(&u128::MAX.to_string()).unwrap(), HashKey::MAX);
    let code = |text| HashKey::parse(text).unwrap_err().code();
    assert_eq!(code("340282366920938463463374607431768211456"), "InvalidArgumentException");
    for text in ["", "00", "-1", "+1", "1a", "01", &"9".repeat(40)] {
        assert_eq!(code(text), "ValidationException", "{text}");
    }
}
