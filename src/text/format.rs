//! Figures as short text with units.
//!
//! Unknown figures are [`UNKNOWN`]. A non-zero amount never rounds to zero, and a share below one never to 100%.

use chrono::{DateTime, Datelike, Utc};

use super::zone::Zone;

/// Shown for an unknown figure.
pub(crate) const UNKNOWN: &str = "—";

/// `1,204`
pub(crate) fn count(figure: impl Into<u128>) -> String {
    group(&figure.into().to_string())
}

/// SI prefixes for powers of a thousand.
const UNITS: [&str; 7] = ["k", "M", "G", "T", "P", "E", "Z"];

/// At most five cells: `999`, `1.2k`, `88k`, `1.2M`.
pub(crate) fn compact(figure: impl Into<u128>) -> String {
    let figure = figure.into();
    if figure < 1000 {
        return figure.to_string();
    }
    let mut scaled = figure as f64;
    for unit in UNITS {
        scaled /= 1000.0;
        if scaled < 9.95 {
            return format!("{scaled:.1}{unit}");
        }
        if scaled < 999.5 {
            return format!("{scaled:.0}{unit}");
        }
    }
    format!("{:.0e}", figure as f64)
}

/// A count of tokens for a table cell of seven: exact below a million, else compact.
pub(crate) fn tokens(figure: u64) -> String {
    if figure < 1_000_000 { count(figure) } else { compact(figure) }
}

/// A size, at most six cells: `0 B`, `999 B`, `1.2 kB`, `12 MB`.
pub(crate) fn bytes(size: u64) -> String {
    let text = compact(size);
    let digits = text.trim_end_matches(|char: char| char.is_ascii_alphabetic());
    format!("{digits} {}B", text.get(digits.len()..).unwrap_or_default())
}

/// USD for one call, at most ten cells: `$1.2340`, `$0.000186`, `$1,234.56`, `$0` only when it is zero.
pub(crate) fn money(usd: f64) -> String {
    if !usd.is_finite() {
        return UNKNOWN.to_owned();
    }
    let sign = if usd < 0.0 { "-" } else { "" };
    let usd = usd.abs();
    let amount = match usd {
        0.0 => "0".to_owned(),
        _ if usd < 1e-6 => format!("{usd:.1e}"),
        _ if usd < 0.000_1 => significant(usd, 2),
        _ if usd < 0.009_995 => significant(usd, 3),
        _ if usd < 999.999_95 => format!("{usd:.4}"),
        _ if usd < 9_999.995 => group(&format!("{usd:.2}")),
        _ if usd < 999_999.5 => group(&format!("{usd:.0}")),
        _ => compact(whole(usd)),
    };
    format!("{sign}${amount}")
}

/// USD in short form: `$7.2`, `$123`, `$0.0042`.
pub(crate) fn money_short(usd: f64) -> String {
    let size = usd.abs();
    if !size.is_finite() || size < 0.01 {
        return money(usd);
    }
    let sign = if usd < 0.0 { "-" } else { "" };
    let amount = match size {
        _ if size < 1.0 => significant(size, 2),
        _ if size < 99.95 => format!("{size:.1}"),
        _ if size < 9999.5 => group(&format!("{size:.0}")),
        _ => compact(whole(size)),
    };
    format!("{sign}${amount}")
}

/// A sum over `calls` calls of which `unpriced` have no known cost: `≥ $1.2340 (3 unpriced)`.
pub(crate) fn money_sum(usd: f64, calls: u64, unpriced: u64) -> String {
    money_at_least(usd, calls, unpriced) + &unpriced_note(unpriced)
}

/// The amount of [`money_sum`]: `≥ $1.2340`, or unknown if no call has a known cost.
pub(crate) fn money_at_least(usd: f64, calls: u64, unpriced: u64) -> String {
    match unpriced {
        0 => money(usd),
        _ if unpriced >= calls => UNKNOWN.to_owned(),
        _ => format!("≥ {}", money(usd)),
    }
}

/// The suffix of [`money_sum`]: ` (3 unpriced)`, empty if every call has a known cost.
pub(crate) fn unpriced_note(unpriced: u64) -> String {
    if unpriced > 0 { format!(" ({} unpriced)", count(unpriced)) } else { String::new() }
}

