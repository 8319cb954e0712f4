// SPDX-License-Identifier: Apache-2.0
//! A network founded, joined, renewed and revoked by the real program over loopback.

#[path = "../cli/place.rs"]
mod place;

mod authority;
mod channels;
mod crashes;
mod following;
mod joining;
mod membership;
mod strangers;
