// SPDX-License-Identifier: Apache-2.0
//! Whole gateways over real databases.
