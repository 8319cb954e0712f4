// SPDX-License-Identifier: Apache-2.0
//! `silsila channel propose|proposals|endorse|decline|members`: the members' votes.

use std::io::{BufRead as _, IsTerminal as _};

use silsila_config::Settings;
use silsila_replica::certificate::RevocationReason;

use super::network::now_ms;
use super::{print, print_json};
use crate::admin::{Answer, Order, client};
use crate::ballots::{
    AnswerArgs, BallotReport, MemberReport, MembersArgs, OnChannel, ProposalsArgs, ProposeCommand,
    RenewArgs, Standing, State, VoteOrder, Wanted, difference,
};
use crate::exit::{Exit, Failure};
use crate::output::{Table, span, time};
use crate::{assemble, channels};

pub(super) async fn propose(
    settings: &Settings,
    command: &ProposeCommand,
) -> Result<Exit, Failure> {
    let (wanted, on) = wanted(command)?;
    let order = VoteOrder::Propose {
        channel: on.channel.clone(),
        wanted,
        blocks: on.blocks,
    };
    let ballots = ask_ballots(settings, order).await?;
    show(&ballots, on.output.json)?;
    if !on.output.json {
        print("the other members find it with: silsila channel proposals");
    }
    Ok(Exit::Ok)
}

fn wanted(command: &ProposeCommand) -> Result<(Wanted, &OnChannel), Failure> {
    Ok(match command {
        ProposeCommand::Admit(args) => {
            let credential = hex(&channels::read(&args.file)?);
            (Wanted::Admit { credential }, &args.on)
        }
        ProposeCommand::Renew(args) => (renewed(args)?, &args.on),
        ProposeCommand::Suspend(args) => {
            let (member, reason) = (args.member.clone(), reason(&args.reason)?);
            (Wanted::Suspend { member, reason }, &args.on)
        }
        ProposeCommand::Reinstate(args) => {
            let member = args.member.clone();
            (Wanted::Reinstate { member }, &args.on)
        }
        ProposeCommand::Revoke(args) => {
            let (member, reason) = (args.member.clone(), reason(&args.reason)?);
            (Wanted::Revoke { member, reason }, &args.on)
        }
        ProposeCommand::Validators(args) => {
            let members = args.members.clone();
            (Wanted::Validators { members }, &args.on)
        }
        ProposeCommand::Contract(args) => {
            let read = crate::contract::read(&args.file).map_err(Failure::Faults)?;
            let limits = read.contract.limits;
            let wanted = Wanted::Contract {
                policies: read.contract.policies,
                limits: [
                    limits.entries,
                    limits.bytes,
                    limits.horizon,
                    limits.max_staleness_ms,
                ],
            };
            (wanted, &args.on)
        }
    })
}

fn renewed(args: &RenewArgs) -> Result<Wanted, Failure> {
    if let Some(file) = &args.credential {
        let credential = hex(&channels::read(file)?);
        return Ok(Wanted::Renew { credential });
    }
    let text = args.span.clone().unwrap_or_default();
    let span = super::network::duration(&text).ok_or(Failure::Unknown {
        what: "span",
        name: text,
        known: "a whole number and s, min, h or d, such as 90d".to_owned(),
    })?;
    let span = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    Ok(Wanted::Extend {
        member: args.member.clone().unwrap_or_default(),
        not_after_ms: now_ms().saturating_add(span),
    })
}

