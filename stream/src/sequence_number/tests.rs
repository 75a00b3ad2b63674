use super::*;

const T: u64 = 1_700_000_000;

fn number(shard: u32, index: u64, arrived: u64) -> SequenceNumber {
    SequenceNumber::new(T, ShardId::new(shard).unwrap(), index, arrived)
}

#[track_caller]
fn check(number: SequenceNumber, text: &str) {
    assert_eq!(number.to_string(), text);
    assert_eq!(text.parse::<SequenceNumber>().unwrap(), number);
}

/// Law-test: Kinesis, sequence numbers. Worked examples 11 to 14.
#[test]
fn numbers_print_and_parse_as_the_service_has_them() {
    check(number(0, 0, T), "49646437577108476416916876405825929425585429676275269634");
    check(number(0, 1, T + 5), "49646437577108476416916876405827138351405044649047359490");
    check(number(1, 0, T), "49646437577130777162115407028967465143858078037781250066");
    assert_eq!(number(1, 0, T).shard_id().number(), 1);
    let end = number(0, INDEX_END, T + 100);
    check(end, "49646437577119626789516141717395488358902146099801227266");
    assert!(end > number(0, 1, T + 5) && end > number(0, INDEX_END - 1, T + 1000));
}

/// Law-test: Kinesis, sequence numbers. Worked example 16, but for a time in the future.
#[test]
fn only_numbers_of_the_second_version_parse() {
    let zero = "49039857307708443467467104868809893875799651909875269634";
    assert_eq!(zero.parse::<SequenceNumber>().unwrap().index, 0);
    let last_digit_0 = "49039857307708443467467104868809893875799651909875269632";
    let last_digit_3 = "49039857307708443467467104868809893875799651909875269635";
    for text in [last_digit_0, last_digit_3, "0", "1", "12345"] {
        let error = text.parse::<SequenceNumber>().unwrap_err();
        assert_eq!(error.code(), "InvalidArgumentException", "{text}");
    }
    for text in ["", "-1", "01", "x"] {
        let error = text.parse::<SequenceNumber>().unwrap_err();
        assert_eq!(error.code(), "ValidationException", "{text}");
    }
    assert!("9".repeat(129).parse::<SequenceNumber>().is_err());
}

#[test]
fn a_childs_numbers_are_above_its_parents() {
    let parents_end = number(3, INDEX_END, T + 50);
    let child = SequenceNumber::new(T + 51, ShardId::new(16).unwrap(), 1, T + 51);
    assert!(child > parents_end);
}

proptest::proptest! {
    #[test]
    fn whatever_is_printed_parses(
        created in 0..SECONDS_END,
        shard in 0..1u32 << 31,
        index in 0..=INDEX_END,
        arrived in 0..SECONDS_END,
    ) {
        let shard = ShardId::new(shard).unwrap();
        let number = SequenceNumber::new(created, shard, index, arrived);
        proptest::prop_assert_eq!(number.to_string().parse::<SequenceNumber>().unwrap(), number);
    }

    #[test]
    fn numbers_of_a_shard_order_by_index(left in 0..=INDEX_END, right in 0..=INDEX_END) {
        let (first, second) = (number(7, left, T + 9), number(7, right, T + 9));
        proptest::prop_assert_eq!(first.cmp(&second), left.cmp(&right));
    }
}
