//! Numbers as bits: small ones take few.

/// Bits in a row, the first one highest in the first byte.
#[derive(Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits of the last byte that are not used yet.
    free: u32,
}

/// Takes them out again.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits read so far.
    at: usize,
}

/// Why bits can't be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unreadable {
    /// They end before they should.
    TooShort,
    /// They mean nothing.
    Senseless,
}

impl BitWriter {
    /// The lowest `count` bits of a number.
    pub(super) fn bits(&mut self, value: u64, count: u32) {
        for shift in (0..count).rev() {
            self.bit((value >> shift) & 1 == 1);
        }
    }

    /// A number of any size, as an exponential Golomb code of this order: the number of binary digits of
    /// `value / 2^order + 1` in unary, then these digits, then `order` bits.
    pub(super) fn golomb(&mut self, value: u64, order: u32) {
        let head = (u128::from(value) >> order) + 1;
        let digits = head.ilog2();
        for _ in 0..digits {
            self.bit(false);
        }
        for shift in (0..=digits).rev() {
            self.bit((head >> shift) & 1 == 1);
        }
        self.bits(value, order);
    }

    fn bit(&mut self, one: bool) {
        if self.free == 0 {
            self.bytes.push(0);
            self.free = 8;
        }
        self.free -= 1;
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(one) << self.free;
        }
    }

    /// What was written; the rest of the last byte is zeros.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// A number of `count` bits, at most 64.
    pub(super) fn bits(&mut self, count: u32) -> Result<u64, Unreadable> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | u64::from(self.bit()?);
        }
        Ok(value)
    }

    /// What [`BitWriter::golomb`] wrote.
    pub(super) fn golomb(&mut self, order: u32) -> Result<u64, Unreadable> {
        let mut digits = 0;
        while !self.bit()? {
            digits += 1;
            if digits > 64 {
                return Err(Unreadable::Senseless);
            }
        }
        let mut head: u128 = 1;
        for _ in 0..digits {
            head = head << 1 | u128::from(self.bit()?);
        }
        let value = (head - 1) << order | u128::from(self.bits(order)?);
        u64::try_from(value).map_err(|_| Unreadable::Senseless)
    }

    fn bit(&mut self) -> Result<bool, Unreadable> {
        let byte = self.bytes.get(self.at / 8).ok_or(Unreadable::TooShort)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Ok(bit == 1)
    }

    /// Everything was read, but for zeros that fill the last byte.
    pub(super) fn is_at_end(&mut self) -> bool {
        let left = self.bytes.len() * 8 - self.at;
        left < 8 && self.bits(left as u32) == Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::{BitReader, BitWriter, Unreadable};

    const VALUES: [u64; 14] =
        [0, 1, 2, 3, 4, 7, 8, 100, 255, 256, 1 << 31, u64::MAX / 2, u64::MAX - 1, u64::MAX];

    #[test]
    fn what_was_written_is_read() {
        for order in 0..8 {
            let mut writer = BitWriter::default();
            for value in VALUES {
                writer.golomb(value, order);
                writer.bits(value, 17);
            }
            let bytes = writer.into_bytes();
            let mut reader = BitReader::new(&bytes);
            for value in VALUES {
                assert_eq!(reader.golomb(order), Ok(value), "order {order}");
                assert_eq!(reader.bits(17), Ok(value & 0x1_ffff));
            }
            assert!(reader.is_at_end());
            let mut short = BitReader::new(&bytes[..bytes.len() - 1]);
            let read = VALUES.iter().find_map(|_| short.golomb(order).and_then(|_| short.bits(17)).err());
            assert_eq!(read, Some(Unreadable::TooShort));
        }
    }

    /// The codes of the textbook.
    #[test]
    fn small_numbers_take_few_bits() {
        for (value, order, code) in [
            (0, 0, "1"),
            (1, 0, "010"),
            (2, 0, "011"),
            (3, 0, "00100"),
            (0, 1, "10"),
            (1, 1, "11"),
            (2, 1, "0100"),
        ] {
            let mut writer = BitWriter::default();
            writer.golomb(value, order);
            let bits: Vec<String> = writer.into_bytes().iter().map(|byte| format!("{byte:08b}")).collect();
            let bits = bits.concat();
            assert_eq!(bits.trim_end_matches('0'), code.trim_end_matches('0'), "{value}, order {order}");
            assert!(bits.starts_with(code));
        }
    }

    #[test]
    fn numbers_too_large_are_senseless() {
        assert_eq!(BitReader::new(&[0; 40]).golomb(0), Err(Unreadable::Senseless));
        // 2^64 + 1 in 65 digits, less one.
        let mut bytes = [0; 40];
        bytes[8] = 0x80;
        bytes[16] = 0x80;
        assert_eq!(BitReader::new(&bytes).golomb(0), Err(Unreadable::Senseless));
        assert_eq!(BitReader::new(&[]).bits(1), Err(Unreadable::TooShort));
        assert!(!BitReader::new(&[0, 0]).is_at_end());
        assert!(!BitReader::new(&[1, 1]).is_at_end());
    }
}
