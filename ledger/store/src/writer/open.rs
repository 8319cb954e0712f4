// SPDX-License-Identifier: Apache-2.0
//! Opening the file for writing: founding it where it is new, verifying what is new since the last
//! clean checkpoint, and taking the outbox up again.

use std::sync::Arc;

use rusqlite::Connection;
use silsila_chain::{ChainState, ChannelKeys, Genesis, Identity, MAX_NAME, judge_founding};

use crate::clear::ClearSuite;
use crate::engine::{Engine, LoneEngine};
use crate::file::{
    BlockRow, ChunkRow, MetaName, OutboxRow, WriteLock, connect_writer, create_tables, mend_epochs,
    read_meta, write_meta,
};
use crate::read::{Anchors, Opening, Reading, StoredEpochs};
use crate::verify::{check_genesis, check_outbox, replay};
use crate::writer::outbox::{heads_of, open as open_staged};
use crate::writer::stage::draw;
use crate::writer::{Checkpoint, Outbox, Staged, Writer};
use crate::{Fault, Index, Place, StoreError, StoreOptions};

/// An opened file.
pub(crate) struct Opened {
    pub(crate) writer: Writer,
    pub(crate) genesis: Genesis,
}

/// Opens or founds the ledger.
pub(crate) fn open(
    options: &StoreOptions,
    mut index: Box<dyn Index>,
) -> Result<Opened, StoreError> {
    let lock = WriteLock::acquire(&options.path)?;
    let mut conn = connect_writer(options)?;
    create_tables(&conn)?;
    let genesis = match read_meta(&conn, MetaName::Genesis)? {
        Some(bytes) => decode(&bytes)?,
        None => found(&mut conn, options)?,
    };
    let keys = options.custodian_key.on(&genesis.id());
    check_keys(&conn, options, &genesis, &keys)?;
    let opening = Opening {
        suite: ClearSuite::new(&options.dictionaries),
        channel: genesis.id(),
        me: Some(options.member_key.public()),
        sealing: options.sealing_key.clone(),
    };
    let reading = Arc::new(Reading {
        epochs: StoredEpochs::new(&genesis),
        policy: Arc::clone(&options.policy),
        anchors: Anchors::default(),
        opening,
    });
    if let Some(fault) = check_genesis(&conn, &genesis)? {
        return Err(fault.into());
    }
    let start = start(&conn, &genesis, &keys)?;
    mend_epochs(&conn, start.chain.epochs(), start.chain.height())?;
    let checkpoint = start.chain.height();
    let before = start.chain.entries();
    let Checkpoint {
        chain,
        next_transaction,
    } = replay(&conn, &reading, start)?;
    if let Some(fault) = check_outbox(&conn)?.into_iter().next() {
        return Err(fault.into());
    }
    index.prepare(&conn)?;
    let outbox = take_up(&conn)?;
    let mut writer = Writer {
        index,
        engine: engine(options),
        reading,
        keys,
        member: options.member_key.clone(),
        grants: Arc::clone(&options.grants),
        next_payload: next_payload(&conn)?,
        unchecked: chain.entries() - before,
        chain,
        outbox,
        next_transaction,
        checkpoint,
        conn,
        lock: Some(lock),
    };
    writer.expire()?;
    Ok(Opened { writer, genesis })
}

/// Whoever alone certifies blocks orders them here, as long as that is so.
fn engine(options: &StoreOptions) -> Box<dyn Engine> {
    Box::new(LoneEngine {
        key: options.member_key.clone(),
        clock: Arc::clone(&options.clock),
        policy: Arc::clone(&options.policy),
    })
}

/// Reads the stored genesis.
pub(crate) fn decode(bytes: &[u8]) -> Result<Genesis, StoreError> {
    Genesis::decode(bytes).map_err(|error| {
        let place = Place {
            table: "ledger_meta",
            ..Place::default()
        };
        Fault {
            place,
            what: format!("the genesis is not in its format: {error}"),
        }
        .into()
    })
}

