//! The canonical form of a request: what signature version 4 signs, without any type of HTTP.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// A request, as far as signing goes.
#[derive(Clone, Copy, Debug)]
pub struct SignedRequest<'a> {
    /// `GET`, `PUT` ...
    pub method: &'a str,
    /// The path, decoded: `/a key`. It is encoded once, and not normalised: keys are names, not paths.
    pub path: &'a str,
    /// Names and values of the query, decoded, in any order.
    pub query: &'a [(&'a str, &'a str)],
    /// Names and values of the headers, in their order.
    pub headers: &'a [(&'a str, &'a str)],
    /// SHA-256 of the body in hexadecimal, or [`UNSIGNED_PAYLOAD`]; what `x-amz-content-sha256` says.
    pub payload: &'a str,
}

/// In place of the body's hash where the body is not signed.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// SHA-256 in hexadecimal, as a request says it of its body.
#[must_use]
pub fn payload_hash(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}

/// What a string to sign names: the day, the region, the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope<'a> {
    /// `eu-west-1`.
    pub region: &'a str,
    /// `s3`.
    pub service: &'a str,
}

pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
pub(crate) const TERMINATION: &str = "aws4_request";
pub(crate) const SIGNATURE: &str = "X-Amz-Signature";

/// Law: SigV4, the canonical form of a request.
pub(crate) fn canonical_request(request: &SignedRequest<'_>, signed_headers: &[String]) -> String {
    let mut out = format!("{}\n{}\n", request.method, encode(request.path, Slash::Kept));
    out.push_str(&canonical_query(request.query));
    out.push('\n');
    for name in signed_headers {
        let values = request.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let values: Vec<String> = values.map(|(_, value)| collapse(value)).collect();
        writeln!(out, "{name}:{}", values.join(",")).expect("a string takes any text");
    }
    write!(out, "\n{}\n{}", signed_headers.join(";"), request.payload)
        .expect("a string takes any text");
    out
}

/// The moment and the scope, and the hash of the canonical form.
pub(crate) fn string_to_sign(canonical: &str, moment: &str, scope: &str) -> String {
    format!("{ALGORITHM}\n{moment}\n{scope}\n{}", payload_hash(canonical.as_bytes()))
}

pub(crate) fn scope_text(day: &str, scope: Scope<'_>) -> String {
    format!("{day}/{}/{}/{TERMINATION}", scope.region, scope.service)
}

fn canonical_query(query: &[(&str, &str)]) -> String {
    let signed = query.iter().filter(|(name, _)| *name != SIGNATURE);
    let mut pairs: Vec<(String, String)> = signed
        .map(|(name, value)| (encode(name, Slash::Encoded), encode(value, Slash::Encoded)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// Without white space around it, and with one space for each run within.
fn collapse(value: &str) -> String {
    value.split([' ', '\t']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Slash {
    Kept,
    Encoded,
}

fn encode(text: &str, slash: Slash) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let is_plain = byte.is_ascii_alphanumeric()
            || b"-_.~".contains(&byte)
            || byte == b'/' && slash == Slash::Kept;
        if is_plain {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a string takes any text");
        }
    }
    out
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(out, "{byte:02x}").expect("a string takes any text");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    // Law-test: SigV4, the canonical form of a request.
    #[test]
    fn the_canonical_form_sorts_encodes_and_collapses() {
        let request = SignedRequest {
            method: "GET",
            path: "/a b/../c+\u{e4}",
            query: &[
                ("b", "1/2"),
                ("a", "x y"),
                ("a", "A"),
                ("X-Amz-Signature", "s"),
                ("flag", ""),
            ],
            headers: &[("X-B", "  two   words "), ("Host", "h"), ("x-b", "more"), ("x-c", "not")],
            payload: UNSIGNED_PAYLOAD,
        };
        assert_eq!(
            canonical_request(&request, &["host".into(), "x-b".into()]),
            "GET\n/a%20b/../c%2B%C3%A4\na=A&a=x%20y&b=1%2F2&flag=\nhost:h\nx-b:two words,more\n\n\
             host;x-b\nUNSIGNED-PAYLOAD"
        );
    }

    #[test]
    fn the_hash_of_an_empty_body_is_the_known_one() {
        assert_eq!(
            payload_hash(b""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
