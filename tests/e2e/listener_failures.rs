//! A listener that cannot accept: the program goes on, reports it, and takes connections again as soon as it can.

use std::net::TcpStream;

use crate::accounts::account;
use crate::recorded::minutes_apart;
use crate::support::{GrpcClient, Headless};
use crate::terminal::Terminal;

/// More connections than the program may have files.
const FILES: u32 = 40;

fn crowd(address: &str) -> Vec<TcpStream> {
    (0..2 * FILES).map(|_| TcpStream::connect(address).unwrap()).collect()
}

#[test]
fn running_out_of_file_descriptors_is_reported_until_it_is_over() {
    let program = Headless::start_with_files(FILES, &["--stats=20ms", "--filter", "model:none"]);
    let crowd = crowd(&program.grpc);
    account(&program, |stats| stats["listeners_failing"] == 1);
    let stderr = program.diagnostic();
    let expected = format!("planoai: no connection can be accepted on {}: ", program.grpc);
    assert!(stderr.starts_with(&expected) && stderr.contains("open files"), "{stderr}");
    drop(crowd);
    account(&program, |stats| stats["listeners_failing"] == 0);
    assert_eq!(program.diagnostic(), format!("planoai: connections are accepted again on {}", program.grpc));
    GrpcClient::connect(&program.grpc).export_all(minutes_apart(3));
    let stats = account(&program, |stats| stats["llm_calls"] == 3);
    assert!(stats["listener_failures"].as_u64().unwrap() >= 1, "{stats}");
    assert!(program.finish_raw().1.success());
}

#[test]
fn the_screen_shows_a_listener_that_accepts_nothing() {
    let quiet = "obs --offline --host 127.0.0.1 --port 0 --http-port off --refresh-ms 20";
    let limited = format!("ulimit -n {FILES}; exec \"$0\" {quiet}");
    let mut terminal = Terminal::start_program("sh", 160, 40, &["-c", &limited, env!("CARGO_BIN_EXE_planoai")], &[]);
    let address = terminal.address();
    let crowd = crowd(&address);
    terminal.wait_for_text("1 listener accepts no connections");
    drop(crowd);
    terminal.wait_for("nothing of listeners", |screen| {
        let contents = screen.contents();
        !["accepts no connections", "accept no connections"].iter().any(|alarm| contents.contains(alarm))
    });
    GrpcClient::connect(&address).export_all(minutes_apart(1));
    terminal.wait_for_text("1 since start");
    terminal.type_keys("a");
    terminal.wait_for_text("a listener stopped accepting connections");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_exit(), 0);
    terminal.assert_restored();
}
