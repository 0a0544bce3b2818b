//! What goes wrong between GitHub and Baton, on purpose.

use baton_store::JobState;
use github_sim::{DeliveryRecord, Fault, FaultRule};
use secrecy::ExposeSecret as _;

use super::{REPO, World};

impl World {
    /// GitHub answers the next `times` requests of an operation with this status and does nothing.
    pub fn refuses(&self, operation: &str, status: u16, times: u32) {
        self.sim.fault(FaultRule::new(operation, Fault::Refuse { status, message: None }, times));
    }

    /// From now on GitHub says "not found" to this operation, or to all (`*`).
    pub fn does_not_find(&self, operation: &str) {
        let fault = Fault::Refuse { status: 404, message: None };
        self.sim.fault(FaultRule { operation: operation.to_owned(), fault, times: None, skip: 0 });
    }

    /// GitHub does it and the answer is lost, once.
    pub fn does_it_but_drops_the_reply(&self, operation: &str) {
        self.sim.fault(FaultRule::new(operation, Fault::DoAndDrop, 1));
    }

    /// GitHub has had enough of Baton for so many seconds.
    pub fn rate_limits(&self, operation: &str, seconds: u64) {
        self.sim.fault(FaultRule::new(operation, Fault::SecondaryLimit { retry_after: Some(seconds) }, 1));
    }

    /// The newest delivery of this event.
    pub fn last_delivery(&self, event: &str, action: &str) -> DeliveryRecord {
        let deliveries = self.sim.deliveries();
        let found = deliveries.iter().rev().find(|it| it.event == event && it.action.as_deref() == Some(action));
        found.expect("there was such a delivery").clone()
    }

    /// The delivery of what somebody said, the newest of those words.
    pub fn delivery_of(&self, login: &str, text: &str) -> DeliveryRecord {
        let deliveries = self.sim.deliveries();
        let found = deliveries.iter().rev().find(|it| {
            it.event == "issue_comment"
                && it.payload["sender"]["login"] == login
                && it.payload["comment"]["body"] == text
        });
        found.expect("they said that").clone()
    }

    /// Whoever holds the bot's own token says something with it.
    pub fn speaks_as_the_bot(&self, issue: u64, text: &str) {
        self.tick();
        self.ghostwritten.lock().expect("the list").push(text.to_owned());
        self.sim.person(&self.bot()).says(REPO, issue, text).expect("GitHub lets the bot");
    }

    /// Somebody reacts to a comment.
    pub async fn reacts(&self, login: &str, comment: u64, content: &str) {
        let token = self.sim.personal_token(login).expect("a token");
        let url = format!("{}/repos/{REPO}/issues/comments/{comment}/reactions", self.sim.api_url());
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let request = client.post(url).bearer_auth(token).json(&serde_json::json!({"content": content}));
        let answer = request.send().await.expect("GitHub answers");
        assert_eq!(answer.status().as_u16(), 201);
    }

    /// GitHub sends a delivery once more, under its GUID.
    pub fn redelivers(&self, guid: &str) {
        self.sim.redeliver(guid).expect("there is such a delivery");
    }

    /// Somebody who captured a delivery and knows the secret sends its body under a new GUID.
    pub fn replays_under_new_guid(&self, guid: &str) {
        self.sim.forge(guid, Some(self.webhook_secret().as_str())).expect("there is such a delivery");
    }

    /// Somebody sends a delivery's body signed with another secret, or not at all.
    pub fn forges_signature(&self, guid: &str, secret: Option<&str>) {
        self.sim.forge(guid, secret).expect("there is such a delivery");
    }

    /// Sends a body with a good signature that GitHub never made; Baton's status.
    pub async fn delivers(&self, event: &str, guid: &str, body: &str) -> u16 {
        let signature = github_sim::sha256_signature(&self.webhook_secret(), body.as_bytes());
        self.posts(event, guid, body, &[("x-hub-signature-256", signature.as_str())]).await
    }

