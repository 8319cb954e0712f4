// SPDX-License-Identifier: Apache-2.0
//! Reasons for quarantine that are the pipeline's own, beside those of the mapping engine.

use silsila_mapping::Fault;

use crate::row_state::Suspicion;

/// A reason for quarantine that is the pipeline's own.
pub(crate) struct Why {
    code: &'static str,
    reason: &'static str,
    withdraws: bool,
}

impl Why {
    pub fn fault(&self) -> Fault {
        Fault {
            code: self.code,
            column: None,
            element: None,
            reason: self.reason.to_owned(),
            withdraws: self.withdraws,
            retry_on_patient: false,
        }
    }
}

pub(crate) const NOT_UNIQUE: Why = Why {
    code: "PIP0011",
    reason: "several rows of the table have this key, so none of them can be told from the others",
    withdraws: true,
};

pub(crate) const ENGINE_GAVE_UP: Why = Why {
    code: "PIP0014",
    reason: "the mapping engine failed on this row; please report it with the mapping",
    withdraws: true,
};

pub(crate) const PATIENT_WITHDRAWN: Why = Why {
    code: "PIP0015",
    reason: "its patient's record was withdrawn; the row is mapped again by the next pass",
    withdraws: true,
};

impl Suspicion {
    pub fn fault(self) -> Fault {
        match self {
            Self::Returned => Why {
                code: "PIP0005",
                reason: "this key was deleted and has returned: it may be another person",
                withdraws: false,
            },
            Self::Replaced => Why {
                code: "PIP0006",
                reason: "name, birth date and sex all changed at once: it may be another person",
                withdraws: false,
            },
        }
        .fault()
    }
}
