//! `ETag`: what an object's bytes are, in one word.

use crate::{
    error::{Error, Result},
    hex,
};
use md5::Digest as _;
use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

/// An object's entity tag. It tells of content only, so two versions may share one.
///
/// Text is lower-case hexadecimal, with `-N` after it for an object of N parts; quotes are the
/// wire's. Two tags are equal when their texts are: an opaque one reads back as an MD5.
///
/// Law: S3, ETag.
#[derive(Clone, Copy)]
pub enum ETag {
    /// The MD5 of the body: of what was put or copied whole.
    Md5([u8; 16]),
    /// The MD5 of the MD5s of the parts: of a completed upload.
    Multipart {
        /// The digest of the digests.
        digest: [u8; 16],
        /// How many parts, 1 or more.
        parts: u32,
    },
    /// Not an MD5: of sealed bodies, or where the MD5 is switched off.
    Opaque([u8; 16]),
}

impl ETag {
    /// A tag that no object has: what a condition compares with when its text is no `ETag`.
    pub(crate) const OF_NOTHING: Self = Self::Multipart { digest: [0; 16], parts: 0 };

    /// The tag of a completed upload: the MD5 of the parts' MD5s, in order, and their number.
    ///
    /// Law: S3, ETag of a multipart upload.
    #[must_use]
    pub fn of_parts(parts: impl IntoIterator<Item = [u8; 16]>) -> Self {
        let mut md5 = md5::Md5::new();
        let mut count: u32 = 0;
        for digest in parts {
            md5.update(digest);
            count = count.saturating_add(1);
        }
        Self::Multipart { digest: md5.finalize().into(), parts: count }
    }

    /// The tag of a body that is at hand whole.
    #[must_use]
    pub fn of_bytes(body: &[u8]) -> Self {
        Self::Md5(md5::Md5::digest(body).into())
    }

    /// The 16 bytes of the digest.
    #[must_use]
    pub const fn digest(&self) -> [u8; 16] {
        match *self {
            Self::Md5(digest) | Self::Multipart { digest, .. } | Self::Opaque(digest) => digest,
        }
    }

    /// How many parts the text tells of; `None` for a body that was written whole.
    #[must_use]
    pub const fn parts(&self) -> Option<u32> {
        match *self {
            Self::Multipart { parts, .. } => Some(parts),
            Self::Md5(_) | Self::Opaque(_) => None,
        }
    }
}

impl PartialEq for ETag {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts() && self.digest() == other.digest()
    }
}

impl Eq for ETag {}

impl Hash for ETag {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest().hash(state);
        self.parts().hash(state);
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(hex::as_str(&hex::encode(self.digest())))?;
        match self.parts() {
            Some(parts) => write!(f, "-{parts}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Md5(_) => "Md5",
            Self::Multipart { .. } => "Multipart",
            Self::Opaque(_) => "Opaque",
        };
        write!(f, "{kind}({self})")
    }
}

impl FromStr for ETag {
    type Err = Error;

    /// Reads a tag, in quotes or not. A weak one (`W/`) is refused: S3 compares strongly.
    fn from_str(text: &str) -> Result<Self> {
        let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        parse(bare).ok_or_else(|| {
            Error::invalid_argument("ETag", text, "an ETag is 32 hexadecimal digits, or with `-N`")
        })
    }
}

fn parse(text: &str) -> Option<ETag> {
    let (digits, parts) = match text.split_once('-') {
        Some((digits, parts)) => (digits, Some(parse_parts(parts)?)),
        None => (text, None),
    };
    let digest = hex::decode(digits.as_bytes())?;
    Some(parts.map_or(ETag::Md5(digest), |parts| ETag::Multipart { digest, parts }))
}

fn parse_parts(text: &str) -> Option<u32> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if canonical { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // Law-test: S3, ETag.
    #[test]
    fn the_tag_of_a_body_is_its_md5() {
        assert_eq!(ETag::of_bytes(b"hello world").to_string(), "5eb63bbbe01eeed093cb22bb8f5acdc3");
        assert_eq!(ETag::of_bytes(b"").to_string(), "d41d8cd98f00b204e9800998ecf8427e");
    }

    // Law-test: S3, ETag of a multipart upload.
    #[test]
    fn the_tag_of_an_upload_is_the_md5_of_md5s() {
        // W69, W70
        let first = ETag::of_bytes(&vec![b'a'; 5 << 20]);
        let second = ETag::of_bytes(b"b");
        assert_eq!(first.to_string(), "79b281060d337b9b2b84ccf390adcf74");
        assert_eq!(second.to_string(), "92eb5ffee6ae2fec3ad71c777531578f");
        assert_eq!(
            ETag::of_parts([first.digest(), second.digest()]).to_string(),
            "e5a8c5272b26fc10581a21089559b006-2"
        );
        assert_eq!(
            ETag::of_parts([ETag::of_bytes(b"abc").digest()]).to_string(),
            "af5da9f45af7a300e3aded972f8ff687-1"
        );
    }

    // Law-test: S3, ETag.
    #[test]
    fn tags_compare_strongly_by_their_text_with_or_without_quotes() {
        let tag = ETag::of_bytes(b"x");
        assert_eq!(format!("\"{tag}\"").parse::<ETag>().unwrap(), tag);
        assert_eq!(tag.to_string().parse::<ETag>().unwrap(), tag);
        assert_eq!(ETag::Opaque(tag.digest()), tag);
        assert_ne!(ETag::Multipart { digest: tag.digest(), parts: 1 }, tag);
        for garbage in [
            String::new(),
            "*".to_owned(),
            format!("W/\"{tag}\""),
            format!("\"{tag}"),
            format!("{tag}-0"),
            format!("{tag}-"),
            format!("{tag}-+1"),
            format!("{tag}-4294967296"),
            tag.to_string().to_uppercase(),
            format!("+{}", &tag.to_string()[1..]),
        ] {
            assert!(garbage.parse::<ETag>().is_err(), "{garbage}");
        }
    }

    #[test]
    fn a_tag_is_copied_for_nothing() {
        assert!(size_of::<ETag>() <= 24);
    }

    proptest! {
        #[test]
        fn a_tag_reads_back_as_printed(digest: [u8; 16], parts in proptest::option::of(1_u32..)) {
            let tag = match parts {
                Some(parts) => ETag::Multipart { digest, parts },
                None => ETag::Md5(digest),
            };
            prop_assert_eq!(tag.to_string().parse::<ETag>().unwrap(), tag);
        }
    }
}
