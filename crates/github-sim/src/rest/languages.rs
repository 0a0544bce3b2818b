//! `GET /languages`: bytes of code by language, from the names of the files on the default branch.

use std::collections::BTreeMap;

use serde_json::json;

use super::call::{Answer, Call, Outcome};
use crate::refusal::Refusal;

/// File name endings, as in GitHub's linguist; prose and data do not count.
const LANGUAGES: &[(&str, &str)] = &[
    ("bash", "Shell"),
    ("c", "C"),
    ("cc", "C++"),
    ("clj", "Clojure"),
    ("cpp", "C++"),
    ("cs", "C#"),
    ("css", "CSS"),
    ("dart", "Dart"),
    ("ex", "Elixir"),
    ("exs", "Elixir"),
    ("go", "Go"),
    ("h", "C"),
    ("hpp", "C++"),
    ("hs", "Haskell"),
    ("html", "HTML"),
    ("java", "Java"),
    ("jl", "Julia"),
    ("js", "JavaScript"),
    ("jsx", "JavaScript"),
    ("kt", "Kotlin"),
    ("lua", "Lua"),
    ("mjs", "JavaScript"),
    ("php", "PHP"),
    ("pl", "Perl"),
    ("py", "Python"),
    ("r", "R"),
    ("rb", "Ruby"),
    ("rs", "Rust"),
    ("scala", "Scala"),
    ("sh", "Shell"),
    ("swift", "Swift"),
    ("tf", "HCL"),
    ("ts", "TypeScript"),
    ("tsx", "TypeScript"),
    ("vue", "Vue"),
    ("zig", "Zig"),
];
/// Files that say what they are without an ending.
const NAMES: &[(&str, &str)] = &[("Dockerfile", "Dockerfile"), ("Makefile", "Makefile")];
/// Folders of other people's code, which linguist leaves out.
const VENDORED: &[&str] = &["node_modules/", "vendor/", "third_party/", "dist/"];

fn language(path: &str) -> Option<&'static str> {
    if VENDORED.iter().any(|folder| path.starts_with(folder) || path.contains(&format!("/{folder}"))) {
        return None;
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    let by_name = NAMES.iter().find(|(it, _)| *it == name);
    by_name.or_else(|| LANGUAGES.iter().find(|(it, _)| *it == ending)).map(|(_, language)| *language)
}

pub(super) fn list(call: &mut Call<'_>) -> Outcome {
    let repo = call.world.repo(call.repo).ok_or_else(Refusal::not_found)?;
    let Some(head) = call.world.git.branch(call.repo, &repo.default_branch) else { return Answer::ok(json!({})) };
    let mut bytes: BTreeMap<&str, u64> = BTreeMap::new();
    for file in call.world.git.tree(call.repo, &head, true) {
        if let Some(language) = language(&file.path).filter(|_| file.kind == "blob") {
            *bytes.entry(language).or_default() += file.size;
        }
    }
    bytes.retain(|_, bytes| *bytes > 0);
    Answer::ok(json!(bytes))
}

#[cfg(test)]
mod tests {
    use super::language;

    #[test]
    fn by_ending_or_by_name_and_never_by_others_code() {
        let paths = ["src/lib.rs", "Makefile", "a/node_modules/x.js", "README.md", "x.PY", "docker/Dockerfile"];
        let found = paths.map(language);
        assert_eq!(found, [Some("Rust"), Some("Makefile"), None, None, Some("Python"), Some("Dockerfile")]);
    }
}
