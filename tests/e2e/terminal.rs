//! The program in a real pseudo-terminal: keys in, the screen out.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Instant;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::support::PATIENCE;

/// The program on a free port of this machine, fetching nothing.
pub(crate) const QUIET: [&str; 8] = ["obs", "--offline", "--host", "127.0.0.1", "--port", "0", "--http-port", "off"];

/// A terminal of `columns` x `rows` in which the program runs. Killed when dropped.
pub(crate) struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    child: Killed,
    output: Receiver<Vec<u8>>,
    parser: vt100::Parser<Seen>,
    /// Everything the program wrote.
    pub raw: Vec<u8>,
    cooked: String,
}

/// What reached the terminal besides its cells.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub titles: Vec<Vec<u8>>,
    pub copied: Vec<Vec<u8>>,
    pub bells: usize,
    /// Sequences that a well-behaved program does not send.
    pub unexpected: Vec<String>,
}

impl vt100::Callbacks for Seen {
    fn audible_bell(&mut self, _: &mut vt100::Screen) {
        self.bells += 1;
    }

    fn set_window_title(&mut self, _: &mut vt100::Screen, title: &[u8]) {
        self.titles.push(title.to_vec());
    }

    fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8], data: &[u8]) {
        self.copied.push(data.to_vec());
    }

    fn unhandled_osc(&mut self, _: &mut vt100::Screen, parameters: &[&[u8]]) {
        let shown: Vec<_> = parameters.iter().map(|part| String::from_utf8_lossy(part)).collect();
        self.unexpected.push(format!("OSC {}", shown.join(";")));
    }
}

fn cells(count: u16) -> std::num::NonZeroU16 {
    count.try_into().unwrap()
}

impl Terminal {
    /// Starts the program with `arguments`.
    pub(crate) fn start(columns: u16, rows: u16, arguments: &[&str]) -> Self {
        Self::start_with(columns, rows, arguments, &[])
    }

    /// Starts the program with `arguments` and extra environment.
    pub(crate) fn start_with(columns: u16, rows: u16, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::start_program(env!("CARGO_BIN_EXE_planoai"), columns, rows, arguments, environment)
    }

    /// Starts any program.
    pub(crate) fn start_program(
        program: &str,
        columns: u16,
        rows: u16,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        Self::launch(program, columns, rows, arguments, environment, true)
    }

    /// Starts the program in a terminal that does not control it: it receives no SIGHUP when the terminal closes.
    pub(crate) fn start_uncontrolled(columns: u16, rows: u16, arguments: &[&str]) -> Self {
        Self::launch(env!("CARGO_BIN_EXE_planoai"), columns, rows, arguments, &[], false)
    }

