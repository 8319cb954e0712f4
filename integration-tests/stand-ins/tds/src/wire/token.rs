// SPDX-License-Identifier: Apache-2.0
//! The tokens of an answer, MS-TDS 2.2.7.

use super::login::TDS_7_4;
use super::types::{write_collation, write_type, write_value};
use crate::data::{Collation, Type, Value};
use crate::engine::Output;
use crate::error::SqlError;

const COLMETADATA: u8 = 0x81;
const ERROR: u8 = 0xaa;
const INFO: u8 = 0xab;
const LOGINACK: u8 = 0xad;
const ROW: u8 = 0xd1;
const NBCROW: u8 = 0xd2;
const ENVCHANGE: u8 = 0xe3;
const RETURNSTATUS: u8 = 0x79;
pub(crate) const DONE: u8 = 0xfd;
pub(crate) const DONEPROC: u8 = 0xfe;
pub(crate) const DONEINPROC: u8 = 0xff;

/// Bits of DONE's status, 2.2.7.6.
pub(crate) const DONE_MORE: u16 = 0x01;
pub(crate) const DONE_ERROR: u16 = 0x02;
pub(crate) const DONE_COUNT: u16 = 0x10;
pub(crate) const DONE_ATTENTION: u16 = 0x20;

/// How the server calls itself in messages.
const SERVER: &str = "stand-in";

fn short_text(text: &str, out: &mut Vec<u8>) {
    let units: Vec<_> = text.encode_utf16().take(255).collect();
    out.push(u8::try_from(units.len()).unwrap_or(0));
    out.extend(units.into_iter().flat_map(u16::to_le_bytes));
}

fn text(text: &str, out: &mut Vec<u8>) {
    let units: Vec<_> = text.encode_utf16().take(2000).collect();
    out.extend_from_slice(&u16::try_from(units.len()).unwrap_or(0).to_le_bytes());
    out.extend(units.into_iter().flat_map(u16::to_le_bytes));
}

/// A token whose length stands in front.
fn sized(token: u8, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    write(&mut body);
    out.push(token);
    out.extend_from_slice(&u16::try_from(body.len()).unwrap_or(0).to_le_bytes());
    out.extend(body);
}

pub(crate) fn error(error: &SqlError, out: &mut Vec<u8>) {
    message(
        ERROR,
        error.number,
        error.state,
        error.class,
        &error.message,
        out,
    );
}

pub(crate) fn info(number: i32, message_text: &str, out: &mut Vec<u8>) {
    message(INFO, number, 1, 0, message_text, out);
}

fn message(token: u8, number: i32, state: u8, class: u8, message_text: &str, out: &mut Vec<u8>) {
    sized(token, out, |body| {
        body.extend_from_slice(&number.to_le_bytes());
        body.extend([state, class]);
        text(message_text, body);
        short_text(SERVER, body);
        short_text("", body);
        body.extend_from_slice(&1u32.to_le_bytes());
    });
}

/// The session is in another database now.
pub(crate) fn database(new: &str, out: &mut Vec<u8>) {
    change(1, new, out);
}

pub(crate) fn language(out: &mut Vec<u8>) {
    change(2, "us_english", out);
}

pub(crate) fn packet_size(new: usize, out: &mut Vec<u8>) {
    sized(ENVCHANGE, out, |body| {
        body.push(4);
        short_text(&new.to_string(), body);
        short_text("4096", body);
    });
}

pub(crate) fn collation(out: &mut Vec<u8>) {
    sized(ENVCHANGE, out, |body| {
        body.extend([7, 5]);
        write_collation(Collation::default(), body);
        body.push(0);
    });
}

fn change(kind: u8, new: &str, out: &mut Vec<u8>) {
    sized(ENVCHANGE, out, |body| {
        body.push(kind);
        short_text(new, body);
        short_text("", body);
    });
}

pub(crate) fn login_ack(out: &mut Vec<u8>) {
    sized(LOGINACK, out, |body| {
        body.push(1); // T-SQL
        body.extend_from_slice(&TDS_7_4.to_be_bytes());
        short_text("Silsila TDS stand-in", body);
        body.extend([0, 1, 0, 0]);
    });
}

pub(crate) fn columns(columns: &[Output], out: &mut Vec<u8>) {
    const NULLABLE: u16 = 0x01;
    /// What `timestamp` is to clients that ask.
    const TIMESTAMP: u32 = 80;
    out.push(COLMETADATA);
    out.extend_from_slice(
        &u16::try_from(columns.len())
            .unwrap_or(u16::MAX)
            .to_le_bytes(),
    );
    for column in columns {
        let user_type = if column.ty == Type::RowVersion {
            TIMESTAMP
        } else {
            0
        };
        out.extend_from_slice(&user_type.to_le_bytes());
        let flags = if column.nullable { NULLABLE } else { 0 };
        out.extend_from_slice(&flags.to_le_bytes());
        write_type(column.ty, column.nullable, column.collation, out);
        short_text(&column.name, out);
    }
}

/// A row; where NULLs occur, in the form that leaves them out.
pub(crate) fn row(values: &[Value], columns: &[Output], out: &mut Vec<u8>) {
    let packed = values.iter().any(Value::is_null);
    out.push(if packed { NBCROW } else { ROW });
    if packed {
        for values in values.chunks(8) {
            let bit = |(at, value): (usize, &Value)| u8::from(value.is_null()) << at;
            out.push(values.iter().enumerate().map(bit).sum());
        }
    }
    for (value, column) in values.iter().zip(columns) {
        if !(packed && value.is_null()) {
            write_value(value, column.ty, column.nullable, column.collation, out);
        }
    }
}

pub(crate) fn done(token: u8, status: u16, count: Option<u64>, out: &mut Vec<u8>) {
    let status = status | count.map_or(0, |_| DONE_COUNT);
    out.push(token);
    out.extend_from_slice(&status.to_le_bytes());
    out.extend_from_slice(&0xc1u16.to_le_bytes()); // SELECT
    out.extend_from_slice(&count.unwrap_or(0).to_le_bytes());
}

pub(crate) fn return_status(out: &mut Vec<u8>) {
    out.push(RETURNSTATUS);
    out.extend_from_slice(&0i32.to_le_bytes());
}
