//! Records sealed at rest: a chunk is one sealed body, bound to its place in its stream.

use crate::{
    chunk::ChunkHead,
    error::{Error, Result},
    shard_id::ShardId,
    streams::Hub,
};
use bytes::{Bytes, BytesMut};
use cistern_storage_core::port::{SealContext, SealError, Sealing};
use sha2::{Digest as _, Sha256};

/// Seals the bytes of a chunk; its envelope is made once it has its place.
pub(crate) fn seal(hub: &Hub, stream: u32, plain: &[u8]) -> Result<(Bytes, Box<dyn Sealing>)> {
    let sealer = hub.sealer.as_ref().ok_or_else(no_sealer)?;
    let scope = scope(stream);
    let mut sealing = sealer.seal(&SealContext::new(&scope, CHUNK)).map_err(refused)?;
    let mut sealed = BytesMut::from(&sealing.update(plain).map_err(refused)?[..]);
    sealed.extend_from_slice(&sealing.finish().map_err(refused)?);
    Ok((sealed.freeze(), sealing))
}

/// The envelope of a chunk that has its place.
pub(crate) fn envelope(
    sealing: &mut dyn Sealing,
    stream: u32,
    shard: ShardId,
    head: ChunkHead,
    plain_len: u64,
) -> Result<Bytes> {
    let binding = binding(stream, shard, head, plain_len);
    sealing.envelope(&binding).map_err(refused)
}

/// Opens the bytes of a chunk.
pub(crate) fn open(
    hub: &Hub,
    stream: u32,
    shard: ShardId,
    head: ChunkHead,
    envelope: &[u8],
    plain_len: u64,
    stored: &[u8],
) -> Result<Bytes> {
    let sealer = hub.sealer.as_ref().ok_or_else(no_sealer)?;
    let scope = scope(stream);
    let binding = binding(stream, shard, head, plain_len);
    let context = SealContext::new(&scope, CHUNK);
    let sealed = sealer.open(&context, envelope, &binding, plain_len).map_err(refused)?;
    let range = sealed.sealed_range(0..plain_len);
    let part = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
    let part = part.and_then(|(start, end)| stored.get(start..end));
    let part = part.ok_or_else(|| Error::damaged("a chunk of records", "it is cut short"))?;
    sealed.open_range(0..plain_len, part).map_err(refused)
}

/// The envelope under the sealer's newest key, when it is not yet.
pub(crate) fn renew(
    hub: &Hub,
    stream: u32,
    shard: ShardId,
    head: ChunkHead,
    envelope: &[u8],
    plain_len: u64,
) -> Result<Option<Bytes>> {
    let sealer = hub.sealer.as_ref().ok_or_else(no_sealer)?;
    let scope = scope(stream);
    let binding = binding(stream, shard, head, plain_len);
    sealer.renew(&SealContext::new(&scope, CHUNK), envelope, &binding).map_err(refused)
}

/// No bucket can have this name.
fn scope(stream: u32) -> String {
    format!("stream/{stream}")
}

const CHUNK: &str = "chunk";

/// What the bytes belong to: moved elsewhere they do not open.
fn binding(stream: u32, shard: ShardId, head: ChunkHead, plain_len: u64) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(b"cistern stream chunk 1");
    digest.update(stream.to_le_bytes());
    digest.update(shard.number().to_le_bytes());
    digest.update(head.first_index.to_le_bytes());
    digest.update(head.count.to_le_bytes());
    digest.update(plain_len.to_le_bytes());
    digest.finalize().into()
}

fn refused(source: SealError) -> Error {
    Error::Sealing { source }
}

pub(crate) fn no_sealer() -> Error {
    let reason = "the store has no sealer".to_owned();
    refused(SealError::NoKey { key: "any".to_owned(), reason })
}
