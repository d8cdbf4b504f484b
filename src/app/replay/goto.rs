//! Times to go to in a replay, as people write them.

use chrono::{DateTime, Days, NaiveDateTime, NaiveTime, TimeZone};

use crate::sources::replay::Progress;
use crate::text::Zone;

/// What can be written.
pub(super) const NO_TIME: &str = "write 12:03 or 12:03:22 (time of day), 90s (from the beginning), +5m, -30s, or 50%";
const NO_BEGINNING: &str = "nothing replayed yet";
const NO_END: &str = "the end of the recording is not known yet";

/// The time of the recording that a text means, ns since the epoch.
pub(super) fn parse(text: &str, progress: &Progress, zone: Zone) -> Result<u64, &'static str> {
    let text = text.trim();
    if let Some(time) = date(text, zone) {
        return Ok(time);
    }
    let begin = progress.begins_unix_nano.ok_or(NO_BEGINNING)?;
    if let Some(percent) = text.strip_suffix('%') {
        return part_of(percent, begin, progress.ends_unix_nano.ok_or(NO_END)?);
    }
    if let Some(time) = time_of_day(text, begin, zone) {
        return Ok(time);
    }
    let clock = progress.clock_unix_nano.unwrap_or(begin);
    match (text.strip_prefix('+'), text.strip_prefix(['-', '−'])) {
        (Some(ahead), _) => Ok(clock.saturating_add(nanos(ahead)?)),
        (_, Some(back)) => Ok(clock.saturating_sub(nanos(back)?)),
        (None, None) => Ok(begin.saturating_add(nanos(text)?)),
    }
}

fn nanos(text: &str) -> Result<u64, &'static str> {
    let duration = humantime::parse_duration(text.trim()).map_err(|_| NO_TIME)?;
    Ok(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}

fn part_of(percent: &str, begin: u64, end: u64) -> Result<u64, &'static str> {
    let percent: f64 = percent.trim().parse().map_err(|_| NO_TIME)?;
    if !(0.0..=100.0).contains(&percent) {
        return Err("from 0% to 100%");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a whole that fits")]
    let part = (end.saturating_sub(begin) as f64 * percent / 100.0) as u64;
    Ok(begin.saturating_add(part))
}

fn date(text: &str, zone: Zone) -> Option<u64> {
    let moment = DateTime::parse_from_rfc3339(text).ok().or_else(|| {
        let formats = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"];
        let local = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())?;
        zone.from_local_datetime(&local).earliest().map(|moment| moment.fixed_offset())
    })?;
    unix_nano(&moment)
}

/// The first such time of day since `begin`.
fn time_of_day(text: &str, begin: u64, zone: Zone) -> Option<u64> {
    let time = ["%H:%M:%S%.f", "%H:%M"].iter().find_map(|format| NaiveTime::parse_from_str(text, format).ok())?;
    let begin = i64::try_from(begin).ok()?;
    let start = DateTime::from_timestamp_nanos(begin).with_timezone(&zone);
    let on = |day| zone.from_local_datetime(&NaiveDateTime::new(day, time)).earliest();
    let same_day = on(start.date_naive())?;
    // A time written in whole seconds may mean the very beginning.
    let second = chrono::TimeDelta::seconds(1);
    if same_day + second > start { unix_nano(&same_day) } else { unix_nano(&on(start.date_naive() + Days::new(1))?) }
}

fn unix_nano(moment: &DateTime<impl TimeZone>) -> Option<u64> {
    u64::try_from(moment.timestamp_nanos_opt()?).ok()
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;

    use super::*;

    const SECOND: u64 = 1_000_000_000;
    /// 2026-11-23 23:50:00 UTC.
    const BEGIN: u64 = 1_795_477_800 * SECOND;

    fn progress() -> Progress {
        Progress {
            begins_unix_nano: Some(BEGIN),
            ends_unix_nano: Some(BEGIN + 1000 * SECOND),
            clock_unix_nano: Some(BEGIN + 100 * SECOND),
            ..Progress::default()
        }
    }

    #[test]
    fn times_as_people_write_them() {
        let utc = Zone::default();
        let cases = [
            ("90s", 90),
            ("0s", 0),
            (" 5m ", 300),
            ("1h 2m", 3720),
            ("+30s", 130),
            ("-30s", 70),
            ("−1m", 40),
            ("50%", 500),
            ("0 %", 0),
            ("100%", 1000),
            ("23:51", 60),
            ("23:50:00", 0),
            ("23:50:20", 20),
            ("00:10", 1200),
            ("23:49", 24 * 3600 - 60),
            ("2026-11-24 00:00:10", 610),
            ("2026-11-24T00:00", 600),
            ("2026-11-24T00:00:00+00:30", -1200),
            ("2026-11-23T23:50:01.5Z", 1),
        ];
        for (text, expected) in cases {
            let parsed = parse(text, &progress(), utc).unwrap();
            let seconds = (parsed.cast_signed() - BEGIN.cast_signed()) / SECOND.cast_signed();
            assert_eq!(seconds, expected, "{text}");
        }
        let east = Zone::Fixed(FixedOffset::east_opt(3600).unwrap());
        assert_eq!(parse("00:51", &progress(), east), Ok(BEGIN + 60 * SECOND), "local time, as the screen shows it");
    }

    #[test]
    fn an_invalid_time_explains_the_syntax() {
        let utc = Zone::default();
        for text in ["", "soon", "5", "25:00", "+", "-x", "%", "NaN%", "101%", "2026-13-01 00:00", "9999999999999y"] {
            assert!(parse(text, &progress(), utc).is_err(), "{text}");
        }
        assert_eq!(parse("90s", &Progress::default(), utc), Err(NO_BEGINNING));
        assert_eq!(parse("50%", &Progress { ends_unix_nano: None, ..progress() }, utc), Err(NO_END));
        assert_eq!(parse("-1h", &Progress { clock_unix_nano: Some(5), ..progress() }, utc), Ok(0));
    }
}
