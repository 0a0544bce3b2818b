//! Each rule with what it finds and what it leaves alone. Examples are invented, and split by `¦` so that no scanner of
//! anybody's takes this file for a leak.

use proptest::prelude::*;

use super::*;

/// Rule, something it must find, something alike that it must not.
const EXAMPLES: &[(&str, &str, &str)] = &[
    ("github-token", "ghp¦_16C7e42F292c6912E7710c838347Ae178B4a", "ghp_000000000000000000000000000000000000"),
    (
        "github-fine-grained-token",
        "github¦_pat_11ABCDEFG0aBcDeFgHiJkL_mNoPqRsTuVwXyZ0123456789aBcDeFgHiJkLmNoPqRsTuVwXyZ01234567A",
        "github_pat_11ABC",
    ),
    ("gitlab-token", "glpat¦-Zx8v-Qw3Rt5Yu7Io9Pa1", "glpat-xxxxxxxxxxxxxxxxxxxx"),
    ("bitbucket-app-password", "ATBB¦k3Xq9ZpL2mNvB7cRtY5wQ8sDfG1hJ4kA", "ATBBshort"),
    (
        "atlassian-token",
        "ATATT3¦xFfGF0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX2yZ3aB4cD5eF6gH7iJ8kL9mN0oP1qR2sT3uV4wX5yZ6aB7cD8eF9gH0iJ1=4B5C6D7E",
        "ATATT3short",
    ),
    ("aws-access-key", "AKIA¦2E7GYR5QTMNV4KWB", "akiahabara station"),
    (
        "aws-secret-key",
        "aws_secret_access_key = \"¦q7Zt3mXw9LbVn2Rk5YcHf8Jd1Ps4Ga6Ue0Tx/+Qo\"",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    ),
    (
        "aws-bedrock-key",
        "ABSK¦QmVkcm9ja0FQSUtleS0xMjM0NTY3ODkwYWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXpBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWjAxMjM0NTY3ODk=",
        "ABSKINNER",
    ),
    ("google-api-key", "AIza¦SyD4f8Gh2Jk6Lm0Np3Qr7St1Uv5Wx9Yz2A_c", "AIzaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ("google-oauth-secret", "GOCSPX¦-a1B2c3D4e5F6g7H8i9J0k1L2m3N4", "GOCSPX-short"),
    ("google-oauth-token", "ya29¦.a0AfH6SMBx7Kq2Lw9Zr4Tn8", "ya29.short"),
    (
        "azure-storage-key",
        "AccountKey=¦Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
        "AccountKey=short==",
    ),
    (
        "azure-shared-access-key",
        "SharedAccessKey=¦q7Zt3mXw9LbVn2Rk5YcHf8Jd1Ps4Ga6Ue0TxQoKj1wE=",
        "SharedAccessKey=abc=",
    ),
    ("azure-client-secret", "abc8¦Q~dEfGhIjKlMnOpQrStUvWxYz0123456.78901", "abc8Q~short"),
    (
        "azure-devops-token",
        "7xK2mQ9pL4nV8bR3tY6wS1dF5gH0jZcXaEuIoP7xK2mQ9pL4nV8bR3tY6wS1dF5gH0jZcXaEuIoP¦AZDO4kXq",
        "fooAZDObar",
    ),
    ("digitalocean-token", "dop¦_v1_3f8a1c9e7b2d6045f1a8c3e9b7d2064f5a1c8e3b9d7f2046a5c1e8b3d9f72046", "dop_v1_3f8a"),
    ("heroku-key", "HRKU¦-AAk3Xq9ZpL2mNvB7cRtY5wQ8sDfG1hJ4kLzXcVbNm", "HRKU-AA"),
    ("fly-token", "FlyV1 ¦fm2_lJPECAAAAAAAAxk3Xq9ZpL2mNvB7cRtY5wQ8sDfG1hJ4kLzXcVbNmQwErTyUiOp", "FlyV1 fm2_short"),
    ("netlify-token", "nfp¦_k3Xq9ZpL2mNvB7cRtY5wQ8sDfG1hJ4kLzXcV", "nfp_short"),
    (
        "cloudflare-origin-key",
        "v1.0¦-3f8a1c9e7b2d6045f1a8c3e9-3f8a1c9e7b2d6045f1a8c3e9b7d2064f5a1c8e3b9d7f2046a5c1e8b3d9f720463f8a1c9e7b2d6045f1a8c3e9b7d2064f5a1c8e3b9d7f2046a5c1e8b3d9f7204612345678901234567f",
        "v1.0-beta",
    ),
    ("alibaba-access-key", "LTAI¦5tK3Xq9ZpL2mNvB7cRtY", "LTAI5t"),
    ("supabase-token", "sbp¦_3f8a1c9e7b2d6045f1a8c3e9b7d2064f5a1c8e3b", "sbp_3f8a"),
    ("planetscale-token", "pscale¦_tkn_k3Xq9ZpL2mNvB7cRtY5wQ8sDfG1hJ4kLzXcV", "pscale_tkn_x"),
    ("databricks-token", "dapi¦3f8a1c9e7b2d6045f1a8c3e9b7d2064f", "dapinclude"),
    ("vault-token", "hvs¦.CAESIJlU9JMYEhOPYv4igdhm9PnZDrabYTobQ4Ymnlq1qY", "hvs.short"),
    (
        "terraform-cloud-token",
        "k3Xq9ZpL2mNvB7¦.atlasv1.cRtY5wQ8sDfG1hJ4kLzXcVbNmQwErTyUiOpAsDfGhJkLzXcVbNmQwErTyUiOpAs",
        "x.atlasv1.y",
    ),
    ("pulumi-token", "pul¦-3f8a1c9e7b2d6045f1a8c3e9b7d2064f5a1c8e3b", "pul-request"),
    ("doppler-token", "dp.pt¦.k3Xq9ZpL2mNvB7cRtY5wQ8sDfG1hJ4kLzXcVbNmQwEr", "dp.pt.short"),
    (
        "onepassword-token",
        "ops¦_eyJzaWduSW5BZGRyZXNzIjoibXkuMXBhc3N3b3JkLmNvbSIsInVzZXJBdXRoIjp7Im1ldGhvZCI6IlNSUGctNDA5NiIsImFsZyI6IlBCRVMyZy1IUzI1NiIsIml0ZXJhdGlvbnMiOjY1MDAwMCwic2FsdCI6Ikh0N1p4c2Q5MkxrUXBXbVZuQiJ9LCJlbWFpbCI6IngxMjNAMXBhc3N3b3JkLmNvbSJ9",
        "ops_eyJ",
    ),
    ("age-key", "AGE-SECRET¦-KEY-1QL3Z7HJY54PW3HYWW5AYYFG7ZQGVC7W3J2ELW8ZMRJ2KG5SFN9AQMCAC8Z", "AGE-SECRET-KEY-1"),
    ("npm-token", "npm¦_k3Xq9ZpL2mNvB7cRtY5wQ8sDfG1hJ4kLzXcV", "npm_config_registry"),
    (
        "npm-auth",
        "//registry.npmjs.org/:_authToken=¦3f8a1c9e-7b2d-6045-f1a8-c3e9b7d2064f",
        "//registry.npmjs.org/:_authToken=${NPM_TOKEN}",
    ),
    (
        "pypi-token",
        "pypi-¦AgEIcHlwaS5vcmcCJDNmOGExYzllLTdiMmQtNjA0NS1mMWE4LWMzZTliN2QyMDY0ZgACKlszLCIx",
        "pypi-AgEIcHlwaS5vcmc",
    ),
    ("rubygems-key", "rubygems¦_3f8a1c9e7b2d6045f1a8c3e9b7d2064f5a1c8e3b9d7f2046", "rubygems_version"),
    ("crates-io-token", "cio¦k3Xq9ZpL2mNvB7cRtY5wQ8sDfG1hJ4kA", "precious stones and spaciousness"),
    ("nuget-key", "oy2¦k3xq9zpl2mnvb7crty5wq8sdfg1hj4klzxcvbnmqwer", "toy2story"),
    ("docker-token", "dckr¦_pat_k3Xq9ZpL2mNvB7cRtY5wQ8sDfG1", "dckr_pat_x"),
    (
        "anthropic-key",
        "sk-ant¦-api03-k3Xq9ZpL2mNvB7cRtY5wQ8sDfG1hJ4kLzXcVbNmQwErTyUiOp",
        "sk-ant-api03-xxxxxxxxxxxxxxxxxxxxxxxx",
    ),
    ("openai-key", "sk-proj¦-k3Xq9ZpL2mNvB7cRtY5wQ8sDfG1hJ4kLzXcV", "sk-proj-xxxxxxxxxxxxxxxxxxxxxxxx"),
    ("openai-legacy-key", "sk-¦k3Xq9ZpL2mNvB7cRtY5wT3BlbkFJQ8sDfG1hJ4kLzXcVbNmQ", "T3BlbkFJ"),
    ("openrouter-key", "sk-or¦-v1-3f8a1c9e7b2d6045f1a8c3e9b7d2064f5a1c8e3b9d7f2046a5c1e8b3d9f72046", "sk-or-v1-"),
    ("huggingface-token", "hf¦_k3XqZpLmNvBcRtYwQsDfGhJkLzXcVbNmQw", "hf_hub_download"),
    ("groq-key", "gsk¦_k3Xq9ZpL2mNvB7cRtY5wQ8sDfG1hJ4kLzXcVbNmQwErTyUiOpAsD", "gsk_short"),
    ("xai-key", "xai¦-k3Xq9ZpL2mNvB7cRtY5wQ8sDfG1hJ4kLzXcVbNmQwErTyUiOpAsDk3Xq9ZpL2mNvB7cRtY5wQ8sDfG1h", "xai-short"),
    ("replicate-token", "r8¦_k3Xq9ZpL2mNvB7cRtY5wQ8sDfG1hJ4kLzXcVb", "r8_register"),
    ("perplexity-key", "pplx¦-k3Xq9ZpL2mNvB7cRtY5wQ8sDfG1hJ4kLzXcVbNmQwErTyUiO", "pplx-api"),
    ("slack-token", "xoxb¦-2837465019-5647382910-k3Xq9ZpL2mNvB7cRtY5wQ8sD", "xoxb-your-token"),
    ("slack-app-token", "xapp¦-1-A0B1C2D3E4F-1234567890123-3f8a1c9e7b2d6045f1a8c3e9b7d2064f", "xapp-1-A-1-x"),
    (
        "slack-webhook",
        "https://hooks.slack¦.com/services/T0A1B2C3D/B4E5F6G7H/k3Xq9ZpL2mNvB7cRtY5wQ8sD",
        "https://hooks.slack.com/services/T/B/X",
    ),
    (
        "discord-webhook",
        "https://discord¦.com/api/webhooks/123456789012345678/k3Xq9ZpL2mNvB7cRtY5wQ8sDfG1hJ4kLzXcVbNmQwErTyUiOpAsD-fGhJkLzXcV",
        "https://discord.com/api/webhooks/1/x",
    ),
    ("telegram-token", "123456789:¦AAk3Xq9ZpL2mNvB7cRtY5wQ8sDfG1hJ4kLz", "12:AA"),
    (
        "teams-webhook",
        "https://x.webhook.office¦.com/webhookb2/3f8a1c9e-7b2d-6045-f1a8-c3e9b7d2064f@3f8a1c9e-7b2d-6045-f1a8-c3e9b7d2064f/IncomingWebhook/3f8a1c9e7b2d6045f1a8c3e9b7d2064f",
        "https://x.webhook.office.com/webhookb2/",
    ),
    ("sendgrid-key", "SG¦.k3Xq9ZpL2mNvB7cRtY5wQ8.sDfG1hJ4kLzXcVbNmQwErTyUiOpAsDfGhJkLzXcVbNm", "SG.x.y"),
    ("mailgun-key", "key¦-3f8a1c9e7b2d6045f1a8c3e9b7d2064f", "key-value"),
    ("mailchimp-key", "3f8a1c9e7b2d6045f1a8c3e9b7d2064f¦-us12", "en-us1"),
    ("twilio-key", "twilio_auth = ¦3f8a1c9e7b2d6045f1a8c3e9b7d2064f", "twilio==9.1.0"),
    ("stripe-key", "sk_live¦_k3Xq9ZpL2mNvB7cRtY5wQ8sD", "sk_test_xxxxxxxxxxxxxxxxxxxxxxxx"),
    ("stripe-webhook-secret", "whsec¦_k3Xq9ZpL2mNvB7cRtY5wQ8sDfG1hJ4kL", "whsec_..."),
    ("shopify-token", "shpat¦_3f8a1c9e7b2d6045f1a8c3e9b7d2064f", "shpat_x"),
    ("square-token", "sq0atp¦-k3Xq9ZpL2mNvB7cRtY5wQ8", "sq0atp-x"),
    ("grafana-token", "glsa¦_k3Xq9ZpL2mNvB7cRtY5wQ8sDfG1hJ4kL_3f8a1c9e", "glsa_x"),
    ("newrelic-key", "NRAK¦-K3XQ9ZPL2MNVB7CRTY5WQ8SDFG1", "NRAK-X"),
    ("sentry-token", "sntryu¦_3f8a1c9e7b2d6045f1a8c3e9b7d2064f5a1c8e3b9d7f2046a5c1e8b3d9f72046", "sntryu_x"),
    ("linear-key", "lin¦_api_k3Xq9ZpL2mNvB7cRtY5wQ8sDfG1hJ4kLzXcVbNmQ", "lin_api_x"),
    ("notion-token", "ntn¦_12345678901k3Xq9ZpL2mNvB7cRtY5wQ8sDfG1hJ4kLzXc", "ntn_x"),
    ("figma-token", "figd¦_k3Xq9ZpL2mNvB7cRtY5wQ8sDfG1hJ4kLzXcVbNmQ", "figd_x"),
    ("postman-key", "PMAK¦-3f8a1c9e7b2d6045f1a8c3e9-3f8a1c9e7b2d6045f1a8c3e9b7d2064f5a", "PMAK-x"),
    ("private-key", "-----BEGIN RSA PRIVATE ¦KEY-----", "-----BEGIN PUBLIC KEY-----"),
    ("putty-key", "PuTTY-User-Key-¦File-3: ssh-ed25519", "PuTTY-User-Key-File"),
    (
        "json-web-token",
        "eyJhbGciOiJIUzI1NiJ9¦.eyJzdWIiOiIxMjM0NTY3ODkwIn0.k3Xq9ZpL2mNvB7cRtY5wQ8sDfG1hJ4kL",
        "eyJhbGciOiJIUzI1NiJ9",
    ),
    ("password-in-url", "postgres://app:¦k3Xq9ZpL2mNv@db.acme.io/app", "postgres://app:${PASSWORD}@db.acme.io/app"),
    (
        "secret-in-assignment",
        "const clientSecret = \"¦k3Xq9ZpL2mNvB7cRtY5wQ8sD\";",
        "const clientSecret = process.env.CLIENT_SECRET_VALUE_OF_APP;",
    ),
    (
        "secret-in-environment-file",
        "export SESSION_SECRET=¦k3Xq9ZpL2mNvB7cRtY5wQ8sD",
        "SESSION_SECRET=${{ secrets.SESSION_SECRET }}",
    ),
];

#[test]
fn every_rule_finds_its_own_and_leaves_the_rest() {
    let mut wrong = Vec::new();
    for rule in RULES {
        let Some((_, yes, no)) = EXAMPLES.iter().find(|(name, _, _)| *name == rule.name) else {
            wrong.push(format!("{}: no example", rule.name));
            continue;
        };
        let yes = yes.replace('¦', "");
        let found = find(&format!("x = 1\n{yes}\n"));
        if !found.iter().any(|one| one.rule == rule.name) {
            wrong.push(format!("{}: not found in {yes}, but {found:?}", rule.name));
        }
        let found = find(no);
        if !found.is_empty() {
            wrong.push(format!("{}: {no} is none, but {found:?}", rule.name));
        }
    }
    assert_eq!(EXAMPLES.len(), RULES.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_long_installation_tokens_are_seen_whole() {
    let token = format!("ghs{}12345_eyJhbGciOi.{}.{}", "_", "a1B2-c3D4_".repeat(30), "Zy9-Xw8_".repeat(20));
    let text = format!("error: bad credentials {token}, sorry");
    assert_eq!(redact(&text), "error: bad credentials [secret], sorry");
}

#[test]
fn ordinary_files_are_left_alone() {
    for line in [
        r#"      "integrity": "sha512-9fSSdk9PYGAlqaCQIgpvuy37tE3zkIeUkSzwqPWNXm0dX/A3wLF5hvoKEB1NvHZPX4gzTxdxvKoCZoAiWrtcKQ==","#,
        r#"checksum = "9c3d4dd6bbd0b8a7a7f0e2d15c8e1a0f5b5d3b1c7c2f4e8a9d0b6c5e4f3a2b1c""#,
        "google.golang.org/protobuf v1.33.0 h1:uNO2rsAINq/JlFpSdYEKIZ0uKD/R9cpdv0T+yoGwGmI=",
        "    sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1 \\",
        r#"resolved "https://registry.yarnpkg.com/@babel/code-frame/-/code-frame-7.24.2.tgz#718b4b19841809a58b29b68cde80bc5e1aa6d9ae""#,
        "let token = tokenizer.next_token_or_eof(state, lookahead)?;",
        "password = get_password_from_keyring('service', 'user')",
        r#"assert_eq!(password, "correct horse battery staple");"#,
        r#"  "csrf_token_header": "X-CSRF-Token-Header-Name","#,
        "const API_KEY = process.env.MY_VERY_OWN_API_KEY_2;",
        "api_key: ${{ secrets.API_KEY_FOR_STAGING_2 }}",
        r#"secret_key = "your-256-bit-secret-goes-here-1""#,
        "https://user:password@example.com/path",
        "commit 3f8a1c9e7b2d6045f1a8c3e9b7d2064f5a1c8e3b",
        "uuid: 3f8a1c9e-7b2d-6045-f1a8-c3e9b7d2064f",
        r#"access_token_url = "https://login.microsoftonline.com/common/oauth2/v2.0/token""#,
        "AKIAIOSFODNN7EXAMPLE is Amazon's own example",
    ] {
        assert_eq!(find(line), vec![], "{line}");
    }
}

#[test]
fn a_secret_across_the_seam_of_a_long_line_is_found_once() {
    let token = EXAMPLES[0].1.replace('¦', "");
    for before in [PIECE - 60, PIECE - 20, PIECE - 1, PIECE, 3 * PIECE - 2000] {
        let line = format!("{} {token} {}", "é".repeat(before / 2), "y ".repeat(PIECE));
        let found: Vec<&str> = find(&line).into_iter().map(|one| &line[one.range]).collect();
        assert_eq!(found, [token.as_str()], "after {before} bytes");
    }
}

#[test]
fn a_preview_tells_little() {
    let found = find(&EXAMPLES[0].1.replace('¦', ""));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].preview, "ghp_… (40 characters)");
}

#[test]
fn a_hostile_text_costs_little_time() {
    let keywords: String = RULES.iter().flat_map(|rule| rule.keywords).map(|k| format!("{k} = eyJa.eyJb.")).collect();
    let text = keywords.repeat(1024 * 1024 / keywords.len());
    let start = std::time::Instant::now();
    let _ = find(&text);
    let millis = start.elapsed().as_millis();
    // Unoptimised and on a busy machine; optimised it is some twenty times quicker.
    assert!(millis < 20_000, "one hostile MiB took {millis} ms");
}

proptest! {
    #[test]
    fn any_text_can_be_redacted(text in "\\PC{0,200}") {
        let clean = redact(&text);
        prop_assert_eq!(redact(&clean), clean);
    }

    #[test]
    fn hashes_are_no_secrets(bytes in prop::collection::vec(any::<u8>(), 64)) {
        let hex: String = bytes[..32].iter().map(|b| format!("{b:02x}")).collect();
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let base64: String = bytes.iter().map(|b| char::from(alphabet[usize::from(b % 64)])).collect();
        for line in [
            format!("checksum = \"{hex}\""),
            format!("\"integrity\": \"sha512-{base64}==\","),
            format!("golang.org/x/net v0.1.0 h1:{}=", &base64[..43]),
            format!("sha256:{hex}"),
        ] {
            prop_assert_eq!(find(&line), vec![]);
        }
    }
}
