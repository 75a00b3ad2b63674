//! `Decimal`: a number as policies write it, compared without rounding.

use std::cmp::Ordering;

/// `0.d1d2d3... * 10^point`, with the sign of a number that is not zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    is_negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: Box<[u8]>,
    point: i64,
}

/// More is no number of a policy, and would only cost.
const LEN_MAX: usize = 400;

impl Decimal {
    /// An optional sign, digits with an optional point among them, an optional exponent.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > LEN_MAX {
            return None;
        }
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_number = (!whole.is_empty() || !fraction.is_empty())
            && whole.bytes().chain(fraction.bytes()).all(|one| one.is_ascii_digit());
        if !is_number {
            return None;
        }
        let digits = [whole, fraction].concat();
        let leading = digits.bytes().take_while(|one| *one == b'0').count();
        let trimmed = digits[leading..].trim_end_matches('0');
        if trimmed.is_empty() {
            return Some(Self { is_negative: false, digits: Box::default(), point: 0 });
        }
        let point = i64::try_from(whole.len()).ok()? - i64::try_from(leading).ok()? + exponent;
        Some(Self { is_negative, digits: trimmed.as_bytes().into(), point })
    }

    fn sign(&self) -> i8 {
        match (self.digits.is_empty(), self.is_negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|one| one.is_ascii_digit());
    (is_number && digits.len() <= 9).then(|| text.parse().ok()).flatten()
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_size = || self.point.cmp(&other.point).then_with(|| self.digits.cmp(&other.digits));
        self.sign().cmp(&other.sign()).then_with(|| match self.sign() {
            1 => by_size(),
            -1 => by_size().reverse(),
            _ => Ordering::Equal,
        })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(a: &str, b: &str, expected: Ordering) {
        assert_eq!(Decimal::parse(a).unwrap().cmp(&Decimal::parse(b).unwrap()), expected);
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        check("9", "10", Ordering::Less);
        check("-9", "-10", Ordering::Greater);
        check("-1", "1", Ordering::Less);
        check("1.50", "01.5", Ordering::Equal);
        check("-0", "0.0", Ordering::Equal);
        check(".5", "0.49", Ordering::Greater);
        check("1e3", "1000", Ordering::Equal);
        check("12.5E-1", "1.25", Ordering::Equal);
        check("0.001", "0.01", Ordering::Less);
        check("9007199254740993", "9007199254740992", Ordering::Greater);
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "a", "1a", "1.2.3", ".", "-", "1e", "1e1e1", "0x10", " 1", "1 ", "+-1"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
        assert_eq!(Decimal::parse(&"1".repeat(LEN_MAX + 1)), None);
        assert_eq!(Decimal::parse("1e9999999999"), None);
    }

    proptest! {
        #[test]
        fn decimals_agree_with_integers(a in -2_000_i64..2_000, b in -2_000_i64..2_000) {
            let scaled = |number: i64| {
                let sign = if number < 0 { "-" } else { "" };
                let size = number.unsigned_abs();
                Decimal::parse(&format!("{sign}{}.{:02}", size / 100, size % 100)).unwrap()
            };
            prop_assert_eq!(scaled(a).cmp(&scaled(b)), a.cmp(&b));
        }
    }
}
