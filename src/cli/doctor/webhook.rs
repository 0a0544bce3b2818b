//! The webhook: what GitHub has as its address, how its last deliveries were answered, and whether one arrives now.

use std::collections::HashSet;
use std::time::Duration;

use baton_github::{Answered, GitHubApp};

use super::machine::{Running, running};
use super::report::{Outcome, fault, good, warning};
use crate::config::Config;
use crate::server::Trial;

/// How often GitHub is asked what became of the delivery.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a delivery may take to arrive: GitHub itself gives it ten seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many of the last deliveries are judged.
const LAST: usize = 20;

/// The address, the kind of content, and whether a secret signs.
pub(super) async fn address(app: &GitHubApp, config: &Config) -> Vec<Outcome> {
    let hook = match app.hook().await {
        Ok(hook) => hook,
        Err(error) => return vec![fault(error.to_string(), "Run `baton doctor` again")],
    };
    let mut outcomes = Vec::new();
    let wanted = config.server.public_url.as_ref().map(|url| webhook_of(url.as_str()));
    let tunnel = config.server.tunnel.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
    match (&hook.url, &wanted) {
        (None, _) => outcomes.push(fault(
            "GitHub has no webhook address",
            format!("Set it on the App's page: {}", wanted.as_deref().unwrap_or("https://YOUR-HOST/webhooks/github")),
        )),
        (Some(url), _) if tunnel.as_deref() == Some(url.trim_end_matches('/')) => {
            outcomes.push(good(format!("{url}, the channel that `baton serve` listens to")));
        }
        (Some(url), Some(wanted)) if url.trim_end_matches('/') != wanted => outcomes.push(fault(
            format!("GitHub delivers to {url}, and `server.public_url` says {wanted}"),
            "Set the webhook address on the App's page, or `server.public_url`",
        )),
        (Some(url), Some(_)) => outcomes.push(good(url.clone())),
        (Some(url), None) => outcomes.push(warning(
            format!("{url}; `server.public_url` is not set, so it cannot be compared"),
            "Set `server.public_url` to how the world reaches this server",
        )),
    }
    if hook.content_type.as_deref().is_some_and(|kind| kind != "json") {
        outcomes.push(warning(
            "GitHub sends forms instead of JSON",
            "Set the content type to application/json on the App's page",
        ));
    }
    if !hook.has_secret {
        outcomes.push(fault(
            "GitHub signs nothing: no webhook secret is set there",
            "Set it on the App's page to what `github.webhook_secret_file` holds",
        ));
    }
    if hook.insecure {
        outcomes.push(warning(
            "GitHub does not check the certificate there",
            "Turn \"SSL verification\" on, on the App's page",
        ));
    }
    outcomes
}

fn webhook_of(public_url: &str) -> String {
    format!("{}/webhooks/github", public_url.trim_end_matches('/'))
}

/// How the last deliveries were answered.
pub(super) async fn deliveries(app: &GitHubApp) -> Vec<Outcome> {
    let attempts = match app.latest_attempts().await {
        Ok(attempts) => attempts,
        Err(error) => return vec![fault(error.to_string(), "Run `baton doctor` again")],
    };
    // Of a delivery that was sent again the last attempt counts: GitHub's very first ping comes before anybody can know the
    // App's secret.
    let mut seen = HashSet::new();
    let ended = attempts.iter().filter(|it| !it.is_pending());
    let last: Vec<&Answered> = ended.filter(|it| seen.insert(it.guid.as_str())).take(LAST).collect();
    let Some(newest) = last.first() else {
        return vec![warning("GitHub has delivered nothing in the last days", "Nothing, if the App is new")];
    };
    let bad = last.iter().filter(|it| !it.is_good()).count();
    let says = format!(
        "{} of the last {} were taken; the newest ({}): {}",
        last.len() - bad,
        last.len(),
        newest.event,
        answer(newest)
    );
    vec![if newest.is_good() {
        good(says)
    } else {
        warning(says, "`arrival` below says whether it works now; what failed is asked for again when Baton runs")
    }]
}

