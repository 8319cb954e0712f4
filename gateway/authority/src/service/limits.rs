// SPDX-License-Identifier: Apache-2.0
//! How much one address may ask. Each has a purse that fills slowly; a request costs one coin, a refused
//! one ten more, so that guessing ends at once while a gateway that polls for its approval never notices.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const PURSE: u32 = 120;
const REFUSED: u32 = 10;
/// One coin comes back in this time.
const REFILL: Duration = Duration::from_millis(500);
/// Addresses remembered at once.
const ADDRESSES: usize = 4096;

pub(super) struct Limits {
    start: Instant,
    /// For each address when its purse would be full again, in steps of [`REFILL`] since the start.
    full_at: Mutex<HashMap<IpAddr, u64>>,
}

impl Limits {
    pub(super) fn new(start: Instant) -> Self {
        Self {
            start,
            full_at: Mutex::new(HashMap::new()),
        }
    }

    /// Takes one coin, if there is one.
    pub(super) fn admit(&self, address: IpAddr, now: Instant) -> bool {
        self.take(address, now, 1)
    }

    /// Takes the price of a refusal, also where the purse does not hold it.
    pub(super) fn charge(&self, address: IpAddr, now: Instant) {
        let now = self.steps(now);
        let mut purses = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = purses.entry(network(address)).or_insert(now);
        *full_at = (*full_at).max(now) + u64::from(REFUSED);
    }

    fn take(&self, address: IpAddr, now: Instant, coins: u32) -> bool {
        let now = self.steps(now);
        let mut purses = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if purses.len() >= ADDRESSES {
            purses.retain(|_, full_at| *full_at > now);
        }
        let address = network(address);
        if purses.len() >= ADDRESSES && !purses.contains_key(&address) {
            return false;
        }
        let full_at = purses.entry(address).or_insert(now);
        let spent = full_at.saturating_sub(now) + u64::from(coins);
        let enough = spent <= u64::from(PURSE);
        if enough {
            *full_at = now + spent;
        }
        enough
    }

    fn steps(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.start).as_millis();
        u64::try_from(passed / REFILL.as_millis()).unwrap_or(u64::MAX / 2)
    }
}

/// Who has one IPv6 address has all of its /64.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => {
            let kept = six.to_bits() >> 64 << 64;
            IpAddr::V6(kept.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn who_polls_is_never_refused_and_who_guesses_soon_is() {
        let start = Instant::now();
        let limits = Limits::new(start);
        let (good, bad) = (address("192.0.2.1"), address("192.0.2.2"));
        for second in 0..600 {
            assert!(
                limits.admit(good, start + Duration::from_secs(second)),
                "{second}"
            );
        }
        let guesses = (0..100).take_while(|_| {
            let admitted = limits.admit(bad, start);
            limits.charge(bad, start);
            admitted
        });
        assert_eq!(guesses.count(), 11);
        assert!(
            limits.admit(good, start + Duration::from_secs(600)),
            "another address is not its brother's keeper"
        );
        assert!(limits.admit(bad, start + Duration::from_secs(120)));
    }

    #[test]
    fn a_whole_ipv6_network_shares_a_purse_and_memory_has_a_bound() {
        let start = Instant::now();
        let limits = Limits::new(start);
        for host in 0..PURSE {
            assert!(limits.admit(address(&format!("2001:db8::{host:x}")), start));
        }
        assert!(!limits.admit(address("2001:db8::ffff"), start));
        assert!(limits.admit(address("2001:db8:0:1::1"), start));
        for network in 0..2 * u32::try_from(ADDRESSES).expect("small") {
            limits.admit(IpAddr::V4(network.into()), start);
        }
        let kept = limits.full_at.lock().expect("unpoisoned").len();
        assert_eq!(kept, ADDRESSES);
        assert!(limits.admit(address("198.51.100.1"), start + Duration::from_secs(60)));
    }
}
