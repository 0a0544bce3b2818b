//! Which commands are found in projects of all kinds, as a reader of the plan would see them.

use std::collections::BTreeMap;

use baton_verify::{Detected, ResultSource, detect, given, recognise};

type Tree<'a> = &'a [(&'a str, &'a str)];

fn found(tree: Tree<'_>) -> Detected {
    let contents: BTreeMap<&str, &str> = tree.iter().copied().collect();
    let files: Vec<String> = contents.keys().map(|path| (*path).to_owned()).collect();
    detect(&files, &|path| contents.get(path).map(|text| (*text).to_owned()))
}

fn source(results: &ResultSource) -> String {
    match results {
        ResultSource::Output(runner) => format!("{runner:?}"),
        ResultSource::ExitStatus => "exit status".to_owned(),
        ResultSource::JunitXml { paths, otherwise } => match otherwise {
            Some(runner) => format!("JUnit {} or {runner:?}", paths.join(" ")),
            None => format!("JUnit {}", paths.join(" ")),
        },
    }
}

fn shown(tree: Tree<'_>) -> String {
    let found = found(tree);
    let mut lines = Vec::new();
    let place = |folder: &str| if folder.is_empty() { String::new() } else { format!("{folder}: ") };
    lines.extend(found.setup.iter().map(|command| format!("setup {}{}", place(&command.folder), command.command)));
    lines.extend(
        found
            .test
            .iter()
            .map(|test| format!("test {}{} -> {}", place(&test.folder), test.command, source(&test.results))),
    );
    lines.extend(found.lint.iter().map(|command| format!("lint {}{}", place(&command.folder), command.command)));
    lines.extend(found.reasons.iter().map(|reason| format!("because {reason}")));
    lines.push(found.languages.iter().map(|language| language.name()).collect::<Vec<_>>().join(", "));
    lines.join("\n")
}