    /// Sends a body with these headers to the webhook's address; Baton's status.
    pub async fn posts(&self, event: &str, guid: &str, body: &str, headers: &[(&str, &str)]) -> u16 {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let mut request = client
            .post(&self.webhook_url)
            .header("content-type", "application/json")
            .header("x-github-event", event)
            .header("x-github-delivery", guid)
            .header("x-github-hook-installation-target-type", "integration")
            .header("x-github-hook-installation-target-id", self.app.app_id.to_string())
            .body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.expect("Baton answers").status().as_u16()
    }

    /// How many comments, pull requests and checks of Baton's were made more than once.
    pub fn written_twice(&self) -> usize {
        let mut seen = std::collections::BTreeMap::<String, usize>::new();
        for effect in self.sim.ledger().iter().filter(|effect| effect.actor == self.bot()) {
            let field = match effect.what.as_str() {
                "comment.create" => "body",
                "pull.create" | "pull.open" => "head",
                "check.create" => "external_id",
                _ => continue,
            };
            let text = effect.detail[field].as_str().unwrap_or_default();
            let text = text.rsplit_once("<!-- baton:").map_or(text, |(_, mark)| mark);
            *seen.entry(format!("{}: {text}", effect.what)).or_default() += 1;
        }
        seen.values().filter(|times| **times > 1).count()
    }

    /// The owner takes the App off [`REPO`].
    pub fn uninstalls(&self) {
        self.tick();
        self.sim.uninstall(self.installations[REPO]);
    }

    /// The owner puts the App on [`REPO`] again.
    pub fn installs_again(&self) {
        self.tick();
        self.sim.install(self.app.app_id, REPO).expect("installed");
    }

    /// The owner, or GitHub, switches the App off or on again.
    pub fn suspends(&self, suspended: bool) {
        self.tick();
        self.sim.suspend(self.installations[REPO], suspended);
    }

    /// The owner takes [`REPO`] out of the App's installation, and leaves the App elsewhere.
    pub fn leaves_repository(&self) {
        self.tick();
        self.sim
            .repository("acme/left", github_sim::Files::none().with("README.md", "# Left\n"))
            .expect("a repository");
        self.sim.install(self.app.app_id, "acme/left").expect("installed");
        self.sim.uninstall_from(self.installations[REPO], REPO).expect("taken out");
    }

    /// The App asks for a permission that the owner of the installation has not accepted.
    pub fn asks_for_more_than_is_accepted(&self, permission: &str) {
        let asked = super::stage::app_from_manifest(&self.webhook_url).permissions;
        let mut accepted = asked.clone();
        accepted.remove(permission).expect("app-manifest.yml asks for it");
        self.sim.app_permissions(self.app.app_id, accepted).expect("the App");
        self.owner_accepts();
        self.sim.app_permissions(self.app.app_id, asked).expect("the App");
    }

    /// The owner accepts what the App asks for now.
    pub fn owner_accepts(&self) {
        self.tick();
        self.sim.accept_permissions(self.installations[REPO]);
    }

    /// Time passes, and no Baton is there.
    pub fn is_down_for(&self, time: std::time::Duration) {
        self.advance_to(self.now().plus(time));
    }

    /// After the App was taken off, the last words cannot be said: those jobs are given up, and nothing else.
    pub async fn gives_up_what_cannot_be_said(&self) {
        for job in self.jobs(JobState::Dead).await {
            assert!(matches!(job.kind.as_str(), "show_progress" | "say"), "{job:?}");
            self.expects_to_give_up(if job.kind == "say" { "say" } else { "show_progress" });
        }
    }

    /// What signs GitHub's deliveries.
    pub fn webhook_secret(&self) -> String {
        let config = self.config.lock().expect("the configuration");
        let secrets = config.github.webhook_secrets().expect("a secret");
        secrets[0].expose_secret().to_owned()
    }
}
