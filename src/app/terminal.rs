//! The terminal while the program owns it: set up, drawn to, restored on every way out.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::{Buffer, Cell};
use ratatui::crossterm::clipboard::CopyToClipboard;
use ratatui::crossterm::cursor::{Hide, MoveTo, Show};
use ratatui::crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use ratatui::crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode, window_size,
};
use ratatui::crossterm::{execute, queue};
use ratatui::layout::{Position, Rect};
use signal_hook::consts::SIGTSTP;

/// Whether the terminal is ours now, and the right to write to it. One for the process, since there is one terminal: a
/// panic in any thread must be able to hand it back, and nothing may be drawn after that.
static TERMINAL: Mutex<bool> = Mutex::new(false);

/// Whether the mouse was taken too.
static HAS_MOUSE: AtomicBool = AtomicBool::new(false);

/// How long a thread that panics waits for a frame to be written to the end.
const PATIENCE: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The most text that is offered to the clipboard; terminals take no more.
pub(crate) const CLIPBOARD_BYTES: usize = 48 * 1024;

/// What a terminal without a size of its own (a bare serial line, some pseudo-terminals) is taken for.
const USUAL_SIZE: (u16, u16) = (80, 24);

/// The taken terminal. Handed back on drop.
#[derive(Debug)]
pub(crate) struct Screen {
    /// What the terminal shows; `None` when that is not known.
    shown: Option<(Buffer, Option<Position>)>,
    mouse: bool,
}

impl Screen {
    /// Takes the terminal: raw mode, alternate screen, no cursor; the mouse only if asked for.
    ///
    /// # Errors
    /// When there is no terminal, or an ioctl or write fails.
    pub(crate) fn take(mouse: bool) -> io::Result<Self> {
        enter(mouse)?;
        Ok(Self { shown: None, mouse })
    }

    /// Draws what `paint` puts into a blank buffer, and the cursor at the position it returns. Sends what changed, and nothing when
    /// nothing did.
    ///
    /// # Errors
    /// When the terminal is gone or cannot be written to.
    pub(crate) fn frame(&mut self, paint: impl FnOnce(&mut Buffer) -> Option<Position>) -> io::Result<()> {
        let area = area()?;
        let mut next = Buffer::empty(area);
        let cursor = paint(&mut next);
        let known = self.shown.take().filter(|(shown, _)| shown.area == area);
        let is_same =
            known.as_ref().is_some_and(|(shown, former)| former == &cursor && shown.diff_iter(&next).next().is_none());
        if !is_same {
            let frame = written(known.map(|(shown, _)| shown), &next, cursor)?;
            send(&frame)?;
        }
        self.shown = Some((next, cursor));
        Ok(())
    }

    /// Has the next frame draw every cell.
    pub(crate) fn forget(&mut self) {
        self.shown = None;
    }

    /// Hands the terminal back, stops the process as Ctrl-Z does elsewhere, and takes it again when resumed.
    ///
    /// # Errors
    /// When the terminal cannot be taken again.
    pub(crate) fn suspend(&mut self) -> io::Result<()> {
        leave();
        signal_hook::low_level::emulate_default_handler(SIGTSTP)?;
        self.retake()
    }

    /// Takes the terminal again after another program may have changed its modes (`fg` after SIGSTOP).
    ///
    /// # Errors
    /// When the terminal cannot be taken.
    pub(crate) fn retake(&mut self) -> io::Result<()> {
        leave();
        enter(self.mouse)?;
        self.forget();
        Ok(())
    }

    /// Rings the bell.
    ///
    /// # Errors
    /// When the terminal cannot be written to.
    pub(crate) fn ring() -> io::Result<()> {
        send(b"\x07")
    }

