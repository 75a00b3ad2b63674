//! `Layers`: every policy that is in force for a request.

use crate::{
    access_point::AccessPoint, acl::Acl, ownership::ObjectOwnership, policy::Policy,
    public_access::PublicAccessBlock,
};
use std::{fmt, sync::Arc};

/// Every policy that is in force for a request, as one snapshot.
///
/// Nothing is copied: it borrows lists of shared policies, compiled once. A list that is empty is a
/// layer that is not there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layers<'a> {
    pub(crate) identity: &'a [Arc<Policy>],
    pub(crate) boundary: &'a [Arc<Policy>],
    pub(crate) session: &'a [Arc<Policy>],
    pub(crate) service_control: &'a [Vec<Arc<Policy>>],
    pub(crate) resource_control: &'a [Vec<Arc<Policy>>],
    pub(crate) endpoint: &'a [Arc<Policy>],
    pub(crate) resource: &'a [Arc<Policy>],
    pub(crate) access_point: Option<&'a AccessPoint>,
    pub(crate) access_point_policies: &'a [Arc<Policy>],
    pub(crate) acls: &'a [Acl],
    pub(crate) ownership: ObjectOwnership,
    pub(crate) public_access: PublicAccessBlock,
}

impl<'a> Layers<'a> {
    /// None: nobody but the owner's root may do anything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Of the user and his groups, or of the role: managed and inline, all together.
    #[must_use]
    pub fn identity(mut self, policies: &'a [Arc<Policy>]) -> Self {
        self.identity = policies;
        self
    }

    /// The permissions boundary of the user or the role.
    #[must_use]
    pub fn boundary(mut self, policies: &'a [Arc<Policy>]) -> Self {
        self.boundary = policies;
        self
    }

    /// The session's own policies, all together.
    #[must_use]
    pub fn session(mut self, policies: &'a [Arc<Policy>]) -> Self {
        self.session = policies;
        self
    }

    /// Service control policies above the caller's account, a list for each level.
    #[must_use]
    pub fn service_control(mut self, levels: &'a [Vec<Arc<Policy>>]) -> Self {
        self.service_control = levels;
        self
    }

    /// Resource control policies above the resource's account, a list for each level.
    #[must_use]
    pub fn resource_control(mut self, levels: &'a [Vec<Arc<Policy>>]) -> Self {
        self.resource_control = levels;
        self
    }

    /// The policy of the endpoint through which the call came; none allows everything.
    #[must_use]
    pub fn endpoint(mut self, policies: &'a [Arc<Policy>]) -> Self {
        self.endpoint = policies;
        self
    }

    /// The policy of the bucket, the stream, the key or the role.
    #[must_use]
    pub fn resource(mut self, policies: &'a [Arc<Policy>]) -> Self {
        self.resource = policies;
        self
    }

    /// The access point through which the call came, and its policy.
    #[must_use]
    pub fn access_point(mut self, point: &'a AccessPoint, policies: &'a [Arc<Policy>]) -> Self {
        self.access_point = Some(point);
        self.access_point_policies = policies;
        self
    }

    /// ACLs of the bucket and of the object.
    #[must_use]
    pub fn acls(mut self, acls: &'a [Acl]) -> Self {
        self.acls = acls;
        self
    }

    /// The bucket's mode.
    #[must_use]
    pub fn ownership(mut self, mode: ObjectOwnership) -> Self {
        self.ownership = mode;
        self
    }

    /// The flags of the account, the bucket and the access point together.
    #[must_use]
    pub fn public_access(mut self, block: PublicAccessBlock) -> Self {
        self.public_access = block;
        self
    }

    /// Every list with the layer that it is.
    pub(crate) fn lists(&self) -> impl Iterator<Item = (Layer, &'a [Arc<Policy>])> + use<'a> {
        let leveled = |of: fn(usize) -> Layer, levels: &'a [Vec<Arc<Policy>>]| {
            levels.iter().enumerate().map(move |(at, list)| (of(at), list.as_slice()))
        };
        [
            (Layer::Identity, self.identity),
            (Layer::Resource, self.resource),
            (Layer::AccessPoint, self.access_point_policies),
            (Layer::Boundary, self.boundary),
            (Layer::Session, self.session),
            (Layer::Endpoint, self.endpoint),
        ]
        .into_iter()
        .chain(leveled(Layer::ServiceControl, self.service_control))
        .chain(leveled(Layer::ResourceControl, self.resource_control))
    }
}

/// A place in the order of layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Layer {
    /// Policies of the caller.
    Identity,
    /// The policy of the resource.
    Resource,
    /// The policy of the access point.
    AccessPoint,
    /// Grants on the bucket or the object.
    Acl,
    /// The caller's permissions boundary.
    Boundary,
    /// The session's policies.
    Session,
    /// Service control policies, by level.
    ServiceControl(usize),
    /// Resource control policies, by level.
    ResourceControl(usize),
    /// The endpoint's policy.
    Endpoint,
    /// Block public access.
    PublicAccess,
}

/// As AWS's messages name it.
impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Identity => "identity-based policy",
            Self::Resource | Self::AccessPoint => "resource-based policy",
            Self::Acl => "access control list",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
            Self::ServiceControl(_) => "service control policy",
            Self::ResourceControl(_) => "resource control policy",
            Self::Endpoint => "VPC endpoint policy",
            Self::PublicAccess => "public access block",
        })
    }
}
