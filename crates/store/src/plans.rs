//! Keeps the statements of the queue's hot path on their indexes: with 100,000 jobs waiting, one that is not costs fifty
//! milliseconds a claim.

use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

use crate::{OpenOptions, Store, claim, lane};

/// How SQLite means to find the rows of the table `jobs`.
async fn plan(database: &mut SqliteConnection, statement: &str) -> Vec<String> {
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    let rows = sqlx::query(explain).fetch_all(database).await.unwrap();
    let steps = rows.iter().map(|row| row.get::<String, _>("detail"));
    steps.filter(|step| step.contains("jobs") || step.contains("rowid")).collect()
}

#[tokio::test]
async fn the_hot_path_stays_on_its_indexes() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/baton.db", folder.path().display());
    Store::open(&url, OpenOptions::default()).await.unwrap().close().await;
    let mut database = SqliteConnection::connect(&url).await.unwrap();
    let mut plans = String::new();
    for (name, statement) in
        [("ripen", claim::RIPEN), ("next", claim::NEXT), ("hold", lane::HOLD), ("advance", lane::ADVANCE)]
    {
        for step in plan(&mut database, statement).await {
            plans.push_str(&format!("{name}: {step}\n"));
        }
    }
    insta::assert_snapshot!(plans, @r"
    ripen: SEARCH jobs USING INDEX jobs_ripening (run_at<?)
    next: SEARCH jobs USING COVERING INDEX jobs_ready (slot=?)
    next: SEARCH j USING COVERING INDEX jobs_ready (slot=? AND repository>?)
    next: SEARCH r USING COVERING INDEX jobs_running (slot=? AND repository=?)
    next: SEARCH r USING COVERING INDEX jobs_running (slot=?)
    next: SEARCH first USING INTEGER PRIMARY KEY (rowid=?)
    next: SEARCH h USING COVERING INDEX jobs_ready (slot=? AND repository=?)
    next: SEARCH r USING COVERING INDEX jobs_running (slot=? AND repository=?)
    hold: SEARCH jobs USING INDEX jobs_one_front_per_lane (lane=?)
    hold: SEARCH h USING COVERING INDEX jobs_lane (lane=?)
    advance: SEARCH jobs USING INTEGER PRIMARY KEY (rowid=?)
    advance: SEARCH h USING COVERING INDEX jobs_lane (lane=?)
    advance: SEARCH r USING COVERING INDEX jobs_one_running_per_lane (lane=?)
    ");
}
