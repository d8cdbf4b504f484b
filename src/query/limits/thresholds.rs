//! Limits as written on the command line.

use std::str::FromStr;
use std::time::Duration;

/// The limits of a run; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CallLimits {
    /// Spending per hour.
    pub budget: Option<UsdPerHour>,
    /// Failed calls as a share of all.
    pub max_error_rate: Option<MaxErrorRate>,
    /// 95th percentile of the duration.
    pub max_p95: Option<Duration>,
}

/// USD per hour, written as `$5/h`, `0.1/min` or `$100/day`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UsdPerHour(pub f64);

/// A share of 1, written as `5%` or `0.05`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaxErrorRate(pub f64);

/// A finite number that is not negative.
fn figure(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|figure: &f64| figure.is_finite() && *figure >= 0.0)
}

const DAY_HOURS: f64 = 24.0;
const DAY_NANOS: i128 = 24 * 3600 * 1_000_000_000;

impl UsdPerHour {
    /// Whether spending this much in this many ns exceeds it. Compared in integers: a budget of so many nano-dollars a day,
    /// which every amount an hour, minute or day with nine decimals is, is exact.
    pub(super) fn is_exceeded_by(self, spent_femto_usd: i128, nanos: i64) -> bool {
        let femto_a_day = nano_usd(self.0 * DAY_HOURS).saturating_mul(1_000_000);
        spent_femto_usd.saturating_mul(DAY_NANOS / MICROS) > femto_a_day.saturating_mul(i128::from(nanos) / MICROS)
    }
}

/// Both sides of the comparison are in microseconds, which keeps sums of up to 10^12 USD within `i128`.
const MICROS: i128 = 1000;

#[expect(clippy::cast_possible_truncation, reason = "float casts saturate, which is meant")]
fn nano_usd(usd: f64) -> i128 {
    (usd * 1e9).round() as i128
}

impl FromStr for UsdPerHour {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (amount, unit) = text.split_once('/')?;
            let hours = match unit.trim() {
                "m" | "min" | "minute" => 1.0 / 60.0,
                "h" | "hr" | "hour" => 1.0,
                "d" | "day" => 24.0,
                _ => return None,
            };
            let amount = amount.trim();
            Some(Self(figure(amount.strip_prefix('$').unwrap_or(amount))? / hours))
        };
        read().ok_or_else(|| {
            let quotes = if text.starts_with('/') { "; put it in single quotes, or the shell expands $5" } else { "" };
            format!("expected an amount per time, such as $5/h, $0.10/min or $100/day{quotes}")
        })
    }
}

impl FromStr for MaxErrorRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let share = match text.trim().strip_suffix('%') {
            Some(percent) => figure(percent).map(|percent| percent / 100.0),
            None => figure(text),
        };
        share
            .filter(|share| *share <= 1.0)
            .map(Self)
            .ok_or_else(|| "expected a share of all calls, such as 5% or 0.05".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_a_time() {
        let cases = [("$5/h", 5.0), ("5/hour", 5.0), (" $ 0.5 / min", 30.0), ("$240/day", 10.0), ("0/h", 0.0)];
        for (text, per_hour) in cases {
            assert_eq!(text.parse(), Ok(UsdPerHour(per_hour)), "{text}");
        }
        for text in ["$5", "5", "$/h", "$-1/h", "$nan/h", "$inf/h", "$5/year", ""] {
            assert!(text.parse::<UsdPerHour>().is_err(), "{text}");
        }
        assert!("/h".parse::<UsdPerHour>().unwrap_err().contains("quotes"));
    }

    #[test]
    fn shares() {
        for (text, share) in [("5%", 0.05), ("0.05", 0.05), ("0%", 0.0), ("100 %", 1.0), ("1", 1.0)] {
            assert_eq!(text.parse(), Ok(MaxErrorRate(share)), "{text}");
        }
        for text in ["5", "101%", "-1%", "%", "nan", ""] {
            assert!(text.parse::<MaxErrorRate>().is_err(), "{text}");
        }
    }
}
