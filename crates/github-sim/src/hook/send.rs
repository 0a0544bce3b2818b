//! Sends one App's deliveries, one after the other, each with GitHub's ten seconds and never a second time by itself.

use std::sync::{Mutex, Weak};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::delivery::Outcome;
use crate::sim::lock;
use crate::world::World;

/// GitHub counts a delivery as failed when no answer came within this time.
const PATIENCE: Duration = Duration::from_secs(10);
/// And Enterprise Server within this.
const PATIENCE_OF_ENTERPRISE: Duration = Duration::from_secs(30);

/// Runs until the simulator goes away.
pub(crate) async fn send_all(
    world: Weak<Mutex<World>>,
    client: reqwest::Client,
    mut queue: mpsc::UnboundedReceiver<u64>,
) {
    while let Some(id) = queue.recv().await {
        let Some(request) = ({
            let Some(world) = world.upgrade() else { return };
            let world = lock(&world);
            let delay = Duration::from_millis(world.switches.webhook_delay_millis);
            let patience = if world.urls.enterprise() { PATIENCE_OF_ENTERPRISE } else { PATIENCE };
            world.outbox.find(id).map(|it| (delay, patience, (it.url.clone(), it.headers.clone(), it.body.clone())))
        }) else {
            continue;
        };
        let (delay, patience, request) = request;
        tokio::time::sleep(delay).await;
        let outcome = send(&client, patience, request).await;
        let Some(world) = world.upgrade() else { return };
        lock(&world).outbox.finish(id, outcome);
    }
}

async fn send(
    client: &reqwest::Client,
    patience: Duration,
    (url, headers, body): (String, Vec<(String, String)>, bytes::Bytes),
) -> Outcome {
    let started = Instant::now();
    let mut request = client.post(&url).timeout(patience).body(body);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let answered = async {
        let response = request.send().await?;
        let status = response.status().as_u16();
        let headers = response.headers().iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into())).collect();
        Ok::<_, reqwest::Error>((status, headers, response.text().await?))
    };
    let result = answered.await;
    let seconds_milli = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match result {
        Ok((status, headers, body)) => Outcome::Answered { status, seconds_milli, headers, body },
        Err(error) if error.is_timeout() => Outcome::Failed { reason: "timed out".into(), seconds_milli },
        Err(error) => {
            tracing::debug!(%url, %error, "webhook not delivered");
            Outcome::Failed { reason: "failed to connect to host".into(), seconds_milli }
        }
    }
}
