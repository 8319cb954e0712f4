// SPDX-License-Identifier: Apache-2.0
//! Finding a name among a few dozen that are known beforehand.

/// An open-addressing table over names that are kept elsewhere. The hash looks at the length and
/// three bytes only, which tells the names of one FHIR type apart nearly always.
pub(crate) struct NameIndex {
    slots: Box<[u16]>,
    shift: u32,
}

const FREE: u16 = u16::MAX;

impl NameIndex {
    /// An index over distinct names; `find` gives back their places.
    pub(crate) fn new<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> Self {
        let size = (names.len() * 2).next_power_of_two().max(2);
        let mut index = Self {
            slots: vec![FREE; size].into(),
            shift: 32 - size.trailing_zeros(),
        };
        for (place, name) in names.enumerate() {
            let mut slot = index.start(name);
            while index.slots[slot] != FREE {
                slot = (slot + 1) % size;
            }
            index.slots[slot] = u16::try_from(place).expect("a type has few elements");
        }
        index
    }

    /// The place of `name`, where `at` tells the name of a place.
    pub(crate) fn find<'n>(&self, name: &str, at: impl Fn(usize) -> &'n str) -> Option<usize> {
        let mut slot = self.start(name);
        loop {
            let place = match self.slots[slot] {
                FREE => return None,
                place => usize::from(place),
            };
            if at(place) == name {
                return Some(place);
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    fn start(&self, name: &str) -> usize {
        let bytes = name.as_bytes();
        let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
            return 0;
        };
        let length = bytes.len();
        let key = u32::from_le_bytes([length as u8, *first, bytes[length / 2], *last]);
        (key.wrapping_mul(0x9E37_79B1) >> self.shift) as usize
    }
}
