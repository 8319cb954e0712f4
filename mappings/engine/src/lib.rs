// SPDX-License-Identifier: Apache-2.0
//! The mapping language and engine.
