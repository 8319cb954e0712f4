// SPDX-License-Identifier: Apache-2.0
//! What the authority's person does.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use serde::Serialize;
use silsila_authority::{Authority, AuthorityError, Decision, RequestRow};
use silsila_chain::PublicKey;
use silsila_config::AuthorityAlone;
use silsila_replica::certificate::{RevocationReason, Role};
use zeroize::Zeroizing;

use super::{duration, file_failure, now_ms, open, shown};
use crate::cli::{DecideArgs, InviteArgs, RevokeArgs};
use crate::commands::{print, print_json};
use crate::exit::{Exit, Failure};
use crate::output::{Table, time};

pub(super) fn create(settings: &AuthorityAlone, name: &str) -> Result<Exit, Failure> {
    let folder = &settings.authority.folder;
    let founded = silsila_authority::found(name, folder, now_ms())?;
    print(&format!("founded the network {name:?}"));
    print(&format!("fingerprint  {}", founded.fingerprint));
    print(&format!(
        "keys and records lie in {}: back the folder up",
        folder.display()
    ));
    print("");
    print(
        "The root key is locked in root.sealed. This opens it, is shown once, and is kept nowhere:",
    );
    print("");
    print(&Zeroizing::new(format!("  {}", *founded.root_recovery)));
    print("");
    print("Write it on paper and lock it away. It is needed only to replace the issuing key.");
    Ok(Exit::Ok)
}

pub(super) fn invite(settings: &AuthorityAlone, args: &InviteArgs) -> Result<Exit, Failure> {
    let expires = duration(&args.expires).ok_or_else(|| Failure::Unknown {
        what: "span of time",
        name: args.expires.clone(),
        known: "write a whole number and s, min, h or d, such as 7d".to_owned(),
    })?;
    let role = role(&args.role)?;
    let address = args
        .address
        .clone()
        .or_else(|| settings.authority.address.clone())
        .unwrap_or_else(|| settings.authority.listen.to_string());
    let now = now_ms();
    let expires_ms = now.saturating_add(u64::try_from(expires.as_millis()).unwrap_or(u64::MAX));
    let authority = open(settings)?;
    let invitation = authority.invite(&args.organization, role, &address, expires_ms, now)?;
    let text = invitation.text();
    let Some(file) = &args.out else {
        print(text.trim_end());
        return Ok(Exit::Ok);
    };
    write_private(file, text.as_bytes()).map_err(file_failure(file))?;
    print(&format!(
        "wrote the invitation of {invitation} to {}",
        file.display()
    ));
    print(&format!(
        "it works once, until {}; hand it to that organization alone",
        time(invitation.expires_ms)
    ));
    Ok(Exit::Ok)
}

fn role(word: &str) -> Result<Role, Failure> {
    word.parse().map_err(|_| Failure::Unknown {
        what: "role",
        name: word.to_owned(),
        known: format!("there are {}", Role::ALL.map(Role::word).join(", ")),
    })
}

fn write_private(file: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut open = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)?;
    open.write_all(bytes)?;
    open.sync_all()
}

/// One member, for a script.
#[derive(Serialize)]
struct MemberLine {
    organization: String,
    role: String,
    key: String,
    serial: String,
    not_before_ms: u64,
    not_after_ms: u64,
    revoked_ms: Option<u64>,
}

/// One request, for a script.
#[derive(Serialize)]
struct RequestLine {
    request: i64,
    organization: String,
    role: String,
    key: String,
    received_ms: u64,
    decision: &'static str,
}

/// One invitation that nobody used, for a script.
#[derive(Serialize)]
struct InvitationLine {
    organization: String,
    role: String,
    expires_ms: u64,
}

#[derive(Serialize)]
struct Everything {
    network: String,
    fingerprint: String,
    members: Vec<MemberLine>,
    requests: Vec<RequestLine>,
    invitations: Vec<InvitationLine>,
}

