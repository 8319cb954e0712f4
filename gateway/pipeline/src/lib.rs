// SPDX-License-Identifier: Apache-2.0
//! Extract, map, seal, commit.
