//! `Network`: an address or a range of addresses.

use std::net::IpAddr;

/// A CIDR range; a single address is the narrowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    base: u128,
    bits: u32,
    is_v4: bool,
}

impl Network {
    /// `203.0.113.0/25`, `2001:db8::/32`, or an address.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(parse_prefix(prefix)?)),
            None => (text, None),
        };
        let (base, is_v4) = number(address.parse().ok()?);
        let whole = if is_v4 { 32 } else { 128 };
        let bits = prefix.unwrap_or(whole);
        (bits <= whole).then(|| Self { base: base & mask(bits, whole), bits, is_v4 })
    }

    /// Another family never matches.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let (number, is_v4) = number(address);
        is_v4 == self.is_v4 && number & mask(self.bits, self.whole()) == self.base
    }

    /// True when it is fixed enough for a policy not to be public: at least a /8 of IPv4 or a /32 of
    /// IPv6, or private.
    pub(crate) fn is_narrow(&self) -> bool {
        self.bits >= if self.is_v4 { 8 } else { 32 } || self.is_private()
    }

    fn is_private(&self) -> bool {
        // RFC 1918 and RFC 4193.
        ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"].iter().any(|range| {
            let range = Self::parse(range).expect("the range is well formed");
            range.is_v4 == self.is_v4
                && range.bits <= self.bits
                && self.base & mask(range.bits, range.whole()) == range.base
        })
    }

    fn whole(&self) -> u32 {
        if self.is_v4 { 32 } else { 128 }
    }
}

fn parse_prefix(text: &str) -> Option<u32> {
    let is_number = (1..=3).contains(&text.len()) && text.bytes().all(|one| one.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn number(address: IpAddr) -> (u128, bool) {
    match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)), true),
        IpAddr::V6(address) => (u128::from(address), false),
    }
}

/// The first `bits` of `whole`.
fn mask(bits: u32, whole: u32) -> u128 {
    let ones = if whole == 128 { u128::MAX } else { (1 << whole) - 1 };
    ones & !(ones.checked_shr(bits).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(network: &str, address: &str, expected: bool) {
        let network = Network::parse(network).unwrap();
        assert_eq!(network.contains(address.parse().unwrap()), expected);
    }

    #[test]
    fn a_range_holds_its_addresses() {
        check("203.0.113.0/25", "203.0.113.127", true);
        check("203.0.113.0/25", "203.0.113.128", false);
        check("203.0.113.77/25", "203.0.113.1", true);
        check("203.0.113.7", "203.0.113.7", true);
        check("203.0.113.7", "203.0.113.8", false);
        check("0.0.0.0/0", "203.0.113.8", true);
        check("2001:db8::/32", "2001:db8:ffff::1", true);
        check("2001:db8::/32", "2001:db9::1", false);
        check("::/0", "::1", true);
    }

    #[test]
    fn another_family_never_matches() {
        check("0.0.0.0/0", "::1", false);
        check("::/0", "192.0.2.9", false);
        check("::/0", "::ffff:192.0.2.9", true);
    }

    #[test]
    fn what_is_no_range_is_none() {
        for text in
            ["", "a", "1.2.3", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/+8", "::1/129", "1.2.3.4/8/8"]
        {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_wide_range_is_narrow_only_when_it_is_private() {
        let narrow = |text| Network::parse(text).unwrap().is_narrow();
        assert!(narrow("52.0.0.0/8"));
        assert!(!narrow("52.0.0.0/7"));
        assert!(narrow("2001:db8::/32"));
        assert!(!narrow("2001:db8::/31"));
        assert!(narrow("fc00::/7"));
        assert!(!narrow("fc00::/6"));
        assert!(!narrow("0.0.0.0/0"));
    }
}
