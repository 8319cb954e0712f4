// SPDX-License-Identifier: Apache-2.0
//! Following the server's binary log, as a replica would: which rows changed, and what they were before.
//!
//! The log says which rows changed; what is in them now is read by a `SELECT` like everything else. Only
//! keys and the columns by which rows lead to each other are decoded, and only where that can be done exactly:
//! what cannot be (MySQL's JSON, MariaDB's UUID, a rare character set) is left out of the image.
//!
//! `stream` holds the connection and the place in the log; `wire` reads events, `layout` adds what the log
//! leaves out, `decode` (with `decimal`, `times`, `charset`) makes values, `statement` judges what is logged
//! as text, `server` asks how the log is kept and how far the tables have come, and `feed` puts it together.
//!
//! Never: a statement of the log in an error or a log line, for it may hold what a clerk typed; a position that
//! is not between transactions (a large one is resumed at its beginning, counting what was handed out).
//!
//! After a crash nothing is left here: the caller brings the position, and the server sends again.

mod charset;
mod decimal;
mod decode;
mod feed;
mod layout;
mod position;
mod server;
mod statement;
mod stream;
mod times;
mod wire;

pub(crate) use feed::Log;
