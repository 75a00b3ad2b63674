//! `Metadata`: what an object says about itself, set when it is written.

use crate::{
    error::{Error, Result},
    limits,
};

/// An object's metadata: a few headers that S3 knows, and the user's own names and values.
///
/// User names are case-insensitive, kept in lower case, without the prefix `x-amz-meta-`. Names and
/// values together have at most 2 KB, of the user's and of the system's each. No allocation when
/// empty.
///
/// ```
/// # use cistern_storage_core::Metadata;
/// let metadata = Metadata::new().with_content_type("image/jpeg")?.with_user("Camera", "X100")?;
/// assert_eq!(metadata.user("camera"), Some("X100"));
/// # Ok::<(), cistern_storage_core::Error>(())
/// ```
///
/// Law: S3, working with object metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Metadata {
    system: Vec<(SystemHeader, Box<str>)>,
    user: Vec<(Box<str>, Box<str>)>,
}

impl Metadata {
    /// What an object is that does not say.
    ///
    /// Law: S3, PutObject content type.
    pub const CONTENT_TYPE_DEFAULT: &'static str = "binary/octet-stream";

    /// No metadata.
    #[must_use]
    pub const fn new() -> Self {
        Self { system: Vec::new(), user: Vec::new() }
    }

    /// The metadata of pairs that were an object's before, as a row keeps them: checked for order
    /// alone. `None` when they cannot have been.
    #[must_use]
    pub fn from_stored(
        system: Vec<(SystemHeader, Box<str>)>,
        user: Vec<(Box<str>, Box<str>)>,
    ) -> Option<Self> {
        let sorted = system.is_sorted_by(|left, right| left.0 < right.0)
            && user.is_sorted_by(|left, right| left.0 < right.0);
        sorted.then_some(Self { system, user })
    }

    /// With one of the headers that S3 knows; it replaces an earlier value.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when no header can carry the value, [`Error::MetadataTooLarge`]
    /// over 2 KB.
    pub fn with(mut self, header: SystemHeader, value: impl Into<Box<str>>) -> Result<Self> {
        let value = value.into();
        check_value(header.as_str(), &value)?;
        if header == SystemHeader::WebsiteRedirect {
            check_redirect(&value)?;
        }
        match self.system.binary_search_by_key(&header, |(other, _)| *other) {
            Ok(place) => self.system[place].1 = value,
            Err(place) => self.system.insert(place, (header, value)),
        }
        let sizes = self.system.iter().map(|(header, value)| header.as_str().len() + value.len());
        check_size(sizes.sum(), limits::SYSTEM_METADATA_BYTES_MAX)?;
        Ok(self)
    }

    /// With a content type.
    ///
    /// # Errors
    /// As [`Self::with`].
    pub fn with_content_type(self, value: impl Into<Box<str>>) -> Result<Self> {
        self.with(SystemHeader::ContentType, value)
    }

    /// With a name and value of the user's; it replaces an earlier value.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when the name is no header name or no header can carry the value,
    /// [`Error::MetadataTooLarge`] over 2 KB.
    pub fn with_user(mut self, name: &str, value: impl Into<Box<str>>) -> Result<Self> {
        let (name, value) = (name.to_ascii_lowercase().into_boxed_str(), value.into());
        if name.is_empty() || !name.bytes().all(is_name_byte) {
            return Err(Error::invalid_argument(
                "x-amz-meta-",
                name,
                "a metadata name has letters, digits and the signs that a header name may have",
            ));
        }
        check_value("x-amz-meta-", &value)?;
        match self.user.binary_search_by(|(other, _)| other.cmp(&name)) {
            Ok(place) => self.user[place].1 = value,
            Err(place) => self.user.insert(place, (name, value)),
        }
        check_size(self.user_bytes(), limits::USER_METADATA_BYTES_MAX)?;
        Ok(self)
    }

    /// One of the headers that S3 knows.
    #[must_use]
    pub fn system(&self, header: SystemHeader) -> Option<&str> {
        let place = self.system.binary_search_by_key(&header, |(other, _)| *other).ok()?;
        Some(&self.system[place].1)
    }

