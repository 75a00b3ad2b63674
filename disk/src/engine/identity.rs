//! The identity file: which store this is.
//!
//! ```text
//! offset  length  field
//!      0       8  magic "CISTERN\0"
//!      8       4  format version of the store, 1
//!     12       4  0
//!     16      16  identity: random, of this store alone
//!     32       8  CRC-64/NVME of bytes 0 to 32
//! ```

use crate::{
    again,
    device::{Device, OpenMode},
    format::{checksum, word},
};
use cistern_storage_core::port::{BackendError, Entropy, OsEntropy};
use std::io;

/// The identity of the store on `device`; `None` when there is no store.
///
/// # Errors
/// [`BackendError::Foreign`] when it is no store, or one of another version.
pub(crate) fn read(device: &dyn Device) -> Result<Option<[u8; 16]>, BackendError> {
    let file = match device.open(FILE, OpenMode::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(BackendError::io("open", FILE, error)),
    };
    let mut bytes = [0; FILE_BYTES];
    match file.read_at(&mut bytes, 0) {
        Ok(()) => decode(&bytes).map(Some),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(foreign("the file is too short"))
        }
        Err(error) => Err(BackendError::io("read", FILE, error)),
    }
}

/// Makes a store: from now on `device` has this identity.
pub(crate) fn create(
    device: &dyn Device,
    wanted: Option<[u8; 16]>,
) -> Result<[u8; 16], BackendError> {
    let store = wanted.unwrap_or_else(|| {
        let mut id = [0; 16];
        OsEntropy.fill(&mut id);
        id
    });
    // A half-made one of an earlier attempt.
    let _ = device.remove(NEW_FILE);
    let io = |action| move |error| BackendError::io(action, FILE, error);
    let file = device.open(NEW_FILE, OpenMode::CreateNew).map_err(io("create"))?;
    file.write_at(&encode(&store), 0).map_err(io("write"))?;
    file.sync().map_err(io("sync"))?;
    device.rename(NEW_FILE, FILE).map_err(io("name"))?;
    device.sync_folder("").map_err(io("sync the folder of"))?;
    Ok(store)
}

/// Makes the identity durable that was found, see [`again`].
pub(crate) fn save_again(device: &dyn Device) -> Result<(), BackendError> {
    let io = |action| move |error| BackendError::io(action, FILE, error);
    let file = device.open(FILE, OpenMode::Write).map_err(io("open"))?;
    again::write(&*file).map_err(io("write"))?;
    file.sync().map_err(io("sync"))?;
    device.sync_folder("").map_err(io("sync the folder of"))
}

fn encode(store: &[u8; 16]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(FILE_BYTES);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(store);
    bytes.extend_from_slice(&checksum(&bytes).to_le_bytes());
    bytes
}

fn decode(bytes: &[u8; FILE_BYTES]) -> Result<[u8; 16], BackendError> {
    if &bytes[..8] != MAGIC {
        return Err(foreign("the file does not begin with CISTERN"));
    }
    if checksum(&bytes[..FILE_BYTES - 8]) != word(bytes, FILE_BYTES - 8) {
        let detail = "the checksum does not hold".into();
        return Err(BackendError::Damaged { place: FILE.into(), offset: 0, detail });
    }
    let version = u32::from_le_bytes(bytes[8..12].try_into().expect("four bytes are four bytes"));
    if version != VERSION {
        return Err(foreign(&format!("its format has version {version}, not {VERSION}")));
    }
    Ok(bytes[16..32].try_into().expect("sixteen bytes are sixteen bytes"))
}

fn foreign(detail: &str) -> BackendError {
    BackendError::Foreign { place: FILE.into(), detail: detail.into() }
}

/// The identity file's name.
pub(crate) const FILE: &str = "cistern";
const NEW_FILE: &str = "cistern.new";
const MAGIC: &[u8; 8] = b"CISTERN\0";
const VERSION: u32 = 1;
/// Its length.
pub(crate) const FILE_BYTES: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_flipped_bit_of_an_identity_is_found() {
        let mut bytes: [u8; FILE_BYTES] = encode(&[7; 16]).try_into().unwrap();
        assert_eq!(decode(&bytes).unwrap(), [7; 16]);
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&bytes).is_err(), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
