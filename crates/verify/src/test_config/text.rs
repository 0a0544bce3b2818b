//! Parts of text files that decide about tests.

use crate::detect::recipe;

/// All lines but empty ones and those that are only a comment.
pub(super) fn without_comments(content: &str, comment: &str) -> String {
    content
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty() && !line.trim_start().starts_with(comment))
        .fold(String::new(), |all, line| all + line + "\n")
}

/// The sections of an INI file whose names start with one of `wanted`.
pub(super) fn sections(content: &str, wanted: &[&str]) -> String {
    let mut inside = false;
    let mut out = String::new();
    for line in without_comments(content, "#").lines().filter(|line| !line.starts_with(';')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            inside = wanted.iter().any(|front| name.starts_with(front));
        }
        if inside {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// The recipes of Make and just whose targets speak of tests.
pub(super) fn test_recipes(content: &str) -> String {
    let mut out = String::new();
    for line in content.lines() {
        let Some((names, rest)) = line.split_once(':') else { continue };
        if line.starts_with(['\t', ' ', '#', '.']) || rest.starts_with('=') {
            continue;
        }
        let Some(target) = names.trim_start_matches('@').split_whitespace().next() else { continue };
        if target.contains("test") || target == "check" || target == "ci" {
            out.push_str(&format!("{target}: {}\n", recipe(content, target).unwrap_or_default()));
        }
    }
    out
}

/// The blocks of a Gradle script that configure tests: `test { … }`, `tasks.test { … }`, `withType<Test> { … }`.
pub(super) fn gradle_tests(content: &str) -> String {
    let plain = without_comments(content, "//");
    let mut out = String::new();
    let mut depth = 0_usize;
    for line in plain.lines() {
        let lower = line.to_ascii_lowercase();
        let speaks = lower.contains("test")
            && !lower.contains("implementation")
            && !lower.contains("runtimeonly")
            && !lower.contains("compileonly");
        if depth > 0 || (speaks && line.contains('{')) {
            out.push_str(line.trim());
            out.push('\n');
            depth = (depth + line.matches('{').count()).saturating_sub(line.matches('}').count());
        } else if speaks && (lower.contains("enabled") || lower.contains("onlyif")) {
            out.push_str(line.trim());
            out.push('\n');
        }
    }
    out
}

/// Of a Maven project: the plugins that run tests, and the switches that skip them.
pub(super) fn maven_tests(content: &str) -> String {
    let mut out = String::new();
    for plugin in content.split("<plugin>").skip(1) {
        let plugin = plugin.split("</plugin>").next().unwrap_or(plugin);
        if plugin.contains("surefire") || plugin.contains("failsafe") {
            out.push_str(&without_comments(plugin, "<!--"));
        }
    }
    for line in content.lines() {
        if line.contains("skipTests")
            || line.contains("maven.test.")
            || line.contains("skipITs")
            || line.contains("surefire.")
        {
            out.push_str(line.trim());
            out.push('\n');
        }
    }
    out
}

/// `//go:build` and `// +build` lines.
pub(super) fn build_constraints(content: &str) -> String {
    content
        .lines()
        .take_while(|line| !line.starts_with("package "))
        .filter(|line| line.starts_with("//go:build ") || line.starts_with("// +build "))
        .fold(String::new(), |all, line| all + line.trim_end() + "\n")
}
