//! Entry points for fuzzers: one function a reader. Not an interface: it may change with any commit.
//!
//! Each takes any bytes, does not panic, and takes time and memory in proportion to them. True says
//! that the bytes were understood; what was understood is written down and read again, and must be the
//! same.

use crate::{
    canonical::{Scope, SignedRequest, UNSIGNED_PAYLOAD},
    context::Context,
    json,
    moment::Moment,
    pattern::{Pattern, Syntax},
    policy::{Policy, PolicyKind},
    signature::{Claim, Credentials},
};

/// Takes any bytes; true when they were understood.
pub type Target = fn(&[u8]) -> bool;

/// Every entry point, by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("access_json", access_json),
    ("access_pattern", access_pattern),
    ("access_policy", access_policy),
    ("access_signature", access_signature),
];

/// Runs the entry point `name`.
///
/// # Panics
/// When there is none, and when the reader is wrong.
pub fn run(name: &str, input: &[u8]) -> bool {
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    found.expect("targets name entry points that exist").1(input)
}

fn access_json(input: &[u8]) -> bool {
    let Some(text) = text(input) else { return false };
    let Ok(value) = json::parse(text) else { return false };
    assert!(value.end <= text.len() && value.start < value.end);
    // The part that is the value reads as the value, and a string's text reads back.
    let again = json::parse(&text[value.start..value.end]).expect("it was just read");
    if let (Some(known), Some(found)) = (value.as_text(), again.as_text()) {
        let mut written = String::new();
        json::write_text(&mut written, known);
        assert_eq!(json::parse(&written).expect("it was just written").as_text(), Some(known));
        assert_eq!(known, found);
    }
    true
}

/// The first byte chooses the kind.
fn access_policy(input: &[u8]) -> bool {
    const KINDS: [PolicyKind; 6] = [
        PolicyKind::Identity,
        PolicyKind::Bucket,
        PolicyKind::Key,
        PolicyKind::Endpoint,
        PolicyKind::Trust,
        PolicyKind::ServiceControl,
    ];
    let Some((first, rest)) = input.split_first() else { return false };
    let kind = KINDS[usize::from(*first) % KINDS.len()];
    let Some(text) = text(rest) else { return false };
    let new = Policy::parse(kind, text);
    let Ok(policy) = Policy::load(kind, text) else {
        // What is not understood is no new policy either.
        assert!(new.is_err());
        return false;
    };
    let printed = policy.to_json();
    let again = Policy::load(kind, &printed).expect("it was just printed");
    assert_eq!(again, policy);
    true
}

/// The first line is a pattern, the second a text, the third a value for its variables.
fn access_pattern(input: &[u8]) -> bool {
    let Some(text) = text(input) else { return false };
    let mut lines = text.splitn(3, '\n');
    let (Some(pattern), Some(against)) = (lines.next(), lines.next()) else { return false };
    let context = Context::new().with("k", lines.next().unwrap_or_default());
    for variables in [false, true] {
        let pattern = Pattern::new(pattern, Syntax { wildcards: true, variables });
        let matches = pattern.matches(against, &context);
        // A text matches itself, and what has no wildcard stands for one text at most.
        if let Some(whole) = pattern.expand(&context) {
            assert_eq!(matches, whole == against);
        }
        assert!(!matches || pattern.is_well_formed());
    }
    true
}

/// A header, and after a line's end names and values of a query, a line each.
fn access_signature(input: &[u8]) -> bool {
    let Some(text) = text(input) else { return false };
    let mut lines = text.split('\n');
    let authorization = lines.next().unwrap_or_default();
    let mut query = Vec::new();
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        query.push((name, value));
    }
    let mut headers = vec![("host", "h"), ("x-amz-date", "20130524T000000Z")];
    if !authorization.is_empty() {
        headers.push(("authorization", authorization));
    }
    let payload = UNSIGNED_PAYLOAD;
    let request =
        SignedRequest { method: "GET", path: "/k", query: &query, headers: &headers, payload };
    let Ok(Some(claim)) = Claim::read(&request) else { return false };
    let credentials = Credentials::new(claim.access_key_id(), "never to be guessed");
    let scope = Scope { region: "us-east-1", service: "s3" };
    let now = Moment::parse_basic("20130524T000000Z").expect("it is a moment");
    assert!(claim.verify(&request, &credentials, scope, now).is_err());
    true
}

