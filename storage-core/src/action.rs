//! `Action`: what a request wants to do, by AWS's names.

/// One action of the S3 family.
///
/// Law: Service Authorization Reference, actions defined by Amazon S3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Action(&'static str);
