//! Opening a database file: new, old, foreign, from the future, unreachable, twice at once.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first thing that is not as it should be"
)]

use baton_core::domain::time::Timestamp;
use baton_store::{NewDelivery, OpenOptions, Recorded, Store};
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn url(&self) -> String {
        format!("sqlite://{}/baton.db", self.0.path().display())
    }

    async fn open(&self, migrate: bool) -> Result<Store, baton_store::StoreError> {
        Store::open(&self.url(), OpenOptions { migrate }).await
    }

    /// Changes the file behind Baton's back.
    async fn meddle(&self, sql: &'static str) {
        let mut file = SqliteConnection::connect(&format!("{}?mode=rwc", self.url())).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut file).await.unwrap();
        file.close().await.unwrap();
    }

    /// The error of opening, without this machine's path.
    async fn refusal(&self, migrate: bool) -> String {
        let error = self.open(migrate).await.expect_err("the database is refused");
        error.to_string().replace(&self.0.path().display().to_string(), "FOLDER")
    }
}

async fn record(store: &Store, guid: &str) -> Recorded {
    let delivery =
        NewDelivery { hook_type: "integration", hook_id: "1", guid, event: "ping", headers: &[], body: b"{}" };
    store.record_delivery(&delivery, Timestamp(1)).await.unwrap()
}

#[tokio::test]
async fn a_new_file_is_made_and_migrating_again_changes_nothing() {
    let folder = Folder::new();
    let store = folder.open(true).await.unwrap();
    let id = match record(&store, "g").await {
        Recorded::New(id) => id,
        Recorded::Duplicate(id) => panic!("{id} is there before anything was recorded"),
    };
    store.migrate().await.unwrap();
    store.close().await;
    for migrate in [true, false] {
        let store = folder.open(migrate).await.unwrap();
        assert_eq!(record(&store, "g").await, Recorded::Duplicate(id));
        assert_eq!(store.integrity_complaints().await.unwrap(), [""; 0]);
        store.close().await;
    }
}

#[tokio::test]
async fn without_leave_to_migrate_nothing_is_made_or_changed() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.refusal(false).await, @"there is no database at FOLDER/baton.db. Is this the right folder? `--config FILE` names another configuration; `baton serve` and `baton migrate` make the database");
    assert_eq!(std::fs::read_dir(folder.0.path()).unwrap().count(), 0);

    std::fs::write(folder.0.path().join("baton.db"), b"").unwrap();
    insta::assert_snapshot!(folder.refusal(false).await, @"the database is at migration 0 and this Baton needs 5; run `baton migrate`");
    folder.open(true).await.unwrap().close().await;
    folder.open(false).await.unwrap().close().await;
}

#[tokio::test]
async fn a_new_database_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let store = folder.open(true).await.unwrap();
    record(&store, "g").await;
    let files = std::fs::read_dir(folder.0.path()).unwrap().flatten();
    let modes: Vec<_> = files.map(|file| file.metadata().unwrap().permissions().mode() & 0o777).collect();
    assert!(modes.len() > 1 && modes.iter().all(|mode| *mode == 0o600), "{modes:?}");
    store.close().await;
}

#[tokio::test]
async fn a_database_from_the_future_is_refused_and_left_alone() {
    let folder = Folder::new();
    folder.open(true).await.unwrap().close().await;
    folder
        .meddle("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (999, 'later', TRUE, x'00', 0)")
        .await;
    for migrate in [true, false] {
        let refusal = folder.refusal(migrate).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(refusal, @"the database has migration 999, this Baton knows only up to 5; use the newer Baton that wrote it, or restore a back-up");
        }
    }
}

#[tokio::test]
async fn what_was_kept_before_digests_were_is_known_by_its_body() {
    let folder = Folder::new();
    let store = folder.open(true).await.unwrap();
    let Recorded::New(id) = record(&store, "g").await else { panic!("it is new") };
    folder.meddle("UPDATE deliveries SET digest = ''").await;
    assert_eq!(record(&store, "g").await, Recorded::Duplicate(id));
    folder.meddle("UPDATE deliveries SET body = x'00'").await;
    assert!(matches!(record(&store, "g").await, Recorded::New(_)));
    store.close().await;
}

#[tokio::test]
async fn a_database_of_a_different_build_is_refused() {
    let folder = Folder::new();
    folder.open(true).await.unwrap().close().await;
    folder.meddle("UPDATE _sqlx_migrations SET checksum = x'00'").await;
    insta::assert_snapshot!(folder.refusal(true).await, @"migration 1 of this database differs from the one in this Baton; it was made by a different build");
}

#[tokio::test]
async fn a_migration_that_cannot_be_finished_leaves_nothing() {
    let folder = Folder::new();
    folder.meddle("CREATE TABLE runs (somebody_elses TEXT)").await;
    let refusal = folder.refusal(true).await;
    assert!(refusal.contains("table runs already exists"), "{refusal}");
    let mut file = SqliteConnection::connect(&folder.url()).await.unwrap();
    let tables: Vec<(String,)> =
        sqlx::query_as("SELECT name FROM sqlite_master WHERE type = 'table'").fetch_all(&mut file).await.unwrap();
    assert_eq!(tables, [("runs".to_owned(),)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_that_start_together_migrate_once() {
    // Several times, because it is a matter of moments.
    for _ in 0..10 {
        let folder = std::sync::Arc::new(Folder::new());
        let mut starts = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let folder = std::sync::Arc::clone(&folder);
            starts.spawn(async move { folder.open(true).await.unwrap() });
        }
        let stores = starts.join_all().await;
        let mut new = 0;
        for store in &stores {
            new += usize::from(matches!(record(store, "g").await, Recorded::New(_)));
        }
        assert_eq!(new, 1);
    }
}

#[tokio::test]
async fn a_url_that_is_none_is_explained() {
    let mut refusals = Vec::new();
    for url in ["postgres://localhost/baton", "sqlite::memory:", "sqlite://", "sqlite://baton.db?mode=ro"] {
        refusals.push(Store::open(url, OpenOptions::default()).await.expect_err("a refusal").to_string());
    }
    insta::assert_snapshot!(refusals.join("\n"), @r"
    cannot open the store `postgres://localhost/baton`: it must be `sqlite://PATH`
    cannot open the store `sqlite::memory:`: it needs the path of a file, as in `sqlite://baton.db`: what Baton keeps must be on disk
    cannot open the store `sqlite://`: it needs the path of a file, as in `sqlite://baton.db`: what Baton keeps must be on disk
    cannot open the store `sqlite://baton.db?mode=ro`: it takes no options; write only the path of the file
    ");
}

#[tokio::test]
async fn the_settings_that_promise_durability_are_on() {
    let folder = Folder::new();
    let store = folder.open(true).await.unwrap();
    // `synchronous` belongs to a connection, so it can be asked only of the store's own.
    assert_eq!(store.durability().await.unwrap(), "journal_mode=wal synchronous=2 foreign_keys=1 busy_timeout=10000");
}
