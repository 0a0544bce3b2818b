//! `baton health`, by which a container's health check asks.

use super::story::{PYTHON, Pace};
use super::world::World;

#[test]
fn a_server_is_well_until_it_stops() {
    let mut world = World::with(PYTHON, &Pace::default());
    assert_eq!(world.baton.says(&["health"]), "ok\n");
    assert_eq!(world.baton.says(&["health", "--ready"]), "ready\n");
    world.baton.stop();

    let output = world.baton.command(&["health"]);
    let said = String::from_utf8(output.stderr).unwrap().replace(&world.baton.address, "ADDRESS");
    assert_eq!(output.status.code(), Some(1), "{said}");
    insta::assert_snapshot!(said, @"baton: http://ADDRESS/healthz does not answer: Connection refused (os error 111)");
}

/// Whoever holds the port, it is not Baton.
#[test]
fn another_program_at_the_address_is_not_baton() {
    let mut world = World::with(PYTHON, &Pace::default());
    world.baton.stop();
    let other = std::net::TcpListener::bind(&world.baton.address).unwrap();
    let answering = std::thread::spawn(move || {
        use std::io::Write as _;
        let (mut caller, _) = other.accept().unwrap();
        caller.write_all(b"220 mail.example.com ESMTP\r\n").unwrap();
    });
    let output = world.baton.command(&["health"]);
    answering.join().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("does not answer"), "{said}");
}
