// SPDX-License-Identifier: Apache-2.0
//! Resources that the gateway itself writes, with the types of `fhir-sdk`. Its model is used in
//! functions without type parameters in this room alone; mapped resources never pass through it.

pub mod capability;
pub mod outcome;
pub mod provenance;

/// The URIs of what the product itself defines: error codes, extensions.
pub const PRODUCT: &str = "https://silsila.example/fhir";
