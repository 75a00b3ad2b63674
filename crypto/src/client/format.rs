//! The three formats, as pairs of metadata and as an instruction file.
//!
//! Law: S3 Encryption Client, keys of metadata by format.

use super::{ClientError, Suite, WrapAlgorithm};
use crate::context::EncryptionContext;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::collections::BTreeMap;

/// Metadata of an object, without the `x-amz-meta-` in front of the names.
pub type MetadataMap = BTreeMap<String, String>;

/// What is said of a client-side body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) suite: Suite,
    pub(super) algorithm: WrapAlgorithm,
    pub(super) wrapped: Vec<u8>,
    /// The context of a key service, or a description of the key.
    pub(super) context: EncryptionContext,
    pub(super) content: Content,
    pub(super) plain_len: Option<u64>,
}

/// What the content is opened with, beside its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Cbc { iv: [u8; 16] },
    Gcm { iv: [u8; 12] },
    Committing { message_id: [u8; 28], commitment: [u8; 28] },
}

const GCM: &str = "AES/GCM/NoPadding";
const CBC: &str = "AES/CBC/PKCS5Padding";
/// The keys that say which format it is; each belongs to one.
const MARKERS: [&str; 3] = ["x-amz-key", "x-amz-key-v2", "x-amz-3"];
/// The keys of format 3 that stay in the metadata though there is an instruction file.
const CONTENT_KEYS: [&str; 3] = ["x-amz-c", "x-amz-d", "x-amz-i"];
/// The reserved pair of every context.
pub(super) const SUITE_PAIR: &str = "aws:x-amz-cek-alg";
/// The reserved pair of the oldest context.
const KEY_PAIR: &str = "kms_cmk_id";

impl Header {
    /// Writes metadata, and what an instruction file would hold of it.
    pub(super) fn write(&self) -> (MetadataMap, MetadataMap) {
        let (mut content, mut key) = (MetadataMap::new(), MetadataMap::new());
        let put = |map: &mut MetadataMap, name: &str, value: String| {
            map.insert(name.to_owned(), value);
        };
        match &self.content {
            Content::Committing { message_id, commitment } => {
                put(&mut content, "x-amz-c", "115".into());
                put(&mut content, "x-amz-d", STANDARD.encode(commitment));
                put(&mut content, "x-amz-i", STANDARD.encode(message_id));
                put(&mut key, "x-amz-3", STANDARD.encode(&self.wrapped));
                put(&mut key, "x-amz-w", self.algorithm.code().into());
                let name = if self.algorithm.has_context() { "x-amz-t" } else { "x-amz-m" };
                if self.algorithm.has_context() || !self.context.is_empty() {
                    put(&mut key, name, self.context.to_json());
                }
            }
            Content::Gcm { iv } => {
                put(&mut key, "x-amz-key-v2", STANDARD.encode(&self.wrapped));
                put(&mut key, "x-amz-iv", STANDARD.encode(iv));
                put(&mut key, "x-amz-cek-alg", GCM.into());
                put(&mut key, "x-amz-wrap-alg", self.algorithm.name().into());
                put(&mut key, "x-amz-tag-len", "128".into());
                put(&mut key, "x-amz-matdesc", self.context.to_json());
                if let Some(len) = self.plain_len {
                    put(&mut key, "x-amz-unencrypted-content-length", len.to_string());
                }
            }
            Content::Cbc { .. } => unreachable!("CBC is only read"),
        }
        (content, key)
    }

    /// Reads metadata, and the instruction file when there is one.
    pub(super) fn read(
        metadata: &MetadataMap,
        instruction: Option<&[u8]>,
    ) -> Result<Self, ClientError> {
        let file = instruction.map(parse_instruction).transpose()?;
        let in_metadata = marker(metadata)?;
        let in_file = file.as_ref().map(marker).transpose()?.flatten();
        let key = match (in_metadata, in_file) {
            (Some(_), Some(_)) => return Err(wrong("keys in metadata and in an instruction file")),
            (Some(found), None) => (found, metadata),
            (None, Some(found)) => (found, file.as_ref().unwrap_or(metadata)),
            (None, None) => return Err(ClientError::NotEncrypted),
        };
        let has_content = |map: &MetadataMap| CONTENT_KEYS.iter().any(|key| map.contains_key(*key));
        if file.as_ref().is_some_and(&has_content) {
            return Err(wrong("content keys in an instruction file"));
        }
        match key {
            ("x-amz-3", key) => read_3(metadata, key),
            (_, _) if has_content(metadata) => Err(wrong("keys of two formats")),
            ("x-amz-key-v2", key) => read_2(key),
            (_, key) => read_1(key),
        }
    }

