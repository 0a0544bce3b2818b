//! Accounts, and what is left of the rate limit.

use serde_json::json;

use super::access::Identity;
use super::call::Answer;
use super::operation::{Needs, Route, route};
use crate::refusal::Refusal;

pub(super) const ROUTES: &[Route] = &[
    route("users/get-by-username", "GET", "/users/{username}", Needs::Nothing, |call| {
        let found = call.world.account_by_login(call.param("username")).ok_or_else(Refusal::not_found)?;
        Answer::ok(call.world.public_user_json(found.id))
    }),
    route("users/get-by-id", "GET", "/user/{account_id}", Needs::Nothing, |call| {
        let found = call.world.account(call.number("account_id")?).ok_or_else(Refusal::not_found)?;
        Answer::ok(call.world.public_user_json(found.id))
    }),
    route("users/get-authenticated", "GET", "/user", Needs::Token, |call| match call.who {
        Identity::Person { user, .. } => Answer::ok(call.world.public_user_json(user)),
        Identity::Anonymous | Identity::App { .. } | Identity::Installation { .. } => {
            Err(Refusal::not_by_integration())
        }
    }),
    route("rate-limit/get", "GET", "/rate_limit", Needs::Nothing, |call| {
        let (limit, remaining, reset) = call.world.rate(call.who);
        let core = json!({"limit": limit, "used": limit - remaining, "remaining": remaining, "reset": reset});
        let other = json!({"limit": limit, "used": 0, "remaining": limit, "reset": reset});
        Answer::ok(json!({"resources": {"core": core, "graphql": other, "search": other}, "rate": core}))
    }),
    route("meta/get", "GET", "/meta", Needs::Nothing, |_| {
        Answer::ok(json!({"verifiable_password_authentication": false, "hooks": ["127.0.0.1/32"]}))
    }),
];
