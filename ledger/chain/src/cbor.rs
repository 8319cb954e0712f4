// SPDX-License-Identifier: Apache-2.0
//! The deterministic part of CBOR (RFC 8949, section 4.2.1) that the ledger's formats need: unsigned
//! integers, byte strings, text, arrays and null, every length in its shortest form. For COSE also
//! negative integers, maps and tags; the order of a map's keys is for whoever writes or reads it.
//!
//! There is one encoding of each value and the reader accepts no other, so that equal objects have
//! equal hashes and a hash names one object. Tests compare both directions with an independent codec.

/// Bytes that are not the deterministic encoding of the expected format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {offset}")]
pub struct DecodeError {
    /// Where in the bytes.
    pub offset: usize,
    /// What is wrong there.
    pub reason: &'static str,
}

const UINT: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const NULL: u8 = 0xf6;

/// Writes deterministic CBOR.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// An empty writer.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Continues behind `bytes`.
    #[must_use]
    pub const fn append_to(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// An unsigned integer.
    pub fn uint(&mut self, value: u64) -> &mut Self {
        self.head(UINT, value)
    }

    /// A byte string.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.head(BYTES, value.len() as u64)
            .0
            .extend_from_slice(value);
        self
    }

    /// A text string.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.head(TEXT, value.len() as u64)
            .0
            .extend_from_slice(value.as_bytes());
        self
    }

    /// Opens an array of `len` items, which must follow.
    pub fn array(&mut self, len: u64) -> &mut Self {
        self.head(ARRAY, len)
    }

    /// The negative integer -1 - `below`.
    pub fn negative(&mut self, below: u64) -> &mut Self {
        self.head(NEGATIVE, below)
    }

    /// Opens a map of `len` pairs, which must follow in the order of their encoded keys.
    pub fn map(&mut self, len: u64) -> &mut Self {
        self.head(MAP, len)
    }

    /// A tag, before the item that it qualifies.
    pub fn tag(&mut self, tag: u64) -> &mut Self {
        self.head(TAG, tag)
    }

    /// The null value.
    pub fn null(&mut self) -> &mut Self {
        self.0.push(NULL);
        self
    }

    /// How many bytes are written.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is written yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes written so far.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn head(&mut self, major: u8, value: u64) -> &mut Self {
        let kind = major << 5;
        let wide = value.to_be_bytes();
        match value {
            0..=23 => self.0.push(kind | wide[7]),
            24..=0xff => self.0.extend_from_slice(&[kind | 24, wide[7]]),
            0x100..=0xffff => self.0.extend_from_slice(&[kind | 25, wide[6], wide[7]]),
            0x1_0000..=0xffff_ffff => {
                self.0.push(kind | 26);
                self.0.extend_from_slice(&wide[4..]);
            }
            _ => {
                self.0.push(kind | 27);
                self.0.extend_from_slice(&wide);
            }
        }
        self
    }
}

