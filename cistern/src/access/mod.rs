//! Who may do what with a cistern: identities and policies that are kept in it, and handles that
//! they decide about.
//!
//! ```
//! use cistern::{Cistern, access::Identity};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cistern = Cistern::in_memory();
//! cistern.create_bucket("photos")?.put("cats/tom.txt", "a fine cat")?;
//!
//! let access = cistern.access()?;
//! access.create_user("alice")?;
//! let reads = r#"{"Version": "2012-10-17", "Statement": {
//!     "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::photos/cats/*"}}"#;
//! access.put_inline_policy(&Identity::user("alice"), "reads", reads)?;
//!
//! let photos = cistern.as_principal("alice")?.bucket("photos")?;
//! assert_eq!(photos.get("cats/tom.txt")?.bytes()?, "a fine cat");
//! assert_eq!(photos.put("cats/tom.txt", "x").unwrap_err().code(), "AccessDenied");
//! # Ok(())
//! # }
//! ```
//!
//! **It fails closed.** A stored policy that cannot be read allows nothing wherever it is in force; a
//! user or role that is gone, a session that has expired, tags that cannot be read: all are refused.
//!
//! What is compiled is kept, one immutable snapshot for all: a change is committed first, and a request
//! sees either all of it or nothing. The owner's own handles ask nobody and pay nothing.
//!
//! Caveats:
//! - A cistern is one account, [`ACCOUNT`]: callers are its users, its sessions, its root and nobody
//!   in particular. Ownership is `BucketOwnerEnforced`, so there are no ACLs.
//! - Policies and identities are managed through the owner's handle alone.
//! - A session is a handle: it lives as long as the process, at most until it expires.
//! - Streams ask no gate yet.

mod audit;
mod client;
mod directory;
mod error;
mod guard;
mod handle;
mod identity;
mod row;
mod snapshot;
mod who_can;

pub use audit::{AuditLog, AuditRecord, AuditSink, Redacted};
#[doc(inline)]
pub use cistern_access::{AssumeRole, Policy, PolicyKind, PublicAccessBlock, Verdict};
pub use client::{Client, Endpoint};
pub use error::{AccessError, AccessResult};
pub use handle::Access;
pub use identity::{Identity, IdentityKind};
pub use who_can::WhoCan;

pub(crate) use guard::Origin;
pub(crate) use handle::LazyAccess;

/// The account that everything in a cistern belongs to, as ARNs and policies write it.
pub const ACCOUNT: &str = "000000000000";