#[test]
fn rust_without_dependencies() {
    insta::assert_snapshot!(shown(&[("Cargo.toml", "[package]\nname = \"a\"\n[dependencies]\n"), ("Cargo.lock", "version = 4\n"), ("src/lib.rs", "")]), @r"
    test cargo test --no-fail-fast --offline -> CargoTest
    lint cargo fmt --check
    lint cargo clippy --all-targets --offline
    because `Cargo.toml` at the root
    Rust
    ");
}

#[test]
fn rust_workspace_with_dependencies_and_nextest() {
    insta::assert_snapshot!(shown(&[
        ("Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\n"),
        ("Cargo.lock", "[[package]]\nname = \"serde\"\nsource = \"registry\"\n"),
        (".config/nextest.toml", ""),
        ("crates/a/Cargo.toml", "[package]\nname = \"a\"\n"),
        ("crates/a/src/lib.rs", ""),
    ]), @r"
    setup cargo fetch --locked
    test cargo nextest run --no-fail-fast --status-level all --workspace --offline -> Nextest
    test cargo test --doc --no-fail-fast --workspace --offline -> CargoTest
    lint cargo fmt --check
    lint cargo clippy --workspace --all-targets --offline
    because `Cargo.toml` at the root and `.config/nextest.toml`
    Rust
    ");
}

#[test]
fn rust_vendored() {
    insta::assert_snapshot!(shown(&[
        ("Cargo.toml", "[package]\nname = \"a\"\n[dependencies]\nserde = \"1\"\n"),
        ("Cargo.lock", "[[package]]\nname = \"serde\"\nsource = \"registry\"\n"),
        (".cargo/config.toml", "[source.crates-io]\nreplace-with = \"vendored-sources\"\n"),
    ]), @r"
    test cargo test --no-fail-fast --offline -> CargoTest
    lint cargo fmt --check
    lint cargo clippy --all-targets --offline
    because `Cargo.toml` at the root
    Rust
    ");
}

#[test]
fn javascript_with_node_alone() {
    insta::assert_snapshot!(shown(&[("package.json", r#"{"scripts": {"test": "node --test test/"}}"#)]), @r"
    test node --test --test-reporter=tap test/ -> NodeTest
    because the script `test` of `package.json` at the root
    JavaScript
    ");
    insta::assert_snapshot!(shown(&[("package.json", r#"{"scripts": {"pretest": "tsc", "test": "node --test"}}"#)]), @r"
    test npm test -> NodeTest
    because the script `test` of `package.json` at the root
    JavaScript
    ");
    insta::assert_snapshot!(shown(&[("package.json", r#"{"type": "module"}"#), ("a.test.js", "")]), @r"
    test node --test --test-reporter=tap -> NodeTest
    because `package.json` at the root and files named `*.test.js`
    JavaScript
    ");
}

#[test]
fn javascript_runners_and_package_managers() {
    insta::assert_snapshot!(shown(&[
        ("package.json", r#"{"scripts": {"test": "jest", "lint": "eslint ."}, "devDependencies": {"jest": "30"}}"#),
        ("package-lock.json", "{}"),
    ]), @r"
    setup npm ci --no-audit --no-fund
    test npm test -- --ci --verbose -> Jest
    lint npm run lint
    because the script `test` of `package.json` at the root
    JavaScript
    ");
    insta::assert_snapshot!(shown(&[
        ("package.json", r#"{"scripts": {"test": "tsc --noEmit && vitest"}, "devDependencies": {"vitest": "4"}, "packageManager": "pnpm@10.0.0"}"#),
    ]), @r"
    setup pnpm install --frozen-lockfile
    test pnpm test --run --reporter=verbose -> Vitest
    because the script `test` of `package.json` at the root
    JavaScript
    ");
    insta::assert_snapshot!(shown(&[("package.json", r#"{"scripts": {"test": "mocha"}, "devDependencies": {"mocha": "11"}}"#), ("yarn.lock", "")]), @r"
    setup yarn install --frozen-lockfile
    test yarn test -> exit status
    because the script `test` of `package.json` at the root
    JavaScript
    ");
    insta::assert_snapshot!(shown(&[("package.json", r#"{"scripts": {"test": "bun test"}, "dependencies": {"a": "1"}}"#), ("bun.lock", "")]), @r"
    setup bun install --frozen-lockfile
    test bun run test -> exit status
    because the script `test` of `package.json` at the root
    JavaScript
    ");
}

#[test]
fn javascript_without_tests() {
    insta::assert_snapshot!(shown(&[("package.json", r#"{"scripts": {"test": "echo \"Error: no test specified\" && exit 1"}, "dependencies": {"a": "1"}}"#)]), @r"
    JavaScript
    ");
}

#[test]
fn python_with_the_standard_library() {
    insta::assert_snapshot!(shown(&[("pyproject.toml", "[project]\nname = \"a\"\ndependencies = []\n"), ("a/__init__.py", ""), ("tests/__init__.py", ""), ("tests/test_a.py", "")]), @r"
    test python3 -m unittest discover -v -> Unittest
    because `pyproject.toml` at the root and test files for unittest
    Python
    ");
    insta::assert_snapshot!(shown(&[("setup.py", ""), ("src/a/__init__.py", ""), ("tests/test_a.py", "")]), @r"
    test PYTHONPATH=src python3 -m unittest discover -v -s tests -> Unittest
    because `setup.py` at the root and test files for unittest
    Python
    ");
}

#[test]
fn python_with_pytest() {
    insta::assert_snapshot!(shown(&[("requirements-dev.txt", "pytest\n"), ("requirements.txt", "requests\n"), ("tests/test_a.py", ""), ("ruff.toml", "")]), @r"
    setup python3 -m venv --system-site-packages .venv && .venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt pytest
    test .venv/bin/python -m pytest -v -> Pytest
    lint ruff check .
    because `requirements.txt` at the root, which uses pytest
    Python
    ");
    insta::assert_snapshot!(shown(&[("pyproject.toml", "[dependency-groups]\ndev = [\"pytest\"]\n"), ("uv.lock", ""), ("tests/test_a.py", "")]), @r"
    setup uv sync --frozen
    test uv run --no-sync python -m pytest -v -> Pytest
    because `pyproject.toml` at the root, which uses pytest
    Python
    ");
    insta::assert_snapshot!(shown(&[("pyproject.toml", "[tool.poetry]\n"), ("poetry.lock", ""), ("conftest.py", ""), ("test_a.py", "")]), @r"
    setup poetry install --no-interaction
    test poetry run python -m pytest -v -> Pytest
    because `pyproject.toml` at the root, which uses pytest
    Python
    ");
}

#[test]
fn go_java_and_others() {
    insta::assert_snapshot!(shown(&[("go.mod", "module a\n\nrequire x v1\n"), ("a_test.go", "")]), @r"
    setup go mod download
    test go test -v ./... -> GoTest
    lint go vet ./...
    because `go.mod` at the root
    Go
    ");
    insta::assert_snapshot!(shown(&[("pom.xml", ""), ("mvnw", "")]), @r"
    test ./mvnw -B -fae test -> JUnit **/target/surefire-reports/TEST-*.xml **/target/failsafe-reports/TEST-*.xml
    because `pom.xml` at the root
    Java
    ");
    insta::assert_snapshot!(shown(&[("build.gradle.kts", ""), ("gradlew", "")]), @r"
    test ./gradlew test --continue --console=plain -> JUnit **/build/test-results/**/TEST-*.xml
    because `build.gradle.kts` at the root
    Java
    ");
    insta::assert_snapshot!(shown(&[("Shop.sln", "")]), @r"
    setup dotnet restore
    test dotnet test --no-restore -> exit status
    lint dotnet format --verify-no-changes --no-restore
    because `Shop.sln` at the root
    .NET
    ");
    insta::assert_snapshot!(shown(&[("Gemfile", ""), ("spec/a_spec.rb", "")]), @r"
    setup bundle install
    test bundle exec rspec -> exit status
    because `Gemfile` at the root
    Ruby
    ");
    insta::assert_snapshot!(shown(&[("composer.json", "{}"), ("phpunit.xml.dist", "")]), @r"
    setup composer install --no-interaction --no-progress
    test mkdir -p .baton-reports && vendor/bin/phpunit --log-junit .baton-reports/phpunit.xml -> JUnit .baton-reports/phpunit.xml
    because `composer.json` at the root and `phpunit.xml.dist`
    PHP
    ");
    insta::assert_snapshot!(shown(&[("mix.exs", "{:a, 1}"), ("mix.lock", "")]), @r"
    setup mix deps.get
    test mix test -> exit status
    lint mix format --check-formatted
    because `mix.exs` at the root
    Elixir
    ");
}

#[test]
fn make_and_just_where_nothing_else_is_found() {
    insta::assert_snapshot!(shown(&[("Makefile", "all:\n\tcc a.c\n\ntest: all\n\t./run\n")]), @r"
    test make test -> exit status
    because the target `test` of `Makefile` at the root
    ");
    insta::assert_snapshot!(shown(&[("justfile", "test *args:\n    go test -v ./... {{args}}\n")]), @r"
    test just test -> GoTest
    because the target `test` of `justfile` at the root
    ");
    insta::assert_snapshot!(shown(&[("Makefile", "all:\n\tcc a.c\n"), ("README.md", "")]), @"");
}

#[test]
fn parts_of_a_repository() {
    insta::assert_snapshot!(shown(&[
        ("README.md", ""),
        ("server/go.mod", "module a\n"),
        ("server/inner/go.mod", "module b\n"),
        ("web/package.json", r#"{"scripts": {"test": "node --test"}}"#),
        ("web/node_modules/x/package.json", r#"{"scripts": {"test": "node --test"}}"#),
        ("docs/package.json", r#"{"scripts": {"test": "node --test"}}"#),
    ]), @r"
    test server: go test -v ./... -> GoTest
    test web: node --test --test-reporter=tap -> NodeTest
    lint server: go vet ./...
    because `server/go.mod`
    because the script `test` of `web/package.json`
    JavaScript, Go
    ");
}

#[test]
fn the_root_comes_before_its_parts() {
    insta::assert_snapshot!(shown(&[
        ("go.mod", "module a\n"),
        ("web/package.json", r#"{"scripts": {"test": "node --test"}}"#),
    ]), @r"
    test go test -v ./... -> GoTest
    lint go vet ./...
    because `go.mod` at the root
    Go
    ");
}

#[test]
fn commands_that_are_given() {
    let package = r#"{"scripts": {"test": "jest", "unit": "vitest run", "old": "mocha"}}"#;
    let lines = [
        "cargo test",
        "cargo test --workspace -- --nocapture",
        "cargo nextest run",
        "cargo test -q",
        "pytest",
        "pytest -q tests",
        "python -m pytest --junitxml=out/junit.xml",
        "python3 -m unittest",
        "python3 -m unittest discover -v",
        "python manage.py test",
        "go test ./...",
        "go test -json ./...",
        "npx jest",
        "npx vitest run",
        "node --test",
        "npm test",
        "yarn test",
        "npm run unit",
        "pnpm run old",
        "make test",
        "cargo build && cargo test",
        "pytest | tee log",
        "mvn -B verify",
        "./gradlew check",
        "vendor/bin/phpunit --log-junit build/junit.xml",
        "true",
    ];
    let commands: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    let read = |path: &str| (path == "package.json").then(|| package.to_owned());
    let commands = given(&commands, &["package.json".to_owned()], &read);
    let shown: Vec<String> =
        commands.iter().map(|test| format!("{} -> {}", test.command, source(&test.results))).collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    cargo test --no-fail-fast -> CargoTest
    cargo test --no-fail-fast --workspace -- --nocapture -> CargoTest
    cargo nextest run --status-level all --no-fail-fast -> Nextest
    cargo test --no-fail-fast -q -> exit status
    pytest -v -> Pytest
    pytest -q tests -rA -> Pytest
    python -m pytest --junitxml=out/junit.xml -v -> JUnit out/junit.xml or Pytest
    python3 -m unittest -v -> Unittest
    python3 -m unittest discover -v -> Unittest
    python manage.py test -v 2 -> Unittest
    go test -v ./... -> GoTest
    go test -json ./... -> GoTest
    npx jest --verbose -> Jest
    npx vitest run --reporter=verbose -> Vitest
    node --test --test-reporter=tap -> NodeTest
    npm test -- --ci --verbose -> Jest
    yarn test --ci --verbose -> Jest
    npm run unit -- --run --reporter=verbose -> Vitest
    pnpm run old -> exit status
    make test -> exit status
    cargo build && cargo test -> CargoTest
    pytest | tee log -> exit status
    mvn -B verify -> JUnit **/target/surefire-reports/TEST-*.xml **/target/failsafe-reports/TEST-*.xml
    ./gradlew check -> JUnit **/build/test-results/**/TEST-*.xml
    vendor/bin/phpunit --log-junit build/junit.xml -> JUnit build/junit.xml
    true -> exit status
    ");
}

#[test]
fn reports_lie_below_the_commands_folder() {
    let mut found = found(&[("app/pom.xml", "")]);
    let test = found.test.remove(0);
    assert_eq!(test.folder, "app");
    assert_eq!(
        test.report_globs(),
        ["app/**/target/surefire-reports/TEST-*.xml", "app/**/target/failsafe-reports/TEST-*.xml"]
    );
    assert_eq!(recognise("pytest --junitxml=/tmp/x.xml"), ResultSource::ExitStatus);
}