    fn launch(
        program: &str,
        columns: u16,
        rows: u16,
        arguments: &[&str],
        environment: &[(&str, &str)],
        controls: bool,
    ) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let cooked = format!("{:?}", pair.master.get_termios());
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.set_controlling_tty(controls);
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        command.env("TZ", "UTC");
        command.env_remove("NO_COLOR");
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 65536];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        let parser = vt100::Parser::new_with_callbacks(cells(rows), cells(columns), 0, Seen::default());
        Self { master: pair.master, keys, child: Killed(child), output, parser, raw: Vec::new(), cooked }
    }

    /// The address of OTLP/gRPC that the header shows.
    pub(crate) fn address(&mut self) -> String {
        self.wait_for_text("127.0.0.1:");
        let contents = self.contents();
        let port: String =
            contents.split("127.0.0.1:").nth(1).unwrap().chars().take_while(char::is_ascii_digit).collect();
        format!("127.0.0.1:{port}")
    }

    /// Closes the terminal under the program, and gives what is left: the running program.
    pub(crate) fn vanish(self) -> Orphan {
        let Self { master, keys, child, output, .. } = self;
        // The reading thread lets go of the terminal at the next output that cannot be written.
        drop((master, keys, output));
        Orphan(child)
    }

    /// Types keys, as the bytes a terminal sends.
    pub(crate) fn type_keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Types these keys in turn, waits for what each shows, and has the terminal checked then.
    pub(crate) fn step_through(&mut self, steps: &[(&str, &str)], check: impl Fn(&Self)) {
        for (keys, wanted) in steps {
            self.type_keys(keys);
            self.wait_for_text(wanted);
            check(self);
        }
    }

    /// Changes the size of the window.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
        self.parser.screen_mut().set_size(cells(rows), cells(columns));
    }

    /// Reads output until the screen satisfies `wanted`.
    pub(crate) fn wait_for(&mut self, what: &str, wanted: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !wanted(self.parser.screen()) {
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Timeout) => panic!("never saw {what}; the screen is\n{}", self.contents()),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("ended before {what}; the screen is\n{}", self.contents())
                }
            }
        }
    }

    /// Reads output until the screen shows `text`.
    pub(crate) fn wait_for_text(&mut self, text: &str) {
        self.wait_for(&format!("`{text}`"), |screen| screen.contents().contains(text));
    }

    /// Reads output until the screen no longer shows `text`.
    pub(crate) fn wait_until_gone(&mut self, text: &str) {
        self.wait_for(&format!("no `{text}`"), |screen| !screen.contents().contains(text));
    }

    /// Reads output until something was offered to the clipboard.
    pub(crate) fn wait_for_copy(&mut self) {
        self.wait_for_copies(1);
    }

    /// Reads output until so many texts were offered to the clipboard.
    pub(crate) fn wait_for_copies(&mut self, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.seen().copied.len() < count {
            let bytes = self.output.recv_timeout(deadline.saturating_duration_since(Instant::now()));
            self.take(&bytes.expect("something copied"));
        }
    }

    /// Waits for the program to end, reads the rest of its output and returns its exit code.
    pub(crate) fn wait_for_exit(&mut self) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            while let Ok(bytes) = self.output.try_recv() {
                self.take(&bytes);
            }
            if let Some(status) = self.child.0.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the program does not end; the screen is\n{}", self.contents());
            std::thread::sleep(std::time::Duration::from_millis(5));
        };
        while let Ok(bytes) = self.output.recv_timeout(std::time::Duration::from_millis(200)) {
            self.take(&bytes);
        }
        status.exit_code()
    }

    /// What the screen shows.
    pub(crate) fn contents(&self) -> String {
        self.parser.screen().contents()
    }

    /// The terminal's state.
    pub(crate) fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    /// What reached the terminal besides its cells.
    pub(crate) fn seen(&self) -> &Seen {
        self.parser.callbacks()
    }

    /// The process, for signals.
    pub(crate) fn pid(&self) -> u32 {
        self.child.0.process_id().unwrap()
    }

    /// Sends a POSIX signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let status = std::process::Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits until the process is stopped, by `/proc`: a signal to go on that came earlier would be lost.
    pub(crate) fn wait_until_stopped(&self) {
        let deadline = Instant::now() + PATIENCE;
        let is_stopped = || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
            stat.rsplit(')').next().unwrap().trim_start().starts_with('T')
        };
        while !is_stopped() {
            assert!(Instant::now() < deadline, "the program does not stop");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// That the terminal is as it was before the program came: main screen, visible cursor, no mouse, cooked mode.
    pub(crate) fn assert_restored(&self) {
        let screen = self.parser.screen();
        assert!(!screen.alternate_screen(), "still on the alternate screen");
        assert!(!screen.hide_cursor(), "the cursor is still hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste is still on");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        assert_eq!(format!("{:?}", self.master.get_termios()), self.cooked, "the line discipline was not restored");
    }

    fn take(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        self.parser.process(bytes);
    }
}

/// A program whose terminal is gone. Killed when dropped.
pub(crate) struct Orphan(Killed);

impl Orphan {
    /// Waits for the program to end and returns its exit code.
    pub(crate) fn wait_for_exit(&mut self) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.0.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(Instant::now() < deadline, "the program does not end without its terminal");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

/// A process that ends with the test.
struct Killed(Box<dyn Child + Send + Sync>);

impl Drop for Killed {
    fn drop(&mut self) {
        // Already gone after `wait_for_exit`.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
