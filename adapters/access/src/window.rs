// SPDX-License-Identifier: Apache-2.0
//! Finding rows in key order where there is no SQL.
//!
//! A window is the sorted list of the keys of a table, with where each row lies: one pass over the key columns
//! builds it, once for a copy. If the keys of the whole table do not fit the memory, it holds the smallest of
//! those after a place, and when the scan has walked through them another pass builds the next window. So
//! memory is bounded whatever the size of the table, and a table of ordinary size is gone through once.
//!
//! ```text
//! keys   bytes of all keys, one behind the other
//! marks  (where a key begins, its length, page, row), sorted by key; 12 bytes each
//! ```

use jetdb::RowPosition;

#[derive(Debug, Clone, Copy)]
struct Mark {
    start: u32,
    len: u16,
    row: u16,
    page: u32,
}

/// The bytes that a mark takes.
const MARK: usize = size_of::<Mark>();

/// Part of a table's keys in ascending order.
#[derive(Debug, Default)]
pub(crate) struct Window {
    keys: Vec<u8>,
    marks: Vec<Mark>,
    /// Keys up to and including this one are left out.
    after: Option<Vec<u8>>,
    /// Where the window ends before the table does: the last key that is in it.
    until: Option<Vec<u8>>,
}

/// Fills a window within a bounded memory.
pub(crate) struct Filling {
    window: Window,
    room: usize,
}

impl Filling {
    /// A window of at most `room` bytes over the keys after a place.
    pub fn begin(after: Option<&[u8]>, room: usize) -> Self {
        Self {
            window: Window {
                after: after.map(<[u8]>::to_vec),
                ..Window::default()
            },
            room: room.clamp(4 * MARK, u32::MAX as usize),
        }
    }

    /// Takes a key. Keys longer than 64 kB are cut: they sort, and are found again, by their beginning.
    pub fn take(&mut self, key: &[u8], at: RowPosition) {
        let window = &mut self.window;
        let key = &key[..key.len().min(usize::from(u16::MAX))];
        let before = window.after.as_deref().is_some_and(|after| key <= after);
        let beyond = window.until.as_deref().is_some_and(|until| key > until);
        if before || beyond {
            return;
        }
        if window.size() + key.len() + MARK > self.room && !window.marks.is_empty() {
            window.halve();
            if window.until.as_deref().is_some_and(|until| key > until) {
                return;
            }
        }
        window.marks.push(Mark {
            start: u32::try_from(window.keys.len()).unwrap_or(u32::MAX),
            len: u16::try_from(key.len()).unwrap_or(u16::MAX),
            row: at.row,
            page: at.page,
        });
        window.keys.extend(key);
    }

    /// The window, sorted.
    pub fn finish(mut self) -> Window {
        self.window.sort();
        self.window.keys.shrink_to_fit();
        self.window.marks.shrink_to_fit();
        self.window
    }
}

impl Window {
    /// The bytes of memory it holds.
    pub fn size(&self) -> usize {
        self.keys.len() + self.marks.len() * MARK
    }

