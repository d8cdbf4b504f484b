//! Colours by meaning, for whatever the terminal can show.
//!
//! A panel asks for the style of a [`Role`]; no panel names a colour. Meaning never hangs on colour alone: with
//! `NO_COLOR` the words remain, and bold, dim and reversed help them.

use ratatui::style::{Color, Modifier, Style};

/// What a piece of the screen means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Text without emphasis.
    Text,
    /// Labels, units, what can be overlooked.
    Dim,
    /// What the eye should find first.
    Strong,
    /// Names of keys, titles, the active view.
    Accent,
    /// Figures within the usual range.
    Good,
    /// Figures that are slow or doubtful.
    Fair,
    /// Figures far out of range, and errors.
    Bad,
    /// Frames and separators.
    Border,
    /// Background of the selected row.
    Selected,
    /// A banner of failure.
    Alarm,
    /// Where an input is wrong.
    Wrong,
}

/// How many colours the terminal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// None wanted (`NO_COLOR`) or none there (`TERM=dumb`).
    None,
    /// The sixteen of the terminal's own palette.
    Ansi16,
    /// The 256 colours of the xterm palette.
    Ansi256,
    /// 24-bit RGB.
    TrueColor,
}

/// What the text stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// Unknown: tones that are readable on both.
    Unknown,
    /// Light text on a dark background.
    Dark,
    /// Dark text on a light background.
    Light,
}

/// The looks of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    /// The number of colours.
    pub depth: Depth,
    /// Whether the background is dark or light.
    pub ground: Ground,
    /// Only ASCII may be sent.
    pub ascii: bool,
}

impl Theme {
    /// Reads the terminal's description from environment variables, as `NO_COLOR` (<https://no-color.org>),
    /// `COLORTERM`, `TERM`, `COLORFGBG`, `LC_ALL`, `LC_CTYPE` and `LANG` give it.
    pub fn detect(env: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| env(name).filter(|value| !value.is_empty());
        Self { depth: depth(&set), ground: ground(&set), ascii: !is_utf8(&set) }
    }

    /// The style of what means `role`.
    pub fn style(self, role: Role) -> Style {
        match self.depth {
            Depth::None => plain(role),
            Depth::Ansi16 => ansi(role),
            Depth::Ansi256 => rich(role, self.ground, |tone| Color::Indexed(tone.indexed)),
            Depth::TrueColor => rich(role, self.ground, |tone| Color::Rgb(tone.red, tone.green, tone.blue)),
        }
    }
}

