//! `PriceTable`: prices as data.

use super::{GB, Usd};
use crate::error::{Error, Result};
use cistern_storage_core::StorageClass;
use serde_json::{Map, Value as Json};

/// A price a GB and month that falls with the amount.
#[derive(Clone, Debug, PartialEq)]
pub struct StepPrice {
    /// Up to how many bytes, and at which price, rising.
    pub steps: Vec<(f64, Usd)>,
    /// The price of all above.
    pub above: Usd,
}

impl StepPrice {
    /// One price for any amount.
    #[must_use]
    pub const fn flat(price: Usd) -> Self {
        Self { steps: Vec::new(), above: price }
    }

    /// What so many bytes cost for a month.
    #[must_use]
    pub fn of(&self, bytes: f64) -> Usd {
        let (mut total, mut from) = (Usd::default(), 0.0);
        for &(to, price) in &self.steps {
            if bytes <= from {
                return total;
            }
            total += price * ((bytes.min(to) - from) / GB);
            from = to;
        }
        total + self.above * ((bytes - from).max(0.0) / GB)
    }

    /// The price of the first byte, at which fees are counted.
    #[must_use]
    pub fn first(&self) -> Usd {
        self.steps.first().map_or(self.above, |(_, price)| *price)
    }
}

/// What restores of one speed cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RestorePrices {
    /// 1,000 requests.
    pub request_1000: Usd,
    /// A GB.
    pub gb: Usd,
}

/// The prices of a class.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassPrices {
    /// A GB and month.
    pub storage: StepPrice,
    /// 1,000 puts, copies, posts and lists.
    pub put_1000: Usd,
    /// 1,000 gets, heads and all else.
    pub get_1000: Usd,
    /// 1,000 objects that lifecycle moves into the class.
    pub transition_1000: Usd,
    /// A GB read.
    pub retrieval_gb: Usd,
    /// Restores: expedited, standard, bulk.
    pub restores: [RestorePrices; 3],
}

impl ClassPrices {
    fn new(storage: f64, put: f64, get: f64, transition: f64, retrieval: f64) -> Self {
        Self {
            storage: StepPrice::flat(Usd(storage)),
            put_1000: Usd(put),
            get_1000: Usd(get),
            transition_1000: Usd(transition),
            retrieval_gb: Usd(retrieval),
            restores: [RestorePrices::default(); 3],
        }
    }

    fn restores(mut self, prices: [(f64, f64); 3]) -> Self {
        self.restores =
            prices.map(|(request, gb)| RestorePrices { request_1000: Usd(request), gb: Usd(gb) });
        self
    }
}

/// All prices of a place.
///
/// The built-in table is a default, not a promise: whoever decides about money brings a table of the day.
///
/// Law: S3, list prices of us-east-1.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PriceTable {
    /// By class, in the order of [`StorageClass::ALL`].
    pub classes: [ClassPrices; StorageClass::ALL.len()],
    /// A GB and month in each tier of `INTELLIGENT_TIERING`.
    pub tiers: [StepPrice; 5],
    /// Watching 1,000 objects of `INTELLIGENT_TIERING` for a month.
    pub monitoring_1000: Usd,
    /// Storage class analysis of 1,000,000 objects for a month.
    pub analysis_million: Usd,
    /// An inventory of 1,000,000 objects.
    pub inventory_million: Usd,
}

impl PriceTable {
    /// The list prices of us-east-1.
    ///
    /// Law: S3, list prices of us-east-1.
    #[must_use]
    pub fn us_east_1() -> Self {
        let tb = GB * 1024.0;
        let standard = StepPrice {
            steps: vec![(50.0 * tb, Usd(0.023)), (500.0 * tb, Usd(0.022))],
            above: Usd(0.021),
        };
        let usual = |storage| ClassPrices::new(storage, 0.005, 0.0004, 0.0, 0.0);
        let classes = StorageClass::ALL.map(|class| match class {
            StorageClass::Standard => ClassPrices { storage: standard.clone(), ..usual(0.023) },
            StorageClass::ReducedRedundancy => usual(0.024),
            StorageClass::StandardIa => ClassPrices::new(0.0125, 0.01, 0.001, 0.01, 0.01),
            StorageClass::OnezoneIa => ClassPrices::new(0.01, 0.01, 0.001, 0.01, 0.01),
            StorageClass::GlacierIr => ClassPrices::new(0.004, 0.02, 0.01, 0.02, 0.03),
            StorageClass::Glacier => ClassPrices::new(0.0036, 0.03, 0.0004, 0.03, 0.0).restores([
                (10.0, 0.03),
                (0.05, 0.01),
                (0.0, 0.0),
            ]),
            StorageClass::DeepArchive => ClassPrices::new(0.00099, 0.05, 0.0004, 0.05, 0.0)
                .restores([(0.0, 0.0), (0.1, 0.02), (0.025, 0.0025)]),
            StorageClass::ExpressOnezone => ClassPrices::new(0.11, 0.00113, 0.00003, 0.0, 0.0006),
            // The bytes of its class are billed by tier.
            _ => ClassPrices { transition_1000: Usd(0.01), ..usual(0.0) }.restores([
                (10.0, 0.0),
                (0.0, 0.0),
                (0.0, 0.0),
            ]),
        });
        let flat = |price| StepPrice::flat(Usd(price));
        Self {
            classes,
            tiers: [standard, flat(0.0125), flat(0.004), flat(0.0036), flat(0.00099)],
            monitoring_1000: Usd(0.0025),
            analysis_million: Usd(0.1),
            inventory_million: Usd(0.0025),
        }
    }

