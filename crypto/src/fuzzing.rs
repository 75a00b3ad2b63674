//! Entry points for fuzzers: one function a decoder. Not an interface: it may change with any commit.
//!
//! Each takes any bytes, does not panic, and takes memory in proportion to them. True says that the
//! bytes were understood; what was understood is written down again, and must be the same.

use crate::{
    Key256, client,
    container::{self, Layout},
    context::EncryptionContext,
    envelope::Envelope,
    provider::RustCrypto,
};

/// Takes any bytes; true when they were understood.
pub type Target = fn(&[u8]) -> bool;

/// Every entry point, by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("client_instruction", client_instruction),
    ("encryption_context", encryption_context),
    ("sealed_container", sealed_container),
    ("sealed_envelope", sealed_envelope),
    ("sealed_ranges", sealed_ranges),
];

/// Runs the entry point `name`.
///
/// # Panics
/// When there is none, and when the decoder is wrong.
pub fn run(name: &str, input: &[u8]) -> bool {
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    found.expect("targets name entry points that exist").1(input)
}

fn sealed_envelope(input: &[u8]) -> bool {
    let Ok(envelope) = Envelope::decode(input) else { return false };
    assert_eq!(envelope.encode(), input);
    true
}

/// The zero key opens nothing that was not sealed under it.
fn sealed_container(input: &[u8]) -> bool {
    container::open(&RustCrypto, &Key256::zero(), b"fuzz", input).is_ok()
}

/// Places of ranges lie within the container, and in order.
fn sealed_ranges(input: &[u8]) -> bool {
    let Some((numbers, _)) = input.split_first_chunk::<24>() else { return false };
    let number = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&numbers[at * 8..][..8]);
        u64::from_le_bytes(bytes)
    };
    let (len, one, other) = (number(0), number(1), number(2));
    let (Some(raw), Some(full)) = (Layout::raw(len), Layout::full(len)) else { return false };
    let (start, end) = (one.min(other).min(len), one.max(other).min(len));
    for layout in [raw, full] {
        let place = layout.sealed_range(start..end);
        assert!(place.start <= place.end && place.end <= layout.sealed_len());
        assert!(place.end - place.start >= end - start);
    }
    true
}

fn encryption_context(input: &[u8]) -> bool {
    let Ok(context) = EncryptionContext::from_json(input) else { return false };
    assert_eq!(EncryptionContext::from_json(context.to_json().as_bytes()).as_ref(), Ok(&context));
    true
}

fn client_instruction(input: &[u8]) -> bool {
    client::fuzz_instruction(input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bytes_make_a_decoder_panic(
            input in proptest::collection::vec(any::<u8>(), 0..300),
            start in 0..4_usize,
        ) {
            // Beginnings that get past the first check.
            let heads: [&[u8]; 4] = [b"", &[1, 1, 0], &[1, 4, 1], b"{\"x-amz-3\":\""];
            let input = [heads[start], &input].concat();
            for (name, _) in TARGETS {
                run(name, &input);
            }
        }
    }

    #[test]
    fn what_is_right_is_understood() {
        let entropy = cistern_storage_core::port::SeededEntropy::new(1);
        let mut writer =
            crate::ContainerWriter::full(&RustCrypto, &entropy, &Key256::zero(), b"fuzz");
        let sealed = [writer.update(b"body"), writer.finish()].concat();
        assert!(run("sealed_container", &sealed));
        assert!(run("encryption_context", b"{\"a\":\"b\"}"));
        assert!(run("sealed_ranges", &[1; 24]) || run("sealed_ranges", &[0; 24]));
        let file = r#"{"x-amz-key":"AAAA","x-amz-iv":"AAAAAAAAAAAAAAAAAAAAAA=="}"#;
        assert!(run("client_instruction", file.as_bytes()));
    }
}
