// SPDX-License-Identifier: Apache-2.0
//! Bundles as text around resource text.
