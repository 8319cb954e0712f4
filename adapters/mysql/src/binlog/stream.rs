// SPDX-License-Identifier: Apache-2.0
//! One connection on which the server sends its log, and where in it we are.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;
use mysql_async::binlog::BinlogChecksumAlg;
use mysql_async::binlog::events::Event;
use mysql_async::prelude::Queryable;
use mysql_async::{BinlogStream, BinlogStreamRequest, Conn, Error};
use silsila_source::{FeedPosition, SourceError};
use tokio::time::{Instant, timeout};

use super::position::{Origin, Place, START};
use super::statement::Effect;
use super::wire::{Broken, Bytes, RowsForm, Statement, TableMap};
use crate::MySqlOptions;
use crate::fault::{classify, unavailable};
use crate::session::{asked, driver_options};

/// How often the server says that it is alive while nothing changes.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// After so long a silence the connection is given up.
const SILENCE: Duration = Duration::from_secs(35);
/// "The log cannot be read from there": purged, truncated, or another server's.
const CANNOT_READ: u16 = 1236;

/// Why the log could not be read on.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The connection's: worth another one at the same place.
    Source(SourceError),
    /// The place's: nothing after it can be had.
    Lost(String),
}

impl From<SourceError> for Trouble {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

/// What the log says next, as far as it concerns tables.
#[derive(Debug)]
pub(super) enum Said {
    /// Rows of a table; `form` and the event's bytes tell which.
    Rows { form: RowsForm, data: Vec<u8> },
    /// A statement that may change tables and does not say which rows.
    Statement(Statement),
    /// Rows of that table changed, and the log does not hold them whole.
    Table(String),
    /// Something that may have changed any table.
    Anything,
    /// Nothing that concerns tables, but the place may be another one.
    Passed,
}

/// An event that holds rows.
#[derive(Debug, Clone, Copy)]
enum RowsEvent {
    Whole(RowsForm),
    /// MySQL's partial updates of JSON.
    Parts,
}

impl RowsEvent {
    fn of(kind: u8) -> Option<Self> {
        match kind {
            39 => Some(Self::Parts),
            _ => RowsForm::of(kind).map(Self::Whole),
        }
    }
}

/// Where an event stands with respect to transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    /// Between two.
    Nothing,
    /// In one that may be a single statement.
    Announced,
    /// In one that ends with a commit.
    Transaction,
}

/// The server's log, being read.
pub(super) struct LogStream {
    stream: BinlogStream,
    database: String,
    within: Within,
    /// Between transactions; what follows it was read as far as `place.rows` says.
    pub place: Place,
    /// Row events to pass over: those of the transaction after `place` that were handed out before.
    skip: u64,
    pub maps: HashMap<u64, TableMap>,
    heard: Instant,
    greeted: bool,
    /// The end of the last event read, in the file of `place` or of the one named by `next_file`.
    read_to: u64,
    next_file: Option<String>,
    /// The end of a compressed transaction that is being unpacked (MySQL).
    unpacking: Option<u64>,
    /// Whether the last transaction had an identifier in MySQL's manner, and which.
    pub gtid: Option<String>,
}

impl LogStream {
    /// Asks the server for its log from a place on.
    pub async fn open(
        options: &MySqlOptions,
        server_id: u32,
        place: Place,
    ) -> Result<Self, Trouble> {
        let opening = async {
            let fault = |e: Error| trouble(options, &e);
            let opts = driver_options(options).await?;
            let mut conn = Conn::new(opts).await.map_err(fault)?;
            let nanos = HEARTBEAT.as_nanos();
            // MariaDB sends its own kinds of events to those who say that they know them.
            let set =
                format!("SET @mariadb_slave_capability = 4, @master_heartbeat_period = {nanos}");
            conn.query_drop(set).await.map_err(fault)?;
            let file = place.file.clone();
            let request = BinlogStreamRequest::new(server_id)
                .with_filename(file.as_bytes())
                .with_pos(place.offset)
                .with_hostname(b"silsila");
            conn.get_binlog_stream(request).await.map_err(fault)
        };
        let stream = timeout(options.connect_timeout, opening)
            .await
            .unwrap_or_else(|_| Err(too_slow(options)))?;
        Ok(Self {
            stream,
            database: options.database.clone(),
            within: Within::Nothing,
            skip: place.rows,
            read_to: place.offset,
            place: Place { rows: 0, ..place },
            maps: HashMap::new(),
            heard: Instant::now(),
            greeted: false,
            next_file: None,
            unpacking: None,
            gtid: None,
        })
    }

