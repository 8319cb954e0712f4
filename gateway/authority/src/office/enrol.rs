// SPDX-License-Identifier: Apache-2.0
//! What an invited gateway asks, and asks again until it has its answer.

use rusqlite::{Connection, OptionalExtension as _};

use super::{Authority, No, is_revoked, sql, unsql};
use crate::wire::{Answer, Binding, Enrolment, SignedRequest};
use crate::{AuthorityError, Invitation, Millis, Refusal};

/// An invitation's row, as enrolment needs it.
struct Invited {
    id: i64,
    digest: Vec<u8>,
    expires_ms: Millis,
}

/// A request's row.
struct Asked {
    id: i64,
    ledger_key: Vec<u8>,
    sealing_key: Vec<u8>,
    state: i64,
}

impl Authority {
    /// Records a request, or answers one that was recorded before.
    pub(crate) fn enrol(
        &self,
        request: &SignedRequest,
        binding: &Binding,
        peer: &str,
        now: Millis,
    ) -> Result<Answer, No> {
        let no = |refusal| Err(No::Refusal(refusal));
        let Ok(enrolment) = Enrolment::decode(&request.body) else {
            return no(Refusal::Malformed);
        };
        if enrolment.network != self.fingerprint() {
            return no(Refusal::OtherNetwork);
        }
        // The proof comes before every look into the records: who cannot sign learns nothing of them.
        if !request.is_signed_by(&enrolment.ledger_key, binding) {
            return no(Refusal::Proof);
        }
        self.transact(|records| {
            let invited = invited(records, &enrolment)?;
            let Some(invited) = invited else {
                return no(Refusal::UnknownInvitation);
            };
            if invited.digest != enrolment.invitation {
                return no(Refusal::Altered);
            }
            if is_revoked(records, &enrolment.ledger_key.0)? {
                return no(Refusal::Revoked);
            }
            match asked(records, invited.id)? {
                Some(asked) => self.answer(records, &asked, &enrolment),
                None => record(records, &invited, &enrolment, peer, now),
            }
        })
    }

    /// The same question again: the same answer, or the decision that was made meanwhile.
    fn answer(
        &self,
        records: &Connection,
        asked: &Asked,
        enrolment: &Enrolment,
    ) -> Result<Answer, No> {
        let same = asked.ledger_key == enrolment.ledger_key.0
            && asked.sealing_key == enrolment.sealing_key;
        if !same {
            return Err(No::Refusal(Refusal::Used));
        }
        match asked.state {
            0 => Ok(Answer::Pending(asked.id.unsigned_abs())),
            1 => {
                let newest: (i64, Vec<u8>) = records.query_row(
                    "SELECT issuer, der FROM certificate WHERE request = ?1 ORDER BY issued_ms DESC, rowid DESC LIMIT 1",
                    [asked.id],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )?;
                let credential = self.credential(records, newest.0, &newest.1)?;
                Ok(Answer::Issued(credential.encode()))
            }
            _ => Err(No::Refusal(Refusal::Rejected)),
        }
    }
}

fn invited(records: &Connection, enrolment: &Enrolment) -> Result<Option<Invited>, AuthorityError> {
    let found = records
        .query_row(
            "SELECT id, digest, expires_ms FROM invitation WHERE secret_hash = ?1",
            [Invitation::secret_hash(&enrolment.secret)],
            |row| {
                Ok(Invited {
                    id: row.get(0)?,
                    digest: row.get(1)?,
                    expires_ms: unsql(row.get(2)?),
                })
            },
        )
        .optional()?;
    Ok(found)
}

fn asked(records: &Connection, invitation: i64) -> Result<Option<Asked>, AuthorityError> {
    let found = records
        .query_row(
            "SELECT id, ledger_key, sealing_key, state FROM request WHERE invitation = ?1",
            [invitation],
            |row| {
                Ok(Asked {
                    id: row.get(0)?,
                    ledger_key: row.get(1)?,
                    sealing_key: row.get(2)?,
                    state: row.get(3)?,
                })
            },
        )
        .optional()?;
    Ok(found)
}

/// The first time.
fn record(
    records: &Connection,
    invited: &Invited,
    enrolment: &Enrolment,
    peer: &str,
    now: Millis,
) -> Result<Answer, No> {
    if now >= invited.expires_ms {
        return Err(No::Refusal(Refusal::Expired));
    }
    if is_member(records, &enrolment.ledger_key.0, now)? {
        return Err(No::Refusal(Refusal::AlreadyMember));
    }
    records.execute(
        "INSERT INTO request (invitation, ledger_key, sealing_key, received_ms, peer) VALUES (?1, ?2, ?3, ?4, ?5)",
        (
            invited.id,
            enrolment.ledger_key.0,
            enrolment.sealing_key,
            sql(now),
            peer,
        ),
    )?;
    let id = records.last_insert_rowid();
    tracing::info!(request = id, %peer, "an invited gateway asks for its certificate");
    Ok(Answer::Pending(id.unsigned_abs()))
}

/// Whether the key waits for a decision on another invitation, or has a certificate that has not ended.
fn is_member(records: &Connection, key: &[u8; 32], now: Millis) -> Result<bool, AuthorityError> {
    let found: i64 = records.query_row(
        "SELECT EXISTS (SELECT 1 FROM certificate WHERE ledger_key = ?1 AND not_after_ms >= ?2)
             OR EXISTS (SELECT 1 FROM request WHERE ledger_key = ?1 AND state = 0)",
        (&key[..], sql(now)),
        |row| row.get(0),
    )?;
    Ok(found != 0)
}
