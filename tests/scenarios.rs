//! What Baton does, told as conversations with it: everything is real but GitHub, which is simulated, and the model, whose
//! words are written here. Every story ends with an audit of the whole world (`world/audit.rs`).

#![expect(clippy::expect_used, clippy::panic, reason = "in a test a panic is the report")]

mod world;

mod scenarios {
    mod authority;
    mod auto;
    mod beginning;
    mod calm;
    mod commands;
    mod doubt;
    mod edge;
    mod endpoint;
    mod evidence;
    mod first_contact;
    mod large;
    mod missed;
    mod patches;
    mod payloads;
    mod refusals;
    mod review;
    mod storm;
    mod strange;
    mod sweep;
    mod tidying;
    mod told;
    mod transport;
    mod trouble;
    mod waiting;
    mod weathers;
    mod withdrawn;
}
