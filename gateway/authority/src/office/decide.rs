// SPDX-License-Identifier: Apache-2.0
//! What a person decides: approve, reject, revoke.

use rusqlite::{Connection, OptionalExtension as _};
use silsila_chain::PublicKey;
use silsila_replica::certificate::{MemberCertificate, Revocation, RevocationReason, Subject};

use super::{Authority, Issued, No, is_revoked, key32, new_serial, sql};
use crate::{AuthorityError, Millis, Refusal};

/// What was decided about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing yet.
    Pending,
    /// Yes.
    Approved,
    /// No.
    Rejected,
}

impl Decision {
    pub(super) const fn from_state(state: i64) -> Self {
        match state {
            0 => Self::Pending,
            1 => Self::Approved,
            _ => Self::Rejected,
        }
    }

    /// The word that people see.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "waiting",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }
}

impl From<No> for AuthorityError {
    fn from(no: No) -> Self {
        match no {
            No::Refusal(refusal) => Self::Refused(refusal),
            No::Trouble(error) => error,
        }
    }
}

impl Authority {
    /// Approves a request: issues its certificate. The member fetches it when it asks again.
    ///
    /// # Errors
    /// [`AuthorityError::Unknown`], [`AuthorityError::Decided`], or a member that was revoked meanwhile.
    pub fn approve(&self, request: i64, now: Millis) -> Result<Issued, AuthorityError> {
        let credential = self.transact(|records| {
            let subject = undecided(records, request)?;
            if is_revoked(records, &subject.ledger_key.0)? {
                return Err(No::Refusal(Refusal::Revoked));
            }
            let (issuer, issuing) = self.issuer(records)?;
            let member = MemberCertificate::issue(
                &issuing,
                &self.issuing_key,
                &subject,
                new_serial()?,
                self.validity(&issuing, now)?,
            )?;
            insert(records, request, None, issuer, &member, now)?;
            decided(records, request, 1, now)?;
            Ok(self.credential(records, issuer, member.der())?)
        })?;
        Ok(Issued { credential })
    }

    /// Rejects a request. Its invitation is used up.
    ///
    /// # Errors
    /// [`AuthorityError::Unknown`] or [`AuthorityError::Decided`].
    pub fn reject(&self, request: i64, now: Millis) -> Result<(), AuthorityError> {
        self.transact(|records| {
            undecided(records, request)?;
            Ok(decided(records, request, 2, now)?)
        })?;
        Ok(())
    }

    /// Revokes a member: it gets no further certificate, and the signed revocation ends its membership
    /// wherever a channel commits it. Revoking twice gives the first revocation again. The key need not be
    /// one that this authority certified: somebody may have done it with a stolen issuing key.
    ///
    /// # Errors
    /// The records.
    pub fn revoke(
        &self,
        member: &PublicKey,
        reason: RevocationReason,
        now: Millis,
    ) -> Result<Revocation, AuthorityError> {
        let revocation = self.transact(|records| {
            let earlier: Option<Vec<u8>> = records
                .query_row(
                    "SELECT bytes FROM revocation WHERE ledger_key = ?1",
                    [&member.0[..]],
                    |row| row.get(0),
                )
                .optional()?;
            if let Some(earlier) = earlier {
                return Ok(Revocation::decode(&earlier)?);
            }
            let revocation =
                Revocation::sign(&self.issuing_key, self.fingerprint(), *member, now, reason);
            records.execute(
                "INSERT INTO revocation (ledger_key, time_ms, bytes) VALUES (?1, ?2, ?3)",
                (&member.0[..], sql(now), revocation.encode()),
            )?;
            Ok(revocation)
        })?;
        Ok(revocation)
    }
}

fn undecided(records: &Connection, request: i64) -> Result<Subject, AuthorityError> {
    let row = records
        .query_row(
            "SELECT state, organization, role, ledger_key, sealing_key
             FROM request JOIN invitation ON invitation.id = request.invitation WHERE request.id = ?1",
            [request],
            |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, String>(2)?,
                    row.get::<_, Vec<u8>>(3)?,
                    row.get::<_, Vec<u8>>(4)?,
                ))
            },
        )
        .optional()?;
    let Some((state, organization, role, ledger_key, sealing_key)) = row else {
        return Err(AuthorityError::Unknown {
            what: "request",
            name: request.to_string(),
        });
    };
    match Decision::from_state(state) {
        Decision::Pending => Ok(Subject {
            organization,
            role: role.parse()?,
            ledger_key: PublicKey(key32(&ledger_key)?),
            sealing_key: key32(&sealing_key)?,
        }),
        decision => Err(AuthorityError::Decided {
            request,
            decision: decision.word(),
        }),
    }
}

fn decided(
    records: &Connection,
    request: i64,
    state: i64,
    now: Millis,
) -> Result<(), AuthorityError> {
    records.execute(
        "UPDATE request SET state = ?2, decided_ms = ?3 WHERE id = ?1",
        (request, state, sql(now)),
    )?;
    Ok(())
}

/// Records a certificate: the first of a request, or the renewal of another.
pub(super) fn insert(
    records: &Connection,
    request: i64,
    renews: Option<&[u8]>,
    issuer: i64,
    member: &MemberCertificate,
    now: Millis,
) -> Result<(), AuthorityError> {
    records.execute(
        "INSERT INTO certificate (serial, request, renews, ledger_key, issued_ms, not_after_ms, issuer, der)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        (
            &member.serial().bytes()[..],
            request,
            renews,
            &member.key().0[..],
            sql(now),
            sql(member.validity().until_ms()),
            issuer,
            member.der(),
        ),
    )?;
    Ok(())
}
