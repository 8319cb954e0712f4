// SPDX-License-Identifier: Apache-2.0
//! Reading the driver's lists of tables, columns and keys.
//!
//! Every cell of these lists is read as text, column after column, because drivers agree on the order of the
//! columns and on little else.

use std::borrow::Cow;

use odbc_api::{Cursor, Error};

use crate::text::{Encoding, of_bytes, of_units};

/// The most rows of one list: what hospitals have is far below, and a list without end is not read.
const MOST_ROWS: usize = 1_000_000;

/// The first `columns` cells of every row, NULL as `None`.
pub(crate) fn rows(
    cursor: &mut impl Cursor,
    columns: u16,
    encoding: Encoding,
) -> Result<Vec<Vec<Option<String>>>, Error> {
    let mut found = Vec::new();
    let (mut bytes, mut units) = (Vec::new(), Vec::new());
    while let Some(mut row) = cursor.next_row()? {
        let mut cells = Vec::with_capacity(columns.into());
        for at in 1..=columns {
            let there = match encoding {
                Encoding::Wide => row.get_wide_text(at, &mut units)?,
                Encoding::Narrow => row.get_text(at, &mut bytes)?,
            };
            let text = match encoding {
                Encoding::Wide => of_units(&units, false),
                Encoding::Narrow => of_bytes(&bytes, false).map(Cow::into_owned),
            };
            cells.push(text.ok().filter(|_| there));
        }
        found.push(cells);
        if found.len() >= MOST_ROWS {
            break;
        }
    }
    Ok(found)
}

/// A table as the driver lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub catalog: Option<String>,
    pub schema: Option<String>,
    pub name: String,
}

impl Listed {
    /// Of a row that begins with catalog, schema and name.
    pub(crate) fn of(cells: &[Option<String>]) -> Option<Self> {
        let given = |at: usize| cells.get(at).cloned().flatten().filter(|s| !s.is_empty());
        Some(Self {
            catalog: given(0),
            schema: given(1),
            name: given(2)?,
        })
    }
}
