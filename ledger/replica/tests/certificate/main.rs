// SPDX-License-Identifier: Apache-2.0
//! The X.509 profile: what is issued is read, what is not of the profile is refused.

mod conformance;
mod founding;
mod hostile;
mod others;
mod sample;
mod validity;
