// SPDX-License-Identifier: Apache-2.0
//! SQL batches and remote procedure calls, MS-TDS 2.2.6.7 and 2.2.6.6.

use super::reader::{Reader, utf16};
use super::types::read_parameter;
use crate::data::{Type, Value};

/// The number of `sp_executesql`.
const SP_EXECUTESQL: u16 = 10;

/// Something to be done.
#[derive(Debug)]
pub(crate) enum Request {
    Batch(String),
    ExecuteSql {
        statement: String,
        declarations: String,
        parameters: Vec<(String, Value, Type)>,
    },
    /// A procedure that is not known here.
    Procedure(String),
}

/// Reads what follows ALL_HEADERS, which speak of transactions and notifications.
fn body(message: &[u8]) -> Option<Reader<'_>> {
    let length = usize::try_from(Reader(message).u32()?).ok()?;
    message.get(length.max(4)..).map(Reader)
}

pub(crate) fn batch(message: &[u8]) -> Option<Request> {
    Some(Request::Batch(utf16(body(message)?.0)?))
}

pub(crate) fn rpc(message: &[u8]) -> Option<Request> {
    let mut reader = body(message)?;
    let name = match reader.u16()? {
        0xffff => match reader.u16()? {
            SP_EXECUTESQL => String::from("sp_executesql"),
            number => format!("number {number}"),
        },
        length => reader.text(length)?,
    };
    if !name.eq_ignore_ascii_case("sp_executesql") {
        return Some(Request::Procedure(name));
    }
    reader.u16()?; // option flags
    let mut parameters = Vec::new();
    while !reader.is_empty() {
        let name = reader.short_text()?;
        reader.u8()?; // status flags: all parameters go one way here
        let (ty, value) = read_parameter(&mut reader)?;
        parameters.push((name, value, ty));
    }
    let mut parameters = parameters.into_iter();
    let Some((_, Value::Text(statement), _)) = parameters.next() else {
        return None;
    };
    let declarations = match parameters.next() {
        None => String::new(),
        Some((_, Value::Text(declarations), _)) => declarations,
        // A client without parameters may send anything here.
        Some(_) => String::new(),
    };
    Some(Request::ExecuteSql {
        statement,
        declarations,
        parameters: parameters.collect(),
    })
}
