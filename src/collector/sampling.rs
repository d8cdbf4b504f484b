//! Hints of sampling: a span says in its trace state when only a share of all traces was kept, so that figures made from
//! what arrives are lower than what happened.

/// Whether the trace state says that traces like this one were dropped: a rejection threshold above zero (`ot=th:…`,
/// OpenTelemetry's probability sampling) or the older `p` value above zero.
pub(super) fn says_sampled(trace_state: &str) -> bool {
    if trace_state.is_empty() {
        return false;
    }
    let Some(otel) = trace_state.split(',').find_map(|member| member.trim().strip_prefix("ot=")) else { return false };
    otel.split(';').filter_map(|part| part.split_once(':')).any(|(key, value)| match key {
        // Hex digits after the point of a share; trailing zeros may be left out, and `0` keeps everything.
        "th" => value.bytes().all(|digit| digit.is_ascii_hexdigit()) && value.bytes().any(|digit| digit != b'0'),
        // 2^-p of all traces are kept; 63 stands for none.
        "p" => value.parse().is_ok_and(|p: u8| (1..=62).contains(&p)),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::says_sampled;

    #[test]
    fn thresholds_and_powers_tell() {
        for (trace_state, sampled) in [
            ("", false),
            ("ot=th:c", true),
            ("ot=th:0", false),
            ("ot=th:000", false),
            ("ot=th:", false),
            ("ot=th:c;rv:d29d6a7215ced0", true),
            ("vendor=1, ot=rv:1;th:08", true),
            ("ot=p:8;r:62", true),
            ("ot=p:0;r:5", false),
            ("ot=p:63", false),
            ("ot=p:999", false),
            ("other=th:c", false),
            ("ot=th:x", false),
        ] {
            assert_eq!(says_sampled(trace_state), sampled, "{trace_state:?}");
        }
    }
}
