//! Cost of calls: price catalog, matching of models to rows, computation, explanation, refresh (PRICING.md).

mod aliases;
#[cfg(test)]
mod audit;
mod catalog;
pub mod config;
pub(crate) mod cost;
mod explain;
mod families;
mod feed;
mod matching;
mod pricer;
mod providers;
pub mod refresh;
mod row;
mod spelling;

pub use aliases::Aliases;
pub use catalog::{Catalog, PriceSource, RefreshInfo};
pub use cost::{CostItem, CostLine};
pub use explain::{CatalogPrice, CostObject, CostSum, Explanation, dollars, explain};
pub use feed::{Feed, FeedError};
pub use matching::{MatchedBy, PriceMatch};
pub use pricer::{BY_EMITTER, BY_GATEWAY, PriceQuery, Pricer, PricingFacts, shown_cost};
pub use row::{
    ContextTier, EffectiveRates, Holidays, PastPrices, PriceOrigin, PriceRow, Prices, Rates, ScheduledChange,
    SearchFees, ServiceTier, TimeWindow,
};