fn depth(set: &impl Fn(&'static str) -> Option<String>) -> Depth {
    let term = set("TERM").unwrap_or_default();
    match set("COLORTERM").as_deref() {
        _ if set("NO_COLOR").is_some() || term == "dumb" => Depth::None,
        Some("truecolor" | "24bit") => Depth::TrueColor,
        _ if term.ends_with("-direct") => Depth::TrueColor,
        _ if term.contains("256color") => Depth::Ansi256,
        _ => Depth::Ansi16,
    }
}

/// `COLORFGBG` is `foreground;background` in palette numbers, set by rxvt, Konsole and others.
fn ground(set: &impl Fn(&'static str) -> Option<String>) -> Ground {
    let number = set("COLORFGBG").and_then(|pair| pair.rsplit(';').next()?.parse::<u8>().ok());
    match number {
        None => Ground::Unknown,
        Some(7 | 9..=15) => Ground::Light,
        Some(_) => Ground::Dark,
    }
}

/// POSIX: the first of `LC_ALL`, `LC_CTYPE`, `LANG` that is set decides; none set is the C locale. Containers and
/// service managers often set none although the terminal supports UTF-8, so UTF-8 is assumed then.
fn is_utf8(set: &impl Fn(&'static str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    locale.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

fn plain(role: Role) -> Style {
    let style = Style::new();
    match role {
        Role::Text | Role::Good | Role::Fair => style,
        Role::Dim | Role::Border => style.add_modifier(Modifier::DIM),
        Role::Strong | Role::Accent | Role::Bad => style.add_modifier(Modifier::BOLD),
        Role::Selected => style.add_modifier(Modifier::REVERSED),
        Role::Alarm => style.add_modifier(Modifier::BOLD.union(Modifier::REVERSED)),
        Role::Wrong => style.add_modifier(Modifier::BOLD.union(Modifier::UNDERLINED)),
    }
}

/// The palette is the user's own, so these read on any background they chose.
fn ansi(role: Role) -> Style {
    match role {
        Role::Text | Role::Dim | Role::Strong | Role::Border | Role::Selected => plain(role),
        Role::Accent => Style::new().fg(Color::Cyan),
        Role::Good => Style::new().fg(Color::Green),
        Role::Fair => Style::new().fg(Color::Yellow),
        Role::Bad => Style::new().fg(Color::Red),
        Role::Alarm | Role::Wrong => plain(role).fg(Color::Red),
    }
}

/// A colour as each depth has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tone {
    red: u8,
    green: u8,
    blue: u8,
    indexed: u8,
}

/// Evaluated at compile time: styles are used thousands of times a frame.
const fn tone(hex: u32) -> Tone {
    let [_, red, green, blue] = hex.to_be_bytes();
    Tone { red, green, blue, indexed: nearest_indexed([red, green, blue]) }
}

fn rich(role: Role, ground: Ground, color: impl Fn(Tone) -> Color) -> Style {
    let on = |dark: Tone, light: Tone, either: Tone| {
        color(match ground {
            Ground::Dark => dark,
            Ground::Light => light,
            Ground::Unknown => either,
        })
    };
    let red = || on(const { tone(0xf4_7067) }, const { tone(0xcf_222e) }, const { tone(0xe5_484d) });
    let grey = const { tone(0x80_8080) };
    match role {
        Role::Text => Style::new(),
        Role::Strong => plain(role),
        Role::Dim => Style::new().fg(on(const { tone(0x8b_949e) }, const { tone(0x65_6d76) }, grey)),
        Role::Border => Style::new().fg(on(const { tone(0x48_4f58) }, const { tone(0xb8_c0c8) }, grey)),
        Role::Accent => {
            Style::new().fg(on(const { tone(0x6c_b6ff) }, const { tone(0x05_50ae) }, const { tone(0x2f_81d7) }))
        }
        Role::Good => {
            Style::new().fg(on(const { tone(0x57_ab5a) }, const { tone(0x1a_7f37) }, const { tone(0x2e_a043) }))
        }
        Role::Fair => {
            Style::new().fg(on(const { tone(0xd9_a83c) }, const { tone(0x8a_5c00) }, const { tone(0xb0_8800) }))
        }
        Role::Bad => Style::new().fg(red()),
        Role::Alarm | Role::Wrong => plain(role).fg(red()),
        Role::Selected if ground == Ground::Unknown => plain(role),
        Role::Selected => Style::new().bg(on(const { tone(0x2d_3a4d) }, const { tone(0xd6_e4f5) }, grey)),
    }
}

/// The steps of the xterm colour cube.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The xterm colour (16 to 255: cube and greys) that differs least.
const fn nearest_indexed(rgb: [u8; 3]) -> u8 {
    let (mut nearest, mut index) = (16, 16);
    loop {
        if distance(rgb, indexed(index)) < distance(rgb, indexed(nearest)) {
            nearest = index;
        }
        if index == u8::MAX {
            return nearest;
        }
        index += 1;
    }
}

#[expect(clippy::indexing_slicing, reason = "steps are 0 to 5: 240 colours before the greys, less 16")]
const fn indexed(index: u8) -> [u8; 3] {
    if index >= 232 {
        return [8 + (index - 232) * 10; 3];
    }
    let cube = index.saturating_sub(16) as usize;
    [CUBE[cube / 36], CUBE[cube / 6 % 6], CUBE[cube % 6]]
}

const fn distance(left: [u8; 3], right: [u8; 3]) -> u32 {
    let [red, green, blue] = left;
    let [other_red, other_green, other_blue] = right;
    square(red, other_red) + square(green, other_green) + square(blue, other_blue)
}

const fn square(left: u8, right: u8) -> u32 {
    let difference = left.abs_diff(right) as u32;
    difference * difference
}

/// How fast a call answered in all, as TUI.md sets the thresholds: below 500 ms good, below 2 s fair.
pub fn latency_role(ms: f64) -> Role {
    speed(ms, 500.0, 2000.0)
}

/// How fast the first token came: below 300 ms good, below 1 s fair.
pub fn ttft_role(ms: f64) -> Role {
    speed(ms, 300.0, 1000.0)
}

fn speed(ms: f64, good: f64, fair: f64) -> Role {
    match ms {
        _ if ms < good => Role::Good,
        _ if ms < fair => Role::Fair,
        _ => Role::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(pairs: &[(&str, &str)]) -> Theme {
        Theme::detect(|name| pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.to_owned()))
    }

    #[test]
    fn the_environment_describes_the_terminal() {
        type Env = &'static [(&'static str, &'static str)];
        let cases: [(Env, Depth, Ground, bool); 8] = [
            (&[], Depth::Ansi16, Ground::Unknown, false),
            (&[("TERM", "xterm-256color"), ("LANG", "en_US.UTF-8")], Depth::Ansi256, Ground::Unknown, false),
            (
                &[("TERM", "xterm"), ("COLORTERM", "truecolor"), ("COLORFGBG", "15;0")],
                Depth::TrueColor,
                Ground::Dark,
                false,
            ),
            (&[("COLORTERM", "truecolor"), ("NO_COLOR", "1")], Depth::None, Ground::Unknown, false),
            (&[("NO_COLOR", ""), ("TERM", "linux"), ("LANG", "C")], Depth::Ansi16, Ground::Unknown, true),
            (&[("TERM", "dumb")], Depth::None, Ground::Unknown, false),
            (&[("COLORFGBG", "0;default;15")], Depth::Ansi16, Ground::Light, false),
            (&[("LC_ALL", "POSIX"), ("LANG", "en_US.UTF-8")], Depth::Ansi16, Ground::Unknown, true),
        ];
        for (env, depth, ground, ascii) in cases {
            assert_eq!(detect(env), Theme { depth, ground, ascii }, "{env:?}");
        }
    }

    #[test]
    fn without_colour_no_colour_is_used() {
        let theme = detect(&[("NO_COLOR", "1")]);
        for role in [Role::Accent, Role::Good, Role::Bad, Role::Alarm, Role::Selected, Role::Wrong] {
            let style = theme.style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
        assert_ne!(theme.style(Role::Selected), Style::new());
        assert_ne!(theme.style(Role::Bad), Style::new());
    }

    #[test]
    fn rich_colours_fall_to_the_nearest_of_256() {
        for (color, index) in [([0, 0, 0], 16), ([255, 255, 255], 231), ([95, 135, 175], 67), ([128, 128, 128], 244)] {
            assert_eq!(nearest_indexed(color), index);
        }
    }

    #[test]
    fn thresholds() {
        for (ms, role) in [(0.0, Role::Good), (499.9, Role::Good), (500.0, Role::Fair), (2000.0, Role::Bad)] {
            assert_eq!(latency_role(ms), role);
        }
        for (ms, role) in [(299.0, Role::Good), (300.0, Role::Fair), (1000.0, Role::Bad)] {
            assert_eq!(ttft_role(ms), role);
        }
    }
}
