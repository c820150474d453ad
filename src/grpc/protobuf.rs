//! As much of protobuf's wire format as reading a few known fields takes.
//!
//! It borrows what it reads, allocates nothing, and does not call itself: whoever reads a message within
//! a message says so, so its depth is that of the code.

/// The fields of one message, in the order of the wire.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a>(&'a [u8]);

/// One field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) number: u32,
    pub(super) value: Value<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Varint(u64),
    /// A string, bytes or a message.
    Bytes(&'a [u8]),
    /// Four or eight bytes, which nothing here asks for.
    Fixed,
}

/// The bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// A varint has at most ten bytes, of seven bits each.
const VARINT_MAX: usize = 10;

impl<'a> Fields<'a> {
    pub(super) const fn of(message: &'a [u8]) -> Self {
        Self(message)
    }

    /// The next field; `None` at the end. Groups, which protobuf has given up, are malformed.
    pub(super) fn next(&mut self) -> Result<Option<Field<'a>>, Malformed> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = u32::try_from(self.varint()?).map_err(|_| Malformed)?;
        let value = match tag & 0b111 {
            0 => Value::Varint(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Malformed)?;
                Value::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return Err(Malformed),
        };
        match tag >> 3 {
            0 => Err(Malformed),
            number => Ok(Some(Field { number, value })),
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    /// Bits past the 64th are malformed: what wrote them has another idea of the field.
    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut number = 0_u64;
        for (at, shift) in (0..VARINT_MAX).zip((0_u32..).step_by(7)) {
            let byte = *self.0.get(at).ok_or(Malformed)?;
            let bits = u64::from(byte & 0x7f);
            let shifted = bits.checked_shl(shift).ok_or(Malformed)?;
            if shifted >> shift != bits {
                return Err(Malformed);
            }
            number |= shifted;
            if byte & 0x80 == 0 {
                self.take(at.saturating_add(1))?;
                return Ok(number);
            }
        }
        Err(Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(message: &[u8]) -> Result<Vec<Field<'_>>, Malformed> {
        let mut fields = Fields::of(message);
        let mut all = Vec::new();
        while let Some(field) = fields.next()? {
            all.push(field);
        }
        Ok(all)
    }

    #[expect(clippy::unnecessary_wraps, reason = "what `all` gives")]
    fn one(number: u32, value: Value<'_>) -> Result<Vec<Field<'_>>, Malformed> {
        Ok(vec![Field { number, value }])
    }

    /// The examples of protobuf's *Encoding* page.
    #[test]
    fn the_documents_examples_are_read() {
        assert_eq!(all(&[0x08, 0x96, 0x01]), one(1, Value::Varint(150)));
        let text = [0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67];
        assert_eq!(all(&text), one(2, Value::Bytes(b"testing")));
        let message = [0x1a, 0x03, 0x08, 0x96, 0x01];
        assert_eq!(all(&message), one(3, Value::Bytes(&[0x08, 0x96, 0x01])));
        let minus_two = [
            0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
        ];
        assert_eq!(all(&minus_two), one(1, Value::Varint(u64::MAX - 1)));
    }

    #[test]
    fn what_is_fixed_is_passed_over() {
        let message = [0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x15, 1, 2, 3, 4, 0x18, 7];
        let fields = all(&message).unwrap();
        assert_eq!(fields[2].value, Value::Varint(7));
        assert_eq!(
            fields.iter().map(|field| field.number).collect::<Vec<_>>(),
            [1, 2, 3]
        );
    }

    #[test]
    fn the_largest_number_is_read_and_one_bit_more_is_malformed() {
        let mut message = [0xff; 11];
        message[0] = 0x08;
        message[10] = 0x01;
        assert_eq!(all(&message), one(1, Value::Varint(u64::MAX)));
        message[10] = 0x02;
        assert_eq!(all(&message), Err(Malformed));
        message[10] = 0x81;
        assert_eq!(all(&message), Err(Malformed), "an eleventh byte");
        assert_eq!(
            all(&[0x08, 0x80, 0x80, 0x00]),
            one(1, Value::Varint(0)),
            "longer than it must be"
        );
    }

    #[test]
    fn what_is_cut_off_is_malformed() {
        let message = [
            0x08, 0x96, 0x01, 0x12, 0x02, b'a', b'b', 0x09, 1, 2, 3, 4, 5, 6, 7, 8,
        ];
        let ends = [0, 3, 7, 16];
        for length in 0..=message.len() {
            let is_whole = ends.contains(&length);
            assert_eq!(all(&message[..length]).is_ok(), is_whole, "{length}");
        }
    }

    #[test]
    fn a_length_past_the_end_is_malformed_however_large() {
        assert_eq!(all(&[0x12, 0x03, b'a', b'b']), Err(Malformed));
        let mut huge = vec![0x12];
        huge.extend([0xff; 9]);
        huge.push(0x01);
        assert_eq!(all(&huge), Err(Malformed));
    }

    #[test]
    fn field_zero_groups_and_unknown_types_are_malformed() {
        for tag in [0x00, 0x02, 0x0b, 0x0c, 0x0e, 0x0f] {
            assert_eq!(all(&[tag, 0x00]), Err(Malformed), "{tag:#x}");
        }
        let tag_past_32_bits = [0x80, 0x80, 0x80, 0x80, 0x10, 0x00];
        assert_eq!(all(&tag_past_32_bits), Err(Malformed));
    }
}
