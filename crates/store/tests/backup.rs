//! Back-up and restore on real files: consistent under load, never over anything, and nothing touched unless all goes well.

#![expect(clippy::unwrap_used, reason = "a test stops at the first thing that is not as it should be")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use baton_core::domain::time::Timestamp;
use baton_store::{JobFilter, NewDelivery, OpenOptions, Recorded, RestoreError, Restored, Store};
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

const NOW: Timestamp = Timestamp(1_767_603_600_000);

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn url(&self) -> String {
        format!("sqlite://{}", self.file("baton.db").display())
    }

    async fn open(&self) -> Store {
        Store::open(&self.url(), OpenOptions::default()).await.unwrap()
    }

    async fn back_up(&self, name: &str) -> Result<baton_store::Content, String> {
        let made = Store::back_up(&self.url(), &self.file(name), |_| {}).await;
        made.map_err(|error| self.told(&error))
    }

    async fn restore(&self, from: &str, force: bool) -> Result<Restored, String> {
        let restored = Store::restore(&self.url(), &self.file(from), force, NOW).await;
        restored.map_err(|error: RestoreError| self.told(&error))
    }

    fn told(&self, error: &impl ToString) -> String {
        error.to_string().replace(&self.0.path().display().to_string(), "FOLDER")
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    async fn meddle(&self, name: &str, sql: &'static str) {
        let url = format!("sqlite://{}?mode=rwc", self.file(name).display());
        let mut file = SqliteConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut file).await.unwrap();
        file.close().await.unwrap();
    }
}

async fn record(store: &Store, guid: &str) -> bool {
    let delivery =
        NewDelivery { hook_type: "integration", hook_id: "1", guid, event: "ping", headers: &[], body: &[b'x'; 3_000] };
    matches!(store.record_delivery(&delivery, NOW).await.unwrap(), Recorded::New(_))
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_back_up_under_load_is_one_moment_of_the_database() {
    let folder = Folder::new();
    let store = folder.open().await;
    let writing = tokio::spawn({
        let store = store.clone();
        async move {
            for n in 0..600 {
                assert!(record(&store, &format!("g{n}")).await);
            }
        }
    });
    let mut number = 0;
    let mut counts = Vec::new();
    while !writing.is_finished() || number < 3 {
        let name = format!("backup-{number}");
        let content = folder.back_up(&name).await.unwrap();
        assert_eq!(content.deliveries, content.jobs, "a delivery and its job are one commit");
        assert_eq!((mode(&folder.file(&name)), content.bytes), (0o600, folder.file(&name).metadata().unwrap().len()));
        counts.push(content.deliveries);
        number += 1;
    }
    writing.await.unwrap();
    assert!(counts.is_sorted(), "{counts:?}");
    store.close().await;
    assert!(!folder.names().iter().any(|name| name.contains("unfinished")), "{:?}", folder.names());
    // Each of them can be worked with, and goes on where it was.
    let copy = Store::open(&format!("sqlite://{}", folder.file("backup-0").display()), OpenOptions::default()).await;
    let copy = copy.unwrap();
    assert_eq!(copy.integrity_complaints().await.unwrap(), [""; 0]);
    assert!(record(&copy, "another").await);
    copy.close().await;
}

#[tokio::test]
async fn nothing_is_overwritten_and_nothing_half_is_left() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.back_up("b").await.unwrap_err(), @"there is no database at FOLDER/baton.db. Is this the right folder? `--config FILE` names another configuration; `baton serve` and `baton migrate` make the database");
    folder.open().await.close().await;
    std::fs::write(folder.file("b"), "somebody's").unwrap();
    insta::assert_snapshot!(folder.back_up("b").await.unwrap_err(), @"FOLDER/b is there already, and a back-up never overwrites a file; give another name");
    assert_eq!(std::fs::read(folder.file("b")).unwrap(), b"somebody's");
    std::os::unix::fs::symlink(folder.file("nowhere"), folder.file("link")).unwrap();
    assert!(folder.back_up("link").await.is_err());
    assert!(folder.back_up("no/such/folder").await.is_err());
    assert_eq!(folder.names(), ["b", "baton.db", "link"]);
}

#[tokio::test]
async fn a_back_up_takes_the_place_of_nothing_and_of_an_empty_database() {
    let folder = Folder::new();
    let store = folder.open().await;
    record(&store, "g").await;
    folder.back_up("backup").await.unwrap();
    store.close().await;
    for database in ["none", "empty"] {
        std::fs::remove_file(folder.file("baton.db")).unwrap();
        if database == "empty" {
            folder.open().await.close().await;
        }
        let restored = folder.restore("backup", false).await.unwrap();
        assert_eq!((restored.now.deliveries, restored.kept), (1, None), "{database}");
        assert_eq!(mode(&folder.file("baton.db")), 0o600);
        let store = folder.open().await;
        assert!(!record(&store, "g").await, "it is known");
        store.close().await;
    }
    assert_eq!(folder.names(), ["backup", "baton.db", "baton.db.lock"]);
}

