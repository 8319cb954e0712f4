// SPDX-License-Identifier: Apache-2.0
//! One copy, opened: its tables, and reading their rows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jetdb::{
    CatalogEntry, ColumnType, FileError, JetVersion, PageReader, PropMapType, RowPosition,
    TableDef, TableRows, Value as Raw, index_type,
};
use silsila_source::{Column, Secret, SourceError, Table, Value};

use crate::cells::{self, Cell, Shape};
use crate::census::{Census, Ill};
use crate::fault::Asked;
use crate::objects::Objects;
use crate::raw::{self, Second};
use crate::sealed::Sealed;

/// A table whose pages were all looked at.
pub(crate) struct Sheet {
    def: TableDef,
    calculated: HashMap<String, ColumnType>,
    pub cells: Vec<Cell>,
    pub key: Vec<String>,
    pub census: Census,
}

/// A copy.
pub(crate) struct Book {
    reader: PageReader,
    /// Every table by name; what is wrong with it, where it cannot be read.
    sheets: BTreeMap<String, Result<Arc<Sheet>, Ill>>,
    linked: Vec<(String, Option<String>)>,
}

/// Why a copy cannot be opened at all.
#[derive(Debug)]
pub(crate) enum Unopened {
    /// What jetdb says.
    File(FileError),
    /// Its catalogue makes no sense.
    Catalogue(Ill),
}

impl Unopened {
    /// Whether another copy would say the same: a password is wrong also tomorrow.
    pub fn is_lasting(&self) -> bool {
        matches!(
            self,
            Self::File(
                FileError::PasswordRequired
                    | FileError::InvalidPassword
                    | FileError::UnsupportedEncryption { .. }
            )
        )
    }
}

impl Book {
    /// Opens a copy and looks at every page of every table.
    pub fn open(sealed: Sealed, password: Option<&Secret>) -> Result<Self, Unopened> {
        let password = password.map(Secret::expose);
        let mut reader =
            PageReader::open_reader_with_password(sealed, password).map_err(Unopened::File)?;
        let objects = Objects::read(&mut reader).map_err(Unopened::Catalogue)?;
        let mut sheets = BTreeMap::new();
        for entry in objects.tables {
            let sheet = sheet(&mut reader, &entry).map(Arc::new);
            sheets.insert(entry.name, sheet);
        }
        Ok(Self {
            reader,
            sheets,
            linked: objects.linked,
        })
    }

    /// Whether every table can be read.
    pub fn is_sound(&self) -> bool {
        self.sheets.values().all(Result::is_ok)
    }

    /// The table of that exact name.
    pub fn sheet(&self, asked: Asked<'_>) -> Result<Arc<Sheet>, SourceError> {
        match self.sheets.get(asked.table) {
            Some(Ok(sheet)) => Ok(sheet.clone()),
            Some(Err(ill)) => Err(asked.ill(ill)),
            None => Err(asked.missing("table", asked.table)),
        }
    }

    /// All tables that can be read, in name order.
    pub fn tables(&self) -> Vec<Table> {
        let charset = self.charset();
        let sheets = self.sheets.iter();
        sheets
            .filter_map(|(name, sheet)| {
                let sheet = sheet.as_ref().ok()?;
                Some(Table {
                    name: name.clone(),
                    columns: sheet.columns(charset.as_deref()),
                    primary_key: sheet.key.clone(),
                })
            })
            .collect()
    }

    /// The code page of text, in Jet 3; from Jet 4 on text is Unicode.
    fn charset(&self) -> Option<String> {
        let page = self.reader.text_encoding().jet3_code_page()?;
        Some(format!("cp{page}"))
    }

