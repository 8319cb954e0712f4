// SPDX-License-Identifier: Apache-2.0
//! What the authority's person looks at.

use silsila_chain::PublicKey;
use silsila_replica::certificate::{Credential, MemberCertificate};

use super::{Authority, Decision, key32, unsql};
use crate::wire::Answer;
use crate::{AuthorityError, Millis};

/// An invitation that nobody used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationRow {
    /// Its number.
    pub id: i64,
    /// Who is invited.
    pub organization: String,
    /// As what.
    pub role: String,
    /// Until when.
    pub expires_ms: Millis,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRow {
    /// Its number.
    pub id: i64,
    /// Who asks.
    pub organization: String,
    /// As what.
    pub role: String,
    /// The key for which a certificate is asked.
    pub ledger_key: PublicKey,
    /// When.
    pub received_ms: Millis,
    /// From which address.
    pub peer: String,
    /// What was decided.
    pub decision: Decision,
}

/// The newest certificate of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRow {
    /// The request that led to it.
    pub request: i64,
    /// All that the member shows.
    pub credential: Credential,
    /// When it was issued.
    pub issued_ms: Millis,
    /// When the member was revoked, if it was.
    pub revoked_ms: Option<Millis>,
}

impl Authority {
    /// Invitations that nobody used, also those that have expired.
    ///
    /// # Errors
    /// The records.
    pub fn invitations(&self) -> Result<Vec<InvitationRow>, AuthorityError> {
        let records = self.records();
        let mut rows = records.prepare(
            "SELECT id, organization, role, expires_ms FROM invitation
             WHERE NOT EXISTS (SELECT 1 FROM request WHERE request.invitation = invitation.id) ORDER BY id",
        )?;
        let rows = rows.query_map([], |row| {
            Ok(InvitationRow {
                id: row.get(0)?,
                organization: row.get(1)?,
                role: row.get(2)?,
                expires_ms: unsql(row.get(3)?),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Every request, the oldest first.
    ///
    /// # Errors
    /// The records.
    pub fn requests(&self) -> Result<Vec<RequestRow>, AuthorityError> {
        let records = self.records();
        let mut rows = records.prepare(
            "SELECT request.id, organization, role, ledger_key, received_ms, peer, state
             FROM request JOIN invitation ON invitation.id = request.invitation ORDER BY request.id",
        )?;
        let rows = rows.query_map([], |row| {
            let key: Vec<u8> = row.get(3)?;
            let request = RequestRow {
                id: row.get(0)?,
                organization: row.get(1)?,
                role: row.get(2)?,
                ledger_key: PublicKey([0; 32]),
                received_ms: unsql(row.get(4)?),
                peer: row.get(5)?,
                decision: Decision::from_state(row.get(6)?),
            };
            Ok((request, key))
        })?;
        let mut requests = Vec::new();
        for row in rows {
            let (mut request, key) = row?;
            request.ledger_key = PublicKey(key32(&key)?);
            requests.push(request);
        }
        Ok(requests)
    }

    /// The newest certificate of every member, in the order of their requests.
    ///
    /// # Errors
    /// The records.
    pub fn members(&self) -> Result<Vec<CertificateRow>, AuthorityError> {
        let records = self.records();
        let mut rows = records.prepare(
            "SELECT request, issuer, der, issued_ms, revocation.time_ms FROM certificate AS c
             LEFT JOIN revocation ON revocation.ledger_key = c.ledger_key
             WHERE NOT EXISTS (SELECT 1 FROM certificate AS later WHERE later.renews = c.serial) ORDER BY request",
        )?;
        let rows = rows.query_map([], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, Vec<u8>>(2)?,
                row.get::<_, i64>(3)?,
                row.get::<_, Option<i64>>(4)?,
            ))
        })?;
        let mut members = Vec::new();
        for row in rows {
            let (request, issuer, der, issued, revoked) = row?;
            members.push(CertificateRow {
                request,
                credential: self.credential(&records, issuer, &der)?,
                issued_ms: unsql(issued),
                revoked_ms: revoked.map(unsql),
            });
        }
        Ok(members)
    }

    /// How many certificates were ever issued for a request; 0 or 1, and one more for each renewal.
    ///
    /// # Errors
    /// The records.
    pub fn issued_for(&self, request: i64) -> Result<Vec<MemberCertificate>, AuthorityError> {
        let records = self.records();
        let mut rows =
            records.prepare("SELECT der FROM certificate WHERE request = ?1 ORDER BY issued_ms")?;
        let rows = rows.query_map([request], |row| row.get::<_, Vec<u8>>(0))?;
        let mut certificates = Vec::new();
        for row in rows {
            certificates.push(MemberCertificate::parse(&row?)?);
        }
        Ok(certificates)
    }

    /// Every signed revocation, the oldest first.
    ///
    /// # Errors
    /// The records.
    pub fn revocations(&self) -> Result<Vec<Vec<u8>>, AuthorityError> {
        let records = self.records();
        let mut rows =
            records.prepare("SELECT bytes FROM revocation ORDER BY time_ms LIMIT 256")?;
        let rows = rows.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub(crate) fn revocation_answer(&self) -> Result<Answer, AuthorityError> {
        self.revocations().map(Answer::Revocations)
    }
}
