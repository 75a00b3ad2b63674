//! Presigned requests: a grant for one request, for a while, to whoever holds it.

use crate::{
    canonical::{ALGORITHM, SIGNATURE, Scope, SignedRequest, scope_text},
    moment::Moment,
    signature::{Credentials, EXPIRES_SECONDS_MAX, SignatureError, signature},
};

/// The query of a presigned request: the request's own, and what makes it one.
///
/// Only the headers that are given are signed; `Host` must be among them. The signer's permissions
/// count when it is used, not now.
///
/// # Errors
/// [`SignatureError`] when it would be valid for no time or too long, or `Host` is missing.
pub fn presign(
    request: &SignedRequest<'_>,
    credentials: &Credentials,
    scope: Scope<'_>,
    now: Moment,
    expires_seconds: u32,
) -> Result<Vec<(String, String)>, SignatureError> {
    if !(1..=EXPIRES_SECONDS_MAX).contains(&expires_seconds) {
        return Err(SignatureError::InvalidExpires { asked: expires_seconds.to_string().into() });
    }
    let mut names: Vec<String> =
        request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    names.dedup();
    if !names.iter().any(|name| name == "host") {
        return Err(SignatureError::Unsigned { header: "host".into() });
    }
    let time = now.to_basic();
    let credential = format!("{}/{}", credentials.access_key_id(), scope_text(&time[..8], scope));
    let mut query: Vec<(String, String)> = request
        .query
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let own = [
        ("X-Amz-Algorithm", ALGORITHM.to_owned()),
        ("X-Amz-Credential", credential),
        ("X-Amz-Date", time),
        ("X-Amz-Expires", expires_seconds.to_string()),
        ("X-Amz-SignedHeaders", names.join(";")),
    ];
    query.extend(own.map(|(name, value)| (name.to_owned(), value)));
    if let Some(token) = credentials.session_token() {
        query.push(("X-Amz-Security-Token".into(), token.into()));
    }
    let signed: Vec<(&str, &str)> =
        query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let request = SignedRequest { query: &signed, ..*request };
    let signature = signature(&request, &names, credentials.secret(), scope, now);
    query.push((SIGNATURE.into(), signature));
    Ok(query)
}