    /// Offers lines to the clipboard (OSC 52); the terminal decides whether to take it.
    ///
    /// # Errors
    /// When the terminal cannot be written to.
    pub(crate) fn copy(lines: &[String]) -> io::Result<()> {
        let lines: Vec<_> = lines.iter().map(|line| crate::text::clean(line)).collect();
        let text = lines.join("\n");
        let text = text.get(..text.floor_char_boundary(CLIPBOARD_BYTES)).unwrap_or_default();
        let mut sequence = Vec::new();
        queue!(sequence, CopyToClipboard::to_clipboard_from(text))?;
        send(&sequence)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

/// The terminal's size. Fails if the terminal is gone, which is not noticed otherwise while nothing is drawn.
fn area() -> io::Result<Rect> {
    let size = window_size()?;
    let (width, height) = match (size.columns, size.rows) {
        (0, _) | (_, 0) => USUAL_SIZE,
        size => size,
    };
    Ok(Rect::new(0, 0, width, height))
}

/// The bytes that make the terminal show `next` instead of `before`; in one piece, so that it is sent in one piece.
fn written(before: Option<Buffer>, next: &Buffer, cursor: Option<Position>) -> io::Result<Vec<u8>> {
    let mut frame = Vec::new();
    queue!(frame, BeginSynchronizedUpdate)?;
    if before.is_none() {
        queue!(frame, Clear(ClearType::All))?;
    }
    let mut before = before.unwrap_or_else(|| Buffer::empty(next.area));
    erase_clusters(&mut before, next, &mut frame)?;
    let cells: Vec<_> = before.diff_iter(next).collect();
    // Each piece begins by saying where it stands, wherever a cluster left the terminal's cursor.
    for piece in cells.split_inclusive(|(_, _, cell)| is_cluster(cell)) {
        CrosstermBackend::new(&mut frame).draw(piece.iter().copied())?;
    }
    match cursor {
        Some(Position { x, y }) => queue!(frame, MoveTo(x, y), Show)?,
        None => queue!(frame, Hide)?,
    }
    queue!(frame, EndSynchronizedUpdate)?;
    Ok(frame)
}

/// Erases each line that changes and has, or had, a cluster in it, so that it is drawn anew: terminals differ in how many
/// cells a cluster takes, and what it left in cells that we think blank would stay there.
fn erase_clusters(before: &mut Buffer, next: &Buffer, frame: &mut Vec<u8>) -> io::Result<()> {
    let width = usize::from(next.area.width).max(1);
    let lines = before.content.chunks_mut(width).zip(next.content.chunks(width));
    for (y, (before, next)) in (next.area.y..).zip(lines) {
        if before.iter().chain(next).any(is_cluster) && before != next {
            queue!(frame, MoveTo(0, y), Clear(ClearType::CurrentLine))?;
            before.fill(Cell::EMPTY);
        }
    }
    Ok(())
}

/// Whether a cell holds more than one character: an accent or vowel signs, a flag, an emoji with a tone.
fn is_cluster(cell: &Cell) -> bool {
    let symbol = cell.symbol();
    symbol.len() > 1 && symbol.chars().nth(1).is_some()
}

/// Writes bytes, unless the terminal was restored.
fn send(bytes: &[u8]) -> io::Result<()> {
    let is_taken = TERMINAL.lock().unwrap_or_else(PoisonError::into_inner);
    if !*is_taken {
        return Ok(());
    }
    let mut out = io::stdout();
    out.write_all(bytes)?;
    out.flush()
}

fn enter(mouse: bool) -> io::Result<()> {
    let mut is_taken = TERMINAL.lock().unwrap_or_else(PoisonError::into_inner);
    enable_raw_mode()?;
    *is_taken = true;
    HAS_MOUSE.store(mouse, Ordering::SeqCst);
    let mut out = io::stdout();
    let entered = execute!(out, EnterAlternateScreen, EnableBracketedPaste, Hide);
    let entered = if mouse { entered.and_then(|()| execute!(out, EnableMouseCapture)) } else { entered };
    if entered.is_err() {
        hand_back(&mut is_taken);
    }
    entered
}

/// Hands the terminal back, once. Safe to call from a panic hook in any thread.
pub(crate) fn leave() {
    match lock_patiently() {
        Some(mut is_taken) => hand_back(&mut is_taken),
        // A write to the terminal does not end, or it panicked in this very thread.
        None => hand_back(&mut true),
    }
}

fn hand_back(is_taken: &mut bool) {
    if !std::mem::replace(is_taken, false) {
        return;
    }
    // There is nothing to be done about a terminal that does not answer any more.
    let mut out = io::stdout();
    let _ = execute!(out, EndSynchronizedUpdate, DisableBracketedPaste, LeaveAlternateScreen, Show);
    if HAS_MOUSE.swap(false, Ordering::SeqCst) {
        let _ = execute!(out, DisableMouseCapture);
    }
    let _ = disable_raw_mode();
    let _ = out.flush();
}

fn lock_patiently() -> Option<MutexGuard<'static, bool>> {
    for _ in 0..PATIENCE.as_millis() / LOOK_EVERY.as_millis() {
        match TERMINAL.try_lock() {
            Ok(is_taken) => return Some(is_taken),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => thread::sleep(LOOK_EVERY),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guarantees: what a terminal made of clusters, however wide it thinks them, is gone when their line changes.
    #[test]
    fn a_line_with_clusters_is_erased_before_it_is_drawn_anew() {
        let clusters = Buffer::with_lines(["plain", "\u{e19}\u{e49}\u{e33}0", "e\u{301}tat", "\u{1f1e9}\u{1f1ea}1"]);
        let plain = Buffer::with_lines(["plane", "     ", "e\u{301}tat", "     "]);
        for (before, next) in [(&clusters, &plain), (&plain, &clusters)] {
            let frame = String::from_utf8(written(Some(before.clone()), next, None).unwrap()).unwrap();
            let erased: Vec<_> = (1..=4).filter(|line| frame.contains(&format!("\u{1b}[{line};1H\u{1b}[2K"))).collect();
            assert_eq!(erased, [2, 4], "{frame:?}");
        }
        let shown = written(Some(plain), &clusters, None).unwrap();
        let cells = |count| std::num::NonZeroU16::new(count).unwrap();
        let mut terminal = vt100::Parser::new(cells(4), cells(5), 0);
        terminal.process(&shown);
        assert_eq!(
            terminal.screen().cell(3, 2).map(vt100::Cell::contents),
            Some("1"),
            "behind a flag it is placed anew"
        );
    }
}
