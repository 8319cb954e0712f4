// SPDX-License-Identifier: Apache-2.0
//! Which rows of a table are alive.
//!
//! A data page begins with a list of slots. A slot is two bytes: the row's place on the page and two flags.
//!
//! ```text
//! 0x0000  a row
//! 0x4000  a row that outgrew its page: here lie four bytes, row and page of where it is now
//! 0x8000  the place where such a row is now; it counts only while a slot points to it
//! 0xC000  deleted
//! ```
//!
//! jetdb passes over what is flagged 0x4000 and takes what is flagged 0x8000, wherever it meets it: rows that
//! moved once are found, but one that moved and was then deleted, or moved again, comes back from its old
//! place. Hence this census: the places that no slot points to any more are stale, and a page that makes no
//! sense is a fault, not a page without rows.

use std::collections::HashSet;

use jetdb::format::JetFormat;
use jetdb::{FileError, PageReader, RowPosition, TableDef};

const MOVED: u16 = 0x4000;
const HIDDEN: u16 = 0x8000;
const PLACE: u16 = 0x1FFF;
/// A data page.
const DATA: u8 = 1;
/// A row moves at most so often before its slots are called a circle.
const MOST_MOVES: usize = 8;

/// The live rows of a table.
#[derive(Debug, Default)]
pub(crate) struct Census {
    /// How many there are.
    pub rows: u64,
    /// Places that look like rows and are none.
    stale: HashSet<RowPosition>,
}

/// What does not fit together in a table's pages.
#[derive(Debug)]
pub(crate) enum Ill {
    /// The file cannot be read there.
    File(FileError),
    /// The page was read and contradicts itself or others.
    Page { page: u32, what: &'static str },
}

impl From<FileError> for Ill {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl Census {
    /// Whether a row that jetdb gives is alive.
    pub fn lives(&self, at: RowPosition) -> bool {
        !self.stale.contains(&at)
    }

    /// Goes through every page of a table, whose definition begins on page `owner`.
    pub fn take(reader: &mut PageReader, def: &TableDef, owner: u32) -> Result<Self, Ill> {
        let mut rows = 0;
        let mut hidden = HashSet::new();
        let mut moved = Vec::new();
        for (index, &page) in def.data_pages.iter().enumerate() {
            let format = reader.format();
            let bytes = reader.read_page(page)?;
            if bytes.first() != Some(&DATA) {
                continue; // allotted to the table and not yet used
            }
            let sheet = Slots {
                format,
                bytes,
                page,
            };
            if sheet.owner() != Some(owner) {
                return Err(sheet.ill("belongs to another table"));
            }
            for row in 0..sheet.count()? {
                let at = position(index, row);
                match sheet.flags(row)? {
                    0 => rows += 1,
                    MOVED => moved.push(sheet.target(row)?),
                    HIDDEN => {
                        hidden.insert(at);
                    }
                    _ => {}
                }
            }
        }
        for target in moved {
            let at = resolve(reader, def, target)?;
            // A place that two slots point to would be one row twice.
            if !hidden.remove(&at) {
                return Err(Ill::Page {
                    page: target.0,
                    what: "holds no moved row where a slot points to",
                });
            }
            rows += 1;
        }
        Ok(Self {
            rows,
            stale: hidden,
        })
    }
}

/// Follows a moved row to where it lies.
fn resolve(
    reader: &mut PageReader,
    def: &TableDef,
    mut target: (u32, u16),
) -> Result<RowPosition, Ill> {
    for _ in 0..MOST_MOVES {
        let (page, row) = target;
        let lost = |what| Ill::Page { page, what };
        let Ok(index) = def.data_pages.binary_search(&page) else {
            return Err(lost("is not the table's, but a slot points to it"));
        };
        let format = reader.format();
        let bytes = reader.read_page(page)?;
        let sheet = Slots {
            format,
            bytes,
            page,
        };
        if bytes.first() != Some(&DATA) || row >= sheet.count()? {
            return Err(lost("has no such row as a slot points to"));
        }
        match sheet.flags(row)? {
            MOVED => target = sheet.target(row)?,
            _ => return Ok(position(index, row)),
        }
    }
    Err(Ill::Page {
        page: target.0,
        what: "belongs to a row that moves in a circle",
    })
}

fn position(index: usize, row: u16) -> RowPosition {
    RowPosition {
        page: u32::try_from(index).unwrap_or(u32::MAX),
        row,
    }
}

/// The slots of one data page.
struct Slots<'p> {
    format: &'static JetFormat,
    bytes: &'p [u8],
    page: u32,
}

impl Slots<'_> {
    fn ill(&self, what: &'static str) -> Ill {
        Ill::Page {
            page: self.page,
            what,
        }
    }

    fn two(&self, at: usize) -> Result<u16, Ill> {
        let two = self.bytes.get(at..at + 2).and_then(|b| b.try_into().ok());
        two.map(u16::from_le_bytes)
            .ok_or_else(|| self.ill("ends within its list of rows"))
    }

    /// First page of the definition of the table that the page belongs to.
    fn owner(&self) -> Option<u32> {
        let four = self.bytes.get(4..8)?.try_into().ok()?;
        Some(u32::from_le_bytes(four))
    }

    /// How many slots there are; the list must fit the page.
    fn count(&self) -> Result<u16, Ill> {
        let count = self.two(self.format.data_row_count_pos)?;
        let end = self.format.data_row_count_pos + 2 + 2 * usize::from(count);
        if end > self.bytes.len() {
            return Err(self.ill("has more rows than it can hold"));
        }
        Ok(count)
    }

    fn slot(&self, row: u16) -> Result<u16, Ill> {
        self.two(self.format.data_row_count_pos + 2 + 2 * usize::from(row))
    }

    /// The flags of a slot. What is no longer a row may lie anywhere; a row must lie on the page.
    fn flags(&self, row: u16) -> Result<u16, Ill> {
        let flags = self.slot(row)? & (MOVED | HIDDEN);
        if flags == 0 {
            self.extent(row)?;
        }
        Ok(flags)
    }

    /// Where a row lies: rows fill the page from its end.
    fn extent(&self, row: u16) -> Result<std::ops::Range<usize>, Ill> {
        let start = usize::from(self.slot(row)? & PLACE);
        let end = match row {
            0 => self.bytes.len(),
            _ => usize::from(self.slot(row - 1)? & PLACE),
        };
        if start < end && end <= self.bytes.len() {
            Ok(start..end)
        } else {
            Err(self.ill("has rows that overlap"))
        }
    }

    /// Page and row that a moved row's slot points to.
    fn target(&self, row: u16) -> Result<(u32, u16), Ill> {
        let place = self.extent(row)?;
        let four = self.bytes.get(place.start..place.start + 4);
        let pointer = four
            .and_then(|b| b.try_into().ok())
            .map(u32::from_le_bytes)
            .ok_or_else(|| self.ill("ends within a moved row"))?;
        Ok((pointer >> 8, u16::from(pointer.to_le_bytes()[0])))
    }
}
