//! The database engine, and the only place that knows which one it is. Every statement's text lives with the operation
//! it serves, in the dialect SQLite and PostgreSQL share; here is only what must differ between them.
//!
//! What differs, and where it would be told apart: how a connection is opened and set up, how a writing transaction
//! begins (SQLite: `BEGIN IMMEDIATE`, one writer at a time, so a claim sees nobody between its reads and its write;
//! PostgreSQL: an advisory transaction lock for claims and `FOR UPDATE` for a loaded task), how values are bound and
//! read, the two phrases of `migrations/README.md`, and the check of a file's integrity.

use std::path::{Path, PathBuf};
use std::time::Duration;

use baton_core::domain::time::Timestamp;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Connection as _, Row as _, Sqlite, Transaction};

use crate::error::StoreError;
use crate::json::Json;

/// How long a statement waits for another process to let go of the database.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a transaction waits for its turn within this process. Transactions take milliseconds; whoever waits longer
/// has found a bug or a dead disk.
const TURN_TIMEOUT: Duration = Duration::from_secs(30);

/// Where several programs open a new database at once, SQLite refuses some of them the change to WAL without the wait it
/// otherwise has (it could be a deadlock). They try again for five seconds.
const WAL_TRIES: u32 = 100;
const WAL_PAUSE: Duration = Duration::from_millis(50);

/// A log that grew larger, because somebody read for long, gives its room back when it is folded in: 64 MiB.
const LOG_KEPT: &str = "67108864";

/// Readers do not block each other or the writer in WAL mode; each is a thread.
const READERS: u32 = 4;

/// The connections to one database.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    /// One connection: SQLite lets one transaction write at a time, and waiting for a turn in this process's own fair
    /// queue beats SQLite's sleeping and trying again.
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Engine {
    /// Opens, and creates where allowed, the database at a URL; and whether it was created.
    pub(crate) async fn open(url: &str, create: bool) -> Result<(Self, bool), StoreError> {
        let path = sqlite_path(url)?;
        let is_new = prepare_file(&path, create)?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(create)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .pragma("journal_size_limit", LOG_KEPT)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = || SqlitePoolOptions::new().acquire_timeout(TURN_TIMEOUT).idle_timeout(None).max_lifetime(None);
        // When the disk is full, SQLite itself ends the transaction, and sqlx, which counts them, believes that it is still in
        // one: it would refuse every further `BEGIN`. Such a connection is replaced.
        let writer = || {
            pool()
                .max_connections(1)
                .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
                .connect_with(options.clone())
        };
        let mut opened = writer().await;
        for _ in 0..WAL_TRIES {
            if !opened.as_ref().is_err_and(is_busy) {
                break;
            }
            tokio::time::sleep(WAL_PAUSE).await;
            opened = writer().await;
        }
        let writer = opened.map_err(|source| StoreError::Open { path, source })?;
        // `query_only`, not `read_only`: a read-only connection cannot recover the log that a crash left behind.
        let readers = pool().max_connections(READERS).connect_lazy_with(options.pragma("query_only", "ON"));
        Ok((Self { writer, readers }, is_new))
    }

    /// Begins a transaction that will write. It has the database for itself until it ends.
    pub(crate) async fn begin(&self) -> Result<Session, StoreError> {
        Ok(Session(self.writer.begin_with("BEGIN IMMEDIATE").await?))
    }

    /// All rows of a reading statement, as of the last commit.
    pub(crate) async fn rows(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        let rows = sqlx::query_with(sql, bind(params)?).fetch_all(&self.readers).await?;
        Ok(rows.into_iter().map(Row).collect())
    }

    /// The first row of a reading statement, as of the last commit.
    pub(crate) async fn first(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Option<Row>, StoreError> {
        Ok(sqlx::query_with(sql, bind(params)?).fetch_optional(&self.readers).await?.map(Row))
    }

    /// Whether a table of this name exists.
    pub(crate) async fn has_table(&self, name: &str) -> Result<bool, StoreError> {
        let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = $1";
        Ok(self.first(sql, params![name]).await?.is_some())
    }

    /// Asks the engine whether the file is sound; the complaints, none if it is.
    pub(crate) async fn integrity_complaints(&self) -> Result<Vec<String>, StoreError> {
        let rows = self.rows("PRAGMA integrity_check", &[]).await?;
        let lines = rows.iter().map(|row| row.text("integrity_check")).collect::<Result<Vec<_>, _>>()?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }

    /// What the writing connection was set to, for whoever wants to see that a commit is on disk when it says so.
    pub(crate) async fn durability(&self) -> Result<String, StoreError> {
        let mut settings = Vec::new();
        for (name, sql) in [
            ("journal_mode", "PRAGMA journal_mode"),
            ("synchronous", "PRAGMA synchronous"),
            ("foreign_keys", "PRAGMA foreign_keys"),
            ("busy_timeout", "PRAGMA busy_timeout"),
        ] {
            let row = sqlx::query(sql).fetch_one(&self.writer).await?;
            let value = row.try_get_unchecked::<String, _>(0)?;
            settings.push(format!("{name}={value}"));
        }
        Ok(settings.join(" "))
    }

    /// Closes every connection, after what is under way. The log is folded into the file.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Whether somebody else has the database at this moment: SQLITE_BUSY, with or without more in the higher bits.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

/// The path in `sqlite:PATH` or `sqlite://PATH`.
pub(crate) fn sqlite_path(url: &str) -> Result<PathBuf, StoreError> {
    let bad = |reason: &str| Err(StoreError::BadUrl { url: url.to_owned(), reason: reason.to_owned() });
    let Some(rest) = url.strip_prefix("sqlite:") else {
        return bad("it must be `sqlite://PATH`");
    };
    let path = rest.strip_prefix("//").unwrap_or(rest);
    match path {
        "" | ":memory:" => {
            bad("it needs the path of a file, as in `sqlite://baton.db`: what Baton keeps must be on disk")
        }
        _ if path.contains(['?', '#']) => bad("it takes no options; write only the path of the file"),
        _ => Ok(Path::new(path).to_path_buf()),
    }
}

/// A new database is its owner's alone: what people and models said is in it. The engine makes its other files alike.
/// Whether it is new.
fn prepare_file(path: &Path, create: bool) -> Result<bool, StoreError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    if !create {
        return if path.exists() { Ok(false) } else { Err(StoreError::Missing(path.to_owned())) };
    }
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(StoreError::Open { path: path.to_owned(), source: sqlx::Error::Io(error) }),
    }
}