    /// The content type; `binary/octet-stream` when none was given.
    #[must_use]
    pub fn content_type(&self) -> &str {
        self.system(SystemHeader::ContentType).unwrap_or(Self::CONTENT_TYPE_DEFAULT)
    }

    /// The user's value under `name`, in any case.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<&str> {
        let name = name.to_ascii_lowercase();
        let place = self.user.binary_search_by(|(other, _)| (**other).cmp(&name)).ok()?;
        Some(&self.user[place].1)
    }

    /// The headers that S3 knows, in the order of their codes.
    pub fn system_headers(&self) -> impl ExactSizeIterator<Item = (SystemHeader, &str)> {
        self.system.iter().map(|(header, value)| (*header, &**value))
    }

    /// The user's names and values, in the order of the names.
    pub fn user_pairs(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.user.iter().map(|(name, value)| (&**name, &**value))
    }

    /// True when nothing was set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.system.is_empty() && self.user.is_empty()
    }

    /// What counts against the limit of the user's metadata.
    #[must_use]
    pub fn user_bytes(&self) -> usize {
        self.user.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// The same without the redirect, which a copy does not take along.
    ///
    /// Law: S3, CopyObject.
    #[must_use]
    pub fn without_redirect(mut self) -> Self {
        self.system.retain(|(header, _)| *header != SystemHeader::WebsiteRedirect);
        self
    }
}

/// A header of an object that S3 knows by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SystemHeader {
    /// What the bytes are.
    ContentType,
    /// How long caches may keep them.
    CacheControl,
    /// Under which name to save them.
    ContentDisposition,
    /// How they are compressed.
    ContentEncoding,
    /// In which language they are.
    ContentLanguage,
    /// When caches must drop them; free text, as in S3.
    Expires,
    /// Where a website sends whoever asks for the object.
    WebsiteRedirect,
}

impl SystemHeader {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 7] = [
        Self::ContentType,
        Self::CacheControl,
        Self::ContentDisposition,
        Self::ContentEncoding,
        Self::ContentLanguage,
        Self::Expires,
        Self::WebsiteRedirect,
    ];

    /// The header's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ContentType => "Content-Type",
            Self::CacheControl => "Cache-Control",
            Self::ContentDisposition => "Content-Disposition",
            Self::ContentEncoding => "Content-Encoding",
            Self::ContentLanguage => "Content-Language",
            Self::Expires => "Expires",
            Self::WebsiteRedirect => "x-amz-website-redirect-location",
        }
    }

    /// The number that stored rows use. Never changed, never reused.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::ContentType => 0,
            Self::CacheControl => 1,
            Self::ContentDisposition => 2,
            Self::ContentEncoding => 3,
            Self::ContentLanguage => 4,
            Self::Expires => 5,
            Self::WebsiteRedirect => 6,
        }
    }

    /// The header of a stored number; `None` when this version does not know it.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

fn check_value(name: &'static str, value: &str) -> Result<()> {
    if value.chars().any(char::is_control) {
        return Err(Error::invalid_argument(
            name,
            value.escape_debug().to_string(),
            "a metadata value has no control characters: a header could not carry them",
        ));
    }
    Ok(())
}

fn check_redirect(value: &str) -> Result<()> {
    if ["/", "http://", "https://"].iter().any(|start| value.starts_with(start)) {
        return Ok(());
    }
    Err(Error::invalid_argument(
        SystemHeader::WebsiteRedirect.as_str(),
        value,
        "a redirect begins with `/`, `http://` or `https://`",
    ))
}

fn check_size(size: usize, max: usize) -> Result<()> {
    if size <= max {
        return Ok(());
    }
    let wide = |size| u64::try_from(size).unwrap_or(u64::MAX);
    Err(Error::MetadataTooLarge { size: wide(size), max: wide(max) })
}

/// A token of RFC 9110: what a header's name may hold.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
