// SPDX-License-Identifier: Apache-2.0
//! Who is a member of a channel now, for people.

use silsila_chain::{ChainState, Identity, PublicKey};

use super::booth::Booth;
use super::fault::VoteFault;
use super::report::{MemberReport, Standing};

impl Booth {
    /// Every member that ever was.
    pub(super) fn members(&self, chain: &ChainState) -> Vec<MemberReport> {
        let mut members: Vec<_> = chain.members().iter().collect();
        members.sort_by_key(|(_, member)| member.ordinal);
        let heard = self.handle.status().map(|status| status.heard);
        let heard = heard.unwrap_or_default();
        members
            .into_iter()
            .map(|(identity, member)| MemberReport {
                key: identity.key.to_string(),
                organization: member.organization.clone(),
                role: member.role.clone(),
                standing: match member.standing {
                    silsila_chain::Standing::Revoked => Standing::Revoked,
                    silsila_chain::Standing::Suspended => Standing::Suspended,
                    silsila_chain::Standing::Active if member.is_expired(chain.time_ms()) => {
                        Standing::Expired
                    }
                    silsila_chain::Standing::Active => Standing::Active,
                },
                revision: member.revision,
                not_after_ms: member.not_after_ms,
                own: *identity == self.me,
                heard: *identity == self.me || heard.contains(&identity.key.to_string()),
                revoked_by_authority: self.learned.is_revoked(&identity.key),
                orders: chain.validators().identities().contains(identity),
                will_order: (chain.epochs().next())
                    .map(|(_, next)| next.identities().contains(identity)),
            })
            .collect()
    }

    /// The one member whose key begins so.
    pub(super) fn member_named(chain: &ChainState, key: &str) -> Result<Identity, VoteFault> {
        let digits = key.replace(' ', "").to_lowercase();
        let mut found = chain.members().iter().filter(|(identity, _)| {
            digits.len() >= 8 && identity.key.to_string().starts_with(&digits)
        });
        match (found.next(), found.next()) {
            (Some((identity, _)), None) => Ok(*identity),
            _ => Err(VoteFault::NoMember {
                key: key.to_owned(),
            }),
        }
    }

    /// The organization of a member's key; empty where it is none.
    pub(super) fn organization(chain: &ChainState, key: &PublicKey) -> String {
        let member = chain.members().get(&Identity::ed25519(*key));
        member.map_or_else(String::new, |member| member.organization.clone())
    }
}