/// An answer as GitHub has it.
fn answer(attempt: &Answered) -> String {
    if attempt.status > 0 { format!("{} {}", attempt.status, attempt.says) } else { attempt.says.clone() }
}

/// Has GitHub deliver again, and waits until it arrives: at the server that runs, or at a listener in its place.
pub(super) async fn arrival(app: &GitHubApp, config: &Config) -> Vec<Outcome> {
    let attempts = match app.latest_attempts().await {
        Ok(attempts) => attempts,
        Err(error) => return vec![fault(error.to_string(), "Run `baton doctor` again")],
    };
    let ping = attempts.iter().find(|it| it.event == "ping").or_else(|| attempts.first());
    let Some(ping) = ping else {
        return vec![warning(
            "GitHub has nothing that it could deliver again",
            "Save the webhook address on the App's page anew: GitHub sends a ping then",
        )];
    };
    let trial = match (running(config).await, config.server.tunnel.is_some()) {
        (Running::Baton, _) => None,
        (Running::Other(_), _) => {
            return vec![super::report::skipped("another program is where the server would listen")];
        }
        (Running::Nothing, true) => {
            return vec![warning(
                "deliveries come through `server.tunnel`, and no server listens to it",
                "Start `baton serve`, and run `baton doctor` again",
            )];
        }
        (Running::Nothing, false) => {
            let secrets = config.github.webhook_secrets().unwrap_or_default();
            match Trial::at(&config.server.listen, secrets, &ping.guid).await {
                Ok(trial) => Some(trial),
                Err(error) => {
                    let says = format!("{} cannot be listened on: {error}", config.server.listen);
                    return vec![fault(says, "Let `server.listen` name a free address")];
                }
            }
        }
    };
    if let Err(error) = app.redeliver(ping.id).await {
        return vec![fault(format!("GitHub does not deliver again: {error}"), "Run `baton doctor` again")];
    }
    let place = if trial.is_some() { "a listener in the server's place" } else { "the server" };
    let became = tokio::time::timeout(PATIENCE, became(app, ping, attempts.first().map_or(0, |it| it.id))).await;
    // Nothing where the server is there itself.
    let came = trial.map(|trial| trial.arrived());
    vec![match (became, came) {
        (Err(_), _) => fault(
            format!("GitHub does not say within {} s what became of a {}", PATIENCE.as_secs(), ping.event),
            "Run `baton doctor` again",
        ),
        (Ok(Err(says)), _) => fault(says, "Run `baton doctor` again"),
        (Ok(Ok(attempt)), came) => judge(&attempt, came, place),
    }]
}

/// The attempt that GitHub makes for us, when it is over.
async fn became(app: &GitHubApp, ping: &Answered, newest: i64) -> Result<Answered, String> {
    loop {
        tokio::time::sleep(PAUSE).await;
        let attempts = app.latest_attempts().await.map_err(|error| error.to_string())?;
        let ours = |it: &&Answered| it.guid == ping.guid && it.redelivery && it.id > newest && !it.is_pending();
        if let Some(attempt) = attempts.iter().find(ours) {
            return Ok(attempt.clone());
        }
    }
}

fn judge(attempt: &Answered, came: Option<Option<bool>>, place: &str) -> Outcome {
    let event = &attempt.event;
    let wrong_secret = "Set the webhook secret on the App's page to what `github.webhook_secret_file` holds";
    match (came, attempt.status) {
        (Some(Some(true)), _) => good(format!("a {event} was delivered again, and arrived at {place}, rightly signed")),
        (Some(Some(false)), _) | (_, 401) => {
            fault(format!("a {event} arrived, signed with another secret than `github.webhook_secret`"), wrong_secret)
        }
        (Some(None), 200..=399) => fault(
            format!("a {event} was taken ({}), but not by {place}: the address leads elsewhere", answer(attempt)),
            "Let the webhook address on the App's page lead to this machine",
        ),
        (None, 200..=399) => good(format!("a {event} was delivered again, and taken by {place} ({})", answer(attempt))),
        _ => fault(
            format!("a {event} did not arrive: {}", answer(attempt)),
            "Check that the world reaches the webhook address: DNS, firewall, reverse proxy, certificate",
        ),
    }
}
