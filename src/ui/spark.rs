//! Sparklines: a series over time in one line of cells.

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The series in `cells` cells, newest at the right: neighbouring points are summed where there are more points than
/// cells. The highest sum fills its cell, nothing at all is a blank, and anything more than nothing is seen.
pub(super) fn spark(points: &[f64], cells: usize) -> String {
    let sums = gather(points, cells);
    let highest = sums.iter().copied().fold(0.0, f64::max);
    sums.into_iter().map(|sum| bar(sum, highest)).collect()
}

fn gather(points: &[f64], cells: usize) -> Vec<f64> {
    if cells == 0 || points.is_empty() {
        return Vec::new();
    }
    let width = points.len().div_ceil(cells);
    // The oldest cell may gather fewer points than the others, never the newest.
    let mut sums: Vec<f64> =
        points.rchunks(width).map(|chunk| chunk.iter().filter(|point| point.is_finite()).sum()).collect();
    sums.reverse();
    sums
}

fn bar(sum: f64, highest: f64) -> char {
    if sum <= 0.0 || highest <= 0.0 {
        return ' ';
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of eight bars")]
    let at = ((sum / highest * 8.0).ceil() as usize).clamp(1, 8) - 1;
    BARS.get(at).copied().unwrap_or('█')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_follow_the_sums() {
        let cases: [(&[f64], usize, &str); 7] = [
            (&[0.0, 1.0, 4.0, 8.0], 4, " ▁▄█"),
            (&[0.0, 0.0], 2, "  "),
            (&[0.001, 1000.0], 2, "▁█"),
            (&[1.0, 1.0, 1.0, 1.0, 2.0], 3, "▃▆█"),
            (&[], 5, ""),
            (&[1.0], 0, ""),
            (&[f64::NAN, 1.0], 2, " █"),
        ];
        for (points, cells, expected) in cases {
            assert_eq!(spark(points, cells), expected, "{points:?}");
        }
    }
}
