//! Rows of access. `docs/format.md` has the table, the tests below an example of each.
//!
//! Texts of policies are stored as they were written. One that cannot be read any more is not a damaged
//! row: it is in force, and allows nothing.

use super::identity::{Document, Identity, IdentityKind, IdentityRecord};
use cistern_access::{Policy, PolicyKind, PublicAccessBlock};
use cistern_storage_core::Timestamp;
use std::{collections::BTreeMap, sync::Arc};

const IDENTITY: u8 = 0x30;
const POLICY: u8 = 0x31;
const BUCKET: u8 = 0x32;
const ACCOUNT: u8 = 0x33;
/// All rows of access lie between these.
pub(crate) const FIRST: [u8; 1] = [0x30];
pub(crate) const BEYOND: [u8; 1] = [0x40];

const FORMAT: u8 = 1;

const BLOCK_ACLS: u8 = 1;
const IGNORE_ACLS: u8 = 2;
const BLOCK_POLICY: u8 = 4;
const RESTRICT: u8 = 8;

/// What is stored of a bucket.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BucketRecord {
    pub(crate) block: PublicAccessBlock,
    pub(crate) policy: Option<Document>,
}

impl Default for BucketRecord {
    /// Law: S3, new buckets block all public access.
    fn default() -> Self {
        Self { block: PublicAccessBlock::ALL, policy: None }
    }
}

/// One row, read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Record {
    Identity(Identity, Box<IdentityRecord>),
    Policy(String, Document),
    Bucket(u32, BucketRecord),
    Account(PublicAccessBlock),
}

pub(crate) fn identity_key(identity: &Identity) -> Vec<u8> {
    let kind = match identity.kind {
        IdentityKind::User => 0,
        IdentityKind::Group => 1,
        IdentityKind::Role => 2,
    };
    [&[IDENTITY, kind], identity.name.as_bytes()].concat()
}

pub(crate) fn policy_key(name: &str) -> Vec<u8> {
    [&[POLICY], name.as_bytes()].concat()
}

pub(crate) fn bucket_key(id: u32) -> Vec<u8> {
    [&[BUCKET][..], &id.to_be_bytes()].concat()
}

pub(crate) fn account_key() -> Vec<u8> {
    vec![ACCOUNT]
}

pub(crate) fn encode_identity(record: &IdentityRecord) -> Vec<u8> {
    let mut out = Writer::new();
    out.text(&record.unique_id);
    out.0.extend(record.created.as_millis().to_le_bytes());
    out.list(&record.attached, |out, name| out.text(name));
    out.list(&record.inline, |out, (name, document)| {
        out.text(name);
        out.text(&document.text);
    });
    out.optional(record.boundary.as_deref());
    out.list(&record.groups, |out, name| out.text(name));
    out.list(&record.tags, |out, (key, value)| {
        out.text(key);
        out.text(value);
    });
    out.optional(record.trust.as_ref().map(|document| document.text.as_str()));
    out.0.extend(record.session_seconds_max.to_le_bytes());
    out.0
}

pub(crate) fn encode_policy(document: &Document) -> Vec<u8> {
    let mut out = Writer::new();
    out.text(&document.text);
    out.0
}

pub(crate) fn encode_bucket(record: &BucketRecord) -> Vec<u8> {
    let mut out = Writer::new();
    out.0.push(flags(record.block));
    out.optional(record.policy.as_ref().map(|document| document.text.as_str()));
    out.0
}

pub(crate) fn encode_account(block: PublicAccessBlock) -> Vec<u8> {
    vec![FORMAT, flags(block)]
}

