//! Changes to test configurations, case by case: what must be flagged, and what must not.

use super::*;

fn flagged(path: &str, old: &str, new: &str) -> bool {
    let old = (!old.is_empty()).then_some(old);
    let new = (!new.is_empty()).then_some(new);
    !config_changes(&[ConfigChange { path, old, new }]).is_empty()
}

#[test]
fn package_json_matters_where_it_speaks_of_tests() {
    let base = r#"{"scripts": {"test": "jest", "build": "tsc"}, "dependencies": {"a": "1"}, "jest": {"bail": 1}}"#;
    let harmless = r#"{"scripts": {"build": "tsc -b", "test": "jest"}, "dependencies": {"a": "2", "b": "1"}, "jest": {"bail": 1}, "version": "2.0.0"}"#;
    let muted =
        r#"{"scripts": {"test": "jest || true", "build": "tsc"}, "dependencies": {"a": "1"}, "jest": {"bail": 1}}"#;
    let ignoring = r#"{"scripts": {"test": "jest", "build": "tsc"}, "dependencies": {"a": "1"}, "jest": {"bail": 1, "testPathIgnorePatterns": ["b"]}}"#;
    assert!(!flagged("package.json", base, harmless));
    assert!(flagged("package.json", base, muted));
    assert!(flagged("package.json", base, ignoring));
    assert!(flagged("packages/a/package.json", base, "{ broken"));
}

#[test]
fn cargo_manifest_matters_where_targets_are_switched_off() {
    let base = "[package]\nname = \"a\"\nversion = \"0.1.0\"\n\n[dependencies]\nserde = \"1\"\n\n[workspace]\nmembers = [\"x\"]\n";
    for harmless in [
        "[package]\nname = \"a\"\nversion = \"0.2.0\"\n\n[dependencies]\nserde = \"1\"\nregex = \"1\"\n\n[workspace]\nmembers = [\"x\", \"y\"]\n",
        "[package]\nname = \"a\"\nversion = \"0.1.0\"\n[[test]]\nname = \"new\"\npath = \"tests/new.rs\"\n[workspace]\nmembers = [\"x\"]\n[features]\nextra = []\n",
    ] {
        assert!(!flagged("Cargo.toml", base, harmless), "{harmless}");
    }
    for muted in [
        "[lib]\ntest = false",
        "[lib]\ndoctest = false",
        "[[test]]\nname = \"a\"\nharness = false",
        "[profile.test]\nopt-level = 3",
        "[profile.dev]\noverflow-checks = false",
    ] {
        assert!(flagged("crates/a/Cargo.toml", base, &format!("{base}\n{muted}\n")), "{muted}");
    }
    assert!(flagged("Cargo.toml", base, &base.replace("version", "autotests = false\nversion")));
    assert!(flagged("Cargo.toml", base, &base.replace("members", "exclude = [\"z\"]\nmembers")));
    assert!(!flagged("crates/new/Cargo.toml", "", "[package]\nname = \"new\"\nversion = \"0.1.0\"\n"));
}

#[test]
fn python_configuration_matters_by_section() {
    let base = "[project]\nname = \"a\"\ndependencies = []\n[tool.pytest.ini_options]\naddopts = \"-q\"\n";
    assert!(!flagged("pyproject.toml", base, &base.replace("[]", "[\"requests\"]")));
    assert!(flagged("pyproject.toml", base, &base.replace("-q", "-q --deselect tests/test_a.py")));
    assert!(flagged("setup.cfg", "[metadata]\nname = a\n", "[metadata]\nname = a\n[tool:pytest]\naddopts = -k fast\n"));
    assert!(!flagged("setup.cfg", "[metadata]\nname = a\n", "[metadata]\nname = b\n[flake8]\nmax = 100\n"));
    assert!(flagged("tox.ini", "[testenv]\ncommands = pytest\n", "[testenv]\ncommands = pytest || true\n"));
    assert!(flagged("tests/conftest.py", "", "collect_ignore = ['test_a.py']\n"));
    assert!(!flagged("tests/conftest.py", "import os\n", "# A comment.\nimport os\n"));
}

#[test]
fn make_and_just_matter_where_they_test() {
    let base = "build:\n\tcc a.c\n\ntest: build\n\t./run-tests\n\nclean:\n\trm -f a\n";
    assert!(!flagged("Makefile", base, &base.replace("rm -f a", "rm -rf out").replace("cc a.c", "cc -O2 a.c")));
    assert!(flagged("Makefile", base, &base.replace("./run-tests", "./run-tests --only fast")));
    assert!(flagged("Makefile", base, &base.replace("test: build", "test:")));
    assert!(flagged("justfile", "test *args:\n    cargo test {{args}}\n", "test *args:\n    true\n"));
}

#[test]
fn other_languages() {
    let gradle = "dependencies {\n  testImplementation 'x'\n}\ntest {\n  useJUnitPlatform()\n}\n";
    assert!(!flagged("build.gradle", gradle, &gradle.replace("'x'", "'y'")));
    assert!(flagged(
        "build.gradle",
        gradle,
        &gradle.replace("useJUnitPlatform()", "useJUnitPlatform { excludeTags 'slow' }")
    ));
    let pom = "<project>\n<version>1</version>\n<plugin>\n<artifactId>maven-surefire-plugin</artifactId>\n</plugin>\n</project>\n";
    assert!(!flagged("pom.xml", pom, &pom.replace("<version>1", "<version>2")));
    assert!(flagged("pom.xml", pom, &pom.replace("</artifactId>", "</artifactId>\n<skip>true</skip>")));
    assert!(flagged("pom.xml", pom, &pom.replace("<version>", "<skipTests>true</skipTests>\n<version>")));
    assert!(flagged("a_test.go", "package a\n", "//go:build never\n\npackage a\n"));
    assert!(!flagged("a_test.go", "package a\nfunc A() {}\n", "package a\nfunc B() {}\n"));
    assert!(!flagged("b_test.go", "", "//go:build integration\n\npackage a\n"));
    assert!(flagged(".cargo/config.toml", "", "[target.x86_64-unknown-linux-gnu]\nrunner = \"true\"\n"));
    assert!(!flagged(".cargo/config.toml", "", "[net]\nretry = 3\n"));
    assert!(flagged(".config/nextest.toml", "", "[profile.default]\ndefault-filter = 'not test(slow)'\n"));
    assert!(flagged("vitest.config.ts", "a", "b"));
    assert!(flagged("vite.config.ts", "export default { test: {} }", "export default { test: { exclude: ['a'] } }"));
    assert!(!flagged("vite.config.ts", "export default {}", "export default { base: '/' }"));
    assert!(flagged("phpunit.xml", "<a/>", "<b/>"));
}

#[test]
fn ci_and_batons_own_file_matter() {
    assert!(flagged(".github/workflows/test.yml", "on: push\n", "on: workflow_dispatch\n"));
    assert!(flagged(".gitlab-ci.yml", "a", "b"));
    assert!(flagged(".github/baton.yml", "commands:\n  test: make\n", "commands:\n  test: \"true\"\n"));
    assert!(!is_test_config(".github/dependabot.yml"));
    assert!(!is_test_config("src/config.toml"));
    assert!(!is_test_config("README.md"));
}
