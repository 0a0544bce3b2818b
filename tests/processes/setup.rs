//! `baton setup` where the browser cannot come back and no webhook reaches the machine, and what it says at once when it
//! cannot begin. The ordinary way through it is `first_run`.

use std::fs;

use super::channel::Channel;
use super::ground::Ground;
use super::process::until;
use super::world::PATIENCE;

/// A laptop: the browser cannot come back to it and no webhook reaches it. The address is pasted, and webhooks come
/// through a channel, over which others say things too.
#[test]
fn behind_a_webhook_channel() {
    let ground = Ground::new();
    let channel = Channel::open();
    let mut setup = ground.start("setup", &["setup", "--name", "Our Baton", "--tunnel", &channel.url]);
    let link = Ground::link(&setup);
    setup.type_in("what shall I say\n");
    until("a slip is told", PATIENCE, || setup.stdout().contains("this is no address with a code").then_some(()));
    setup.type_in("0123456789abcdef0123456789abcdef01234567\n");
    until("a code of anybody's App is not taken", PATIENCE, || {
        setup.stdout().contains("a code alone does not say whose App it belongs to").then_some(())
    });
    let address = ground.create_on_github(&link, &channel.url);
    assert!(address.starts_with(&link[..link.find("/setup/").unwrap()]), "{address} is not below {link}");
    setup.type_in(&format!("{address}\n"));
    until("the App is made", PATIENCE, || setup.stdout().contains("GitHub has made the App Our Baton").then_some(()));
    until("baton setup listens", PATIENCE, || (channel.listeners() > 0).then_some(()));
    ground.install();
    assert!(setup.wait(PATIENCE).success(), "{}{}", setup.stdout(), setup.stderr());

    ground.add_agent();
    channel.hang_up();
    let serving = ground.start("serve", &["serve"]);
    until("baton serve listens to the channel", PATIENCE, || (channel.listeners() > 0).then_some(()));
    channel.tell("hello");
    channel.tell(r#"{"x-github-event":"issues","x-github-delivery":"1","x-hub-signature-256":"sha256=00","body":{}}"#);
    until("a forged delivery is refused", PATIENCE, || {
        serving.stderr().contains("has no good signature").then_some(())
    });
    // The channel goes away and comes back.
    channel.hang_up();
    until("baton serve listens again", PATIENCE, || (channel.listeners() > 0).then_some(()));
    ground.first_pull_request();
}

#[test]
fn what_cannot_be_set_up_is_said_at_once() {
    let ground = Ground::new();
    let (code, said) = ground.run(&["setup", "--organization", "acme corp"]);
    assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("`acme corp` is no organisation's name"), "{said}");
    fs::write(ground.folder.path().join("app-key.pem"), "the key of another App").unwrap();
    let (code, said) = ground.run(&["setup"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("app-key.pem is there already and may be an App's only key"), "{said}");
    assert_eq!(fs::read_to_string(ground.folder.path().join("app-key.pem")).unwrap(), "the key of another App");
}
