//! The time zone in which times are shown.

use chrono::{FixedOffset, Local, MappedLocalTime, NaiveDate, NaiveDateTime, Offset as _, TimeZone, Utc};

/// A time zone as a value. The offset from UTC is looked up for each time, so that a time of last July has July's offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// The zone of the system, or of `TZ`, by its rules.
    Local,
    /// The same offset at all times.
    Fixed(FixedOffset),
}

impl Default for Zone {
    fn default() -> Self {
        Self::Fixed(Utc.fix())
    }
}

impl TimeZone for Zone {
    type Offset = FixedOffset;

    fn from_offset(offset: &FixedOffset) -> Self {
        Self::Fixed(*offset)
    }

    fn offset_from_local_date(&self, local: &NaiveDate) -> MappedLocalTime<FixedOffset> {
        match self {
            Self::Local => Local.offset_from_local_date(local),
            Self::Fixed(offset) => MappedLocalTime::Single(*offset),
        }
    }

    fn offset_from_local_datetime(&self, local: &NaiveDateTime) -> MappedLocalTime<FixedOffset> {
        match self {
            Self::Local => Local.offset_from_local_datetime(local),
            Self::Fixed(offset) => MappedLocalTime::Single(*offset),
        }
    }

    fn offset_from_utc_date(&self, utc: &NaiveDate) -> FixedOffset {
        match self {
            Self::Local => Local.offset_from_utc_date(utc),
            Self::Fixed(offset) => *offset,
        }
    }

    fn offset_from_utc_datetime(&self, utc: &NaiveDateTime) -> FixedOffset {
        match self {
            Self::Local => Local.offset_from_utc_datetime(utc),
            Self::Fixed(offset) => *offset,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::text::format::{clock_near, moment};

    /// 2026-07-01 22:30 and 2026-12-01 22:30, UTC.
    const JULY: i64 = 1_782_945_000_000_000_000;
    const DECEMBER: i64 = 1_796_164_200_000_000_000;

    /// Prints times in the zone of `TZ`; run by the other test in a process of its own.
    #[test]
    #[ignore = "a part of another test"]
    fn prints_local_times() {
        println!("<{}>", moment(JULY, Zone::Local));
        println!("<{}>", moment(DECEMBER, Zone::Local));
        println!("<{}>", clock_near(JULY, JULY + 7200 * 1_000_000_000, Zone::Local));
    }

    #[test]
    fn each_time_has_the_offset_of_its_season() {
        let program = std::env::current_exe().unwrap();
        let name = "text::zone::tests::prints_local_times";
        let ran = Command::new(program)
            .args(["--exact", name, "--ignored", "--nocapture"])
            .env("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&ran.stdout);
        for line in [
            "<2026-07-02 00:30:00.000000 +02:00>",
            "<2026-12-01 23:30:00.000000 +01:00>",
            // Two hours later it is still the same day there, which it would not be by the offset of winter.
            "<00:30:00>",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