/// A transaction under way.
pub(crate) struct Session(Transaction<'static, Sqlite>);

impl Session {
    pub(crate) async fn rows(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        let rows = sqlx::query_with(sql, bind(params)?).fetch_all(&mut *self.0).await?;
        Ok(rows.into_iter().map(Row).collect())
    }

    pub(crate) async fn first(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<Option<Row>, StoreError> {
        // `fetch_all`, because stopping a writing statement with RETURNING after its first row would leave it half done.
        let mut rows = sqlx::query_with(sql, bind(params)?).fetch_all(&mut *self.0).await?;
        Ok((!rows.is_empty()).then(|| Row(rows.swap_remove(0))))
    }

    /// Runs a statement; how many rows it touched.
    pub(crate) async fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        Ok(sqlx::query_with(sql, bind(params)?).execute(&mut *self.0).await?.rows_affected())
    }

    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        Ok(self.0.commit().await?)
    }

    /// The bare connection, for the migrations alone.
    pub(crate) fn connection(&mut self) -> &mut sqlx::SqliteConnection {
        &mut self.0
    }
}

/// One value to bind.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Param<'a> {
    Int(Option<i64>),
    Text(Option<&'a str>),
    Bytes(&'a [u8]),
}

fn bind(params: &[Param<'_>]) -> Result<SqliteArguments, StoreError> {
    use sqlx::Arguments as _;
    let mut arguments = SqliteArguments::default();
    for param in params {
        match *param {
            Param::Int(value) => arguments.add(value),
            Param::Text(value) => arguments.add(value),
            Param::Bytes(value) => arguments.add(value),
        }
        .map_err(|e| StoreError::Database(sqlx::Error::Encode(e)))?;
    }
    Ok(arguments)
}

/// Values that can be bound, by reference.
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::engine::Param::from(&$value)),*] };
}
pub(crate) use params;

/// Values that are copied and values that are borrowed, so that a number worked out on the spot need not be named first.
macro_rules! param_from {
    ($($lifetime:lifetime $type:ty => |$value:ident| $param:expr;)*) => {
        $(impl<'a, 'b> From<&$lifetime $type> for Param<'a> {
            fn from($value: &$lifetime $type) -> Self { $param }
        })*
    };
}

param_from! {
    'b i64 => |v| Param::Int(Some(*v));
    'b Option<i64> => |v| Param::Int(*v);
    'b Timestamp => |v| Param::Int(Some(v.0));
    'b Option<Timestamp> => |v| Param::Int(v.map(|t| t.0));
    'b &'a str => |v| Param::Text(Some(v));
    'b Option<&'a str> => |v| Param::Text(*v);
    'b &'a Json => |v| Param::Text(Some(v.as_str()));
    'b &'a [u8] => |v| Param::Bytes(v);
    'a String => |v| Param::Text(Some(v));
    'a Option<String> => |v| Param::Text(v.as_deref());
    'a Json => |v| Param::Text(Some(v.as_str()));
    'a Option<Json> => |v| Param::Text(v.as_ref().map(Json::as_str));
}

/// One row of an answer.
pub(crate) struct Row(SqliteRow);

impl Row {
    pub(crate) fn int(&self, column: &'static str) -> Result<i64, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    pub(crate) fn maybe_int(&self, column: &'static str) -> Result<Option<i64>, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    pub(crate) fn maybe_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    pub(crate) fn bytes(&self, column: &'static str) -> Result<Vec<u8>, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    pub(crate) fn json(&self, column: &'static str) -> Result<Json, StoreError> {
        Ok(Json::stored(self.text(column)?))
    }

    pub(crate) fn maybe_json(&self, column: &'static str) -> Result<Option<Json>, StoreError> {
        Ok(self.maybe_text(column)?.map(Json::stored))
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        Ok(Timestamp(self.int(column)?))
    }

    pub(crate) fn maybe_time(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.maybe_int(column)?.map(Timestamp))
    }

    /// A count or number that fits the smaller type.
    pub(crate) fn small(&self, column: &'static str) -> Result<u32, StoreError> {
        u32::try_from(self.int(column)?).map_err(|e| StoreError::Corrupt { what: column, reason: e.to_string() })
    }
}
