//! `AccessPoint`: another name for a bucket, with a policy of its own.

use crate::{
    arn::{Arn, InvalidArn, Resource},
    condition_key::{ConditionKey, Lookup},
    context::Context,
};

/// The access point through which a request came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessPoint {
    arn: Arn,
    origin: Origin,
}

/// From where an access point answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// From anywhere.
    Internet,
    /// From one network alone, or from any when none is named.
    Vpc(Option<Box<str>>),
}

impl Origin {
    /// `s3:AccessPointNetworkOrigin`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Internet => "Internet",
            Self::Vpc(_) => "VPC",
        }
    }
}

impl AccessPoint {
    /// By its ARN: `arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME`.
    ///
    /// # Errors
    /// [`InvalidArn`] for an ARN of anything else.
    pub fn new(arn: &str, origin: Origin) -> Result<Self, InvalidArn> {
        let arn = Arn::parse(arn)?;
        let name = arn.resource().strip_prefix("accesspoint/").unwrap_or_default();
        if arn.service() != "s3" || name.is_empty() || name.contains('/') {
            let rule = "an access point is `arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME`";
            return Err(InvalidArn { text: arn.as_str().into(), rule });
        }
        Ok(Self { arn, origin })
    }

    /// Its name.
    #[must_use]
    pub fn arn(&self) -> &Arn {
        &self.arn
    }

    /// From where it answers.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What a bucket or an object is called when it is reached through the access point.
    pub(crate) fn resource(&self, behind: &Resource) -> Resource {
        let Some((_, key)) = behind.as_object() else {
            return Resource::Named(self.arn.clone());
        };
        let name = format!("{}/object/{key}", self.arn);
        Resource::Named(Arn::parse(&name).expect("it begins with an ARN"))
    }

    /// Law: S3, an access point of a VPC answers calls from that VPC alone.
    pub(crate) fn answers(&self, context: &Context) -> bool {
        let Origin::Vpc(vpc) = &self.origin else { return true };
        let key = ConditionKey::new("aws:SourceVpc");
        match (context.lookup(&key).one_value(), vpc) {
            (Some(found), Some(vpc)) => *found == **vpc,
            (found, None) => found.is_some(),
            (None, Some(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:s3:eu-west-1:100000000001:accesspoint/lake";

    #[test]
    fn an_access_point_has_a_name_for_everything_behind_it() {
        let point = AccessPoint::new(ARN, Origin::Internet).unwrap();
        let object = point.resource(&Resource::object("orders", "a/1"));
        assert_eq!(object.as_str(), format!("{ARN}/object/a/1"));
        assert_eq!(point.resource(&Resource::bucket("orders")).as_str(), ARN);
        assert!(AccessPoint::new("arn:aws:s3:::orders", Origin::Internet).is_err());
        assert!(AccessPoint::new(&format!("{ARN}/object/a"), Origin::Internet).is_err());
    }

    // Law-test: S3, an access point of a VPC answers calls from that VPC alone.
    #[test]
    fn an_access_point_of_a_vpc_answers_from_there() {
        let inside = Context::new().with("aws:SourceVpc", "vpc-1");
        for (origin, is_open, answers_inside) in [
            (Origin::Internet, true, true),
            (Origin::Vpc(None), false, true),
            (Origin::Vpc(Some("vpc-1".into())), false, true),
            (Origin::Vpc(Some("vpc-2".into())), false, false),
        ] {
            let point = AccessPoint::new(ARN, origin).unwrap();
            assert_eq!(point.answers(&Context::new()), is_open);
            assert_eq!(point.answers(&inside), answers_inside);
        }
    }
}
