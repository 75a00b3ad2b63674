use super::*;
use crate::etag::ETag;

fn bucket() -> BucketName {
    BucketName::try_from("photos").unwrap()
}

fn event() -> Event {
    Event {
        name: EventName::ObjectCreatedPut,
        time: Timestamp::from_millis(0x0102),
        bucket: bucket(),
        key: ObjectKey::from_static("cat"),
        version: Some(VersionId::Stamped { seq: 3, tag: 4 }),
        size: Some(5),
        etag: Some(ETag::Md5([6; 16])),
        sequencer: 7,
        position: Position(8),
    }
}

const GOLDEN: &[u8] = b"\x01\x01\x02\x01\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\x03\0\0\0cat\
    \x01\x01\x03\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\x01\x05\0\0\0\0\0\0\0\
    \x01\0\x06\x06\x06\x06\x06\x06\x06\x06\x06\x06\x06\x06\x06\x06\x06\x06";

#[test]
fn the_bytes_of_a_change_stay_as_they_are() {
    assert_eq!(encode(&event()), GOLDEN);
    let key = change_key(9, 8, 1);
    assert_eq!(key, b"\x07\0\0\0\x09\0\0\0\0\0\0\0\x08\0\x01"[..]);
    let change = decode(9, &bucket(), &key, &Bytes::from_static(GOLDEN)).unwrap();
    assert_eq!(change.event(), &event());
    assert_eq!(change.cursor(), Cursor(Some(Place { bucket: 9, position: 8, index: 1 })));
}

#[test]
fn a_change_of_nothing_but_a_key_comes_back() {
    for (name, version) in [
        (EventName::ObjectRemovedDelete, None),
        (EventName::ObjectRemovedDeleteMarkerCreated, Some(VersionId::Null)),
    ] {
        let event = Event { name, version, size: None, etag: None, ..event() };
        let change = decode(9, &bucket(), &change_key(9, 8, 0), &encode(&event)).unwrap();
        assert_eq!(change.into_event(), event);
    }
}

#[test]
fn a_row_that_was_cut_or_grew_is_damage() {
    let key = change_key(9, 8, 1);
    #[track_caller]
    fn check(key: &[u8], value: &[u8]) {
        let value = Bytes::copy_from_slice(value);
        let error = decode(9, &bucket(), key, &value).unwrap_err();
        assert_eq!(error.code(), "Damaged");
    }
    for end in 0..GOLDEN.len() {
        check(&key, &GOLDEN[..end]);
    }
    check(&key, &[GOLDEN, b"\0"].concat());
    for (at, byte) in [(0, 2), (1, 200), (25, 2), (26, 9), (43, 7), (53, 9)] {
        let mut value = GOLDEN.to_vec();
        value[at] = byte;
        check(&key, &value);
    }
    check(&key[..key.len() - 1], GOLDEN);
    check(&change_key(8, 8, 1), GOLDEN);
}

#[test]
fn a_cursor_reads_back_as_printed_and_a_forged_one_does_not() {
    for cursor in [Cursor::start(), Cursor(Some(Place { bucket: 1, position: 2, index: 3 }))] {
        let text = cursor.to_string();
        assert_eq!(text.parse::<Cursor>().unwrap(), cursor);
        for end in 0..text.len() {
            assert_eq!(text[..end].parse::<Cursor>().unwrap_err().code(), "InvalidArgument");
        }
    }
    for text in ["", "start", "AQ", "\u{e9}"] {
        assert_eq!(text.parse::<Cursor>().unwrap_err().code(), "InvalidArgument");
    }
}

#[test]
fn the_floor_sorts_before_every_change() {
    assert!(floor_key(9) < change_key(9, 1, 0));
    assert!(floor_key(9) < Cursor::start().row_behind(9));
    assert!(Cursor::start().row_behind(9) < change_key(9, 1, 0));
    let floor = Cursor(Some(Place { bucket: 9, position: 8, index: 1 }));
    assert_eq!(decode_floor(&encode_floor(floor)).unwrap(), floor);
    assert_eq!(decode_floor(&Bytes::from_static(b"x")).unwrap_err().code(), "Damaged");
}
