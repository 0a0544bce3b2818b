//! Pages for people: what is in the world, an issue's thread, a pull request with its difference. Reads only.

use std::sync::Mutex;

use crate::rest::serve::{Incoming, Reply};
use crate::world::World;

pub(crate) fn serve(_: &Mutex<World>, _: &Incoming) -> Reply {
    Reply::text(404, "text/html", "Not Found")
}