    /// What made the file.
    pub fn product(&self) -> &'static str {
        match self.reader.header().version {
            JetVersion::Jet3 => "MS Access 97 (.mdb, Jet 3)",
            JetVersion::Jet4 => "MS Access 2000 to 2003 (.mdb, Jet 4)",
            JetVersion::Ace12 => "MS Access 2007 (.accdb)",
            JetVersion::Ace14 => "MS Access 2010 (.accdb)",
            JetVersion::Ace15 => "MS Access 2013 (.accdb)",
            JetVersion::Ace16 => "MS Access 2016 (.accdb)",
            JetVersion::Ace17 => "MS Access 2019 (.accdb)",
            _ => "MS Access",
        }
    }

    /// What an operator should know of the content, in sentences.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for (name, sheet) in &self.sheets {
            match sheet {
                Ok(sheet) => notes.extend(sheet.note(name)),
                Err(ill) => notes.push(format!(
                    "table {name:?} cannot be read ({ill}); compact and repair the file in Access"
                )),
            }
        }
        for (name, place) in &self.linked {
            let place = place.as_deref().unwrap_or("another database");
            notes.push(format!(
                "table {name:?} is only a link to {place}: name that file in the configuration to read it"
            ));
        }
        notes
    }

    /// Every live row of a table, in the file's own order, with some of its columns.
    pub fn each(
        &mut self,
        asked: Asked<'_>,
        sheet: &Sheet,
        columns: &[&Cell],
        mut take: impl FnMut(RowPosition, Vec<Value>),
    ) -> Result<(), SourceError> {
        let at: Vec<usize> = columns.iter().map(|cell| cell.at).collect();
        let mut rows = TableRows::new(&sheet.def, &sheet.calculated).with_columns(&at);
        let damaged = |error: FileError| asked.damaged(&error);
        while let Some(mut row) = rows.next_row(&mut self.reader).map_err(damaged)? {
            if sheet.census.lives(row.position) {
                let values = self.values(asked, sheet, columns, row.position, &mut row.values)?;
                take(row.position, values);
            }
        }
        match rows.skipped_rows() {
            0 => Ok(()),
            lost => Err(asked.unreadable(format!(
                "the file is damaged: {lost} rows cannot be read; compact and repair it in Access"
            ))),
        }
    }

    /// The rows at some places, in their order. Where they follow each other as they lie in the file, which
    /// rows under a growing key do, a page is taken up once for all of its rows.
    pub fn rows(
        &mut self,
        asked: Asked<'_>,
        sheet: &Sheet,
        columns: &[&Cell],
        places: &[RowPosition],
        mut take: impl FnMut(Vec<Value>),
    ) -> Result<(), SourceError> {
        let wanted: Vec<usize> = columns.iter().map(|cell| cell.at).collect();
        let walk = |from| {
            TableRows::new(&sheet.def, &sheet.calculated)
                .with_columns(&wanted)
                .starting_at(from)
        };
        let damaged = |error: FileError| asked.damaged(&error);
        let mut rows = walk(RowPosition::default());
        for &at in places {
            let follows = rows.position() <= at && rows.position().page == at.page;
            if !follows {
                rows = walk(at);
            }
            let mut found = rows.next_row(&mut self.reader).map_err(damaged)?;
            if found.as_ref().is_none_or(|row| row.position != at) {
                rows = walk(at);
                found = rows.next_row(&mut self.reader).map_err(damaged)?;
            }
            let mut row = found.filter(|row| row.position == at).ok_or_else(|| {
                asked.unreadable(
                    "the file is damaged: a row cannot be read; compact and repair it in Access",
                )
            })?;
            take(self.values(asked, sheet, columns, at, &mut row.values)?);
        }
        Ok(())
    }

    fn values(
        &mut self,
        asked: Asked<'_>,
        sheet: &Sheet,
        columns: &[&Cell],
        at: RowPosition,
        raw: &mut [Raw],
    ) -> Result<Vec<Value>, SourceError> {
        let mut values: Vec<Value> = Vec::with_capacity(columns.len());
        for (i, cell) in columns.iter().enumerate() {
            if let Some(same) = columns[..i].iter().position(|other| other.at == cell.at) {
                values.push(values[same].clone());
                continue;
            }
            let read = std::mem::replace(&mut raw[cell.at], Raw::Null);
            values.push(match read {
                Raw::Null if !cell.calculated => self.second_look(asked, sheet, cell, at)?,
                read => cells::value(read).ok_or_else(|| lost(asked, cell))?,
            });
        }
        Ok(values)
    }

    fn second_look(
        &mut self,
        asked: Asked<'_>,
        sheet: &Sheet,
        cell: &Cell,
        at: RowPosition,
    ) -> Result<Value, SourceError> {
        let column = &sheet.def.columns[cell.at];
        match raw::look(&mut self.reader, &sheet.def, at, column) {
            Ok(Second::Null) => Ok(Value::Null),
            Ok(Second::Text(text)) => Ok(Value::Text(text.into())),
            Ok(Second::Lost) => Err(lost(asked, cell)),
            Err(error) => Err(asked.damaged(&error)),
        }
    }
}