    /// The next event, or `None` if there is none within that time. May be dropped while it waits.
    pub async fn next(
        &mut self,
        options: &MySqlOptions,
        wait: Duration,
    ) -> Result<Option<Said>, Trouble> {
        let event = match timeout(wait, self.stream.next()).await {
            Err(_) if self.heard.elapsed() > SILENCE => {
                let reason = "the server's log has fallen silent".to_owned();
                return Err(Trouble::Source(unavailable(&options.name, reason)));
            }
            Err(_) => return Ok(None),
            Ok(None) => {
                let reason = "the server has ended its log's connection".to_owned();
                return Err(Trouble::Source(unavailable(&options.name, reason)));
            }
            Ok(Some(event)) => event.map_err(|e| trouble(options, &e))?,
        };
        self.heard = Instant::now();
        self.take(&event).map(Some)
    }

    /// Where the next connection would begin.
    pub fn position(&self) -> FeedPosition {
        let rows = self.place.rows.max(self.skip);
        Place {
            rows,
            ..self.place.clone()
        }
        .to_position()
    }

    /// Whether the server has begun to send.
    pub fn greeted(&self) -> bool {
        self.greeted
    }

    /// The log's file and the end of what was read in it.
    pub fn read_to(&self) -> (&str, u64) {
        (
            self.next_file.as_deref().unwrap_or(&self.place.file),
            self.read_to,
        )
    }

    fn take(&mut self, event: &Event) -> Result<Said, Trouble> {
        let header = event.header();
        let kind = header.event_type_raw();
        self.advance(event, kind)?;
        let data = event.data();
        if let Some(rows) = RowsEvent::of(kind) {
            return Ok(self.rows(rows, data));
        }
        match kind {
            2 | 165 => self.statement(data, kind == 165),
            4 => self.rotated(data, header.timestamp() == 0 || header.log_pos() == 0),
            15 => self.begun(Origin {
                born: header.timestamp(),
                server: header.server_id(),
            }),
            16 | 38 => {
                self.ended();
                Ok(Said::Passed)
            }
            19 => {
                let map = TableMap::read(data).map_err(broken)?;
                self.inside();
                self.maps.insert(map.id, map);
                Ok(Said::Passed)
            }
            33 | 34 | 42 => {
                self.gtid = (kind == 33).then(|| gtid(data)).flatten();
                self.within = Within::Announced;
                Ok(Said::Passed)
            }
            // MariaDB's: the last bit of the flags says that no commit follows.
            162 => {
                let standalone = data.get(12).is_some_and(|flags| flags & 1 == 1);
                self.within = if standalone {
                    Within::Announced
                } else {
                    Within::Transaction
                };
                Ok(Said::Passed)
            }
            40 => {
                self.unpacking = Some(self.read_to);
                self.within = Within::Transaction;
                Ok(Said::Passed)
            }
            // An incident, and a statement that loads a file.
            18 | 26 => Ok(Said::Anything),
            _ => Ok(Said::Passed),
        }
    }

    /// Follows the offset, and holds the event against its checksum.
    fn advance(&mut self, event: &Event, kind: u8) -> Result<(), Trouble> {
        let header = event.header();
        if self.unpacking.is_some() {
            return Ok(()); // what a compressed transaction holds has neither place nor checksum
        }
        if let Ok(Some(algorithm @ BinlogChecksumAlg::BINLOG_CHECKSUM_ALG_CRC32)) =
            event.footer().get_checksum_alg()
            && let Some(sum) = event.checksum()
            && kind != 15
            && event.calc_checksum(algorithm) != u32::from_le_bytes(sum)
        {
            return Err(Trouble::Lost("an event does not match its checksum".into()));
        }
        // Made up by the server for us, such as heartbeats, when it says no place.
        if header.log_pos() != 0 && kind != 27 {
            // Offsets are sent with 32 bits; a transaction may go beyond.
            let next = self.read_to + u64::from(header.event_size());
            let low = u64::from(header.log_pos());
            self.read_to = if low == next & 0xffff_ffff { next } else { low };
        }
        Ok(())
    }

    /// Rows of a table; those of other databases, and those that were handed out before, are passed over.
    fn rows(&mut self, event: RowsEvent, data: &[u8]) -> Said {
        self.inside();
        self.place.rows += 1;
        if self.place.rows <= self.skip {
            return Said::Passed;
        }
        let id = Bytes(data).number(6).unwrap_or(u64::MAX);
        match (self.maps.get(&id), event) {
            (Some(map), _) if map.database != self.database => Said::Passed,
            (Some(_), RowsEvent::Whole(form)) => Said::Rows {
                form,
                data: data.to_vec(),
            },
            (Some(map), RowsEvent::Parts) => Said::Table(map.table.clone()),
            (None, _) => Said::Anything,
        }
    }

