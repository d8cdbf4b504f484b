//! Sampling hints in the trace state: where traces were sampled, counts and sums are lower than the real traffic.

/// Whether the trace state has a rejection threshold (`ot=th:…`, OpenTelemetry's probability sampling) or the older `p`
/// value above zero.
pub(super) fn is_sampled(trace_state: &str) -> bool {
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
    use super::is_sampled;

    #[test]
    fn thresholds_and_powers_are_read() {
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
            assert_eq!(is_sampled(trace_state), sampled, "{trace_state:?}");
        }
    }
}
