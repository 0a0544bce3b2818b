//! Which files are tests: those of the branch are put on the base's source to see whether they fail there. Rust's unit
//! tests stand inside the source they test and cannot be put there apart from it: such tests count as added, and nothing
//! is claimed about the base.

use crate::language::Language;

/// Whether `path` holds tests, or data that only tests read. With no language given, any language's rule is enough.
#[must_use]
pub fn is_test_file(path: &str, languages: &[Language]) -> bool {
    let languages = if languages.is_empty() { &Language::ALL[..] } else { languages };
    languages.iter().any(|language| is_test_of(*language, path))
}

fn is_test_of(language: Language, path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let within = |wanted: &[&str]| folders.split('/').any(|folder| wanted.contains(&folder));
    let stem = name.split('.').next().unwrap_or(name);
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    match language {
        Language::Rust => {
            within(&["tests"])
                || ends(&["_test.rs", "_tests.rs"])
                || name == "tests.rs"
                || name == "test.rs"
                || name.ends_with(".snap") && within(&["snapshots"])
                || name.ends_with(".proptest-regressions")
                || within(&["proptest-regressions"])
        }
        Language::JavaScript => {
            within(&["test", "tests", "__tests__", "spec", "specs", "__snapshots__", "__mocks__", "__fixtures__"])
                || is_script(name) && (name.contains(".test.") || name.contains(".spec.") || name.contains("_test."))
        }
        Language::Python => {
            within(&["test", "tests"])
                || name.ends_with(".py")
                    && (stem.starts_with("test_") || stem.ends_with("_test") || stem == "conftest" || stem == "tests")
        }
        Language::Go => name.ends_with("_test.go") || within(&["testdata"]),
        Language::Jvm => {
            let sources = ["test", "androidTest", "integrationTest", "testFixtures", "jvmTest", "commonTest"];
            sources.iter().any(|set| path.contains(&format!("src/{set}/")))
                || ends(&[
                    "Test.java",
                    "Tests.java",
                    "IT.java",
                    "Test.kt",
                    "Tests.kt",
                    "Spec.groovy",
                    "Spec.scala",
                    "Test.scala",
                ])
        }
        Language::DotNet => {
            folders.split('/').any(|folder| {
                [".Tests", ".Test", ".UnitTests", ".IntegrationTests"].iter().any(|e| folder.ends_with(e))
            }) || within(&["test", "tests", "Tests"])
                || ends(&["Tests.cs", "Test.cs", "Tests.fs", "Tests.vb"])
        }
        Language::Ruby => within(&["spec", "test"]) || ends(&["_spec.rb", "_test.rb"]),
        Language::Php => within(&["tests", "Tests", "test"]) || ends(&["Test.php"]),
        Language::Elixir => within(&["test"]) || ends(&["_test.exs"]),
    }
}

fn is_script(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| {
        matches!(ending, "js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx" | "vue" | "svelte" | "snap")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_tests_from_sources() {
        for (language, tests, sources) in [
            (
                Language::Rust,
                &[
                    "tests/carry.rs",
                    "tests/data/a.json",
                    "crates/core/tests/it/main.rs",
                    "src/parse/tests.rs",
                    "src/a_test.rs",
                    "src/snapshots/x.snap",
                ][..],
                &["src/lib.rs", "src/testing.rs", "src/contest.rs", "benches/a.rs", "examples/tests_of_mine.rs"][..],
            ),
            (
                Language::JavaScript,
                &[
                    "test/cache.test.js",
                    "src/a.spec.ts",
                    "src/__tests__/a.js",
                    "packages/x/test/data.json",
                    "src/__snapshots__/a.test.js.snap",
                ],
                &["src/test-runner.js", "src/latest.js", "README.test.md", "src/cache.js"],
            ),
            (
                Language::Python,
                &[
                    "tests/test_values.py",
                    "pkg/test_a.py",
                    "pkg/a_test.py",
                    "conftest.py",
                    "tests/data/x.env",
                    "app/tests.py",
                ],
                &["pkg/testing.py", "pkg/contest.py", "dotfile/values.py", "test_data.txt"],
            ),
            (Language::Go, &["a_test.go", "inner/testdata/x.txt"], &["a.go", "testing/a.go", "test.go"]),
            (
                Language::Jvm,
                &["src/test/java/a/B.java", "app/src/androidTest/A.kt", "x/FooTest.java"],
                &["src/main/java/Tester.java"],
            ),
            (Language::DotNet, &["Shop.Tests/A.cs", "tests/A.cs", "x/ATests.cs"], &["Shop/Attest.cs"]),
            (Language::Ruby, &["spec/a_spec.rb", "test/helper.rb"], &["lib/spec.rb"]),
            (Language::Php, &["tests/ATest.php", "src/ATest.php"], &["src/Attest.php"]),
            (Language::Elixir, &["test/a_test.exs", "apps/x/test/support/y.ex"], &["lib/test.ex"]),
        ] {
            for path in tests {
                assert!(is_test_file(path, &[language]), "{language:?}: {path} is a test");
            }
            for path in sources {
                assert!(!is_test_file(path, &[language]), "{language:?}: {path} is no test");
            }
        }
    }

    #[test]
    fn without_a_language_any_rule_counts() {
        assert!(is_test_file("a_test.go", &[]));
        assert!(!is_test_file("a_test.go", &[Language::Python]));
    }
}