fn text(input: &[u8]) -> Option<&str> {
    std::str::from_utf8(input).ok()
}

/// Inputs that are understood, for a fuzzer to begin with.
#[must_use]
pub fn seeds(name: &str) -> Vec<Vec<u8>> {
    let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    match name {
        "access_json" => {
            texts(&[r#"{"a": [null, true, -1.5e3, "\u00e4\n"]}"#, "\"\\ud83d\\ude00\""])
        }
        "access_pattern" => texts(&["a*b?c\naxxbyc", "${k}/*\nv/x\nv", "${k, 'd'}${*}\nd*\n"]),
        "access_policy" => texts(&[
            "\u{0}{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"A\",\"Effect\":\"Allow\",\
             \"NotAction\":[\"s3:Get*\",\"*\"],\"Resource\":\"arn:aws:s3:::b/${aws:username, 'x'}\",\
             \"Condition\":{\"ForAnyValue:StringLikeIfExists\":{\"aws:TagKeys\":[\"a*\"]},\
             \"DateLessThan\":{\"aws:CurrentTime\":2026},\"Null\":{\"a:b\":true}}}]}",
            "\u{1}{\"Id\":\"i\",\"Statement\":{\"Effect\":\"Deny\",\"NotPrincipal\":{\"AWS\":\
             [\"100000000001\",\"*\"],\"Service\":\"a.b\"},\"Action\":\"s3:*\",\"NotResource\":\"*\",\
             \"Condition\":{\"IpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}}}}",
        ]),
        "access_signature" => texts(&[
            "AWS4-HMAC-SHA256 Credential=K/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature=00",
            "\nX-Amz-Algorithm\nAWS4-HMAC-SHA256\nX-Amz-Credential\n\
             K/20130524/us-east-1/s3/aws4_request\nX-Amz-Date\n20130524T000000Z\nX-Amz-Expires\n60\n\
             X-Amz-SignedHeaders\nhost;x-amz-date\nX-Amz-Signature\n00",
        ]),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, sample::Index};

    #[test]
    fn every_entry_point_understands_its_seeds() {
        for (name, target) in TARGETS {
            let seeds = seeds(name);
            assert!(!seeds.is_empty(), "{name}");
            seeds.iter().for_each(|seed| {
                assert!(target(seed), "{name}: {}", String::from_utf8_lossy(seed));
            });
        }
    }

    #[test]
    fn every_entry_point_has_a_fuzz_target() {
        let targets = include_str!("../../fuzz/Cargo.toml");
        for (name, _) in TARGETS {
            assert!(targets.contains(&format!("name = \"{name}\"\n")), "{name}");
        }
    }

    /// `CISTERN_FUZZ_CORPUS` names the folder in which every target has one for its inputs.
    #[test]
    #[allow(clippy::disallowed_methods, reason = "fuzzers read files")]
    fn the_seeds_are_written_where_a_fuzzer_asks_for_them() {
        let Some(corpus) = std::env::var_os("CISTERN_FUZZ_CORPUS") else { return };
        for (name, _) in TARGETS {
            let folder = std::path::Path::new(&corpus).join(name);
            std::fs::create_dir_all(&folder).unwrap();
            for (number, seed) in seeds(name).into_iter().enumerate() {
                std::fs::write(folder.join(format!("seed-{number}")), seed).unwrap();
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8_000))]

        #[test]
        fn no_entry_point_panics_on_any_bytes(
            input in prop::collection::vec(any::<u8>(), 0..200),
            number in 0..TARGETS.len(),
        ) {
            TARGETS[number].1(&input);
        }

        #[test]
        fn no_entry_point_panics_on_a_seed_with_changes(
            number in 0..TARGETS.len(),
            seed in any::<Index>(),
            changes in prop::collection::vec((any::<Index>(), 0_u8..128), 0..4),
            cut in any::<Option<Index>>(),
        ) {
            let (name, target) = TARGETS[number];
            let mut input = seed.get(&seeds(name)).clone();
            for (place, byte) in changes {
                let place = place.index(input.len());
                input[place] = byte;
            }
            if let Some(cut) = cut {
                input.truncate(cut.index(input.len()));
            }
            target(&input);
        }
    }
}
