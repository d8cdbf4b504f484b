//! What a call costs and why: catalog, matching, the sum, refresh (PRICING.md).

mod aliases;
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
pub use catalog::{Catalog, Refreshed};
pub use cost::{Item, Line};
pub use explain::{CostObject, Explanation, Priced, Sum, dollars, explain};
pub use feed::{Feed, FeedError};
pub use matching::{Match, MatchedBy};
pub use pricer::{BY_EMITTER, BY_GATEWAY, Facts, Pricer, Sold, shown_cost};
pub use row::{InForce, Origin, Prices, Rates, Row, Scheduled, ServiceTier, Tier, Window};