pub(super) fn list(settings: &AuthorityAlone, json: bool) -> Result<Exit, Failure> {
    let authority = open(settings)?;
    if json {
        print_json(&everything(&authority)?)?;
        return Ok(Exit::Ok);
    }
    let now = now_ms();
    print(&format!("network      {}", authority.network().name()));
    print(&format!("fingerprint  {}", authority.fingerprint()));
    for table in [
        members(&authority, now)?,
        requests(&authority)?,
        invitations(&authority, now)?,
    ]
    .into_iter()
    .flatten()
    {
        print(&format!("\n{table}"));
    }
    Ok(Exit::Ok)
}

fn everything(authority: &Authority) -> Result<Everything, AuthorityError> {
    let members = authority.members()?.into_iter().map(|row| {
        let member = row.credential.member;
        MemberLine {
            organization: member.organization().to_owned(),
            role: member.role().to_string(),
            key: member.key().to_string(),
            serial: member.serial().to_string(),
            not_before_ms: member.validity().from_ms(),
            not_after_ms: member.validity().until_ms(),
            revoked_ms: row.revoked_ms,
        }
    });
    let requests = authority.requests()?.into_iter().map(|row| RequestLine {
        request: row.id,
        organization: row.organization,
        role: row.role,
        key: row.ledger_key.to_string(),
        received_ms: row.received_ms,
        decision: row.decision.word(),
    });
    let invitations = authority
        .invitations()?
        .into_iter()
        .map(|row| InvitationLine {
            organization: row.organization,
            role: row.role,
            expires_ms: row.expires_ms,
        });
    Ok(Everything {
        network: authority.network().name().to_owned(),
        fingerprint: authority.fingerprint().to_string(),
        members: members.collect(),
        requests: requests.collect(),
        invitations: invitations.collect(),
    })
}

/// A table, where there is anything in it.
type Shown = Result<Option<String>, AuthorityError>;

fn members(authority: &Authority, now: u64) -> Shown {
    let mut table = Table::new(["member", "role", "key", "certificate until"]);
    let rows = authority.members()?;
    let any = !rows.is_empty();
    for row in rows {
        let member = &row.credential.member;
        let state = match row.revoked_ms {
            Some(at) => format!("revoked {}", time(at)),
            None => shown::until(member, now),
        };
        table.row([
            member.organization().to_owned(),
            member.role().to_string(),
            shown::short(&member.key()),
            state,
        ]);
    }
    Ok(any.then(|| table.to_string()))
}

fn requests(authority: &Authority) -> Shown {
    let mut table = Table::new(["request", "organization", "role", "received", "decision"]);
    let rows = authority.requests()?;
    let any = !rows.is_empty();
    for row in rows {
        table.row([
            row.id.to_string(),
            row.organization,
            row.role,
            time(row.received_ms),
            row.decision.word().to_owned(),
        ]);
    }
    Ok(any.then(|| table.to_string()))
}

fn invitations(authority: &Authority, now: u64) -> Shown {
    let mut table = Table::new(["open invitation", "role", "until"]);
    let rows = authority.invitations()?;
    let any = !rows.is_empty();
    for row in rows {
        let expired = if row.expires_ms <= now {
            " (expired)"
        } else {
            ""
        };
        let until = format!("{}{expired}", time(row.expires_ms));
        table.row([row.organization, row.role, until]);
    }
    Ok(any.then(|| table.to_string()))
}

pub(super) fn approve(settings: &AuthorityAlone, args: &DecideArgs) -> Result<Exit, Failure> {
    let authority = open(settings)?;
    let request = find(&authority, args.request)?;
    show(&request);
    if request.decision == Decision::Pending {
        confirm(
            args.yes,
            "approval",
            "Does the organization read the same key to you?",
        )?;
    }
    let now = now_ms();
    let issued = authority.approve(args.request, now)?;
    let member = issued.credential.member;
    print(&format!(
        "approved: certificate {} until {}",
        member.serial(),
        shown::until(&member, now)
    ));
    print("the gateway fetches it by itself");
    Ok(Exit::Ok)
}

