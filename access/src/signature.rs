//! Signature version 4: signing a request, and checking what a request claims.
//!
//! Whoever checks reads a [`Claim`] from the request, finds the secret of the access key that it
//! names, and asks [`Claim::verify`]: that is where times, scope and signature are checked.

use crate::{
    canonical::{
        ALGORITHM, SIGNATURE, Scope, SignedRequest, TERMINATION, canonical_request, hex,
        scope_text, string_to_sign,
    },
    context::Context,
    moment::Moment,
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt;
use subtle::ConstantTimeEq as _;

/// How far the clocks of both sides may differ, in seconds.
///
/// Law: S3, a request whose time differs by more than 15 minutes is refused.
pub const SKEW_SECONDS_MAX: i64 = 900;

/// How long a presigned request may be valid, in seconds: seven days.
///
/// Law: S3, a presigned request is valid for 1 s to 604,800 s.
pub const EXPIRES_SECONDS_MAX: u32 = 604_800;

/// An access key with its secret, and the token of a session.
#[derive(Clone)]
pub struct Credentials {
    access_key_id: Box<str>,
    secret: Box<str>,
    session_token: Option<Box<str>>,
}

impl Credentials {
    /// An access key with its secret.
    #[must_use]
    pub fn new(access_key_id: &str, secret: &str) -> Self {
        Self { access_key_id: access_key_id.into(), secret: secret.into(), session_token: None }
    }

    /// Temporary ones bear a token.
    #[must_use]
    pub fn with_session_token(mut self, token: &str) -> Self {
        self.session_token = Some(token.into());
        self
    }

    /// The access key.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The token of a session.
    #[must_use]
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }
}

/// The secret is never printed.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Credentials");
        out.field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// The `Authorization` header for a request.
///
/// All its headers are signed: `Host` and `X-Amz-Date` must be among them.
///
/// # Errors
/// [`SignatureError::Unsigned`] when one of the two is not.
pub fn sign(
    request: &SignedRequest<'_>,
    credentials: &Credentials,
    scope: Scope<'_>,
) -> Result<String, SignatureError> {
    let mut names: Vec<String> =
        request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    names.dedup();
    for needed in ["host", "x-amz-date"] {
        if !names.iter().any(|name| name == needed) {
            return Err(SignatureError::Unsigned { header: needed.into() });
        }
    }
    let time = header(request, "x-amz-date").unwrap_or_default();
    let time = Moment::parse_basic(time).ok_or(SignatureError::malformed("X-Amz-Date"))?;
    let signature = signature(request, &names, credentials.secret(), scope, time);
    Ok(format!(
        "{ALGORITHM} Credential={}/{}, SignedHeaders={}, Signature={signature}",
        credentials.access_key_id(),
        scope_text(&time.to_basic()[..8], scope),
        names.join(";"),
    ))
}

/// How a request bears its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthType {
    /// In the `Authorization` header.
    Header,
    /// In the query: it was signed before, perhaps by somebody else.
    Query,
}

/// What a request says of who signed it, and when. Nothing of it is true before it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    access_key_id: Box<str>,
    day: Box<str>,
    region: Box<str>,
    service: Box<str>,
    signed_headers: Vec<String>,
    signature: Box<str>,
    time: Moment,
    expires_seconds: Option<u32>,
    session_token: Option<Box<str>>,
}

/// A signature that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whose it is.
    pub access_key_id: Box<str>,
    /// How the request bore it.
    pub auth_type: AuthType,
    /// When it was signed.
    pub time: Moment,
    /// How old it was when it was checked, in milliseconds.
    pub age_millis: u64,
}

/// Why a signature does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// A part of it is missing or cannot be read.
    #[error("{what} is missing or malformed")]
    Malformed {
        /// The part.
        what: Box<str>,
        /// How the request bears it.
        auth_type: AuthType,
    },
    /// It is for another region or service.
    #[error("the signature is for {found}, not for {expected}")]
    WrongScope {
        /// What it is for.
        found: Box<str>,
        /// What it would have to be for.
        expected: Box<str>,
        /// How the request bears it.
        auth_type: AuthType,
    },
    /// A header that must be signed is not.
    #[error("header {header} is not signed")]
    Unsigned {
        /// The header.
        header: Box<str>,
    },
    /// The clocks differ.
    #[error("the request was signed at {signed}, and it is {now}")]
    Skewed {
        /// When it was signed.
        signed: Moment,
        /// The time here.
        now: Moment,
    },
    /// It is no longer valid.
    #[error("the request expired at {at}")]
    Expired {
        /// When.
        at: Moment,
    },
    /// It is not yet valid.
    #[error("the request is not valid before {from}")]
    NotYet {
        /// From when.
        from: Moment,
    },
    /// The wrong length of time for a presigned request.
    #[error("a presigned request is valid for 1 s to 604,800 s, not for {asked}")]
    InvalidExpires {
        /// What was asked for.
        asked: Box<str>,
    },
    /// It was made with another secret, or for another request.
    #[error("the signature does not match the request")]
    Mismatch,
}

impl SignatureError {
    fn malformed(what: &str) -> Self {
        Self::Malformed { what: what.into(), auth_type: AuthType::Header }
    }

