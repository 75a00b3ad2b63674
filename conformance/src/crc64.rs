//! CRC-64/NVME a byte at a time: slow, plain, and independent of what it judges.

/// CRC-64/NVME over `bytes`.
///
/// Law: the catalogue of parametrised CRC algorithms, CRC-64/NVME: reflected, all ones in and out.
#[must_use]
pub fn crc64_nvme(bytes: &[u8]) -> u64 {
    !bytes.iter().fold(!0, |sum, byte| step(sum, *byte))
}

pub(crate) fn step(sum: u64, byte: u8) -> u64 {
    TABLE[usize::from(sum.to_le_bytes()[0] ^ byte)] ^ (sum >> 8)
}

/// The polynomial, reflected.
const POLYNOMIAL: u64 = 0x9a6c_9329_ac4b_c9b5;

static TABLE: [u64; 256] = table();

const fn table() -> [u64; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < table.len() {
        let mut sum = index as u64;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ POLYNOMIAL } else { sum >> 1 };
            bit += 1;
        }
        table[index] = sum;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::crc64_nvme;

    // Law-test: the catalogue of parametrised CRC algorithms, CRC-64/NVME: reflected, all ones in and
    // out.
    #[test]
    fn the_check_value_is_that_of_the_catalogue() {
        assert_eq!(crc64_nvme(b"123456789"), 0xae8b_1486_0a79_9888);
        assert_eq!(crc64_nvme(b""), 0);
    }
}