/// Writes block 0 of a new channel.
fn found(conn: &mut Connection, options: &StoreOptions) -> Result<Genesis, StoreError> {
    if options.channel_name.len() > MAX_NAME {
        return Err(StoreError::Foreign {
            path: options.path.display().to_string(),
            reason: format!("its channel's name would be longer than {MAX_NAME} bytes"),
        });
    }
    let genesis = match &options.genesis {
        Some(genesis) => genesis.clone(),
        None => found_alone(options)?,
    };
    judge_founding(&genesis, &*options.policy).map_err(|reason| StoreError::Foreign {
        path: options.path.display().to_string(),
        reason: format!("its channel's founding is not accepted: {reason}"),
    })?;
    let keys = options.custodian_key.on(&genesis.id());
    let txn = conn.transaction()?;
    write_meta(&txn, MetaName::Genesis, &genesis.encode())?;
    write_meta(&txn, MetaName::Custodian, &keys.local_seal(&genesis.id().0))?;
    let header = genesis.header().encode();
    let block = BlockRow {
        height: silsila_chain::Height(0),
        first_transaction: 1,
        header,
        certificate: Vec::new(),
    };
    block.insert(&txn)?;
    Checkpoint {
        chain: ChainState::at_genesis(&genesis),
        next_transaction: 1,
    }
    .write(&txn, &keys)?;
    txn.commit()?;
    Ok(genesis)
}

fn me(options: &StoreOptions) -> Identity {
    Identity::ed25519(options.member_key.public())
}

fn found_alone(options: &StoreOptions) -> Result<Genesis, StoreError> {
    let mut nonce = [0; 16];
    draw(&mut nonce)?;
    Ok(Genesis::lone(
        options.member_key.public(),
        options.channel_name.clone(),
        nonce,
        options.clock.now_ms(),
    ))
}

/// A ledger goes on under the keys that began it.
fn check_keys(
    conn: &Connection,
    options: &StoreOptions,
    genesis: &Genesis,
    keys: &ChannelKeys,
) -> Result<(), StoreError> {
    let foreign = |reason: &str| StoreError::Foreign {
        path: options.path.display().to_string(),
        reason: reason.to_owned(),
    };
    if options
        .genesis
        .as_ref()
        .is_some_and(|given| given != genesis)
    {
        return Err(foreign("it is of another channel"));
    }
    if genesis.is_alone() && genesis.validators != [me(options)] {
        return Err(foreign("it was begun with another member key"));
    }
    let sealed = read_meta(conn, MetaName::Custodian)?;
    if sealed.as_deref() != Some(&keys.local_seal(&genesis.id().0)[..]) {
        return Err(foreign("it was begun with another custodian key"));
    }
    Ok(())
}

/// The last clean checkpoint; where it is damaged, genesis, so that the whole chain is verified instead.
fn start(
    conn: &Connection,
    genesis: &Genesis,
    keys: &ChannelKeys,
) -> Result<Checkpoint, StoreError> {
    match Checkpoint::read(conn, genesis, keys) {
        Err(StoreError::Damaged { fault }) => {
            tracing::warn!(%fault, "the ledger is verified from its beginning");
            Ok(Checkpoint {
                chain: ChainState::at_genesis(genesis),
                next_transaction: 1,
            })
        }
        other => other,
    }
}

fn take_up(conn: &Connection) -> Result<Outbox, StoreError> {
    let mut outbox = Outbox::default();
    for row in OutboxRow::all(conn)? {
        let Some(transaction) = row.transaction() else {
            continue;
        };
        let open = open_staged(&transaction)?;
        let payloads = open
            .entries()
            .iter()
            .filter(|entry| entry.entry.payload().is_some())
            .count() as u64;
        let (id, number, payload) = (open.id(), row.number, row.payload);
        let heads = heads_of(&open);
        outbox.push(
            Staged {
                id,
                number,
                transaction,
                payload,
                payloads,
                plaintexts: None,
            },
            heads,
        );
    }
    Ok(outbox)
}

/// Behind every payload that is stored, and every one that was promised a place.
fn next_payload(conn: &Connection) -> Result<i64, StoreError> {
    let stored: Option<i64> =
        conn.query_row("SELECT max(id) FROM ledger_payload", [], |row| row.get(0))?;
    let staged = OutboxRow::all(conn)?.last().map_or(0, |row| row.payload);
    let last = ChunkRow::holding(conn, i64::MAX as u64)?.map_or(0, |chunk| chunk.payload + 16);
    Ok(stored.map_or(1, |id| id + 1).max(staged).max(last))
}
