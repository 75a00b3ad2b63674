//! `ConditionKey`: the name of a fact of a request, and how one is looked up.

/// A key as policies name it, prepared for being looked up.
#[derive(Clone, Debug)]
pub(crate) struct ConditionKey {
    text: Box<str>,
    derived: Option<Derived>,
    /// Where the part begins that a user has named: a tag's name, a key of an encryption context.
    own: usize,
}

/// Keys that follow from the request itself, whatever the context says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Derived {
    PrincipalArn,
    PrincipalAccount,
    PrincipalType,
    Username,
    PrincipalIsAwsService,
    PrincipalServiceName,
    ResourceAccount,
    S3ResourceAccount,
    KmsCallerAccount,
    AccessPointArn,
    AccessPointAccount,
    AccessPointOrigin,
}

const DERIVED: [(&str, Derived); 12] = [
    ("aws:PrincipalArn", Derived::PrincipalArn),
    ("aws:PrincipalAccount", Derived::PrincipalAccount),
    ("aws:PrincipalType", Derived::PrincipalType),
    ("aws:username", Derived::Username),
    ("aws:PrincipalIsAWSService", Derived::PrincipalIsAwsService),
    ("aws:PrincipalServiceName", Derived::PrincipalServiceName),
    ("aws:ResourceAccount", Derived::ResourceAccount),
    ("s3:ResourceAccount", Derived::S3ResourceAccount),
    ("kms:CallerAccount", Derived::KmsCallerAccount),
    ("s3:DataAccessPointArn", Derived::AccessPointArn),
    ("s3:DataAccessPointAccount", Derived::AccessPointAccount),
    ("s3:AccessPointNetworkOrigin", Derived::AccessPointOrigin),
];

/// Its keys distinguish case, unlike all others.
const ENCRYPTION_CONTEXT: &str = "kms:EncryptionContext:";

/// Names ignore case.
impl PartialEq for ConditionKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// How well a name fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// The part that a user has named differs in case.
    Folded,
    Exact,
}

impl ConditionKey {
    pub(crate) fn new(text: &str) -> Self {
        let derived = DERIVED.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        Self { text: text.into(), derived: derived.map(|(_, key)| *key), own: own_part(text) }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn derived(&self) -> Option<Derived> {
        self.derived
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.text.eq_ignore_ascii_case(name)
    }

    /// Law: IAM, names of condition keys ignore case.
    ///
    /// Law: KMS, keys of an encryption context distinguish case.
    pub(crate) fn fit(&self, name: &str) -> Option<Fit> {
        if name.len() != self.text.len() || !name.is_char_boundary(self.own) {
            return self.fit_folded(name);
        }
        let (known, own) = name.split_at(self.own);
        if !known.eq_ignore_ascii_case(&self.text[..self.own]) {
            return None;
        }
        if *own == self.text[self.own..] {
            return Some(Fit::Exact);
        }
        self.fit_folded(name)
    }

    /// Tag names may have letters beyond ASCII, whose cases may differ in length.
    fn fit_folded(&self, name: &str) -> Option<Fit> {
        if self.own == self.text.len() || is_encryption_context(&self.text) {
            return None;
        }
        let (known, own) = name.split_at_checked(self.own)?;
        let fits = known.eq_ignore_ascii_case(&self.text[..self.own])
            && own
                .chars()
                .flat_map(char::to_lowercase)
                .eq(self.text[self.own..].chars().flat_map(char::to_lowercase));
        fits.then_some(Fit::Folded)
    }
}

fn is_encryption_context(text: &str) -> bool {
    text.get(..ENCRYPTION_CONTEXT.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(ENCRYPTION_CONTEXT))
}

fn own_part(text: &str) -> usize {
    if is_encryption_context(text) {
        return ENCRYPTION_CONTEXT.len();
    }
    text.find('/').map_or(text.len(), |slash| slash + 1)
}

/// What a request says of a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Found<'a> {
    Absent,
    One(&'a str),
    List(&'a [String]),
    /// Values of several tags whose names differ only in case.
    Several(Vec<&'a str>),
}

impl<'a> Found<'a> {
    /// The value of a key that has one and is not a list; an empty one is none.
    pub(crate) fn one_value(&self) -> Option<&'a str> {
        match self {
            Self::One(value) if !value.is_empty() => Some(value),
            _ => None,
        }
    }

    /// No value, or only empty ones.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Absent => true,
            Self::One(value) => value.is_empty(),
            Self::List(values) => values.iter().all(String::is_empty),
            Self::Several(values) => values.iter().all(|value| value.is_empty()),
        }
    }

    /// Every value.
    pub(crate) fn all(&self, mut holds: impl FnMut(&str) -> bool) -> bool {
        match self {
            Self::Absent => true,
            Self::One(value) => holds(value),
            Self::List(values) => values.iter().all(|value| holds(value)),
            Self::Several(values) => values.iter().all(|value| holds(value)),
        }
    }
}

/// Where keys are looked up.
pub(crate) trait Lookup {
    fn lookup<'a>(&'a self, key: &ConditionKey) -> Found<'a>;
}

/// Knows no key.
#[derive(Debug)]
pub(crate) struct NoValues;

impl Lookup for NoValues {
    fn lookup<'a>(&'a self, _: &ConditionKey) -> Found<'a> {
        Found::Absent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(key: &str, name: &str, expected: Option<Fit>) {
        assert_eq!(ConditionKey::new(key).fit(name), expected);
    }

    // Law-test: IAM, names of condition keys ignore case.
    #[test]
    fn names_ignore_case_and_a_tag_name_tells_whether_it_was_exact() {
        check("aws:SourceIp", "AWS:sourceip", Some(Fit::Exact));
        check("aws:SourceIp", "aws:SourceIps", None);
        check("aws:PrincipalTag/Team", "AWS:principaltag/Team", Some(Fit::Exact));
        check("aws:PrincipalTag/Team", "aws:PrincipalTag/team", Some(Fit::Folded));
        check("aws:PrincipalTag/\u{c4}", "aws:PrincipalTag/\u{e4}", Some(Fit::Folded));
        check("aws:PrincipalTag/Team", "aws:PrincipalTag/teams", None);
        check("aws:PrincipalTag/a", "aws:RequestTagxx/a", None);
    }

    // Law-test: KMS, keys of an encryption context distinguish case.
    #[test]
    fn keys_of_an_encryption_context_distinguish_case() {
        check("kms:EncryptionContext:Dept", "KMS:encryptioncontext:Dept", Some(Fit::Exact));
        check("kms:EncryptionContext:Dept", "kms:EncryptionContext:dept", None);
    }

    #[test]
    fn keys_of_the_request_itself_are_known_in_any_case() {
        assert_eq!(ConditionKey::new("AWS:UserName").derived(), Some(Derived::Username));
        assert_eq!(ConditionKey::new("aws:userid").derived(), None);
    }
}
