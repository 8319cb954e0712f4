// SPDX-License-Identifier: Apache-2.0
//! A second look at what jetdb gave as NULL.
//!
//! jetdb makes NULL of what it cannot decode. To a hospital's record that is worse than an error: a note that
//! was there would vanish. A row's own bytes tell which of its values are NULL; where they say that there is
//! one and jetdb has none, text is decoded here with U+FFFD in the place of what is no text, and anything else
//! is a fault.
//!
//! ```text
//! row     column count (1 byte in Jet 3, else 2), fixed values, variable values,
//!         from Jet 4 on: ends and starts of the variable values (2 bytes each, last first), their count (2),
//!         one bit for each column, set where there is a value
//! long    length and two flags (4 bytes), then the value itself after 8 more bytes (flag 0x8000_0000), or
//!         the row that holds it (0x4000_0000), or the first of a chain of rows (neither)
//! ```

use jetdb::{ColumnDef, ColumnType, FileError, PageReader, RowPosition, TableDef};

const HERE: u32 = 0x8000_0000;
const ONE_ROW: u32 = 0x4000_0000;
/// In front of a long value that lies in the row itself.
const HEAD: usize = 12;
/// Two bytes that say: what follows is one byte for a character.
const COMPRESSED: [u8; 2] = [0xFF, 0xFE];

/// What a row's own bytes say about a value that jetdb gave as NULL.
pub(crate) enum Second {
    Null,
    Text(String),
    Lost,
}

/// Looks at one column of one row again.
pub(crate) fn look(
    reader: &mut PageReader,
    def: &TableDef,
    at: RowPosition,
    column: &ColumnDef,
) -> Result<Second, FileError> {
    let Some(&page) = def.data_pages.get(at.page as usize) else {
        return Ok(Second::Lost);
    };
    let format = reader.format();
    let bytes = reader.read_page(page)?;
    let (start, size) = jetdb::find_row(format, bytes, page, at.row)?;
    let row = Row {
        bytes: &bytes[start..start + size],
        jet3: def.text_encoding.is_jet3(),
    };
    match row.has_value(column.col_num) {
        None => return Ok(Second::Lost),
        Some(false) => return Ok(Second::Null),
        Some(true) => {}
    }
    let text = matches!(column.col_type, ColumnType::Text | ColumnType::Memo);
    let Some(stored) = row.variable(column).filter(|_| text) else {
        return Ok(Second::Lost);
    };
    let stored = stored.to_vec();
    let whole = if column.col_type == ColumnType::Memo {
        long(reader, &stored)?
    } else {
        Some(stored)
    };
    Ok(whole.map_or(Second::Lost, |bytes| Second::Text(lossy(&bytes))))
}

struct Row<'p> {
    bytes: &'p [u8],
    jet3: bool,
}

impl Row<'_> {
    fn two(&self, at: usize) -> Option<usize> {
        let two = self.bytes.get(at..at + 2)?.try_into().ok()?;
        Some(usize::from(u16::from_le_bytes(two)))
    }

    /// Where the bits begin that tell which columns have a value.
    fn mask(&self) -> Option<usize> {
        let columns = if self.jet3 {
            usize::from(*self.bytes.first()?)
        } else {
            self.two(0)?
        };
        self.bytes.len().checked_sub(columns.div_ceil(8))
    }

    /// Whether a column has a value. One that was added to the table after the row was written has none.
    fn has_value(&self, column: u16) -> Option<bool> {
        let mask = &self.bytes[self.mask()?..];
        let byte = mask.get(usize::from(column / 8));
        Some(byte.is_some_and(|byte| byte & (1 << (column % 8)) != 0))
    }

    /// The bytes of a variable column, from Jet 4 on.
    fn variable(&self, column: &ColumnDef) -> Option<&[u8]> {
        if self.jet3 || column.is_fixed {
            return None;
        }
        let count_at = self.mask()?.checked_sub(2)?;
        let index = usize::from(column.var_col_num);
        if index >= self.two(count_at)? {
            return None;
        }
        let entry = |index: usize| self.two(count_at.checked_sub(2 * (index + 1))?);
        self.bytes.get(entry(index)?..entry(index + 1)?)
    }
}

/// The bytes of a long value; `None` where its chain is broken.
fn long(reader: &mut PageReader, stored: &[u8]) -> Result<Option<Vec<u8>>, FileError> {
    let four = |bytes: &[u8], at: usize| {
        let four = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_le_bytes(four))
    };
    let Some(head) = four(stored, 0) else {
        return Ok(None);
    };
    let len = (head & !(HERE | ONE_ROW)) as usize;
    if head & HERE != 0 {
        return Ok(stored.get(HEAD..HEAD + len).map(<[u8]>::to_vec));
    }
    let Some(mut place) = four(stored, 4) else {
        return Ok(None);
    };
    if head & ONE_ROW != 0 {
        return reader.read_pg_row(place).map(Some);
    }
    let mut whole = Vec::new();
    while whole.len() < len {
        if place == 0 {
            return Ok(None);
        }
        let row = reader.read_pg_row(place)?;
        let (Some(next), Some(part)) = (four(&row, 0), row.get(4..)) else {
            return Ok(None);
        };
        if part.is_empty() {
            return Ok(None); // a chain that does not grow need not end
        }
        whole.extend_from_slice(part);
        place = next;
    }
    whole.truncate(len);
    Ok(Some(whole))
}

/// UTF-16, compressed or not, with U+FFFD for what is none.
fn lossy(bytes: &[u8]) -> String {
    let units: Vec<u16> = match bytes.strip_prefix(&COMPRESSED) {
        Some(rest) => expand(rest),
        None => bytes
            .chunks(2)
            .map(|pair| u16::from_le_bytes([pair[0], *pair.get(1).unwrap_or(&0xFF)]))
            .collect(),
    };
    String::from_utf16_lossy(&units)
}

/// One byte for a character; a zero byte switches to two bytes for each, and back.
fn expand(bytes: &[u8]) -> Vec<u16> {
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    let mut single = true;
    while let Some((&first, more)) = rest.split_first() {
        rest = more;
        if first == 0 {
            single = !single;
        } else if single {
            units.push(first.into());
        } else if let Some((&second, more)) = more.split_first() {
            units.push(u16::from_le_bytes([first, second]));
            rest = more;
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_character_costs_itself_and_not_the_text_around_it() {
        let mut bytes: Vec<u8> = "نام ".encode_utf16().flat_map(u16::to_le_bytes).collect();
        bytes.extend([0x3D, 0xD8]);
        bytes.extend("x".encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(lossy(&bytes), "نام \u{FFFD}x");
        bytes.push(7);
        assert!(lossy(&bytes).starts_with("نام \u{FFFD}x"));
        assert_eq!(
            lossy(&[0xFF, 0xFE, b'a', 0, 0x3D, 0xD8, 0, b'b']),
            "a\u{FFFD}b"
        );
    }

    #[test]
    fn the_mask_of_a_row_tells_what_is_null() {
        // Three columns; the first and the third have a value.
        let row = Row {
            bytes: &[3, 0, 1, 2, 3, 4, 0b101],
            jet3: false,
        };
        assert_eq!(row.has_value(0), Some(true));
        assert_eq!(row.has_value(1), Some(false));
        assert_eq!(row.has_value(2), Some(true));
        assert_eq!(row.has_value(9), Some(false), "added later");
        let short = Row {
            bytes: &[200, 0, 1],
            jet3: false,
        };
        assert_eq!(short.has_value(0), None);
    }
}
