// SPDX-License-Identifier: Apache-2.0
//! A place in a binary log.
//!
//! Written as text, so that a person who looks into the pipeline's table can read it:
//! `1 <born> <server> <offset> <rows> <file>`. `born` and `server` come from the file's own first event and
//! tell the file from another of the same name (after `RESET MASTER`, or on another server); both are 0
//! until the file was read once. `rows` counts the row events behind `offset` that were handed out, where a
//! transaction was too large for one batch: reading resumes at its beginning and passes over them.

use silsila_source::FeedPosition;

/// The beginning of every file, behind its four magic bytes.
pub(super) const START: u64 = 4;

/// A place between transactions, and how much of the next transaction is behind us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub file: String,
    pub offset: u64,
    pub rows: u64,
    pub origin: Origin,
}

/// What tells a log file from another one of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Origin {
    /// When the file was begun, seconds since 1970.
    pub born: u32,
    /// The server that began it.
    pub server: u32,
}

impl Origin {
    /// Whether the two can be the same file; one that was never read can be any.
    pub fn fits(self, other: Self) -> bool {
        self == other || self == Self::default()
    }
}

impl Place {
    /// The place that a server names as its log's end.
    pub fn unread(file: String, offset: u64) -> Self {
        Self {
            file,
            offset,
            rows: 0,
            origin: Origin::default(),
        }
    }

    pub fn to_position(&self) -> FeedPosition {
        let Origin { born, server } = self.origin;
        let (file, offset, rows) = (&self.file, self.offset, self.rows);
        FeedPosition::new(format!("1 {born} {server} {offset} {rows} {file}").into_bytes())
    }

    /// `None` for what this adapter never wrote.
    pub fn read(position: &FeedPosition) -> Option<Self> {
        let text = std::str::from_utf8(position.as_bytes()).ok()?;
        let mut parts = text.strip_prefix("1 ")?.splitn(5, ' ');
        let mut number = || parts.next()?.parse::<u64>().ok();
        let (born, server) = (number()?, number()?);
        let (offset, rows) = (number()?, number()?);
        let file = parts.next().filter(|file| !file.is_empty())?;
        Some(Self {
            file: file.to_owned(),
            offset,
            rows,
            origin: Origin {
                born: u32::try_from(born).ok()?,
                server: u32::try_from(server).ok()?,
            },
        })
    }

    /// Whether this place is at or after that end of a transaction in the same row of files.
    pub fn reaches(&self, file: &str, offset: u64) -> bool {
        (number(&self.file), self.offset) >= (number(file), offset)
    }
}

/// Files are numbered at their end, and the number may grow by a digit: `bin.999999`, `bin.1000000`.
fn number(file: &str) -> u64 {
    let digits = file.rsplit('.').next().unwrap_or_default();
    digits.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place {
            file: "bin log.000007".into(),
            offset: 5_000_000_000,
            rows: 17,
            origin: Origin { born: 9, server: 3 },
        }
    }

    #[test]
    fn a_position_comes_back_from_its_text() {
        let position = place().to_position();
        assert_eq!(position.as_bytes(), b"1 9 3 5000000000 17 bin log.000007");
        assert_eq!(Place::read(&position), Some(place()));
    }

    #[test]
    fn another_adapters_position_is_not_read() {
        for text in [
            "",
            "1",
            "1 9 3 4 0",
            "1 9 3 4 0 ",
            "1 9 x 4 0 f",
            "2 9 3 4 0 f",
        ] {
            assert_eq!(
                Place::read(&FeedPosition::new(text.as_bytes())),
                None,
                "{text}"
            );
        }
    }

    #[test]
    fn files_follow_their_numbers() {
        let place = Place::unread("b.1000000".into(), 10);
        assert!(place.reaches("b.999999", 50) && place.reaches("b.1000000", 10));
        assert!(!place.reaches("b.1000000", 11));
    }

    #[test]
    fn a_file_of_another_birth_is_another_file() {
        let known = Origin { born: 9, server: 3 };
        assert!(known.fits(known) && Origin::default().fits(known));
        assert!(!known.fits(Origin {
            born: 10,
            server: 3
        }));
    }
}