    fn malformed_query(what: &str) -> Self {
        Self::Malformed { what: what.into(), auth_type: AuthType::Query }
    }

    /// The code of S3.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { auth_type: AuthType::Header, .. }
            | Self::WrongScope { auth_type: AuthType::Header, .. } => {
                "AuthorizationHeaderMalformed"
            }
            Self::Malformed { .. } | Self::WrongScope { .. } | Self::InvalidExpires { .. } => {
                "AuthorizationQueryParametersError"
            }
            Self::Unsigned { .. } | Self::Expired { .. } | Self::NotYet { .. } => "AccessDenied",
            Self::Skewed { .. } => "RequestTimeTooSkewed",
            Self::Mismatch => "SignatureDoesNotMatch",
        }
    }

    /// The status of HTTP that goes with it.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed { .. } | Self::WrongScope { .. } | Self::InvalidExpires { .. } => 400,
            _ => 403,
        }
    }
}

impl Claim {
    /// Reads what the request claims; `None` when it claims nothing: its caller is anonymous.
    ///
    /// # Errors
    /// [`SignatureError`] when it claims something that cannot be read.
    pub fn read(request: &SignedRequest<'_>) -> Result<Option<Self>, SignatureError> {
        if let Some(value) = header(request, "authorization") {
            return Self::from_header(request, value).map(Some);
        }
        if query(request, "X-Amz-Algorithm").is_some() || query(request, SIGNATURE).is_some() {
            return Self::from_query(request).map(Some);
        }
        Ok(None)
    }

    fn from_header(request: &SignedRequest<'_>, value: &str) -> Result<Self, SignatureError> {
        let malformed = SignatureError::malformed;
        let rest = value.strip_prefix(ALGORITHM).ok_or_else(|| malformed("the algorithm"))?;
        let mut parts = rest.split(',').map(str::trim);
        let mut part = |name: &str| {
            let part = parts.next().and_then(|part| part.strip_prefix(name));
            part.and_then(|part| part.strip_prefix('=')).ok_or_else(|| malformed(name))
        };
        let credential = part("Credential")?;
        let signed_headers = part("SignedHeaders")?;
        let signature = part("Signature")?;
        if parts.next().is_some() {
            return Err(malformed("Authorization"));
        }
        let time = header(request, "x-amz-date").and_then(Moment::parse_basic);
        let time = time.ok_or_else(|| malformed("X-Amz-Date"))?;
        let token = header(request, "x-amz-security-token");
        Self::of_parts([credential, signed_headers, signature], time, None, token)
            .ok_or_else(|| malformed("Credential"))
    }

    fn from_query(request: &SignedRequest<'_>) -> Result<Self, SignatureError> {
        let malformed = SignatureError::malformed_query;
        let part = |name: &str| {
            let mut found = request.query.iter().filter(|(known, _)| *known == name);
            match (found.next(), found.next()) {
                (Some((_, value)), None) => Ok(*value),
                _ => Err(malformed(name)),
            }
        };
        if part("X-Amz-Algorithm")? != ALGORITHM {
            return Err(malformed("X-Amz-Algorithm"));
        }
        let time = Moment::parse_basic(part("X-Amz-Date")?);
        let time = time.ok_or_else(|| malformed("X-Amz-Date"))?;
        let expires = parse_expires(part("X-Amz-Expires")?)?;
        let parts = [part("X-Amz-Credential")?, part("X-Amz-SignedHeaders")?, part(SIGNATURE)?];
        let token = query(request, "X-Amz-Security-Token");
        Self::of_parts(parts, time, Some(expires), token)
            .ok_or_else(|| malformed("X-Amz-Credential"))
    }

    fn of_parts(
        [credential, signed_headers, signature]: [&str; 3],
        time: Moment,
        expires_seconds: Option<u32>,
        session_token: Option<&str>,
    ) -> Option<Self> {
        // An access key may have slashes; what follows it has none.
        let mut parts = credential.rsplitn(5, '/');
        let [end, service, region, day, access_key_id] =
            [(); 5].map(|()| parts.next().unwrap_or_default());
        let is_whole = end == TERMINATION
            && ![service, region, day, access_key_id].contains(&"")
            && day == &time.to_basic()[..8];
        let names: Vec<String> = signed_headers.split(';').map(str::to_owned).collect();
        let is_sorted = names.is_sorted_by(|a, b| a < b)
            && names.iter().all(|name| !name.is_empty() && *name == name.to_ascii_lowercase());
        (is_whole && is_sorted).then(|| Self {
            access_key_id: access_key_id.into(),
            day: day.into(),
            region: region.into(),
            service: service.into(),
            signed_headers: names,
            signature: signature.into(),
            time,
            expires_seconds,
            session_token: session_token.map(Into::into),
        })
    }

