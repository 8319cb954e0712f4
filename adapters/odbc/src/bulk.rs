// SPDX-License-Identifier: Apache-2.0
//! Fetching rows by the hundred into columns of fixed width.
//!
//! The memory is bounded: wide rows come in smaller sets. A cell that did not fit is never passed on: the set
//! is given up, and `whole` reads the same rows cell by cell.

use odbc_api::buffers::{AnyColumnBufferSlice, BufferDesc, ColumnarDynBuffer};
use odbc_api::handles::StatementImpl;
use odbc_api::{Bit, BlockCursor, Cursor, CursorImpl, Error, sys};
use silsila_source::Value;

use crate::text::Encoding;
use crate::types::{Carrier, Cell, Column, read};

/// What a set of rows may take in memory.
const MOST_BYTES: usize = 4 << 20;
/// Rows in a set, at most.
const MOST_ROWS: usize = 1_000;
/// Beyond so many units a cell is not worth a column of buffers: its table is read cell by cell.
pub(crate) const MOST_WIDTH: usize = 64 << 10;

/// What the cells of an answer are to become.
pub(crate) struct Plan<'a> {
    pub columns: &'a [Column],
    /// Which of them will be compared with again.
    pub exact: &'a [bool],
    pub encoding: Encoding,
    /// Units set aside for each column of variable length.
    pub widths: &'a [usize],
}

/// A cell that is not what its column promises.
pub(crate) struct BadCell {
    /// Its column's place.
    pub column: usize,
    pub why: &'static str,
}

/// What came of fetching.
pub(crate) enum Fetched {
    Rows(Vec<Vec<Value>>),
    /// At least one cell was longer than its buffer, or the driver gives no sets.
    NotWhole,
    Bad(BadCell),
}

impl Plan<'_> {
    fn carriers(&self) -> impl Iterator<Item = Carrier> {
        self.columns.iter().map(|c| c.carrier(self.encoding))
    }

    fn buffers(&self) -> Vec<BufferDesc> {
        let describe = |(carrier, width): (Carrier, &usize)| match carrier {
            Carrier::Bit => BufferDesc::Bit { nullable: true },
            Carrier::Int => BufferDesc::I64 { nullable: true },
            Carrier::Single => BufferDesc::F32 { nullable: true },
            Carrier::Double => BufferDesc::F64 { nullable: true },
            Carrier::Date => BufferDesc::Date { nullable: true },
            Carrier::Moment => BufferDesc::Timestamp { nullable: true },
            Carrier::Narrow => BufferDesc::Text {
                max_str_len: *width,
            },
            Carrier::Wide => BufferDesc::WText {
                max_str_len: *width,
            },
            Carrier::Binary => BufferDesc::Binary { max_bytes: *width },
        };
        self.carriers().zip(self.widths).map(describe).collect()
    }
}

/// The memory of the last fetch, for the next one of the same columns: the chunks of a scan follow each other.
pub(crate) struct Kept {
    descriptions: Vec<BufferDesc>,
    rows: usize,
    buffer: ColumnarDynBuffer,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kept({} rows)", self.rows)
    }
}

/// Memory for a set of rows: that of the last fetch if it fits.
fn memory(plan: &Plan<'_>, limit: usize, kept: Option<Kept>) -> Result<Kept, Error> {
    let descriptions = plan.buffers();
    let per_row: usize = descriptions.iter().map(BufferDesc::bytes_per_row).sum();
    let rows = (MOST_BYTES / per_row.max(1)).clamp(1, MOST_ROWS.min(limit.max(1)));
    let fits = |kept: &Kept| kept.rows == rows && kept.descriptions == descriptions;
    if let Some(kept) = kept.filter(fits) {
        return Ok(kept);
    }
    Ok(Kept {
        buffer: ColumnarDynBuffer::try_from_descs(rows, descriptions.iter().copied())?,
        descriptions,
        rows,
    })
}

/// At most `limit` rows of an answer.
pub(crate) fn fetch(
    cursor: CursorImpl<StatementImpl<'_>>,
    plan: &Plan<'_>,
    limit: usize,
    kept: &mut Option<Kept>,
) -> Result<Fetched, Error> {
    let Kept {
        descriptions,
        rows: at_once,
        buffer,
    } = memory(plan, limit, kept.take())?;
    let mut cursor = match cursor.bind_buffer(buffer) {
        Err(Error::InvalidRowArraySize { .. }) => return Ok(Fetched::NotWhole),
        other => other?,
    };
    let fetched = taken(&mut cursor, plan, limit)?;
    let (cursor, buffer) = cursor.unbind()?;
    drop(cursor);
    *kept = Some(Kept {
        descriptions,
        rows: at_once,
        buffer,
    });
    Ok(fetched)
}

