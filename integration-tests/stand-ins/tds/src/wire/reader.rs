// SPDX-License-Identifier: Apache-2.0
//! Reading fields off a message: little-endian numbers and the specification's kinds of strings.

/// What is left of a message. Every step gives `None` where the message is too short.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn bytes(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn i16(&mut self) -> Option<i16> {
        self.array().map(i16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn f32(&mut self) -> Option<f32> {
        self.array().map(f32::from_le_bytes)
    }

    pub(crate) fn f64(&mut self) -> Option<f64> {
        self.array().map(f64::from_le_bytes)
    }

    /// A number of so many bytes, at most eight.
    pub(crate) fn uint(&mut self, n: usize) -> Option<u64> {
        let mut bytes = [0; 8];
        bytes.get_mut(..n)?.copy_from_slice(self.bytes(n)?);
        Some(u64::from_le_bytes(bytes))
    }

    /// B_VARCHAR.
    pub(crate) fn short_text(&mut self) -> Option<String> {
        let units = self.u8()?;
        utf16(self.bytes(2 * usize::from(units))?)
    }

    /// US_VARCHAR after its length.
    pub(crate) fn text(&mut self, units: u16) -> Option<String> {
        utf16(self.bytes(2 * usize::from(units))?)
    }

    /// A partially length-prefixed value, 2.2.5.2.3; the outer `None` is a fault, the inner one NULL.
    pub(crate) fn plp(&mut self) -> Option<Option<Vec<u8>>> {
        const NULL: u64 = u64::MAX;
        if self.u64()? == NULL {
            return Some(None);
        }
        let mut value = Vec::new();
        loop {
            match self.u32()? {
                0 => return Some(Some(value)),
                n => value.extend_from_slice(self.bytes(usize::try_from(n).ok()?)?),
            }
        }
    }
}

/// Text in UTF-16, little-endian; an unpaired surrogate is no text.
pub(crate) fn utf16(bytes: &[u8]) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    char::decode_utf16(pairs.iter().map(|pair| u16::from_le_bytes(*pair)))
        .collect::<Result<_, _>>()
        .ok()
}

/// The reverse of [`utf16`].
pub(crate) fn to_utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}
