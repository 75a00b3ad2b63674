//! What older clients wrote, to be read where that is asked for: AES-CBC, and key wrap by RFC 3394.

use super::ClientError;
use crate::secret::Key256;
use aes::{
    Aes256,
    cipher::{
        BlockCipherDecrypt as _, BlockModeDecrypt as _, KeyInit as _, KeyIvInit as _,
        block_padding::Pkcs7,
    },
};
use zeroize::Zeroizing;

/// Opens a key of 256 bits, wrapped by RFC 3394.
pub(super) fn aes_unwrap(key: &Key256, wrapped: &[u8]) -> Result<Key256, ClientError> {
    const BLOCKS: usize = 4;
    let wrapped: &[u8; 8 * (BLOCKS + 1)] =
        wrapped.try_into().map_err(|_| ClientError::Unauthentic)?;
    let aes = Aes256::new(key.expose().into());
    let mut register = [0; 8];
    register.copy_from_slice(&wrapped[..8]);
    let mut data_key = Key256::zero();
    data_key.expose_mut().copy_from_slice(&wrapped[8..]);
    for step in (1..=6 * BLOCKS as u64).rev() {
        let place = usize::try_from((step - 1) % BLOCKS as u64).expect("a place is below 4") * 8;
        let counted = (u64::from_be_bytes(register) ^ step).to_be_bytes();
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&counted);
        bytes[8..].copy_from_slice(&data_key.expose()[place..place + 8]);
        let mut block = bytes.into();
        aes.decrypt_block(&mut block);
        register.copy_from_slice(&block[..8]);
        data_key.expose_mut()[place..place + 8].copy_from_slice(&block[8..]);
    }
    let authentic: bool = subtle::ConstantTimeEq::ct_eq(&register[..], &[0xa6; 8]).into();
    if authentic { Ok(data_key) } else { Err(ClientError::Unauthentic) }
}

/// Decrypts a body of AES-CBC with the padding of PKCS#7. Nothing authenticates it.
pub(super) fn cbc_open(
    key: &Key256,
    iv: &[u8; 16],
    body: &[u8],
) -> Result<Zeroizing<Vec<u8>>, ClientError> {
    let mut buffer = Zeroizing::new(body.to_vec());
    let cipher = cbc::Decryptor::<Aes256>::new(key.expose().into(), iv.into());
    let plain = cipher.decrypt_padded::<Pkcs7>(&mut buffer);
    let len = plain.map_err(|_| ClientError::Unauthentic)?.len();
    buffer.truncate(len);
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    /// RFC 3394, section 4.6: 256 bits of key data under a key of 256 bits.
    #[test]
    fn the_example_of_rfc_3394_unwraps() {
        let key: Vec<u8> = (0..32).collect();
        let wrapped = hex::decode(
            "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21",
        );
        let mut wrapped = wrapped.unwrap();
        let key = Key256::from_slice(&key).unwrap();
        let plain = "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f";
        assert_eq!(hex::encode(aes_unwrap(&key, &wrapped).unwrap().expose()), plain);
        for at in 0..wrapped.len() {
            wrapped[at] ^= 1;
            assert!(aes_unwrap(&key, &wrapped).is_err(), "byte {at}");
            wrapped[at] ^= 1;
        }
        assert!(aes_unwrap(&key, &wrapped[8..]).is_err());
    }
}
