//! `RestoreRequest` and what it asks for.

use super::element::Element;
use crate::{
    error::{Error, Result},
    restore::{RestoreRequest, RestoreTier},
};
use cistern_storage_core::Days;

pub(crate) const ROOT: &str = "RestoreRequest";

/// The tier stands in `GlacierJobParameters`, or bare as in older requests; once in all.
pub(crate) fn read(root: &Element) -> Result<RestoreRequest> {
    let mut fields = root.fields()?;
    let days = fields.maybe("Days")?.map(Element::as_number).transpose()?.map(Days);
    let bare = fields.maybe("Tier")?;
    let parameters = fields.maybe("GlacierJobParameters")?;
    // A description is for people, and S3 keeps it for queries alone.
    fields.maybe("Description")?.map(Element::as_text).transpose()?;
    fields.finish()?;
    let within = parameters.map(read_parameters).transpose()?;
    let tier: Option<RestoreTier> = match (bare, within) {
        (Some(_), Some(_)) => return Err(Error::malformed("Tier", "it stands there twice")),
        (Some(bare), None) => Some(read_tier(bare)?),
        (None, within) => within,
    };
    Ok(RestoreRequest { days, tier: tier.unwrap_or_default() })
}

fn read_parameters(element: &Element) -> Result<RestoreTier> {
    let mut fields = element.fields()?;
    let tier = read_tier(fields.one("Tier")?)?;
    fields.finish()?;
    Ok(tier)
}

fn read_tier(element: &Element) -> Result<RestoreTier> {
    let tier = element.as_text()?.parse();
    tier.map_err(|_| Error::malformed("Tier", "it is Expedited, Standard or Bulk"))
}

pub(crate) fn write(request: &RestoreRequest) -> Element {
    let mut fields: Vec<Element> = Vec::new();
    fields.extend(request.days.map(|days| Element::number("Days", days.0)));
    let tier = Element::text("Tier", request.tier.as_str());
    fields.push(Element::new("GlacierJobParameters", vec![tier]));
    Element::new(ROOT, fields)
}
