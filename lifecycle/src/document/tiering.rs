//! `IntelligentTieringConfiguration` and what it says.

use super::{
    element::Element,
    policy::{read_filter, write_filter},
};
use crate::{
    error::{Error, Result},
    filter::Filter,
    rule::Status,
    tiering::{AccessTier, ArchiveTiers, TieringConfiguration},
};
use cistern_storage_core::Days;

pub(crate) const ROOT: &str = "IntelligentTieringConfiguration";

/// Law: S3, intelligent tiering configuration.
pub(crate) fn read(root: &Element) -> Result<TieringConfiguration> {
    let mut fields = root.fields()?;
    let id = fields.one("Id")?.as_text()?;
    let status: Status = fields.one("Status")?.as_text()?.parse()?;
    let filter = fields.maybe("Filter")?.map(read_filter).transpose()?;
    let tierings = fields.all("Tiering");
    fields.finish()?;
    if tierings.is_empty() {
        return Err(Error::malformed(ROOT, "it has no Tiering"));
    }
    let mut tiers = ArchiveTiers::default();
    for tiering in tierings {
        let mut fields = tiering.fields()?;
        let days = Days(fields.one("Days")?.as_number()?);
        let tier = fields.one("AccessTier")?.as_text()?;
        fields.finish()?;
        let slot = if tier == AccessTier::Archive.as_str() {
            &mut tiers.archive
        } else if tier == AccessTier::DeepArchive.as_str() {
            &mut tiers.deep_archive
        } else {
            return Err(Error::malformed("AccessTier", "it is no archive tier"));
        };
        if slot.replace(days).is_some() {
            let reason = "it names a tier twice";
            return Err(Error::InvalidTiering { id: id.into(), reason });
        }
    }
    let filter = filter.unwrap_or_else(Filter::all);
    Ok(TieringConfiguration::new(id, filter, tiers)?.status(status))
}

pub(crate) fn write(configuration: &TieringConfiguration) -> Element {
    let status = if configuration.is_enabled() { Status::Enabled } else { Status::Disabled };
    let mut fields = vec![Element::text("Id", configuration.id())];
    if *configuration.filter() != Filter::all() {
        fields.push(write_filter(configuration.filter()));
    }
    fields.push(Element::text("Status", status.as_str()));
    let tiers = configuration.tiers();
    let each =
        [(AccessTier::Archive, tiers.archive), (AccessTier::DeepArchive, tiers.deep_archive)];
    for (tier, days) in each {
        fields.extend(days.map(|days| {
            let tier = Element::text("AccessTier", tier.as_str());
            Element::new("Tiering", vec![Element::number("Days", days.0), tier])
        }));
    }
    Element::new(ROOT, fields)
}
