//! What a call costs and why: catalog, matching, the sum, refresh (PRICING.md).