/// At most seven cells: `0.4ms`, `310ms`, `1.24s`, `12.4s`, `2m03s`, `1h02m`, `3d04h`.
pub(crate) fn duration(ms: f64) -> String {
    if !ms.is_finite() {
        return UNKNOWN.to_owned();
    }
    let sign = if ms < 0.0 { "-" } else { "" };
    let ms = ms.abs();
    let text = match ms {
        0.0 => "0ms".to_owned(),
        _ if ms < 0.05 => "<0.1ms".to_owned(),
        _ if ms < 9.95 => format!("{}ms", trim_zeros(&format!("{ms:.1}"))),
        _ if ms < 999.5 => format!("{ms:.0}ms"),
        _ if ms < 9_995.0 => format!("{:.2}s", ms / 1000.0),
        _ if ms < 59_950.0 => format!("{:.1}s", ms / 1000.0),
        _ => long_duration(whole(ms / 1000.0)),
    };
    format!("{sign}{text}")
}

fn long_duration(seconds: u128) -> String {
    match seconds {
        0..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        86_400..86_400_000 => format!("{}d{:02}h", seconds / 86_400, seconds / 3600 % 24),
        _ => format!("{}d", compact(seconds / 86_400)),
    }
}

/// A rate per second: `0.05`, `7.1`, `71.3`, `124`, `1,234`.
pub(crate) fn rate(per_second: f64) -> String {
    match per_second {
        _ if !per_second.is_finite() => UNKNOWN.to_owned(),
        0.0 => "0".to_owned(),
        _ if per_second.abs() < 0.1 => significant(per_second, 1),
        _ if per_second.abs() < 99.95 => format!("{per_second:.1}"),
        _ if per_second.abs() < 99_999.5 => group(&format!("{per_second:.0}")),
        _ => compact(whole(per_second)),
    }
}

/// A share as percent: `0%`, `<0.1%`, `1.2%`, `62%`, `99.9%`, `100%`. `0%` and `100%` are exact.
pub(crate) fn percent(share: f64) -> String {
    match share * 100.0 {
        percent if !percent.is_finite() => UNKNOWN.to_owned(),
        0.0 => "0%".to_owned(),
        percent if percent > 0.0 && percent < 0.05 => "<0.1%".to_owned(),
        percent if percent < 0.0 && percent > -0.05 => ">-0.1%".to_owned(),
        percent if percent.abs() < 9.95 => format!("{percent:.1}%"),
        percent if (99.5..100.0).contains(&percent) => format!("{:.1}%", percent.min(99.9)),
        percent => format!("{}%", group(&format!("{percent:.0}"))),
    }
}

/// `part / whole`; `None` if `whole` is 0.
pub(crate) fn share(part: u128, whole: u128) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// How long ago, whole seconds and coarser: `now`, `3s ago`, `2m ago`, `5h ago`, `4d ago`; `in 3s` for clocks ahead.
pub(crate) fn age(nanos: i64) -> String {
    let seconds = nanos.unsigned_abs() / 1_000_000_000;
    let text = match seconds {
        0 => return "now".to_owned(),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    };
    if nanos < 0 { format!("in {text}") } else { format!("{text} ago") }
}

fn local(unix_nano: i64, zone: Zone) -> DateTime<Zone> {
    DateTime::<Utc>::from_timestamp_nanos(unix_nano).with_timezone(&zone)
}

/// `12:03:22`
pub(crate) fn clock(unix_nano: i64, zone: Zone) -> String {
    local(unix_nano, zone).format("%H:%M:%S").to_string()
}

/// `12:03:22` on the day of `now`, else `11-22 12:03:22`, else `2019-11-22 12:03`.
pub(crate) fn clock_near(unix_nano: i64, now_unix_nano: i64, zone: Zone) -> String {
    time_near(unix_nano, now_unix_nano, zone, "%m-%d %H:%M:%S", "%Y-%m-%d %H:%M")
}

/// In at most eight cells: `12:03:22` on the day of `newest`, else `11-22`, else `2019-11`.
pub(crate) fn clock_or_day(unix_nano: i64, newest_unix_nano: i64, zone: Zone) -> String {
    time_near(unix_nano, newest_unix_nano, zone, "%m-%d", "%Y-%m")
}

