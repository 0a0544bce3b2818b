//! What a planned fault makes of a request or of its answer.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::serve::{Incoming, Repeated, Reply};
use crate::fault::{Fault, Wait, strike};
use crate::refusal::Refusal;
use crate::witness::{Moment, is_witnessed};
use crate::world::World;
use crate::world::traffic::{LimitKind, Limits, reads};

const CHUNK: usize = 1024 * 1024;

/// Runs `serve`, or the fault that stands in its way.
pub(crate) fn with_faults(
    world: &mut World,
    operation: &str,
    request: &Incoming,
    serve: impl FnOnce(&mut World) -> Reply,
) -> Reply {
    let fault = strike(&mut world.faults, operation);
    #[cfg(feature = "contract")]
    let planned = !matches!(fault, None | Some(Fault::DoAndDrop | Fault::Delay { .. } | Fault::Trickle { .. }));
    let reply = match fault {
        None => return witnessed(world, operation, request, serve),
        Some(fault) => disturbed(world, fault, request, serve),
    };
    #[cfg(feature = "contract")]
    let reply = Reply { planned, ..reply };
    reply
}

/// Runs `serve` under the eyes of whoever looks at writes.
fn witnessed(world: &mut World, operation: &str, request: &Incoming, serve: impl FnOnce(&mut World) -> Reply) -> Reply {
    let who = world.identify(request.authorization.as_deref()).ok();
    let witnessed = is_witnessed(who, reads(operation, &request.method));
    if witnessed && world.witness.cuts(operation, Moment::Before) {
        return Reply {
            cut: true,
            #[cfg(feature = "contract")]
            planned: true,
            ..Reply::default()
        };
    }
    let mut reply = serve(world);
    reply.cut |= witnessed && world.witness.cuts(operation, Moment::After);
    reply
}

fn disturbed(world: &mut World, fault: Fault, request: &Incoming, serve: impl FnOnce(&mut World) -> Reply) -> Reply {
    let now = world.clock_of_github();
    match fault {
        Fault::Refuse { status, message } => refuse(status, message),
        Fault::DoAndDrop => Reply { cut: true, ..serve(world) },
        Fault::Drop => Reply { cut: true, ..Reply::default() },
        Fault::Delay { millis } => Reply { delay: Duration::from_millis(millis), ..serve(world) },
        // Of git's answers alone.
        Fault::Throttle { .. } => serve(world),
        Fault::Trickle { millis } => Reply { pace: Duration::from_millis(millis), ..serve(world) },
        Fault::Garbage { status, body } => {
            serve(world);
            Reply::text(status, "application/json", body)
        }
        Fault::PrimaryLimit { reset_after } => limited(true, 403, Wait::Seconds(reset_after), now),
        Fault::SecondaryLimit { retry_after } => {
            limited(false, 403, retry_after.map_or(Wait::Unsaid, Wait::Seconds), now)
        }
        Fault::Limited { primary, status, wait } => limited(primary, status, wait, now),
        Fault::EndlessBody => {
            with_more(serve(world), b"[", Repeated { bytes: spaces(), times: None, tail: Bytes::new() })
        }
        Fault::BigBody { bytes } => {
            let times = bytes.div_ceil(CHUNK as u64);
            let more =
                Repeated { bytes: vec![b'a'; CHUNK].into(), times: Some(times), tail: Bytes::from_static(b"\"") };
            with_more(serve(world), b"\"", more)
        }
        Fault::GzipBomb { bytes } => bomb(serve(world), bytes.div_ceil(CHUNK as u64)),
        Fault::Redirect { status, to } => {
            let mut reply = Reply::json(status, &json!({"message": "Moved", "url": to}));
            reply.headers.push(("location".into(), to));
            reply
        }
        Fault::ContentType { content_type } => header(serve(world), "content-type", content_type),
        Fault::NextPage { to } => {
            let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
            let to = to.unwrap_or_else(|| format!("{}{}{query}", world.urls.api, request.path));
            header(serve(world), "link", format!("<{to}>; rel=\"next\""))
        }
        Fault::GraphqlError { error, message } => {
            Reply::json(200, &json!({"data": null, "errors": [{"type": error, "message": message}]}))
        }
    }
}

fn header(mut reply: Reply, name: &str, value: String) -> Reply {
    reply.headers.retain(|(it, _)| it != name);
    reply.headers.push((name.to_owned(), value));
    reply
}

fn with_more(reply: Reply, start: &[u8], more: Repeated) -> Reply {
    Reply { body: start.to_vec(), more: Some(Box::new(more)), ..reply }
}

fn spaces() -> Bytes {
    vec![b' '; 64 * 1024].into()
}