    /// The access key whose secret decides.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The token that must be the one of the session with this access key.
    #[must_use]
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    /// Checks it against the request, the secret of its access key, and the time.
    ///
    /// The signature is compared in constant time. A presigned request dies with its credential:
    /// whoever keeps sessions must ask them, too.
    ///
    /// # Errors
    /// [`SignatureError`] with S3's code.
    pub fn verify(
        &self,
        request: &SignedRequest<'_>,
        credentials: &Credentials,
        scope: Scope<'_>,
        now: Moment,
    ) -> Result<Verified, SignatureError> {
        let auth_type =
            if self.expires_seconds.is_some() { AuthType::Query } else { AuthType::Header };
        if (&*self.region, &*self.service) != (scope.region, scope.service) {
            let text = |region: &str, service: &str| format!("{service} in {region}").into();
            let found = text(&self.region, &self.service);
            let expected = text(scope.region, scope.service);
            return Err(SignatureError::WrongScope { found, expected, auth_type });
        }
        self.check_headers(request)?;
        self.check_time(now)?;
        let expected =
            signature(request, &self.signed_headers, credentials.secret(), scope, self.time);
        let is_same: bool = expected.as_bytes().ct_eq(self.signature.as_bytes()).into();
        let token = |text: Option<&str>| text.unwrap_or_default().as_bytes().to_vec();
        let own_token = token(credentials.session_token());
        let is_same_token: bool = own_token.ct_eq(&token(self.session_token())).into();
        let is_same_key = *self.access_key_id == *credentials.access_key_id();
        if !is_same || !is_same_token || !is_same_key {
            return Err(SignatureError::Mismatch);
        }
        let age_seconds = now.seconds().saturating_sub(self.time.seconds());
        Ok(Verified {
            access_key_id: self.access_key_id.clone(),
            auth_type,
            time: self.time,
            age_millis: u64::try_from(age_seconds).unwrap_or(0).saturating_mul(1_000),
        })
    }

    /// Law: S3, `host` and every `x-amz-` header of a request are signed.
    fn check_headers(&self, request: &SignedRequest<'_>) -> Result<(), SignatureError> {
        let is_signed = |name: &str| self.signed_headers.iter().any(|signed| signed == name);
        let sent = request.headers.iter().map(|(name, _)| name.to_ascii_lowercase());
        let needed = sent.filter(|name| name.starts_with("x-amz-"));
        match std::iter::once("host".to_owned()).chain(needed).find(|name| !is_signed(name)) {
            Some(header) => Err(SignatureError::Unsigned { header: header.into() }),
            None => Ok(()),
        }
    }

    fn check_time(&self, now: Moment) -> Result<(), SignatureError> {
        let ahead = self.time.seconds().saturating_sub(now.seconds());
        let Some(expires) = self.expires_seconds else {
            if ahead.saturating_abs() > SKEW_SECONDS_MAX {
                return Err(SignatureError::Skewed { signed: self.time, now });
            }
            return Ok(());
        };
        let at = self.time.plus_seconds(expires.into());
        if now > at {
            return Err(SignatureError::Expired { at });
        }
        if ahead > SKEW_SECONDS_MAX {
            return Err(SignatureError::NotYet { from: self.time });
        }
        Ok(())
    }
}

impl Verified {
    /// What policies may ask about the signature, added to what is known of the request.
    ///
    /// Law: S3, the age of a signature is known of presigned requests only.
    #[must_use]
    pub fn context(&self, known: Context) -> Context {
        let known = known.with("s3:signatureversion", ALGORITHM);
        match self.auth_type {
            AuthType::Header => known.with("s3:authType", "REST-HEADER"),
            AuthType::Query => known
                .with("s3:authType", "REST-QUERY-STRING")
                .with("s3:signatureAge", &self.age_millis.to_string()),
        }
    }
}

fn parse_expires(text: &str) -> Result<u32, SignatureError> {
    let is_number = !text.is_empty() && text.bytes().all(|one| one.is_ascii_digit());
    let seconds = is_number.then(|| text.parse().ok()).flatten();
    seconds
        .filter(|seconds| (1..=EXPIRES_SECONDS_MAX).contains(seconds))
        .ok_or_else(|| SignatureError::InvalidExpires { asked: text.into() })
}

fn header<'a>(request: &SignedRequest<'a>, name: &str) -> Option<&'a str> {
    let found = request.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim())
}

fn query<'a>(request: &SignedRequest<'a>, name: &str) -> Option<&'a str> {
    request.query.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

/// The signature in hexadecimal.
pub(crate) fn signature(
    request: &SignedRequest<'_>,
    signed_headers: &[String],
    secret: &str,
    scope: Scope<'_>,
    time: Moment,
) -> String {
    let time = time.to_basic();
    let canonical = canonical_request(request, signed_headers);
    let text = string_to_sign(&canonical, &time, &scope_text(&time[..8], scope));
    hex(&hmac(&signing_key(secret, &time[..8], scope), text.as_bytes()))
}

/// Law: SigV4, the signing key is derived from the secret by day, region and service.
fn signing_key(secret: &str, day: &str, scope: Scope<'_>) -> [u8; 32] {
    let key = hmac(format!("AWS4{secret}").as_bytes(), day.as_bytes());
    let key = hmac(&key, scope.region.as_bytes());
    let key = hmac(&key, scope.service.as_bytes());
    hmac(&key, TERMINATION.as_bytes())
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests;
