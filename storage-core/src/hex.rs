//! Lower-case hexadecimal of 16 bytes: the text of ids and tags, without `fmt`'s cost.

/// The 32 digits of `bytes`.
pub(crate) fn encode(bytes: [u8; 16]) -> [u8; 32] {
    let mut text = [0; 32];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    text
}

/// The digits as text.
pub(crate) fn as_str(digits: &[u8; 32]) -> &str {
    std::str::from_utf8(digits).expect("hexadecimal digits are ASCII")
}

/// The bytes of 32 digits. Upper case is refused: what is equal has one text.
pub(crate) fn decode(text: &[u8]) -> Option<[u8; 16]> {
    if text.len() != 32 {
        return None;
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

const fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_32_lower_case_digits_is_refused() {
        for text in ["", &"a".repeat(31), &"a".repeat(33), &"A".repeat(32), &"g".repeat(32)] {
            assert_eq!(decode(text.as_bytes()), None);
        }
    }

    proptest! {
        #[test]
        fn bytes_read_back_as_printed(bytes: [u8; 16]) {
            let digits = encode(bytes);
            prop_assert_eq!(as_str(&digits), format!("{:032x}", u128::from_be_bytes(bytes)));
            prop_assert_eq!(decode(&digits), Some(bytes));
        }
    }
}