    /// The context without what the format put there.
    pub(super) fn callers_context(&self) -> Result<EncryptionContext, ClientError> {
        let own = self.context.pairs().filter(|(key, _)| ![SUITE_PAIR, KEY_PAIR].contains(key));
        Ok(EncryptionContext::of(own)?)
    }
}

/// The one marker in `map`.
fn marker(map: &MetadataMap) -> Result<Option<&'static str>, ClientError> {
    let mut found = MARKERS.into_iter().filter(|marker| map.contains_key(*marker));
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(wrong("keys of two formats")),
        (one, None) => Ok(one),
    }
}

fn parse_instruction(bytes: &[u8]) -> Result<MetadataMap, ClientError> {
    serde_json::from_slice(bytes).map_err(|_| wrong("the instruction file is not JSON of texts"))
}

fn read_3(metadata: &MetadataMap, key: &MetadataMap) -> Result<Header, ClientError> {
    if text(metadata, "x-amz-c")? != "115" {
        return Err(wrong("x-amz-c is not 115"));
    }
    let code = text(key, "x-amz-w")?;
    let algorithm = WrapAlgorithm::of_code(code).ok_or_else(|| wrong("x-amz-w is not known"))?;
    let described = if algorithm.has_context() { "x-amz-t" } else { "x-amz-m" };
    let message_id = array(metadata, "x-amz-i")?;
    let commitment = array(metadata, "x-amz-d")?;
    Ok(Header {
        suite: Suite::GcmCommitting,
        algorithm,
        wrapped: bytes(key, "x-amz-3")?,
        context: description(key, described)?,
        content: Content::Committing { message_id, commitment },
        plain_len: None,
    })
}

fn read_2(key: &MetadataMap) -> Result<Header, ClientError> {
    let name = text(key, "x-amz-wrap-alg")?;
    let algorithm =
        WrapAlgorithm::of_name(name).ok_or_else(|| wrong("x-amz-wrap-alg is not known"))?;
    let (suite, content) = match text(key, "x-amz-cek-alg")? {
        GCM => {
            if text(key, "x-amz-tag-len")? != "128" {
                return Err(wrong("x-amz-tag-len is not 128"));
            }
            (Suite::Gcm, Content::Gcm { iv: array(key, "x-amz-iv")? })
        }
        CBC => (Suite::Cbc, Content::Cbc { iv: array(key, "x-amz-iv")? }),
        _ => return Err(wrong("x-amz-cek-alg is not known")),
    };
    let wrapped = bytes(key, "x-amz-key-v2")?;
    let context = description(key, "x-amz-matdesc")?;
    Ok(Header { suite, algorithm, wrapped, context, content, plain_len: plain_len(key)? })
}

/// The first format implies its way of wrapping: a key service's when the description names its key.
fn read_1(key: &MetadataMap) -> Result<Header, ClientError> {
    let context = description(key, "x-amz-matdesc")?;
    let by_service = context.get(KEY_PAIR).is_some();
    let algorithm =
        if by_service { WrapAlgorithm::LegacyKms } else { WrapAlgorithm::LegacyAesWrap };
    let content = Content::Cbc { iv: array(key, "x-amz-iv")? };
    let wrapped = bytes(key, "x-amz-key")?;
    let plain_len = plain_len(key)?;
    Ok(Header { suite: Suite::Cbc, algorithm, wrapped, context, content, plain_len })
}

fn text<'a>(map: &'a MetadataMap, name: &str) -> Result<&'a str, ClientError> {
    map.get(name).map(String::as_str).ok_or_else(|| wrong(&format!("{name} is missing")))
}

fn bytes(map: &MetadataMap, name: &str) -> Result<Vec<u8>, ClientError> {
    let decoded = STANDARD.decode(text(map, name)?);
    decoded.map_err(|_| wrong(&format!("{name} is not base64")))
}

fn array<const N: usize>(map: &MetadataMap, name: &str) -> Result<[u8; N], ClientError> {
    let array = bytes(map, name)?.try_into();
    array.map_err(|_| wrong(&format!("{name} has not {N} bytes")))
}

fn description(map: &MetadataMap, name: &str) -> Result<EncryptionContext, ClientError> {
    match map.get(name) {
        None => Ok(EncryptionContext::new()),
        Some(json) => EncryptionContext::from_json(json.as_bytes())
            .map_err(|_| wrong(&format!("{name} is not JSON of texts"))),
    }
}

fn plain_len(map: &MetadataMap) -> Result<Option<u64>, ClientError> {
    let name = "x-amz-unencrypted-content-length";
    let parse = |text: &String| text.parse().map_err(|_| wrong(&format!("{name} is no number")));
    map.get(name).map(parse).transpose()
}

fn wrong(detail: &str) -> ClientError {
    ClientError::Format { detail: detail.to_owned() }
}
