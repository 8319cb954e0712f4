// SPDX-License-Identifier: Apache-2.0
//! Reading rows cell by cell, each whole, whatever its length (`SQLGetData`).

use odbc_api::handles::CDataMut;
use odbc_api::handles::StatementImpl;
use odbc_api::parameter::CElement;
use odbc_api::{Bit, Cursor, CursorImpl, CursorRow, Error, Nullable, Pod, sys};
use silsila_source::Value;

use crate::bulk::{BadCell, Fetched, Plan};
use crate::types::{Carrier, Cell, read};

/// At most `limit` rows, and the length of the longest cell of each column.
pub(crate) fn fetch(
    mut cursor: CursorImpl<StatementImpl<'_>>,
    plan: &Plan<'_>,
    limit: usize,
) -> Result<(Fetched, Vec<usize>), Error> {
    let mut reader = Reader {
        plan,
        longest: vec![0; plan.columns.len()],
        bytes: Vec::new(),
        units: Vec::new(),
    };
    let mut rows = Vec::new();
    while rows.len() < limit {
        let Some(mut row) = cursor.next_row()? else {
            break;
        };
        match reader.row(&mut row)? {
            Ok(values) => rows.push(values),
            Err(bad) => return Ok((Fetched::Bad(bad), reader.longest)),
        }
    }
    Ok((Fetched::Rows(rows), reader.longest))
}

struct Reader<'a> {
    plan: &'a Plan<'a>,
    longest: Vec<usize>,
    bytes: Vec<u8>,
    units: Vec<u16>,
}

impl Reader<'_> {
    fn row(&mut self, row: &mut CursorRow<'_>) -> Result<Result<Vec<Value>, BadCell>, Error> {
        let mut values = Vec::with_capacity(self.plan.columns.len());
        for (at, column) in self.plan.columns.iter().enumerate() {
            let carrier = column.carrier(self.plan.encoding);
            let exact = self.plan.exact[at];
            let cell = self.cell(row, at, carrier)?;
            match read(column, cell, exact) {
                Ok(value) => values.push(value),
                Err(why) => return Ok(Err(BadCell { column: at, why })),
            }
        }
        Ok(Ok(values))
    }

    fn cell(
        &mut self,
        row: &mut CursorRow<'_>,
        at: usize,
        carrier: Carrier,
    ) -> Result<Cell<'_>, Error> {
        let number = u16::try_from(at + 1).expect("a row has fewer columns than ODBC can count");
        let cell = match carrier {
            Carrier::Bit => fixed::<Bit>(row, number)?.map(|b| Cell::Bit(b.0)),
            Carrier::Int => fixed::<i64>(row, number)?.map(Cell::Int),
            Carrier::Single => fixed::<f32>(row, number)?.map(Cell::Single),
            Carrier::Double => fixed::<f64>(row, number)?.map(Cell::Double),
            Carrier::Date => fixed::<sys::Date>(row, number)?.map(Cell::Date),
            Carrier::Moment => fixed::<sys::Timestamp>(row, number)?.map(Cell::Moment),
            Carrier::Narrow => {
                let there = row.get_text(number, &mut self.bytes)?;
                self.longest[at] = self.longest[at].max(self.bytes.len());
                there.then_some(Cell::Narrow(&self.bytes))
            }
            Carrier::Wide => {
                let there = row.get_wide_text(number, &mut self.units)?;
                self.longest[at] = self.longest[at].max(self.units.len());
                there.then_some(Cell::Wide(&self.units))
            }
            Carrier::Binary => {
                let there = row.get_binary(number, &mut self.bytes)?;
                self.longest[at] = self.longest[at].max(self.bytes.len());
                there.then_some(Cell::Binary(&self.bytes))
            }
        };
        Ok(cell.unwrap_or(Cell::Null))
    }
}

fn fixed<T: Pod>(row: &mut CursorRow<'_>, number: u16) -> Result<Option<T>, Error>
where
    Nullable<T>: CElement + CDataMut,
{
    let mut cell = Nullable::<T>::default();
    row.get_data(number, &mut cell)?;
    Ok(cell.into_opt())
}