pub(super) fn reject(settings: &AuthorityAlone, args: &DecideArgs) -> Result<Exit, Failure> {
    let authority = open(settings)?;
    let request = find(&authority, args.request)?;
    show(&request);
    if request.decision == Decision::Pending {
        confirm(args.yes, "rejection", "Reject it?")?;
    }
    authority.reject(args.request, now_ms())?;
    print("rejected; the invitation is used up");
    Ok(Exit::Ok)
}

fn find(authority: &Authority, id: i64) -> Result<RequestRow, AuthorityError> {
    let found = authority.requests()?.into_iter().find(|row| row.id == id);
    found.ok_or_else(|| AuthorityError::Unknown {
        what: "request",
        name: id.to_string(),
    })
}

fn show(request: &RequestRow) {
    let RequestRow {
        id,
        organization,
        role,
        ledger_key,
        received_ms,
        peer,
        ..
    } = request;
    print(&format!(
        "request      {id}, received {} from {peer}",
        time(*received_ms)
    ));
    print(&format!("organization {organization}"));
    print(&format!("role         {role}"));
    print(&format!("key          {}", shown::key(ledger_key)));
}

/// Asks a person; where there is none, only `--yes` says yes.
fn confirm(yes: bool, what: &'static str, question: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let input = std::io::stdin();
    let mut answer = String::new();
    if input.is_terminal() {
        print(&format!("{question} (yes or no)"));
        let _ = input.lock().read_line(&mut answer);
    }
    if answer.trim() == "yes" {
        Ok(())
    } else {
        Err(Failure::NotConfirmed { what })
    }
}

pub(super) fn revoke(settings: &AuthorityAlone, args: &RevokeArgs) -> Result<Exit, Failure> {
    let reason = RevocationReason::from_word(&args.reason).ok_or_else(|| Failure::Unknown {
        what: "reason",
        name: args.reason.clone(),
        known: "there are unspecified, key-compromise, left, misconduct".to_owned(),
    })?;
    let authority = open(settings)?;
    let member = member_named(&authority, &args.member)?;
    let revocation = authority.revoke(&member, reason, now_ms())?;
    let file = settings
        .authority
        .folder
        .join(format!("{}.revocation", shown::short(&member)));
    write_private(&file, &revocation.encode()).map_err(file_failure(&file))?;
    print(&format!("revoked {member} at {}", time(revocation.time_ms)));
    print(&format!("the signed revocation lies in {}", file.display()));
    print(
        "it gets no further certificate; on each channel it is a member until the channel commits the revocation",
    );
    Ok(Exit::Ok)
}

/// A whole key, or the one member whose key begins so.
fn member_named(authority: &Authority, name: &str) -> Result<PublicKey, Failure> {
    let digits = name.replace(' ', "").to_lowercase();
    if let Ok(whole) = digits.parse() {
        return Ok(whole);
    }
    let members = authority.members()?;
    let mut found = members
        .iter()
        .map(|row| row.credential.member.key())
        .filter(|key| digits.len() >= 8 && key.to_string().starts_with(&digits));
    match (found.next(), found.next()) {
        (Some(key), None) => Ok(key),
        _ => Err(AuthorityError::Unknown {
            what: "one member whose key begins with",
            name: name.to_owned(),
        }
        .into()),
    }
}

pub(super) fn replace_issuer(settings: &AuthorityAlone) -> Result<Exit, Failure> {
    let mut authority = open(settings)?;
    if std::io::stdin().is_terminal() {
        print("Type the root key's 14 groups from paper:");
    }
    let mut typed = Zeroizing::new(String::new());
    let _ = std::io::stdin().lock().read_line(&mut typed);
    authority.replace_issuer(&typed, now_ms())?;
    print(
        "replaced the issuing key; the fingerprint stays, and certificates stay valid until they end",
    );
    print("restart `silsila network serve`, which still holds the old key");
    Ok(Exit::Ok)
}