    /// Whether the keys after a place begin in this window.
    pub fn covers(&self, after: Option<&[u8]>) -> bool {
        let from = match (&self.after, after) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(after)) => after >= own.as_slice(),
        };
        let to = match (&self.until, after) {
            (None, _) | (Some(_), None) => true,
            (Some(until), Some(after)) => after < until.as_slice(),
        };
        from && to
    }

    /// The next rows after a place, at most `limit`; and, where the window ended before the table and before
    /// the limit, the key to go on after.
    pub fn next(&self, after: Option<&[u8]>, limit: usize) -> (Vec<RowPosition>, Option<&[u8]>) {
        let first = after.map_or(0, |after| {
            self.marks.partition_point(|mark| self.key(mark) <= after)
        });
        let marks = &self.marks[first..];
        let rows: Vec<_> = marks
            .iter()
            .take(limit)
            .map(|mark| RowPosition {
                page: mark.page,
                row: mark.row,
            })
            .collect();
        let ended = rows.len() < limit;
        (rows, self.until.as_deref().filter(|_| ended))
    }

    fn key(&self, mark: &Mark) -> &[u8] {
        let start = mark.start as usize;
        &self.keys[start..start + usize::from(mark.len)]
    }

    fn sort(&mut self) {
        let keys = std::mem::take(&mut self.keys);
        let key = |mark: &Mark| {
            let start = mark.start as usize;
            &keys[start..start + usize::from(mark.len)]
        };
        // Equal keys keep the order of the file.
        self.marks.sort_by(|a, b| {
            key(a)
                .cmp(key(b))
                .then_with(|| (a.page, a.row).cmp(&(b.page, b.row)))
        });
        self.keys = keys;
    }

    /// Keeps the smaller half, and packs its keys. Rows with equal keys stay together.
    fn halve(&mut self) {
        self.sort();
        let middle = self.marks[self.marks.len() / 2];
        let until = self.key(&middle).to_vec();
        let kept = self
            .marks
            .partition_point(|mark| self.key(mark) <= until.as_slice());
        self.marks.truncate(kept);
        let mut keys = Vec::with_capacity(self.keys.len() / 2);
        for i in 0..self.marks.len() {
            let mark = self.marks[i];
            let start = keys.len();
            keys.extend(self.key(&mark));
            self.marks[i].start = u32::try_from(start).unwrap_or(u32::MAX);
        }
        self.keys = keys;
        self.until = Some(until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(n: u32) -> RowPosition {
        RowPosition { page: n, row: 0 }
    }

    /// Keys 0 to 999 in no order, and every window over them.
    fn walk(room: usize, limit: usize) -> (Vec<u32>, usize) {
        let mut found = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        let mut passes = 0;
        let mut window: Option<Window> = None;
        loop {
            if !window.as_ref().is_some_and(|w| w.covers(after.as_deref())) {
                let mut filling = Filling::begin(after.as_deref(), room);
                for i in 0..1_000_u32 {
                    let n = (i * 7 + 3) % 1_000;
                    filling.take(&n.to_be_bytes(), at(n));
                }
                window = Some(filling.finish());
                passes += 1;
            }
            let current = window.as_ref().unwrap();
            assert!(current.size() <= room.max(4 * MARK) + MARK + 4);
            let (rows, more) = current.next(after.as_deref(), limit);
            found.extend(rows.iter().map(|row| row.page));
            match (rows.last(), more) {
                (_, Some(more)) => after = Some(more.to_vec()),
                (Some(last), None) => after = Some(last.page.to_be_bytes().to_vec()),
                (None, None) => return (found, passes),
            }
        }
    }

    #[test]
    fn every_key_comes_once_in_order_however_little_memory_there_is() {
        let all: Vec<u32> = (0..1_000).collect();
        for (room, limit) in [
            (1 << 20, 100),
            (1 << 20, 1),
            (3_000, 7),
            (700, 1_000),
            (0, 3),
        ] {
            assert_eq!(walk(room, limit).0, all, "{room} bytes, {limit} rows");
        }
        assert_eq!(walk(1 << 20, 100).1, 1, "one pass where all keys fit");
        assert!(walk(3_000, 100).1 > 3);
    }

    #[test]
    fn a_window_begins_strictly_after_its_place() {
        let mut filling = Filling::begin(Some(b"b"), 1 << 20);
        for (n, key) in ["a", "b", "c", "d"].iter().enumerate() {
            filling.take(key.as_bytes(), at(u32::try_from(n).unwrap()));
        }
        let window = filling.finish();
        assert!(window.covers(Some(b"b")) && window.covers(Some(b"z")));
        assert!(!window.covers(Some(b"a")) && !window.covers(None));
        let (rows, more) = window.next(Some(b"c"), 10);
        assert!(rows.len() == 1 && rows[0].page == 3 && more.is_none());
    }
}
