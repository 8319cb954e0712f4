// SPDX-License-Identifier: Apache-2.0
use super::answer::Answer;
use crate::refusal::Refusal;
/// Not yet.
pub async fn system() -> Result<Answer, Refusal> { Err(Refusal::NotSupported { interaction: "this interaction" }) }
/// Not yet.
pub async fn of_type() -> Result<Answer, Refusal> { Err(Refusal::NotSupported { interaction: "this interaction" }) }
/// Not yet.
pub async fn of_instance() -> Result<Answer, Refusal> { Err(Refusal::NotSupported { interaction: "this interaction" }) }
