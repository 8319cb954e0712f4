// SPDX-License-Identifier: Apache-2.0
//! The FHIR R4 server.