#[tokio::test]
async fn data_stays_unless_it_is_put_aside() {
    let folder = Folder::new();
    let store = folder.open().await;
    record(&store, "g").await;
    folder.back_up("backup").await.unwrap();
    record(&store, "later").await;
    insta::assert_snapshot!(folder.restore("backup", true).await.unwrap_err(), @"a server or worker, or another program, has FOLDER/baton.db open; stop it, and restore again");
    store.close().await;
    insta::assert_snapshot!(folder.restore("backup", false).await.unwrap_err(), @"FOLDER/baton.db holds data (0 tasks, 2 deliveries); `--force` puts it aside and the back-up in its place");
    insta::assert_snapshot!(folder.restore("baton.db", true).await.unwrap_err(), @"FOLDER/baton.db is the database itself, not a back-up of it");

    let held = Store::hold(&folder.url()).unwrap();
    let beside = Store::hold(&folder.url()).unwrap();
    assert!(folder.restore("backup", true).await.unwrap_err().contains("open; stop it"));
    drop((held, beside));
    let kept = folder.restore("backup", true).await.unwrap().kept.unwrap();
    insta::assert_snapshot!(kept.file_name().unwrap().to_str().unwrap(), @"baton.db.before-2026-01-05T09-00-00Z");
    let old = Store::open(&format!("sqlite://{}", kept.display()), OpenOptions::default()).await.unwrap();
    assert_eq!(old.deliveries(&Default::default(), None, 10).await.unwrap().len(), 2);
    old.close().await;
    let store = folder.open().await;
    assert_eq!(store.jobs(&JobFilter::default(), None, 10).await.unwrap().len(), 1);
    store.close().await;
}

#[tokio::test]
async fn what_is_no_back_up_of_ours_changes_nothing() {
    let folder = Folder::new();
    let store = folder.open().await;
    record(&store, "g").await;
    for name in ["future", "foreign", "torn"] {
        folder.back_up(name).await.unwrap();
    }
    store.close().await;
    folder.meddle("future", "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (999, 'later', TRUE, x'00', 0)").await;
    folder.meddle("foreign", "UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1").await;
    folder.meddle("other", "CREATE TABLE songs (name TEXT)").await;
    let mut torn = std::fs::read(folder.file("torn")).unwrap();
    for page in torn.chunks_mut(4096).skip(2).step_by(3) {
        page.fill(0xa5);
    }
    std::fs::write(folder.file("torn"), torn).unwrap();
    std::fs::write(folder.file("text"), "not a database at all, but long enough").unwrap();
    std::fs::write(folder.file("empty"), "").unwrap();
    std::fs::copy(folder.file("future"), folder.file("copied")).unwrap();
    std::fs::write(folder.file("copied-wal"), "a log").unwrap();
    let before = std::fs::read(folder.file("baton.db")).unwrap();
    let names = folder.names();
    let mut refusals = Vec::new();
    for name in ["future", "foreign", "other", "text", "empty", "copied", "none"] {
        refusals.push(folder.restore(name, true).await.unwrap_err());
    }
    insta::assert_snapshot!(refusals.join("\n"), @r"
    the database has migration 999, this Baton knows only up to 5; use the newer Baton that wrote it, or restore a back-up
    migration 1 of this database differs from the one in this Baton; it was made by a different build
    FOLDER/other is no database of Baton's: it has other tables
    FOLDER/text is no database of Baton's: it is not a SQLite database
    FOLDER/empty is no database of Baton's: it is not a SQLite database
    FOLDER/copied has a log beside it (FOLDER/copied-wal): it was copied while it was in use, and what was written last is in the log. `baton backup` makes a copy that is whole
    cannot read FOLDER/none: No such file or directory (os error 2)
    ");
    assert!(folder.restore("torn", true).await.unwrap_err().contains("damaged"));
    let after: Vec<String> = folder.names().into_iter().filter(|name| name != "baton.db.lock").collect();
    assert_eq!(after, names);
    // Bytes 18 and 19 of the header tell the log's kind, and follow whoever opened it last.
    let now = std::fs::read(folder.file("baton.db")).unwrap();
    assert_eq!(now.len(), before.len());
    assert!(!record(&folder.open().await, "g").await, "it is what it was");
}

#[tokio::test]
async fn a_database_that_cannot_be_read_is_put_aside_whole() {
    let folder = Folder::new();
    let store = folder.open().await;
    record(&store, "g").await;
    folder.back_up("backup").await.unwrap();
    store.close().await;
    std::fs::write(folder.file("baton.db"), vec![0xa5; 20_000]).unwrap();
    std::fs::write(folder.file("baton.db-wal"), b"the log of another life").unwrap();
    let refusal = folder.restore("backup", false).await.unwrap_err();
    assert!(refusal.contains("`--force` puts it aside"), "{refusal}");
    let kept = folder.restore("backup", true).await.unwrap().kept.unwrap();
    assert_eq!(std::fs::read(&kept).unwrap(), vec![0xa5; 20_000]);
    let store = folder.open().await;
    assert!(!record(&store, "g").await, "the back-up, and nothing of the other log");
    assert_eq!(store.integrity_complaints().await.unwrap(), [""; 0]);
    store.close().await;
}