    /// The prices of a class.
    #[must_use]
    pub fn class(&self, class: StorageClass) -> &ClassPrices {
        &self.classes[usize::from(class.code())]
    }

    /// The prices of a class, to be changed.
    pub fn class_mut(&mut self, class: StorageClass) -> &mut ClassPrices {
        &mut self.classes[usize::from(class.code())]
    }

    /// This table with the prices of a JSON document in the place of its own:
    ///
    /// ```
    /// use cistern_lifecycle::{PriceTable, StorageClass, Usd};
    ///
    /// let prices = PriceTable::us_east_1().with_json(
    ///     r#"{"GLACIER_IR": {"storage": 0.005, "retrieval_gb": 0.03}, "monitoring_1000": 0.0}"#,
    /// )?;
    /// assert_eq!(prices.class(StorageClass::GlacierIr).storage.first(), Usd(0.005));
    /// # Ok::<(), cistern_lifecycle::Error>(())
    /// ```
    ///
    /// A class has `storage` (a number, or a list of `[up to GB or null, price]`), `put_1000`,
    /// `get_1000`, `transition_1000`, `retrieval_gb`, and `restore_1000` and `restore_gb`, each of three
    /// numbers: expedited, standard, bulk. Beside the classes: `tiers`, of five like `storage`,
    /// `monitoring_1000`, `analysis_million`, `inventory_million`.
    ///
    /// # Errors
    /// [`Error::Malformed`] for what is not known or has another shape, [`Error::InvalidValue`] for
    /// a price that is negative.
    pub fn with_json(mut self, text: &str) -> Result<Self> {
        let json: Json = serde_json::from_str(text)
            .map_err(|error| Error::malformed("prices", error.to_string()))?;
        for (name, value) in object("prices", &json)? {
            match name.as_str() {
                "monitoring_1000" => self.monitoring_1000 = price(name, value)?,
                "analysis_million" => self.analysis_million = price(name, value)?,
                "inventory_million" => self.inventory_million = price(name, value)?,
                "tiers" => {
                    let steps = list(name, value)?.iter().map(|one| step_price(name, one));
                    let steps: Vec<StepPrice> = steps.collect::<Result<_>>()?;
                    self.tiers = steps
                        .try_into()
                        .map_err(|_| Error::malformed(name, "it should be a list of five"))?;
                }
                class => {
                    let class: StorageClass =
                        class.parse().map_err(|_| Error::malformed(name, "it is no class"))?;
                    class_prices(self.class_mut(class), object(name, value)?)?;
                }
            }
        }
        Ok(self)
    }
}

impl Default for PriceTable {
    fn default() -> Self {
        Self::us_east_1()
    }
}

fn class_prices(prices: &mut ClassPrices, fields: &Map<String, Json>) -> Result<()> {
    for (name, value) in fields {
        match name.as_str() {
            "storage" => prices.storage = step_price(name, value)?,
            "put_1000" => prices.put_1000 = price(name, value)?,
            "get_1000" => prices.get_1000 = price(name, value)?,
            "transition_1000" => prices.transition_1000 = price(name, value)?,
            "retrieval_gb" => prices.retrieval_gb = price(name, value)?,
            "restore_1000" => {
                for (one, price) in prices.restores.iter_mut().zip(three(name, value)?) {
                    one.request_1000 = price;
                }
            }
            "restore_gb" => {
                for (one, price) in prices.restores.iter_mut().zip(three(name, value)?) {
                    one.gb = price;
                }
            }
            _ => return Err(Error::malformed(name, "no class has such a price")),
        }
    }
    Ok(())
}

fn object<'j>(name: &str, json: &'j Json) -> Result<&'j Map<String, Json>> {
    json.as_object().ok_or_else(|| Error::malformed(name, "it should be an object"))
}

fn price(name: &str, json: &Json) -> Result<Usd> {
    let price = json.as_f64().ok_or_else(|| Error::malformed(name, "it should be a number"))?;
    if price >= 0.0 {
        return Ok(Usd(price));
    }
    let reason = "a price is not negative";
    Err(Error::InvalidValue { what: "a price", found: json.to_string().into(), reason })
}

fn three(name: &str, json: &Json) -> Result<[Usd; 3]> {
    let wrong = || Error::malformed(name, "it should be three numbers");
    let [expedited, standard, bulk] = json.as_array().ok_or_else(wrong)?.as_slice() else {
        return Err(wrong());
    };
    Ok([price(name, expedited)?, price(name, standard)?, price(name, bulk)?])
}

fn list<'j>(name: &str, json: &'j Json) -> Result<&'j Vec<Json>> {
    json.as_array().ok_or_else(|| Error::malformed(name, "it should be a list of five"))
}

/// A number, or steps of which the last has no end.
fn step_price(name: &str, json: &Json) -> Result<StepPrice> {
    let wrong = || Error::malformed(name, "steps are [up to GB, price], rising; the last is null");
    let Some(steps) = json.as_array() else { return Ok(StepPrice::flat(price(name, json)?)) };
    let (mut read, mut last) = (Vec::new(), 0.0);
    for (at, step) in steps.iter().enumerate() {
        let [to, one] = step.as_array().ok_or_else(wrong)?.as_slice() else { return Err(wrong()) };
        let one = price(name, one)?;
        match to.as_f64() {
            Some(to) if to > last => {
                read.push((to * GB, one));
                last = to;
            }
            None if to.is_null() && at + 1 == steps.len() => {
                return Ok(StepPrice { steps: read, above: one });
            }
            _ => return Err(wrong()),
        }
    }
    Err(wrong())
}
