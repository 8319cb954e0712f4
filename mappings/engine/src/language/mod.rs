// SPDX-License-Identifier: Apache-2.0
//! From the text of a pack to compiled plans: YAML, expressions, FHIR paths, code tables, and the
//! checks that hold them together. Everything wrong is collected, nothing stops at the first mistake.

pub(crate) mod csv;
pub(crate) mod keys;
pub(crate) mod mapping_file;
pub(crate) mod source;
pub(crate) mod yaml;
