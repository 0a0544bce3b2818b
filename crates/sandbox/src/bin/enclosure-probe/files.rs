//! Attempts on files, devices and descriptors.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use crate::Outcome;
use crate::raw::{address, call};

pub fn read(path: &str) -> Outcome {
    let mut start = [0; 4096];
    let count = File::open(path)?.read(&mut start)?;
    Ok(format!("{count} bytes, {}", String::from_utf8_lossy(&start[..count.min(60)]).escape_debug()))
}

/// Makes and removes a new file in a folder.
pub fn write_beside(folder: &str) -> Outcome {
    let path = format!("{folder}/.enclosure-probe-{}", std::process::id());
    OpenOptions::new().write(true).create_new(true).open(&path)?.write_all(b"x")?;
    fs::remove_file(&path)?;
    Ok("a new file".into())
}

/// Writes back what a file holds.
pub fn write_same(path: &str) -> Outcome {
    let content = fs::read(path)?;
    OpenOptions::new().write(true).open(path)?.write_all(&content)?;
    Ok("written".into())
}

pub fn open_write(path: &str) -> Outcome {
    OpenOptions::new().write(true).open(path)?;
    Ok("open for writing".into())
}

pub fn make_folder(path: &str) -> Outcome {
    let path = format!("{path}/enclosure-probe-{}", std::process::id());
    fs::create_dir(&path)?;
    fs::remove_dir(&path)?;
    Ok("a new folder".into())
}

/// Opens a device, by its name or else through a node of its own making. `PATH` or `PATH:MAJOR:MINOR:b|c`.
pub fn device(argument: &str) -> Outcome {
    let mut parts = argument.split(':');
    let path = parts.next().unwrap_or_default();
    let by_name = File::open(path);
    let Err(error) = by_name else { return Ok("open".into()) };
    let numbers: Vec<u32> = parts.by_ref().take(2).filter_map(|n| n.parse().ok()).collect();
    let ([major, minor], Some(kind)) = (numbers.as_slice(), parts.next()) else { return Err(error) };
    let node = format!("/tmp/.enclosure-probe-{}\0", std::process::id());
    let mode = if kind == "b" { libc::S_IFBLK } else { libc::S_IFCHR } | 0o600;
    let number = usize::try_from(libc::makedev(*major, *minor)).map_err(io::Error::other)?;
    let at = usize::MAX - 99; // AT_FDCWD is -100.
    call(libc::SYS_mknodat, [at, node.as_ptr().addr(), mode as usize, number, 0, 0])?;
    let opened = File::open(&node[..node.len() - 1]);
    fs::remove_file(&node[..node.len() - 1])?;
    opened.map(|_| "open through a node of its own".into())
}

/// Reaches a file by its handle, past every path.
pub fn by_handle(path: &str) -> Outcome {
    let mut handle = [0_u8; 8 + 128];
    handle[0] = 128;
    let mut mount = 0_i32;
    let name = format!("{path}\0");
    let at = usize::MAX - 99;
    call(libc::SYS_name_to_handle_at, [at, name.as_ptr().addr(), address(&mut handle), address(&mut mount), 0, 0])?;
    let folder = File::open(path)?;
    let folder = usize::try_from(folder.as_raw_fd()).map_err(io::Error::other)?;
    call(libc::SYS_open_by_handle_at, [folder, address(&mut handle), 0, 0, 0, 0])?;
    Ok("opened by handle".into())
}

/// Descriptors beyond the three standard ones, and what the three are.
pub fn descriptors() -> Outcome {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")?.flatten() {
        let Some(fd) = entry.file_name().to_str().and_then(|n| n.parse::<u32>().ok()) else { continue };
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        // The one that lists this folder is ours.
        if fd > 2 && !target.starts_with("/proc") {
            found.push(format!("{fd} → {}", target.display()));
        }
        let is_file = fs::metadata(entry.path()).is_ok_and(|m| m.is_file() || m.file_type().is_socket());
        if fd <= 2 && is_file {
            found.push(format!("{fd} → {} (device {})", target.display(), fs::metadata(entry.path())?.dev()));
        }
    }
    if found.is_empty() { Err(io::Error::other("none")) } else { Ok(found.join(", ")) }
}
