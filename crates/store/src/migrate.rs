//! Brings a database to this program's schema: forward only, all steps in one transaction, never past what it knows.

use std::borrow::Cow;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use crate::engine::Engine;
use crate::error::StoreError;

/// Every migration there is, in order. `sqlx::migrate!` would find them by itself, but needs sqlx's macros, which build
/// SQLite a second time for the compiler.
const MIGRATIONS: [(i64, &str, &str); 5] = [
    (1, "first", include_str!("../../../migrations/0001_first.sql")),
    (2, "deliveries_by_content", include_str!("../../../migrations/0002_deliveries_by_content.sql")),
    (3, "waits", include_str!("../../../migrations/0003_waits.sql")),
    (4, "kept", include_str!("../../../migrations/0004_kept.sql")),
    (5, "losses", include_str!("../../../migrations/0005_losses.sql")),
];

/// The newest migration this program has.
const NEWEST: i64 = MIGRATIONS[MIGRATIONS.len() - 1].0;

fn migrator() -> Migrator {
    let step = |(version, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(MIGRATIONS.into_iter().map(step).collect())
}

/// Applies what is missing. Two processes that do so at once wait for each other; a process killed while it does so
/// leaves the database as it was.
pub(crate) async fn migrate(engine: &Engine) -> Result<(), StoreError> {
    let mut session = engine.begin().await?;
    // Not `run`: the future of that is not `Send` for reasons of lifetimes, and this is what sqlx offers instead.
    migrator().run_direct(None, session.connection(), false).await.map_err(|error| match error {
        MigrateError::VersionMissing(found) => StoreError::Newer { found, known: NEWEST },
        MigrateError::VersionMismatch(version) | MigrateError::Dirty(version) => StoreError::ForeignMigration(version),
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => source.into(),
        other => StoreError::Database(other.into()),
    })?;
    session.commit().await
}

/// Refuses a database that this program cannot work with as it is.
pub(crate) async fn check(engine: &Engine) -> Result<(), StoreError> {
    let found = newest_applied(engine).await?;
    if found > NEWEST {
        return Err(StoreError::Newer { found, known: NEWEST });
    }
    if found < NEWEST {
        return Err(StoreError::NeedsMigration { found, needed: NEWEST });
    }
    Ok(())
}

async fn newest_applied(engine: &Engine) -> Result<i64, StoreError> {
    if !engine.has_table("_sqlx_migrations").await? {
        return Ok(0);
    }
    let row = engine.first("SELECT MAX(version) AS version FROM _sqlx_migrations", &[]).await?;
    Ok(row.map(|row| row.maybe_int("version")).transpose()?.flatten().unwrap_or(0))
}
