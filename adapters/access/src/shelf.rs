// SPDX-License-Identifier: Apache-2.0
//! The windows and finders of one copy, within a bounded memory: what was not used for longest makes room.

use std::sync::Arc;

use crate::finder::Finder;
use crate::window::Window;

/// What an index is of: a table and some of its columns in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Of {
    pub table: String,
    pub columns: Vec<String>,
}

#[derive(Debug)]
enum Index {
    Window(Arc<Window>),
    Finder(Arc<Finder>),
}

impl Index {
    fn size(&self) -> usize {
        match self {
            Self::Window(window) => window.size(),
            Self::Finder(finder) => finder.size(),
        }
    }
}

/// Every index there is, the one used last at the end.
#[derive(Debug)]
pub(crate) struct Shelf {
    room: usize,
    indexes: Vec<(Of, Index)>,
}

impl Shelf {
    /// Indexes of at most so many bytes together.
    pub fn new(room: usize) -> Self {
        Self {
            room,
            indexes: Vec::new(),
        }
    }

    /// The most that one index may take: half, so that a scan's window and the finder of what is joined to it
    /// do not push each other out.
    pub fn most(&self) -> usize {
        self.room / 2
    }

    /// The window over a table's key, if it is the one that is wanted.
    pub fn window(&mut self, of: &Of, fits: impl Fn(&Window) -> bool) -> Option<Arc<Window>> {
        let at = self.indexes.iter().position(|(other, index)| {
            other == of && matches!(index, Index::Window(window) if fits(window))
        })?;
        let used = self.indexes.remove(at);
        let Index::Window(window) = &used.1 else {
            return None;
        };
        let window = window.clone();
        self.indexes.push(used);
        Some(window)
    }

    /// The finder of a table's columns.
    pub fn finder(&mut self, of: &Of) -> Option<Arc<Finder>> {
        let at = self
            .indexes
            .iter()
            .position(|(other, index)| other == of && matches!(index, Index::Finder(_)))?;
        let used = self.indexes.remove(at);
        let Index::Finder(finder) = &used.1 else {
            return None;
        };
        let finder = finder.clone();
        self.indexes.push(used);
        Some(finder)
    }

    /// Puts a window in the place of the one over the same key.
    pub fn put_window(&mut self, of: Of, window: Window) -> Arc<Window> {
        self.indexes
            .retain(|(other, index)| *other != of || !matches!(index, Index::Window(_)));
        let window = Arc::new(window);
        self.put(of, Index::Window(window.clone()));
        window
    }

    /// Puts a finder on the shelf.
    pub fn put_finder(&mut self, of: Of, finder: Finder) -> Arc<Finder> {
        let finder = Arc::new(finder);
        self.put(of, Index::Finder(finder.clone()));
        finder
    }

    fn put(&mut self, of: Of, index: Index) {
        self.clear_for(index.size());
        self.indexes.push((of, index));
    }

    /// Makes room before an index of so many bytes is built.
    pub fn clear_for(&mut self, bytes: usize) {
        let mut used: usize = self.indexes.iter().map(|(_, index)| index.size()).sum();
        while used.saturating_add(bytes) > self.room && !self.indexes.is_empty() {
            let (_, oldest) = self.indexes.remove(0);
            used -= oldest.size();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(table: &str) -> Of {
        Of {
            table: table.into(),
            columns: vec!["id".into()],
        }
    }

    fn finder(rows: u64) -> Finder {
        let mut finder = Finder::begin(rows);
        for n in 0..rows {
            finder.take(&n.to_be_bytes(), jetdb::RowPosition::default());
        }
        finder.finish()
    }

    #[test]
    fn the_index_not_used_for_longest_makes_room() {
        let one = Finder::size_for(100);
        let mut shelf = Shelf::new(one * 2 + 1);
        shelf.put_finder(of("a"), finder(100));
        shelf.put_finder(of("b"), finder(100));
        assert!(shelf.finder(&of("a")).is_some());
        shelf.put_finder(of("c"), finder(100));
        assert!(shelf.finder(&of("b")).is_none());
        assert!(shelf.finder(&of("a")).is_some() && shelf.finder(&of("c")).is_some());
    }
}