fn lost(asked: Asked<'_>, cell: &Cell) -> SourceError {
    asked.unreadable(format!(
        "the file is damaged: a value of column {:?} is there and cannot be read; compact and repair it in Access",
        cell.name
    ))
}

fn sheet(reader: &mut PageReader, entry: &CatalogEntry) -> Result<Sheet, Ill> {
    let def = jetdb::read_table_def(reader, &entry.name, entry.table_page)?;
    let census = Census::take(reader, &def, entry.table_page)?;
    let calculated = jetdb::calculated_column_types_in(std::slice::from_ref(entry), &def);
    let required = required(entry, &def);
    let key = primary_key(&def);
    let cells = cells::cells(
        &def,
        &calculated,
        |name| required.contains(&name.to_owned()),
        &key,
    );
    Ok(Sheet {
        def,
        calculated,
        cells,
        key,
        census,
    })
}

/// The columns in which Access demands a value. Without that knowledge any may be NULL.
fn required(entry: &CatalogEntry, def: &TableDef) -> Vec<String> {
    let Ok(properties) = jetdb::entry_properties(entry, def.text_encoding) else {
        return Vec::new();
    };
    let columns = properties.maps.into_iter();
    columns
        .filter(|map| map.map_type == PropMapType::Column)
        .filter(|map| {
            map.properties
                .iter()
                .any(|p| p.name == "Required" && p.value == Raw::Bool(true))
        })
        .map(|map| map.name)
        .collect()
}

fn primary_key(def: &TableDef) -> Vec<String> {
    let mut indexes = def.indexes.iter();
    let Some(index) = indexes.find(|index| index.index_type == index_type::PRIMARY) else {
        return Vec::new();
    };
    let column = |number: u16| def.columns.iter().find(|c| c.col_num == number);
    let columns = index.columns.iter();
    columns
        .filter_map(|c| column(c.col_num))
        .map(|c| c.name.clone())
        .collect()
}

impl Sheet {
    fn columns(&self, charset: Option<&str>) -> Vec<Column> {
        let cells = self.cells.iter();
        cells
            .map(|cell| Column {
                name: cell.name.clone(),
                sql_type: cell.sql_type.clone(),
                kind: cell.shape.kind(),
                nullable: cell.nullable,
                charset: charset
                    .filter(|_| cell.shape == Shape::Text)
                    .map(str::to_owned),
            })
            .collect()
    }

    /// The columns of these names.
    pub fn wanted<'s>(
        &'s self,
        asked: Asked<'_>,
        names: &[String],
    ) -> Result<Vec<&'s Cell>, SourceError> {
        let find = |name: &String| {
            let cell = self.cells.iter().find(|cell| cell.name == *name);
            let cell = cell.ok_or_else(|| asked.missing("column", name))?;
            match cell.shape {
                Shape::Unread(why) => {
                    Err(asked.unreadable(format!("column {name:?} {why}, which is not read")))
                }
                _ => Ok(cell),
            }
        };
        names.iter().map(find).collect()
    }

    /// What is skipped in the table.
    fn note(&self, table: &str) -> Option<String> {
        let skipped: Vec<String> = self
            .cells
            .iter()
            .filter_map(|cell| match cell.shape {
                Shape::Unread(why) => Some(format!("{:?} {why}", cell.name)),
                _ => None,
            })
            .collect();
        (!skipped.is_empty()).then(|| {
            format!(
                "table {table:?}: not read are columns: {}",
                skipped.join("; ")
            )
        })
    }
}