/// The time of day on the day of `near`, else formatted with the pattern for the same or for another year.
fn time_near(unix_nano: i64, near: i64, zone: Zone, same_year: &str, other_year: &str) -> String {
    let (then, near) = (local(unix_nano, zone), local(near, zone));
    let pattern = match (then.year() == near.year(), then.ordinal() == near.ordinal()) {
        (true, true) => "%H:%M:%S",
        (true, false) => same_year,
        (false, _) => other_year,
    };
    then.format(pattern).to_string()
}

/// `2026-11-23 12:03:22.123456 +01:00`
pub(crate) fn moment(unix_nano: i64, zone: Zone) -> String {
    local(unix_nano, zone).format("%Y-%m-%d %H:%M:%S%.6f %:z").to_string()
}

/// `text` of the figure, or [`UNKNOWN`].
pub(crate) fn known<T>(figure: Option<T>, text: impl FnOnce(T) -> String) -> String {
    figure.map_or_else(|| UNKNOWN.to_owned(), text)
}

/// Rounds a figure that is finite and not negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, callers pass figures >= 0"
)]
fn whole(figure: f64) -> u128 {
    figure.round() as u128
}

/// `digits` significant digits in plain notation: 0.000186.
fn significant(figure: f64, digits: i32) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "an exponent of ten is within ±308")]
    let exponent = figure.abs().log10().floor() as i32;
    let decimals = usize::try_from(digits - 1 - exponent).unwrap_or(0);
    format!("{figure:.decimals$}")
}

fn trim_zeros(decimal: &str) -> &str {
    decimal.strip_suffix(".0").unwrap_or(decimal)
}