fn refuse(status: u16, message: Option<String>) -> Reply {
    let reason = http::StatusCode::from_u16(status).ok().and_then(|it| it.canonical_reason()).unwrap_or("Error");
    match message {
        Some(message) => Reply::refuse(&Refusal::new(status, message)),
        None if status >= 500 => {
            let page =
                format!("<html><head><title>{status} {reason}</title></head><body><h1>{reason}</h1></body></html>");
            Reply::text(status, "text/html", page)
        }
        None => Reply::refuse(&Refusal::new(status, reason)),
    }
}

const PRIMARY: &str = "API rate limit exceeded for installation.";
const SECONDARY: &str = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
const CONTENT: &str = "You have exceeded a secondary rate limit and have been temporarily blocked from content \
                       creation. Please retry your request again later.";

/// The refusal of one of the limits. `now` is GitHub's time.
fn limited(primary: bool, status: u16, wait: Wait, now: Timestamp) -> Reply {
    let mut reply = Reply::refuse(&Refusal::new(status, if primary { PRIMARY } else { SECONDARY }));
    let ahead = |seconds: u64| now.as_second().saturating_add_unsigned(seconds);
    match (primary, wait) {
        (true, wait) => {
            let seconds = match wait {
                Wait::Unsaid => 3600,
                Wait::Seconds(seconds) | Wait::Date(seconds) => seconds,
            };
            reply.headers.push(("x-ratelimit-remaining".into(), "0".into()));
            reply.headers.push(("x-ratelimit-reset".into(), ahead(seconds).to_string()));
        }
        (false, Wait::Unsaid) => {}
        (false, Wait::Seconds(seconds)) => reply.headers.push(("retry-after".into(), seconds.to_string())),
        (false, Wait::Date(seconds)) => {
            let at = now.checked_add(SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(0))).unwrap_or(now);
            reply.headers.push(("retry-after".into(), crate::clock::http_date(at)));
        }
    }
    reply
}

/// The refusal of a limit that is really counted.
pub(crate) fn above(limit: LimitKind, limits: &Limits, world: &World) -> Reply {
    let primary = limit == LimitKind::RequestsAnHour;
    let mut reply = limited(primary, limits.status, limits.wait, world.clock_of_github());
    match limit {
        // What remains and when the hour is over is said by the headers of every answer.
        LimitKind::RequestsAnHour => reply.headers.retain(|(name, _)| !name.starts_with("x-ratelimit")),
        LimitKind::ContentAMinute | LimitKind::ContentAnHour => {
            reply.body = Refusal::new(limits.status, CONTENT).body().to_string().into_bytes();
        }
        LimitKind::PointsAMinute | LimitKind::AtOnce => {}
    }
    reply
}

/// A gzip (RFC 1952) of so many megabytes of zeros: one compressed megabyte, repeated. It ends at a byte, so that it can
/// stand any number of times in one stream.
fn bomb(reply: Reply, megabytes: u64) -> Reply {
    let plain = vec![0u8; CHUNK];
    let mut compress = Compress::new(Compression::best(), false);
    let mut chunk = Vec::with_capacity(CHUNK);
    // The buffer is as large as the input, so one call is enough and cannot fail.
    let done = compress.compress_vec(&plain, &mut chunk, FlushCompress::Full);
    let mut end = Vec::with_capacity(64);
    let done = done.and_then(|_| compress.compress_vec(&[], &mut end, FlushCompress::Finish));
    if done.is_err() {
        return refuse(500, Some("no gzip could be made".into()));
    }
    let mut one = Crc::new();
    one.update(&plain);
    let mut sum = Crc::new();
    (0..megabytes).for_each(|_| sum.combine(&one));
    // The trailer: checksum and size, both modulo 2^32, least significant byte first.
    for word in [sum.sum(), (megabytes.wrapping_mul(CHUNK as u64) & 0xffff_ffff) as u32] {
        // Writing to a vector cannot fail.
        let _ = end.write_all(&word.to_le_bytes());
    }
    let start = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let reply = header(reply, "content-encoding", "gzip".into());
    with_more(reply, &start, Repeated { bytes: chunk.into(), times: Some(megabytes), tail: end.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn the_bomb_is_a_whole_gzip() {
        let reply = bomb(Reply::default(), 3);
        let whole = |more: Box<Repeated>| [reply.body.clone(), more.bytes.repeat(3), more.tail.to_vec()].concat();
        let packed = reply.more.clone().map(whole).unwrap_or_default();
        let mut plain = Vec::new();
        let read = flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut plain);
        assert_eq!(read.ok(), Some(3 * CHUNK));
        assert!(packed.len() < 10_000, "{}", packed.len());
    }
}