    fn inside(&mut self) {
        if self.within == Within::Nothing {
            self.within = Within::Transaction;
        }
    }

    /// A transaction has ended: reading may resume behind it.
    fn ended(&mut self) {
        self.within = Within::Nothing;
        self.maps.clear();
        let end = self.unpacking.take().unwrap_or(self.read_to);
        // The protocol asks with 32 bits; what lies beyond is counted from the last place that can be asked.
        if u32::try_from(end).is_ok() && self.next_file.is_none() {
            self.place.offset = end;
            self.place.rows = 0;
            self.skip = 0;
        }
    }

    fn statement(&mut self, data: &[u8], compressed: bool) -> Result<Said, Trouble> {
        let statement = Statement::read(data, compressed).map_err(broken)?;
        let effect = statement.effect();
        match effect {
            Effect::Begins => self.within = Within::Transaction,
            Effect::Ends => self.ended(),
            Effect::Nothing | Effect::Changes if self.within != Within::Transaction => self.ended(),
            Effect::Nothing | Effect::Changes => {}
        }
        Ok(match effect {
            Effect::Changes => Said::Statement(statement),
            _ => Said::Passed,
        })
    }

    /// The log goes on in another file: at the beginning of the connection the one that we asked for.
    fn rotated(&mut self, data: &[u8], artificial: bool) -> Result<Said, Trouble> {
        let (offset, name) = data.split_at_checked(8).ok_or_else(|| broken(Broken))?;
        let offset = offset.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b));
        let file = String::from_utf8_lossy(name).into_owned();
        // The first one comes before the server has said whether events end with a checksum.
        let asked_for = !self.greeted && file.starts_with(&self.place.file);
        if !(artificial && (asked_for || file == self.place.file)) {
            self.read_to = offset;
            self.next_file = Some(file);
        }
        Ok(Said::Passed)
    }

    /// A file's first event: of the next one, or of the one that we asked for.
    fn begun(&mut self, origin: Origin) -> Result<Said, Trouble> {
        self.greeted = true;
        match self.next_file.take() {
            Some(file) => {
                self.within = Within::Nothing;
                self.maps.clear();
                self.skip = 0;
                self.place = Place {
                    file,
                    offset: START,
                    rows: 0,
                    origin,
                };
            }
            None if self.place.origin.fits(origin) => self.place.origin = origin,
            None => {
                let file = &self.place.file;
                return Err(Trouble::Lost(format!(
                    "the log {file} is another file of that name"
                )));
            }
        }
        Ok(Said::Passed)
    }
}

fn broken(_: Broken) -> Trouble {
    Trouble::Lost("an event of the log cannot be read".into())
}

fn too_slow(options: &MySqlOptions) -> Trouble {
    let seconds = options.connect_timeout.as_secs();
    let reason = format!("no log from {} within {seconds} s", options.host);
    Trouble::Source(unavailable(&options.name, reason))
}

fn trouble(options: &MySqlOptions, error: &Error) -> Trouble {
    match error {
        Error::Server(server) if server.code == CANNOT_READ => {
            let said = server.message.to_ascii_lowercase();
            if said.contains("server_uuid")
                || said.contains("server_id")
                || said.contains("server id")
            {
                let reason = "another reader of the log has our server id".to_owned();
                return Trouble::Source(unavailable(&options.name, reason));
            }
            Trouble::Lost(format!("the server says: {}", server.message.trim()))
        }
        _ => Trouble::Source(classify(asked(options), error)),
    }
}

/// `uuid:number` of MySQL's identifier.
fn gtid(data: &[u8]) -> Option<String> {
    let (uuid, number) = data.get(1..25)?.split_at_checked(16)?;
    let hex: String = uuid.iter().map(|b| format!("{b:02x}")).collect();
    let number = u64::from_le_bytes(number.try_into().ok()?);
    let part = |from: usize, to: usize| &hex[from..to];
    let uuid = [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-");
    Some(format!("{uuid}:{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_written_as_mysql_writes_it() {
        let mut data = vec![1];
        data.extend(0..16);
        data.extend(7u64.to_le_bytes());
        let expect = "00010203-0405-0607-0809-0a0b0c0d0e0f:7";
        assert_eq!(gtid(&data).as_deref(), Some(expect));
        assert_eq!(gtid(&data[..20]), None);
    }
}
