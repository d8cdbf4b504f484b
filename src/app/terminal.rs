//! The terminal while the program has it: taken, drawn to, handed back, whatever happens.

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
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

/// Whether the terminal is ours now. One for the process, since there is one terminal: a panic in any thread must be
/// able to hand it back.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Whether the mouse was taken too.
static HAS_MOUSE: AtomicBool = AtomicBool::new(false);

/// Bytes of one frame that are gathered before they are written.
const FRAME_BYTES: usize = 64 * 1024;

/// The most text that is offered to the clipboard; terminals take no more.
const CLIPBOARD_BYTES: usize = 48 * 1024;

/// What a terminal without a size of its own (a bare serial line, some pseudo-terminals) is taken for.
const USUAL_SIZE: (u16, u16) = (80, 24);

/// The taken terminal. Handed back on drop.
#[derive(Debug)]
pub struct Screen {
    backend: CrosstermBackend<BufWriter<Stdout>>,
    /// What the terminal shows; `None` when that is not known.
    shown: Option<(Buffer, Option<Position>)>,
    mouse: bool,
}

impl Screen {
    /// Takes the terminal: raw mode, alternate screen, no cursor; the mouse only if asked for.
    ///
    /// # Errors
    /// When there is no terminal, or it does not do what it is told.
    pub fn take(mouse: bool) -> io::Result<Self> {
        enter(mouse)?;
        let backend = CrosstermBackend::new(BufWriter::with_capacity(FRAME_BYTES, io::stdout()));
        Ok(Self { backend, shown: None, mouse })
    }

    /// Draws what `paint` puts into a blank buffer, and the cursor where it says. Sends what changed, and nothing when
    /// nothing did.
    ///
    /// # Errors
    /// When the terminal is gone or cannot be written to.
    pub fn frame(&mut self, paint: impl FnOnce(&mut Buffer) -> Option<Position>) -> io::Result<()> {
        let area = area()?;
        if !IS_TAKEN.load(Ordering::SeqCst) {
            return Ok(());
        }
        let mut next = Buffer::empty(area);
        let cursor = paint(&mut next);
        let known = self.shown.take().filter(|(shown, _)| shown.area == area);
        if let Some((shown, former)) = &known
            && former == &cursor
            && shown.diff_iter(&next).next().is_none()
        {
            self.shown = known;
            return Ok(());
        }
        queue!(self.backend, BeginSynchronizedUpdate)?;
        let before = known.map_or_else(
            || {
                queue!(self.backend, Clear(ClearType::All))?;
                io::Result::Ok(Buffer::empty(area))
            },
            |(shown, _)| Ok(shown),
        )?;
        self.backend.draw(before.diff_iter(&next))?;
        match cursor {
            Some(Position { x, y }) => queue!(self.backend, MoveTo(x, y), Show)?,
            None => queue!(self.backend, Hide)?,
        }
        queue!(self.backend, EndSynchronizedUpdate)?;
        io::Write::flush(&mut self.backend)?;
        self.shown = Some((next, cursor));
        Ok(())
    }

    /// Has the next frame draw every cell.
    pub fn forget(&mut self) {
        self.shown = None;
    }

    /// Hands the terminal back, stops the process as Ctrl-Z does elsewhere, and takes it again when resumed.
    ///
    /// # Errors
    /// When the terminal cannot be taken again.
    pub fn suspend(&mut self) -> io::Result<()> {
        leave();
        signal_hook::low_level::emulate_default_handler(SIGTSTP)?;
        self.retake()
    }

    /// Takes the terminal again after somebody else may have set it up anew (`fg` after SIGSTOP).
    ///
    /// # Errors
    /// When the terminal cannot be taken.
    pub fn retake(&mut self) -> io::Result<()> {
        leave();
        enter(self.mouse)?;
        self.forget();
        Ok(())
    }

    /// Offers lines to the clipboard (OSC 52); the terminal decides whether to take it.
    ///
    /// # Errors
    /// When the terminal cannot be written to.
    pub fn copy(&mut self, lines: &[String]) -> io::Result<()> {
        let lines: Vec<_> = lines.iter().map(|line| crate::text::clean(line)).collect();
        let text = lines.join("\n");
        let text = text.get(..text.floor_char_boundary(CLIPBOARD_BYTES)).unwrap_or_default();
        execute!(self.backend, CopyToClipboard::to_clipboard_from(text))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

/// The terminal's size. Fails when the terminal has gone, which nothing else tells while nothing is drawn.
fn area() -> io::Result<Rect> {
    let size = window_size()?;
    let (width, height) = match (size.columns, size.rows) {
        (0, _) | (_, 0) => USUAL_SIZE,
        size => size,
    };
    Ok(Rect::new(0, 0, width, height))
}

fn enter(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    IS_TAKEN.store(true, Ordering::SeqCst);
    let mut out = io::stdout();
    let entered = execute!(out, EnterAlternateScreen, EnableBracketedPaste, Hide);
    HAS_MOUSE.store(mouse, Ordering::SeqCst);
    let entered = if mouse { entered.and_then(|()| execute!(out, EnableMouseCapture)) } else { entered };
    entered.inspect_err(|_| leave())
}

/// Hands the terminal back, once. Safe to call from a panic hook in any thread.
pub fn leave() {
    if !IS_TAKEN.swap(false, Ordering::SeqCst) {
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
