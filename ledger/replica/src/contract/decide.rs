// SPDX-License-Identifier: Apache-2.0
//! A contract's answer.

use cedar_policy::{Authorizer, Decision as Cedar};

use super::{Asked, Compiled};

/// A contract's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Permitted,
    /// No: no policy permits it, or one forbids it.
    Denied,
    /// No, because a policy could not be evaluated.
    Failed {
        /// What went wrong, policy by policy.
        errors: Vec<String>,
    },
}

impl Decision {
    /// Whether the answer is yes.
    #[must_use]
    pub fn is_permitted(&self) -> bool {
        *self == Self::Permitted
    }
}

impl Compiled {
    /// Asks the contract. Whatever cannot be evaluated is denied, also where another policy permits it.
    #[must_use]
    pub fn decide(&self, asked: &Asked<'_>) -> Decision {
        let Some((request, entities)) = asked.request() else {
            let errors = vec!["the question does not fit the vocabulary".to_owned()];
            return Decision::Failed { errors };
        };
        let response = Authorizer::new().is_authorized(&request, self.policies(), &entities);
        let errors = response.diagnostics().errors();
        let errors: Vec<String> = errors.map(ToString::to_string).collect();
        match response.decision() {
            _ if !errors.is_empty() => Decision::Failed { errors },
            Cedar::Allow => Decision::Permitted,
            Cedar::Deny => Decision::Denied,
        }
    }
}
