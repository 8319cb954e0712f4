// SPDX-License-Identifier: Apache-2.0
use super::answer::Answer;
use crate::refusal::Refusal;
/// Not yet.
pub async fn metadata() -> Result<Answer, Refusal> { Err(Refusal::NotSupported { interaction: "this interaction" }) }
