// SPDX-License-Identifier: Apache-2.0
//! A member's next certificate, for the same organization, role and keys.

use rusqlite::{Connection, OptionalExtension as _};
use silsila_replica::certificate::MemberCertificate;

use super::{Authority, No, decide, is_revoked, new_serial, unsql};
use crate::wire::{Answer, Binding, Renewal, SignedRequest};
use crate::{AuthorityError, Millis, Refusal};

/// A certificate's row.
struct Kept {
    request: i64,
    issuer: i64,
    serial: Vec<u8>,
    not_after_ms: Millis,
    der: Vec<u8>,
}

impl Authority {
    /// Renews. Whoever shows an earlier certificate than the newest, or asks long before the end, gets
    /// the newest: an answer that was lost is given again, and asking often makes no certificates.
    pub(crate) fn renew(
        &self,
        request: &SignedRequest,
        binding: &Binding,
        now: Millis,
    ) -> Result<Answer, No> {
        let no = |refusal| Err(No::Refusal(refusal));
        let Ok(renewal) = Renewal::decode(&request.body) else {
            return no(Refusal::Malformed);
        };
        if renewal.network != self.fingerprint() {
            return no(Refusal::OtherNetwork);
        }
        let Ok(shown) = MemberCertificate::parse(&renewal.certificate) else {
            return no(Refusal::NotRenewable);
        };
        if !request.is_signed_by(&shown.key(), binding) {
            return no(Refusal::Proof);
        }
        self.transact(|records| {
            let newest = newest(records, &shown)?;
            let Some(newest) = newest.filter(|newest| now <= newest.not_after_ms) else {
                return no(Refusal::NotRenewable);
            };
            if is_revoked(records, &shown.key().0)? {
                return no(Refusal::Revoked);
            }
            let present = MemberCertificate::parse(&newest.der)?;
            if newest.serial != shown.serial().bytes() || !is_due(&present, now) {
                let credential = self.credential(records, newest.issuer, &newest.der)?;
                return Ok(Answer::Issued(credential.encode()));
            }
            let (issuer, issuing) = self.issuer(records)?;
            let (serial, validity) = (new_serial()?, self.validity(&issuing, now)?);
            let subject = present.subject();
            let next =
                MemberCertificate::issue(&issuing, &self.issuing_key, &subject, serial, validity)?;
            decide::insert(
                records,
                newest.request,
                Some(&newest.serial),
                issuer,
                &next,
                now,
            )?;
            tracing::info!(
                request = newest.request,
                "a member's certificate was renewed"
            );
            let credential = self.credential(records, issuer, next.der())?;
            Ok(Answer::Issued(credential.encode()))
        })
    }
}

/// Half of its time is over.
fn is_due(certificate: &MemberCertificate, now: Millis) -> bool {
    let validity = certificate.validity();
    let middle = validity.from_ms() + (validity.until_ms() - validity.from_ms()) / 2;
    now >= middle
}

/// The newest certificate of the line to which the shown one, byte by byte, belongs.
fn newest(records: &Connection, shown: &MemberCertificate) -> Result<Option<Kept>, AuthorityError> {
    let request: Option<i64> = records
        .query_row(
            "SELECT request FROM certificate WHERE serial = ?1 AND der = ?2",
            (&shown.serial().bytes()[..], shown.der()),
            |row| row.get(0),
        )
        .optional()?;
    let Some(request) = request else {
        return Ok(None);
    };
    let newest = records
        .query_row(
            "SELECT issuer, serial, not_after_ms, der FROM certificate AS c WHERE request = ?1
             AND NOT EXISTS (SELECT 1 FROM certificate AS later WHERE later.renews = c.serial)",
            [request],
            |row| {
                Ok(Kept {
                    request,
                    issuer: row.get(0)?,
                    serial: row.get(1)?,
                    not_after_ms: unsql(row.get(2)?),
                    der: row.get(3)?,
                })
            },
        )
        .optional()?;
    Ok(newest)
}
