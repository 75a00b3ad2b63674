use super::*;
use std::fmt::Write;

fn header(kind: FrameKind, len: u32) -> FrameHeader {
    FrameHeader { kind, flags: 2, len, lsn: 4096, durable: 4000, payload_sum: 7 }
}

#[test]
fn a_header_decodes_to_what_was_encoded() {
    for (kind, len) in [
        (FrameKind::Batch, 100_000),
        (FrameKind::Blob, 65_536),
        (FrameKind::Blob, 65_537),
        (FrameKind::Moved, 10),
        (FrameKind::Moved, 4 << 20),
        (FrameKind::Pad, 0),
    ] {
        let extension = vec![5; extension_bytes(kind, len)];
        let mut bytes = header(kind, len).encode(&extension).to_vec();
        bytes.extend_from_slice(&extension);
        assert_eq!(FrameHeader::decode(&bytes, 4096), Some(header(kind, len)));
    }
}

#[test]
fn a_frame_decodes_only_at_its_own_lsn() {
    let bytes = header(FrameKind::Batch, 0).encode(&[]);
    assert_eq!(FrameHeader::decode(&bytes, 4104), None);
}

#[test]
fn any_flipped_bit_of_a_header_or_extension_is_found() {
    let extension = [3; 8];
    let mut bytes = header(FrameKind::Moved, 9).encode(&extension).to_vec();
    bytes.extend_from_slice(&extension);
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(FrameHeader::decode(&bytes, 4096), None, "bit {bit}");
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn zeros_never_decode() {
    assert_eq!(FrameHeader::decode(&[0; 256], 0), None);
}

#[test]
fn the_bytes_of_a_header_stay_as_they_are() {
    let bytes = header(FrameKind::Blob, 0x0102).encode(&[]);
    let text = bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    });
    let sum = format!("{:016x}", checksum(&bytes[..40]).swap_bytes());
    let golden = "43465231020200000201000000000000\
                  0010000000000000a00f000000000000\
                  0700000000000000";
    assert_eq!(text, format!("{golden}{sum}"));
}

#[test]
fn the_checksum_is_crc64_nvme() {
    // The check value of the algorithm's catalogue entry.
    assert_eq!(checksum(b"123456789"), 0xae8b_1486_0a79_9888);
    assert_eq!(checksum_combine(checksum(b"1234"), checksum(b"56789"), 5), checksum(b"123456789"));
}