/// Reads a row; an error says what is wrong with it.
pub(crate) fn decode(key: &[u8], value: &[u8]) -> Result<Record, &'static str> {
    let (kind, rest) = key.split_first().ok_or("it has no key")?;
    let mut row = Reader(value);
    if row.byte()? != FORMAT {
        return Err("it is of another format");
    }
    let record = match *kind {
        IDENTITY => {
            let (kind, name) = rest.split_first().ok_or("its key is short")?;
            let kind = match kind {
                0 => IdentityKind::User,
                1 => IdentityKind::Group,
                2 => IdentityKind::Role,
                _ => return Err("it is of no kind of identity"),
            };
            let name = String::from_utf8(name.into()).map_err(|_| "its name is not text")?;
            Record::Identity(Identity { kind, name }, Box::new(row.identity()?))
        }
        POLICY => {
            let name = String::from_utf8(rest.into()).map_err(|_| "its name is not text")?;
            Record::Policy(name, load(PolicyKind::Identity, row.text()?))
        }
        BUCKET => {
            let id = rest.try_into().map_err(|_| "its key is of another length")?;
            let block = block(row.byte()?)?;
            let policy = row.optional()?.map(|text| load(PolicyKind::Bucket, text));
            Record::Bucket(u32::from_be_bytes(id), BucketRecord { block, policy })
        }
        ACCOUNT if rest.is_empty() => Record::Account(block(row.byte()?)?),
        _ => return Err("it is of no known kind"),
    };
    if row.0.is_empty() { Ok(record) } else { Err("it is longer than what is in it") }
}

/// A stored policy that is not understood denies.
fn load(kind: PolicyKind, text: String) -> Document {
    let policy = Policy::load(kind, &text).unwrap_or_else(Policy::unreadable);
    Document { text, policy: Arc::new(policy) }
}

fn flags(block: PublicAccessBlock) -> u8 {
    [
        (block.block_public_acls, BLOCK_ACLS),
        (block.ignore_public_acls, IGNORE_ACLS),
        (block.block_public_policy, BLOCK_POLICY),
        (block.restrict_public_buckets, RESTRICT),
    ]
    .into_iter()
    .filter_map(|(is_set, bit)| is_set.then_some(bit))
    .sum()
}

fn block(flags: u8) -> Result<PublicAccessBlock, &'static str> {
    if flags > BLOCK_ACLS + IGNORE_ACLS + BLOCK_POLICY + RESTRICT {
        return Err("it has flags that do not exist");
    }
    Ok(PublicAccessBlock {
        block_public_acls: flags & BLOCK_ACLS != 0,
        ignore_public_acls: flags & IGNORE_ACLS != 0,
        block_public_policy: flags & BLOCK_POLICY != 0,
        restrict_public_buckets: flags & RESTRICT != 0,
    })
}

struct Writer(Vec<u8>);

impl Writer {
    fn new() -> Self {
        Self(vec![FORMAT])
    }

    fn count(&mut self, count: usize) {
        let count = u32::try_from(count).expect("policies and names are bounded far below 4 GiB");
        self.0.extend(count.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend(text.as_bytes());
    }

    fn optional(&mut self, text: Option<&str>) {
        self.0.push(u8::from(text.is_some()));
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn list<I: IntoIterator<IntoIter: ExactSizeIterator>>(
        &mut self,
        items: I,
        mut write: impl FnMut(&mut Self, I::Item),
    ) {
        let items = items.into_iter();
        self.count(items.len());
        items.for_each(|item| write(self, item));
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("it is short")?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, &'static str> {
        Ok(self.take(1)?[0])
    }

    fn number(&mut self) -> Result<u32, &'static str> {
        let bytes = self.take(4)?.try_into().map_err(|_| "it is short")?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn text(&mut self) -> Result<String, &'static str> {
        let count = usize::try_from(self.number()?).map_err(|_| "a text is too long")?;
        String::from_utf8(self.take(count)?.into()).map_err(|_| "a text is not UTF-8")
    }

    fn optional(&mut self) -> Result<Option<String>, &'static str> {
        match self.byte()? {
            0 => Ok(None),
            1 => self.text().map(Some),
            _ => Err("what is optional is neither there nor not"),
        }
    }

    fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, &'static str>,
    ) -> Result<Vec<T>, &'static str> {
        let count = self.number()?;
        (0..count).map(|_| read(self)).collect()
    }

    fn identity(&mut self) -> Result<IdentityRecord, &'static str> {
        let unique_id = self.text()?;
        let created = self.take(8)?.try_into().map_err(|_| "it is short")?;
        let created = Timestamp::from_millis(i64::from_le_bytes(created));
        let attached = self.list(Self::text)?;
        let inline = self.list(|row| {
            let name = row.text()?;
            Ok((name, load(PolicyKind::Identity, row.text()?)))
        })?;
        let inline = BTreeMap::from_iter(inline);
        let boundary = self.optional()?;
        let groups = self.list(Self::text)?;
        let tags = self.list(|row| Ok((row.text()?, row.text()?)))?;
        let trust = self.optional()?.map(|text| load(PolicyKind::Trust, text));
        let session_seconds_max = self.number()?;
        Ok(IdentityRecord {
            unique_id,
            created,
            attached,
            inline,
            boundary,
            groups,
            tags,
            trust,
            session_seconds_max,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The bytes of an example of each row, which read back to it and in no shorter form.
    #[track_caller]
    fn check(key: &[u8], value: &[u8], record: &Record, expected_key: &str, expected: &str) {
        assert_eq!(hex(key), expected_key.replace(' ', ""));
        assert_eq!(hex(value), expected.replace(' ', ""));
        assert_eq!(decode(key, value).as_ref(), Ok(record));
        for length in 0..value.len() {
            assert!(decode(key, &value[..length]).is_err(), "{length} bytes of it");
        }
        assert!(decode(key, &[value, &[0]].concat()).is_err());
    }

    fn unreadable(kind: PolicyKind) -> Document {
        load(kind, "{}".into())
    }

    #[test]
    fn identities() {
        let identity = Identity::role("ab");
        let record = IdentityRecord {
            unique_id: "R".into(),
            created: Timestamp::from_millis(0x0102),
            attached: vec!["m".into()],
            inline: [("i".to_owned(), unreadable(PolicyKind::Identity))].into(),
            boundary: Some("b".into()),
            groups: vec!["g".into()],
            tags: vec![("k".into(), "v".into())],
            trust: Some(unreadable(PolicyKind::Trust)),
            session_seconds_max: 3600,
        };
        check(
            &identity_key(&identity),
            &encode_identity(&record),
            &Record::Identity(identity, Box::new(record)),
            "30 02 6162",
            "01 01000000 52 0201000000000000 01000000 01000000 6d \
             01000000 01000000 69 02000000 7b7d 01 01000000 62 01000000 01000000 67 \
             01000000 01000000 6b 01000000 76 01 02000000 7b7d 100e0000",
        );
    }

    #[test]
    fn policies_buckets_and_the_account() {
        let document = unreadable(PolicyKind::Identity);
        check(
            &policy_key("p"),
            &encode_policy(&document),
            &Record::Policy("p".into(), document.clone()),
            "31 70",
            "01 02000000 7b7d",
        );
        let record = BucketRecord {
            block: PublicAccessBlock { restrict_public_buckets: true, ..Default::default() },
            policy: Some(unreadable(PolicyKind::Bucket)),
        };
        check(
            &bucket_key(7),
            &encode_bucket(&record),
            &Record::Bucket(7, record),
            "32 00000007",
            "01 08 01 02000000 7b7d",
        );
        let block = PublicAccessBlock::ALL;
        check(&account_key(), &encode_account(block), &Record::Account(block), "33", "01 0f");
    }

    #[test]
    fn what_is_unknown_is_no_row() {
        assert!(decode(&[0x34], &[1]).is_err());
        assert!(decode(&[0x30, 3, b'a'], &[1]).is_err());
        assert!(decode(&account_key(), &[2, 0]).is_err());
        assert!(decode(&account_key(), &[1, 16]).is_err());
    }
}