fn taken(
    cursor: &mut BlockCursor<CursorImpl<StatementImpl<'_>>, ColumnarDynBuffer>,
    plan: &Plan<'_>,
    limit: usize,
) -> Result<Fetched, Error> {
    let mut rows: Vec<Vec<Value>> = Vec::new();
    while let Some(set) = cursor.fetch()? {
        let (first, count) = (rows.len(), set.num_rows());
        rows.resize_with(first + count, || Vec::with_capacity(plan.columns.len()));
        for (at, carrier) in plan.carriers().enumerate() {
            let mut taker = Taker {
                plan,
                at,
                rows: &mut rows[first..],
                bad: None,
            };
            if !taker.column(carrier, set.column(at)) {
                return Ok(Fetched::NotWhole);
            }
            if let Some(bad) = taker.bad {
                return Ok(Fetched::Bad(bad));
            }
        }
        if rows.len() >= limit {
            rows.truncate(limit);
            break;
        }
    }
    Ok(Fetched::Rows(rows))
}

/// Adds one column of a set to its rows.
struct Taker<'a> {
    plan: &'a Plan<'a>,
    at: usize,
    rows: &'a mut [Vec<Value>],
    bad: Option<BadCell>,
}

impl Taker<'_> {
    /// Whether every cell was whole.
    fn column(&mut self, carrier: Carrier, cells: AnyColumnBufferSlice<'_>) -> bool {
        match carrier {
            Carrier::Bit => {
                self.fixed(cells.as_nullable_slice::<Bit>(), |b| Cell::Bit(b.0));
            }
            Carrier::Int => self.fixed(cells.as_nullable_slice::<i64>(), |i| Cell::Int(*i)),
            Carrier::Single => {
                self.fixed(cells.as_nullable_slice::<f32>(), |f| Cell::Single(*f));
            }
            Carrier::Double => {
                self.fixed(cells.as_nullable_slice::<f64>(), |f| Cell::Double(*f));
            }
            Carrier::Date => {
                self.fixed(cells.as_nullable_slice::<sys::Date>(), |d| Cell::Date(*d));
            }
            Carrier::Moment => {
                let moments = cells.as_nullable_slice::<sys::Timestamp>();
                self.fixed(moments, |t| Cell::Moment(*t));
            }
            Carrier::Narrow => {
                let Some(texts) = cells.as_text() else {
                    return false;
                };
                if texts.has_truncated_values().is_some() {
                    return false;
                }
                let most = texts.max_len();
                return self.varying(texts.iter(), most, Cell::Narrow);
            }
            Carrier::Wide => {
                let Some(texts) = cells.as_wide_text() else {
                    return false;
                };
                if texts.has_truncated_values().is_some() {
                    return false;
                }
                let most = texts.max_len();
                let units = texts.iter().map(|text| text.map(|t| t.as_slice()));
                return self.varying(units, most, Cell::Wide);
            }
            Carrier::Binary => {
                let Some(bytes) = cells.as_binary() else {
                    return false;
                };
                if bytes.has_truncated_values().is_some() {
                    return false;
                }
                let most = self.plan.widths[self.at];
                return self.varying(bytes.iter(), most, Cell::Binary);
            }
        }
        true
    }

    fn fixed<'b, T: 'b>(
        &mut self,
        cells: Option<impl Iterator<Item = Option<&'b T>>>,
        wrap: impl Fn(&'b T) -> Cell<'b>,
    ) {
        for (row, cell) in cells.into_iter().flatten().enumerate() {
            self.take(row, cell.map_or(Cell::Null, &wrap));
        }
    }

    /// Some drivers cut a cell and say its length is that of what is left, so that a full buffer is not
    /// trusted either.
    fn varying<'b, T: 'b>(
        &mut self,
        cells: impl Iterator<Item = Option<&'b [T]>>,
        most: usize,
        wrap: impl Fn(&'b [T]) -> Cell<'b>,
    ) -> bool {
        for (row, cell) in cells.enumerate() {
            if cell.is_some_and(|cell| cell.len() >= most) {
                return false;
            }
            self.take(row, cell.map_or(Cell::Null, &wrap));
        }
        true
    }

    fn take(&mut self, row: usize, cell: Cell<'_>) {
        match read(&self.plan.columns[self.at], cell, self.plan.exact[self.at]) {
            Ok(value) => self.rows[row].push(value),
            Err(why) => {
                self.bad.get_or_insert(BadCell {
                    column: self.at,
                    why,
                });
            }
        }
    }
}
