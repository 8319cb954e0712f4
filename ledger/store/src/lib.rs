// SPDX-License-Identifier: Apache-2.0
//! The durable ledger of one member.
