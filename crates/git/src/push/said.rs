//! What the server itself said during a push, without git's own lines.

/// The lines that begin with `remote:`, without that and without those that are empty.
pub(crate) fn by_server(stderr: &str) -> String {
    let lines: Vec<&str> = stderr
        .lines()
        .filter_map(|line| line.strip_prefix("remote: "))
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_server_is_quoted() {
        assert_eq!(
            by_server("remote: error: GH006: no   \nremote: \nerror: failed to push some refs\n"),
            "error: GH006: no"
        );
    }
}