fn reason(word: &str) -> Result<u8, Failure> {
    let reason = RevocationReason::from_word(word).ok_or_else(|| Failure::Unknown {
        what: "reason",
        name: word.to_owned(),
        known: "there are unspecified, key-compromise, left, misconduct".to_owned(),
    })?;
    Ok(reason.number())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) async fn proposals(settings: &Settings, args: &ProposalsArgs) -> Result<Exit, Failure> {
    let order = VoteOrder::Proposals {
        channel: args.channel.clone(),
        id: args.id.clone(),
        all: args.all,
    };
    let ballots = ask_ballots(settings, order).await?;
    if args.id.is_some() || args.output.json {
        show(&ballots, args.output.json)?;
        return Ok(Exit::Ok);
    }
    if ballots.is_empty() {
        print("nothing is proposed");
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(["proposal", "channel", "what", "by", "votes", "this gateway"]);
    for ballot in &ballots {
        table.row([
            short(&ballot.id),
            ballot.channel.clone(),
            what(ballot),
            ballot.proposer.1.clone(),
            standing(ballot),
            ballot.own.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    print(&table.to_string());
    print("the whole of one: silsila channel proposals ID");
    Ok(Exit::Ok)
}

pub(super) async fn endorse(settings: &Settings, args: &AnswerArgs) -> Result<Exit, Failure> {
    let id = seen(settings, args, "Endorse this? It cannot be taken back.").await?;
    let ballots = ask_ballots(settings, VoteOrder::Endorse { id }).await?;
    done(&ballots, args, "endorsed")
}

pub(super) async fn decline(settings: &Settings, args: &AnswerArgs) -> Result<Exit, Failure> {
    let id = seen(settings, args, "Decline this?").await?;
    let ballots = ask_ballots(settings, VoteOrder::Decline { id }).await?;
    done(&ballots, args, "declined")
}

/// Shows a proposal whole and asks a person; gives its full id.
async fn seen(settings: &Settings, args: &AnswerArgs, question: &str) -> Result<String, Failure> {
    let order = VoteOrder::Proposals {
        channel: None,
        id: Some(args.id.clone()),
        all: true,
    };
    let ballots = ask_ballots(settings, order).await?;
    if !args.output.json {
        show(&ballots, false)?;
    }
    if !args.yes {
        let input = std::io::stdin();
        let mut answer = String::new();
        if input.is_terminal() {
            print(&format!("{question} (yes or no)"));
            let _ = input.lock().read_line(&mut answer);
        }
        if answer.trim() != "yes" {
            let what = "a vote";
            return Err(Failure::NotConfirmed { what });
        }
    }
    let ballot = ballots.first();
    Ok(ballot.map_or_else(|| args.id.clone(), |ballot| ballot.id.clone()))
}

fn done(ballots: &[BallotReport], args: &AnswerArgs, word: &str) -> Result<Exit, Failure> {
    if args.output.json {
        print_json(&ballots)?;
    } else if let Some(ballot) = ballots.first() {
        print(&format!("{word}; {}", standing(ballot)));
    }
    Ok(Exit::Ok)
}

pub(super) async fn members(settings: &Settings, args: &MembersArgs) -> Result<Exit, Failure> {
    let channel = args.channel.clone();
    let Answer::Members(members) = ask(settings, VoteOrder::Members { channel }).await? else {
        return Err(other_question());
    };
    if args.output.json {
        print_json(&members)?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(["member", "role", "key", "standing", "until", ""]);
    for member in &members {
        table.row([
            member.organization.clone(),
            member.role.clone(),
            short(&member.key),
            word(member),
            time(member.not_after_ms),
            note(member),
        ]);
    }
    print(&table.to_string());
    Ok(Exit::Ok)
}

fn word(member: &MemberReport) -> String {
    match member.standing {
        Standing::Active => "active",
        Standing::Expired => "EXPIRED",
        Standing::Suspended => "suspended",
        Standing::Revoked => "revoked",
        Standing::None => "not admitted",
    }
    .to_owned()
}

fn note(member: &MemberReport) -> String {
    let revoked = member.standing == Standing::Revoked;
    let notes = [
        (member.own, "this gateway"),
        (member.orders, "orders"),
        (
            member.orders && member.will_order == Some(false),
            "not for long",
        ),
        (
            !member.orders && member.will_order == Some(true),
            "orders soon",
        ),
        (!member.heard && !revoked, "not heard"),
        (
            member.revoked_by_authority && !revoked,
            "REVOKED BY THE AUTHORITY, not yet here",
        ),
    ];
    let notes = notes.into_iter().filter(|(applies, _)| *applies);
    notes.map(|(_, note)| note).collect::<Vec<_>>().join(", ")
}

async fn ask_ballots(settings: &Settings, order: VoteOrder) -> Result<Vec<BallotReport>, Failure> {
    match ask(settings, order).await? {
        Answer::Proposals(ballots) => Ok(ballots),
        _ => Err(other_question()),
    }
}

fn other_question() -> Failure {
    Failure::NoAnswer {
        reason: "it answered another question".to_owned(),
    }
}

async fn ask(settings: &Settings, order: VoteOrder) -> Result<Answer, Failure> {
    let order = Order::Vote { vote: order };
    match client::ask(&assemble::admin_socket(settings), &order).await? {
        Answer::Refused(message) => Err(Failure::Refused {
            message,
            exit: Exit::Usage,
        }),
        answer => Ok(answer),
    }
}

fn short(id: &str) -> String {
    id.chars().take(16).collect()
}

/// `revoke Karachi (7f3a22c1...)`, in a few words.
fn what(ballot: &BallotReport) -> String {
    if ballot.member.is_empty() {
        return format!("{} {}", ballot.what, ballot.revision);
    }
    let key: String = ballot.member.chars().take(8).collect();
    format!("{} {} ({key})", ballot.what, ballot.organization)
}

/// How a proposal stands.
fn standing(ballot: &BallotReport) -> String {
    let code = ballot.code.as_deref().unwrap_or_default();
    match ballot.state {
        State::Committed => {
            let height = ballot.committed.unwrap_or_default();
            format!("committed at height {height}")
        }
        State::Refused => format!("refused: {code}"),
        State::Expired => "expired".to_owned(),
        State::Open => {
            let (votes, all) = (ballot.votes, ballot.organizations);
            match ballot.needed {
                Some(needed) if needed <= votes => {
                    format!("{votes} of {all}, which is enough: on its way to a block")
                }
                Some(needed) => format!("{votes} of {all}, {needed} are needed"),
                None if code == "NOT_PERMITTED" => {
                    format!("{votes} of {all}, and no number would do")
                }
                None => format!("waits: {code}"),
            }
        }
    }
}

fn show(ballots: &[BallotReport], json: bool) -> Result<(), Failure> {
    if json {
        return print_json(&ballots);
    }
    for ballot in ballots {
        print(&whole(ballot));
    }
    Ok(())
}

fn whole(ballot: &BallotReport) -> String {
    let name = |(key, organization): &(String, String)| {
        let key: String = key.chars().take(8).collect();
        format!("{organization} ({key})")
    };
    let names = |list: &[(String, String)]| match list {
        [] => "nobody".to_owned(),
        list => list.iter().map(name).collect::<Vec<_>>().join(", "),
    };
    let mut lines = vec![
        format!("proposal   {}", ballot.id),
        format!("channel    {}", ballot.channel),
        format!("change     {}", what(ballot)),
    ];
    if !ballot.member.is_empty() {
        lines.push(format!("role       {}", ballot.role));
        lines.push(format!("key        {}", ballot.member));
    }
    if !ballot.validators.is_empty() {
        lines.push(format!("orders     {}", names(&ballot.validators)));
    }
    if let Some(end) = ballot.not_after_ms {
        lines.push(format!("until      {}", time(end)));
    }
    if let Some(reason) = ballot.reason {
        lines.push(format!("reason     {}", reason_word(reason)));
    }
    if ballot.authority {
        lines.push("authority  the network's authority certified or decided this".to_owned());
    }
    let left = ballot.until.saturating_sub(ballot.height);
    let seen = span(now_ms().saturating_sub(ballot.seen_ms));
    lines.extend([
        format!("proposed   by {}, seen {seen} ago", name(&ballot.proposer)),
        format!("endorsed   by {}", names(&ballot.endorsed)),
        format!("declined   by {}", names(&ballot.declined)),
        format!("stands     {}", standing(ballot)),
    ]);
    if ballot.state == State::Open {
        lines.push(format!(
            "open       until block {} ({left} more)",
            ballot.until
        ));
    }
    if let Some(texts) = &ballot.texts {
        lines.push(format!("hash       {}", texts.hash));
        lines.push(String::new());
        let difference = difference(&texts.present, &texts.proposed);
        lines.extend(
            difference
                .into_iter()
                .map(|(mark, line)| format!("{mark} {line}")),
        );
    }
    lines.join("\n")
}

fn reason_word(number: u8) -> String {
    let words = ["unspecified", "key-compromise", "left", "misconduct"];
    let known = words
        .into_iter()
        .find(|word| RevocationReason::from_word(word).is_some_and(|it| it.number() == number));
    known.map_or_else(|| number.to_string(), ToOwned::to_owned)
}