/// Reads deterministic CBOR and nothing else.
#[derive(Debug, Clone)]
pub struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    /// A reader at the start of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were read.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.at
    }

    /// Whether all bytes were read.
    #[must_use]
    pub const fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// An error at the present place.
    #[must_use]
    pub const fn error(&self, reason: &'static str) -> DecodeError {
        DecodeError {
            offset: self.at,
            reason,
        }
    }

    /// Demands that nothing follows.
    ///
    /// # Errors
    /// Where bytes are left.
    pub const fn finish(&self) -> Result<(), DecodeError> {
        if self.is_at_end() {
            Ok(())
        } else {
            Err(self.error("trailing bytes"))
        }
    }

    /// An unsigned integer.
    ///
    /// # Errors
    /// Where another kind of value, a longer form than needed, or the end is found.
    pub fn uint(&mut self) -> Result<u64, DecodeError> {
        self.head(UINT, "an unsigned integer was expected")
    }

    /// An unsigned integer that fits 32 bits.
    ///
    /// # Errors
    /// As [`Reader::uint`], and where it is larger.
    pub fn uint32(&mut self) -> Result<u32, DecodeError> {
        let before = self.error("a number above 32 bits");
        u32::try_from(self.uint()?).map_err(|_| before)
    }

    /// An unsigned integer that fits one byte.
    ///
    /// # Errors
    /// As [`Reader::uint`], and where it is larger.
    pub fn byte(&mut self) -> Result<u8, DecodeError> {
        let before = self.error("a number above 8 bits");
        u8::try_from(self.uint()?).map_err(|_| before)
    }

    /// A byte string of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Reader::uint`], and where it is longer.
    pub fn bytes(&mut self, limit: usize) -> Result<&'b [u8], DecodeError> {
        let len = self.head(BYTES, "a byte string was expected")?;
        self.take(len, limit)
    }

    /// A byte string of exactly `N` bytes.
    ///
    /// # Errors
    /// As [`Reader::uint`], and where it has another length.
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let before = self.error("a byte string of another length");
        self.bytes(N)?.try_into().map_err(|_| before)
    }

    /// A text string of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Reader::uint`], and where it is longer or not UTF-8.
    pub fn text(&mut self, limit: usize) -> Result<&'b str, DecodeError> {
        let len = self.head(TEXT, "a text string was expected")?;
        let before = self.error("text that is not UTF-8");
        std::str::from_utf8(self.take(len, limit)?).map_err(|_| before)
    }

    /// Exactly this text, which names a format.
    ///
    /// # Errors
    /// Where anything else is found.
    pub fn label(&mut self, label: &str) -> Result<(), DecodeError> {
        let before = self.error("another format");
        if self.text(label.len()).is_ok_and(|found| found == label) {
            Ok(())
        } else {
            Err(before)
        }
    }

    /// Opens an array of at most `limit` items and tells how many it has.
    ///
    /// # Errors
    /// As [`Reader::uint`], and where it has more.
    pub fn array(&mut self, limit: u64) -> Result<u64, DecodeError> {
        let before = self.error("an array of too many items");
        let len = self.head(ARRAY, "an array was expected")?;
        if len > limit { Err(before) } else { Ok(len) }
    }

    /// Opens an array of exactly `len` items.
    ///
    /// # Errors
    /// As [`Reader::uint`], and where it has another number.
    pub fn tuple(&mut self, len: u64) -> Result<(), DecodeError> {
        let before = self.error("an array of another length");
        if self.array(u64::MAX)? == len {
            Ok(())
        } else {
            Err(before)
        }
    }

    /// Exactly the negative integer -1 - `below`.
    ///
    /// # Errors
    /// Where anything else is found.
    pub fn negative(&mut self, below: u64) -> Result<(), DecodeError> {
        self.expect(NEGATIVE, below, "another negative number")
    }

    /// Opens a map of exactly `len` pairs.
    ///
    /// # Errors
    /// Where anything else is found.
    pub fn map(&mut self, len: u64) -> Result<(), DecodeError> {
        self.expect(MAP, len, "a map of another size")
    }

    /// Exactly this tag.
    ///
    /// # Errors
    /// Where anything else is found.
    pub fn tag(&mut self, tag: u64) -> Result<(), DecodeError> {
        self.expect(TAG, tag, "another tag")
    }

    /// Exactly this unsigned integer, such as a map's key.
    ///
    /// # Errors
    /// Where anything else is found.
    pub fn exactly(&mut self, value: u64) -> Result<(), DecodeError> {
        self.expect(UINT, value, "another number")
    }

    fn expect(&mut self, major: u8, value: u64, reason: &'static str) -> Result<(), DecodeError> {
        let before = self.error(reason);
        if self.head(major, reason)? == value {
            Ok(())
        } else {
            Err(before)
        }
    }

    /// Whether null is next; if so, it is read.
    pub fn is_null(&mut self) -> bool {
        let null = self.bytes.get(self.at) == Some(&NULL);
        self.at += usize::from(null);
        null
    }

    fn take(&mut self, len: u64, limit: usize) -> Result<&'b [u8], DecodeError> {
        let len = usize::try_from(len).ok().filter(|len| *len <= limit);
        let len = len.ok_or(self.error("a string that is too long"))?;
        let rest = &self.bytes[self.at..];
        let taken = rest
            .get(..len)
            .ok_or(self.error("the bytes end too early"))?;
        self.at += len;
        Ok(taken)
    }

    fn head(&mut self, major: u8, expected: &'static str) -> Result<u64, DecodeError> {
        let early = self.error("the bytes end too early");
        let first = *self.bytes.get(self.at).ok_or(early)?;
        if first >> 5 != major {
            return Err(self.error(expected));
        }
        let short = first & 0x1f;
        if short < 24 {
            self.at += 1;
            return Ok(u64::from(short));
        }
        let (width, least) = match short {
            24 => (1, 24),
            25 => (2, 0x100),
            26 => (4, 0x1_0000),
            27 => (8, 0x1_0000_0000),
            _ => return Err(self.error("a length that is reserved or indefinite")),
        };
        let digits = self
            .bytes
            .get(self.at + 1..self.at + 1 + width)
            .ok_or(early)?;
        let value = digits
            .iter()
            .fold(0_u64, |value, digit| value << 8 | u64::from(*digit));
        if value < least {
            return Err(self.error("a number in a longer form than needed"));
        }
        self.at += 1 + width;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn longer_forms_than_needed_are_refused() {
        for bytes in [
            &[0x18, 23][..],
            &[0x19, 0, 255],
            &[0x1a, 0, 0, 255, 255],
            &[0x1b, 0, 0, 0, 0, 1, 1, 1, 1],
        ] {
            assert!(Reader::new(bytes).uint().is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn indefinite_lengths_are_refused() {
        assert!(Reader::new(&[0x5f, 0x41, 1, 0xff]).bytes(9).is_err());
        assert!(Reader::new(&[0x9f, 1, 0xff]).array(9).is_err());
    }

    #[test]
    fn a_length_beyond_the_end_is_refused_without_reserving_memory() {
        let huge = [0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert!(Reader::new(&huge).bytes(usize::MAX).is_err());
        assert!(Reader::new(&[0x42, 1]).bytes(9).is_err());
    }

    #[test]
    fn text_must_be_utf8() {
        assert!(Reader::new(&[0x61, 0xff]).text(9).is_err());
    }

    proptest! {
        #[test]
        fn an_independent_codec_reads_what_is_written(number: u64, bytes: Vec<u8>, text: String) {
            let mut writer = Writer::new();
            writer.array(4).uint(number).bytes(&bytes).text(&text).null();
            let written = writer.into_bytes();
            let mut other = minicbor::Decoder::new(&written);
            prop_assert_eq!(other.array().unwrap(), Some(4));
            prop_assert_eq!(other.u64().unwrap(), number);
            prop_assert_eq!(other.bytes().unwrap(), &bytes[..]);
            prop_assert_eq!(other.str().unwrap(), &text);
            other.null().unwrap();
            prop_assert_eq!(other.position(), written.len());
        }

        #[test]
        fn what_an_independent_codec_writes_is_read(number: u64, bytes: Vec<u8>, text: String) {
            let mut other = minicbor::Encoder::new(Vec::new());
            other.array(4).unwrap().u64(number).unwrap().bytes(&bytes).unwrap();
            other.str(&text).unwrap().null().unwrap();
            let written = other.into_writer();
            let mut reader = Reader::new(&written);
            prop_assert_eq!(reader.array(4), Ok(4));
            prop_assert_eq!(reader.uint(), Ok(number));
            prop_assert_eq!(reader.bytes(usize::MAX), Ok(&bytes[..]));
            prop_assert_eq!(reader.text(usize::MAX), Ok(&text[..]));
            prop_assert!(reader.is_null());
            prop_assert_eq!(reader.finish(), Ok(()));
        }

        #[test]
        fn a_number_that_is_read_is_written_the_same(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            if let Ok(value) = reader.uint() {
                let mut writer = Writer::new();
                writer.uint(value);
                prop_assert_eq!(writer.into_bytes(), &bytes[..reader.offset()]);
            }
        }
    }
}
