// SPDX-License-Identifier: Apache-2.0
//! The SQLite file: how it is opened, what tables the ledger keeps in it, and reading and writing
//! their rows. Rows are few and short: sixteen entries share one, and heads are found by the first
//! eight bytes of a tag. `docs/ledger/formats.md` draws them.

mod connection;
mod epochs;
mod heads;
mod keys;
mod lock;
mod nodes;
mod payloads;
mod place;
mod rows;
mod schema;

pub(crate) use connection::{
    connect_behind, connect_reader, connect_writer, copy_to, damaged_pages, fold_log,
};
pub(crate) use epochs::{count_epochs, insert_epochs, knows_epochs, mend_epochs, read_epochs};
pub(crate) use heads::{insert_version, versions};
pub(crate) use keys::{
    closed, content_key, insert_closed, insert_content_key, newest_period, own_compartments,
    remove_closed, set_granted,
};
pub(crate) use lock::WriteLock;
pub(crate) use nodes::{StoredTree, insert_node, read_node};
pub(crate) use payloads::{
    by_digest, count_wanted, delete_payloads, differs, drop_held, held, hold, insert_digest,
    insert_payload, insert_wanted, is_wanted, payloads_between, take_held, take_wanted, wanted,
    with_payload,
};
pub use place::FileKey;
pub(crate) use place::{LedgerFile, beside};
pub(crate) use rows::{
    BlockRow, ChunkRow, MetaName, OutboxRow, TransactionRow, int, join_signature, number, prefix,
    read_meta, tip_height, write_meta,
};
pub(crate) use schema::create_tables;
