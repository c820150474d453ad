//! CRC-32, as in IEEE 802.3: it finds every error of up to 32 bits in a row.

/// The remainder of `bytes`. Bit by bit: it is reckoned once for each term, over 64 bytes.
pub(super) fn crc32(bytes: impl IntoIterator<Item = u8>) -> u32 {
    let mut remainder = u32::MAX;
    for byte in bytes {
        remainder ^= u32::from(byte);
        for _ in 0..8 {
            let carry = remainder & 1;
            remainder >>= 1u32;
            if carry == 1 {
                remainder ^= 0xEDB8_8320;
            }
        }
    }
    !remainder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_one_that_all_the_world_uses() {
        assert_eq!(
            crc32(*b"123456789"),
            0xCBF4_3926,
            "the check value of CRC-32/ISO-HDLC"
        );
        assert_eq!(crc32([]), 0);
        assert_eq!(crc32([0]), 0xD202_EF8D);
    }
}
