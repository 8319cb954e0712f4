// SPDX-License-Identifier: Apache-2.0
//! The members of a JSON object, in the order in which they came.

use std::fmt;

use super::Json;

/// An object: members in insertion order, each name once. FHIR objects are small, so a lookup is a
/// walk over the names.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Object(Vec<(Box<str>, Json)>);

impl Object {
    /// An object without members.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.iter()
            .find(|(own, _)| *own == name)
            .map(|(_, value)| value)
    }

    /// The value of a member, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Json> {
        self.0
            .iter_mut()
            .find(|(own, _)| **own == *name)
            .map(|(_, value)| value)
    }

    /// Whether a member is there.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets a member, in its old place if it was there; gives back what it replaced.
    pub fn insert(&mut self, name: impl Into<Box<str>>, value: impl Into<Json>) -> Option<Json> {
        let (name, value) = (name.into(), value.into());
        match self.get_mut(&name) {
            Some(old) => Some(std::mem::replace(old, value)),
            None => {
                self.0.push((name, value));
                None
            }
        }
    }

    /// Takes a member out, keeping the order of the others.
    pub fn remove(&mut self, name: &str) -> Option<Json> {
        let place = self.0.iter().position(|(own, _)| **own == *name)?;
        Some(self.0.remove(place).1)
    }

    /// Keeps the members for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Json) -> bool) {
        self.0.retain_mut(|(name, value)| keep(name, value));
    }

    /// The members in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Json)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// The members in order, to change their values.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (&str, &mut Json)> {
        self.0.iter_mut().map(|(name, value)| (&**name, value))
    }

    /// The members as they lie in memory.
    pub(super) fn members(&self) -> &[(Box<str>, Json)] {
        &self.0
    }

    /// Takes members that the parser has already found to be distinct.
    pub(super) fn from_distinct(members: Vec<(Box<str>, Json)>) -> Self {
        Self(members)
    }
}

impl<N: Into<Box<str>>> FromIterator<(N, Json)> for Object {
    fn from_iter<I: IntoIterator<Item = (N, Json)>>(members: I) -> Self {
        let mut object = Self::new();
        for (name, value) in members {
            object.insert(name, value);
        }
        object
    }
}

impl IntoIterator for Object {
    type Item = (Box<str>, Json);
    type IntoIter = std::vec::IntoIter<(Box<str>, Json)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "object of {}", self.0.len())
    }
}