/// Separates thousands of the integer part.
fn group(number: &str) -> String {
    let (integer, decimals) = number.split_at(number.find('.').unwrap_or(number.len()));
    let mut grouped = String::with_capacity(number.len() + number.len() / 3);
    for (at, digit) in integer.char_indices() {
        let left = integer.len() - at;
        if at > 0 && left % 3 == 0 && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + decimals
}

/// `1 span`, `2 spans`
pub(crate) fn plural(many: impl TryInto<u128>, one: &str) -> String {
    let many = many.try_into().unwrap_or(u128::MAX);
    format!("{} {one}{}", count(many), if many == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;

    use super::*;

    const HOUR_EAST: i32 = 3600;

    fn check<T: Copy + std::fmt::Debug>(cases: &[(T, &str)], format: impl Fn(T) -> String) {
        for &(figure, text) in cases {
            assert_eq!(format(figure), text, "{figure:?}");
        }
    }

    #[test]
    fn sizes() {
        check(&[(0_u64, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (12_340_000, "12 MB"), (u64::MAX, "18 EB")], bytes);
    }

    #[test]
    fn counts() {
        check(&[(0, "0"), (999, "999"), (1204, "1,204"), (1_234_567, "1,234,567")], |figure: u64| count(figure));
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
        let cases = [
            (0, "0"),
            (999, "999"),
            (1000, "1.0k"),
            (1234, "1.2k"),
            (9949, "9.9k"),
            (9950, "10k"),
            (9999, "10k"),
            (88_123, "88k"),
            (999_499, "999k"),
            (999_500, "1.0M"),
            (1_234_567, "1.2M"),
            (123_456_789, "123M"),
            (u64::MAX, "18E"),
        ];
        check(&cases, |figure: u64| compact(figure));
        check(&[(999_999, "999,999"), (1_000_000, "1.0M")], tokens);
        assert!(compact(u128::MAX).len() <= 5);
    }

    #[test]
    fn amounts_never_round_to_nothing() {
        let cases = [
            (0.0, "$0"),
            (-0.0, "$0"),
            (1.234, "$1.2340"),
            (0.000_186, "$0.000186"),
            (0.000_018_6, "$0.000019"),
            (0.000_000_15, "$1.5e-7"),
            (1e-12, "$1.0e-12"),
            (0.009_999_99, "$0.0100"),
            (0.01, "$0.0100"),
            (12.5, "$12.5000"),
            (999.999_96, "$1,000.00"),
            (1234.567, "$1,234.57"),
            (12_345.6, "$12,346"),
            (12_345_678.0, "$12M"),
            (-0.004_2, "-$0.00420"),
            (f64::NAN, "—"),
            (f64::INFINITY, "—"),
        ];
        check(&cases, money);
        for exponent in -12..12 {
            for digits in [1.0, 1.25, 9.949, 9.951, 9.996, 9.999_99] {
                let text = money(digits * 10_f64.powi(exponent));
                assert!(text.len() <= 10 && text != "$0", "{text}");
            }
        }
        let cases =
            [(7.2, "$7.2"), (0.0042, "$0.00420"), (0.5, "$0.50"), (99.96, "$100"), (1234.0, "$1,234"), (0.0, "$0")];
        check(&cases, money_short);
    }

    #[test]
    fn sums_count_unpriced_calls() {
        let cases = [
            ((1.234, 10, 0), "$1.2340"),
            ((1.234, 10, 3), "≥ $1.2340 (3 unpriced)"),
            ((0.0, 10, 10), "— (10 unpriced)"),
            ((0.0, 0, 0), "$0"),
        ];
        check(&cases, |(usd, calls, unpriced)| money_sum(usd, calls, unpriced));
    }

    #[test]
    fn durations() {
        let cases = [
            (0.0, "0ms"),
            (0.04, "<0.1ms"),
            (0.42, "0.4ms"),
            (5.0, "5ms"),
            (310.4, "310ms"),
            (999.6, "1.00s"),
            (1240.0, "1.24s"),
            (9_996.0, "10.0s"),
            (12_400.0, "12.4s"),
            (59_960.0, "1m00s"),
            (123_000.0, "2m03s"),
            (3_599_600.0, "1h00m"),
            (3_720_000.0, "1h02m"),
            (273_600_000.0, "3d04h"),
            (1e15, "12Md"),
            (-310.0, "-310ms"),
            (f64::NAN, "—"),
        ];
        check(&cases, duration);
    }

    #[test]
    fn rates() {
        let cases = [
            (0.0, "0"),
            (0.000_3, "0.0003"),
            (0.05, "0.05"),
            (7.13, "7.1"),
            (71.34, "71.3"),
            (99.96, "100"),
            (1234.0, "1,234"),
            (f64::NAN, "—"),
        ];
        check(&cases, rate);
    }

    #[test]
    fn shares_are_whole_only_when_they_are() {
        let cases = [
            (0.0, "0%"),
            (0.000_1, "<0.1%"),
            (0.012, "1.2%"),
            (0.62, "62%"),
            (0.9996, "99.9%"),
            (0.996, "99.6%"),
            (0.995, "99.5%"),
            (0.994_999, "99%"),
            (0.000_04, "<0.1%"),
            (-0.000_04, ">-0.1%"),
            (1.0, "100%"),
            (12.5, "1,250%"),
            (-0.021, "-2.1%"),
        ];
        check(&cases, percent);
        assert_eq!(share(1, 0), None);
    }

    #[test]
    fn ages() {
        let cases = [(0, "now"), (3, "3s ago"), (125, "2m ago"), (7200, "2h ago"), (400_000, "4d ago"), (-3, "in 3s")];
        check(&cases, |seconds: i64| age(seconds * 1_000_000_000));
    }

    #[test]
    fn clocks_show_the_day_if_it_differs() {
        let offset = Zone::Fixed(FixedOffset::east_opt(HOUR_EAST).unwrap());
        let noon = 1_795_424_977_505_544_123;
        let day = 86_400_000_000_000;
        assert_eq!(clock(noon, offset), "10:09:37");
        assert_eq!(clock_near(noon, noon, offset), "10:09:37");
        assert_eq!(clock_near(noon - day, noon, offset), "11-22 10:09:37");
        assert_eq!(clock_near(0, noon, offset), "1970-01-01 01:00");
        assert_eq!(
            [noon, noon - day, 0].map(|then| clock_or_day(then, noon, offset)),
            ["10:09:37", "11-22", "1970-01"],
            "what fits eight cells"
        );
        assert_eq!(moment(noon, offset), "2026-11-23 10:09:37.505544 +01:00");
    }
}
