// SPDX-License-Identifier: Apache-2.0
//! The keyed digest of everything that a row's outcome depends on.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use silsila_source::{Date, DateTime, Key, Time};

use crate::expression::Ex;
use crate::expression::eval::{Env, Joined};
use crate::expression::value::View;
use crate::plan::each_expression;
use crate::{Context, LogicalId, Mapping, RefState, References};

pub(crate) fn input(
    mapping: &Mapping,
    main: View<'_>,
    joined: &[Joined<'_>],
    mac_key: &[u8; 32],
    refs: &dyn References,
) -> [u8; 16] {
    let mut mac = Hmac::<Sha256>::new_from_slice(mac_key).expect("HMAC takes a key of any length");
    mac.update(&mapping.digest());
    let mut bytes = Vec::with_capacity(512);
    row(&mut bytes, main);
    for one in joined {
        match one {
            Joined::One(view) => {
                bytes.push(1);
                row(&mut bytes, *view);
            }
            Joined::Missing(null) => bytes.extend_from_slice(&[2, u8::from(*null)]),
            Joined::Many(views) => {
                bytes.push(3);
                bytes.extend_from_slice(&(views.len() as u64).to_be_bytes());
                views.iter().for_each(|v| row(&mut bytes, *v));
            }
            Joined::Pivot(record) => {
                bytes.push(4);
                bytes.extend_from_slice(&(record.members.len() as u64).to_be_bytes());
                for (name, value) in &record.members {
                    text(&mut bytes, name);
                    text(&mut bytes, value.kind());
                    text(&mut bytes, &value.to_text().unwrap_or_default());
                }
            }
        }
    }
    states(mapping, main, joined, refs, &mut bytes);
    mac.update(&bytes);
    let digest = mac.finalize().into_bytes();
    let mut short = [0; 16];
    short.copy_from_slice(&digest[..16]);
    short
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

/// The columns that the plan reads, and no others.
fn row(bytes: &mut Vec<u8>, view: View<'_>) {
    for column in 0..view.shape.names.len() {
        match view.raw(column) {
            Some(value) => value.encode_into(bytes),
            None => bytes.push(255),
        }
    }
}

/// The states of the rows that this one may refer to, whether or not the references are made.
fn states<'a>(
    mapping: &'a Mapping,
    main: View<'a>,
    joined: &'a [Joined<'a>],
    refs: &dyn References,
    bytes: &mut Vec<u8>,
) {
    let plan = mapping.plan();
    if plan.refs.is_empty() {
        return;
    }
    let nobody = |_: &str, key: &Key| LogicalId::derive(&[0; 32], "", "", key);
    let context = Context {
        as_of: NEVER,
        ids: &nobody,
        references: refs,
    };
    let env = Env::new(&plan.program, Some(main), joined, Some(&context));
    let mut ask = |ex: &'a Ex| {
        let Ex::Ref(r) = ex else { return };
        let state = match env.ref_key(r) {
            Ok(Some(key)) => match refs.state(&r.mapping, &key) {
                RefState::Shared => 1,
                RefState::NotShared => 2,
                RefState::Quarantined => 3,
                RefState::Absent => 4,
            },
            Ok(None) => 5,
            Err(_) => 6,
        };
        bytes.push(state);
    };
    each_expression(&plan.template, &plan.program.lets, &mut |ex| {
        ex.walk(&mut ask);
    });
    // References of children are asked for every child row.
    for each in &plan.template.eaches {
        if let Joined::Many(views) = &joined[each.join] {
            for view in views {
                env.item.set(Some((each.join, *view)));
                each.template.slots.iter().for_each(|s| s.ex.walk(&mut ask));
            }
        }
    }
}

/// References do not depend on the day.
const NEVER: DateTime = DateTime {
    date: Date {
        year: 0,
        month: 0,
        day: 0,
    },
    time: Time {
        hour: 0,
        minute: 0,
        second: 0,
        nanosecond: 0,
    },
    offset_minutes: Some(0),
};
