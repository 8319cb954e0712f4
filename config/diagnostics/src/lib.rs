// SPDX-License-Identifier: Apache-2.0
//! Problems with a place, a code and a remedy.
