//! The table of secret formats, each from its provider's own documentation of how its tokens look. Data, no behaviour.
//!
//! A rule needs a keyword for the quick look, a pattern whose first group (or whole) is the secret, and the entropy below
//! which a match is a placeholder. `tests.rs` holds a true and a false example for each of them and fails without.

/// One format.
pub(super) struct Rule {
    /// Name in findings.
    pub name: &'static str,
    /// Any of these must occur, without case, before the pattern is tried.
    pub keywords: &'static [&'static str],
    /// The pattern.
    pub pattern: &'static str,
    /// Bits per byte that a match has at least.
    pub entropy: f64,
    /// Which matches are placeholders after all.
    pub placeholders: Placeholders,
}

/// How a match is told from what people write where a secret would stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placeholders {
    /// By its entropy alone.
    Uniform,
    /// By words too (`EXAMPLE`): the provider's documentation shows such values.
    Words,
    /// By words and by characters that no secret of the kind has, or lacks: the format is weak.
    WordsAndCharacters,
}

const fn rule(name: &'static str, keywords: &'static [&'static str], pattern: &'static str) -> Rule {
    Rule { name, keywords, pattern, entropy: 3.0, placeholders: Placeholders::Uniform }
}

const fn generic(name: &'static str, keywords: &'static [&'static str], pattern: &'static str, entropy: f64) -> Rule {
    Rule { name, keywords, pattern, entropy, placeholders: Placeholders::WordsAndCharacters }
}

/// Every rule.
pub(super) const RULES: &[Rule] = &[
    // Code hosts.
    rule("github-token", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], r"\bgh[pousr]_[A-Za-z0-9._-]{36,}"),
    rule("github-fine-grained-token", &["github_pat_"], r"\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}\b"),
    rule(
        "gitlab-token",
        &["glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glft-", "glagent-", "glimt-", "gloas-", "glsoat-"],
        r"\bgl(?:pat|dt|rt|ptt|cbt|ft|agent|imt|oas|soat)-[A-Za-z0-9_.-]{20,}",
    ),
    rule("bitbucket-app-password", &["atbb"], r"\bATBB[A-Za-z0-9]{32}\b"),
    rule("atlassian-token", &["atatt3"], r"\bATATT3[A-Za-z0-9_=-]{100,}"),
    // Clouds.
    Rule {
        name: "aws-access-key",
        keywords: &["akia", "asia", "abia", "acca"],
        pattern: r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b",
        entropy: 3.0,
        placeholders: Placeholders::Words,
    },
    generic(
        "aws-secret-key",
        &["aws"],
        r#"(?i)aws[\w.-]{0,20}(?:secret|key)[\w.-]{0,20}["']?\s{0,4}(?:=>|:=|=|:)\s{0,4}["']?([A-Za-z0-9/+]{40})\b"#,
        4.0,
    ),
    rule("aws-bedrock-key", &["absk"], r"\bABSK[A-Za-z0-9+/]{100,}={0,2}"),
    rule("google-api-key", &["aiza"], r"\bAIza[0-9A-Za-z_-]{35}"),
    rule("google-oauth-secret", &["gocspx-"], r"\bGOCSPX-[0-9A-Za-z_-]{28}"),
    rule("google-oauth-token", &["ya29."], r"\bya29\.[0-9A-Za-z_-]{20,}"),
    rule("azure-storage-key", &["accountkey"], r"(?i)AccountKey\s?=\s?([A-Za-z0-9+/]{86}==)"),
    rule("azure-shared-access-key", &["sharedaccesskey"], r"(?i)SharedAccessKey\s?=\s?([A-Za-z0-9+/]{43}=)"),
    rule("azure-client-secret", &["q~"], r"\b[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}"),
    rule("azure-devops-token", &["azdo"], r"\b[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}\b"),
    rule("digitalocean-token", &["doo_v1_", "dop_v1_", "dor_v1_"], r"\bdo[opr]_v1_[0-9a-f]{64}\b"),
    rule("heroku-key", &["hrku-"], r"\bHRKU-[0-9A-Za-z_-]{36,}"),
    rule("fly-token", &["flyv1 fm"], r"\bFlyV1 fm\d_[A-Za-z0-9+/=,_-]{60,}"),
    rule("netlify-token", &["nfp_"], r"\bnfp_[A-Za-z0-9]{36}\b"),
    rule("cloudflare-origin-key", &["v1.0-"], r"\bv1\.0-[0-9a-f]{24}-[0-9a-f]{146}\b"),
    rule("alibaba-access-key", &["ltai"], r"\bLTAI[A-Za-z0-9]{20}\b"),
    rule("supabase-token", &["sbp_"], r"\bsbp_[0-9a-f]{40}\b"),
    rule("planetscale-token", &["pscale_"], r"\bpscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,}"),
    rule("databricks-token", &["dapi"], r"\bdapi[0-9a-f]{32}(?:-\d)?\b"),
    // Keepers of secrets.
    rule("vault-token", &["hvs.", "hvb.", "hvr."], r"\bhv[sbr]\.[A-Za-z0-9_-]{24,}"),
    rule("terraform-cloud-token", &[".atlasv1."], r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9=_-]{60,}"),
    rule("pulumi-token", &["pul-"], r"\bpul-[0-9a-f]{40}\b"),
    rule("doppler-token", &["dp."], r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{40,}"),
    rule("onepassword-token", &["ops_eyj"], r"\bops_eyJ[A-Za-z0-9+/]{200,}={0,2}"),
    rule("age-key", &["age-secret-key-1"], r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b"),
    // Registries of packages and images.
    rule("npm-token", &["npm_"], r"\bnpm_[A-Za-z0-9]{36}\b"),
    generic(
        "npm-auth",
        &["_authtoken", "_auth"],
        r#"^\s*(?://\S{1,200}:)?_auth(?:Token)?\s?=\s?["']?([A-Za-z0-9+/=_.-]{20,})"#,
        3.5,
    ),
    rule("pypi-token", &["pypi-ageicHlwaS5vcmc", "pypi-agendGVzdC5weXBpLm9yZw"], r"\bpypi-AgE[A-Za-z0-9_-]{60,}"),
    rule("rubygems-key", &["rubygems_"], r"\brubygems_[0-9a-f]{48}\b"),
    rule("crates-io-token", &["cio"], r"\bcio[A-Za-z0-9]{32}\b"),
    rule("nuget-key", &["oy2"], r"\boy2[a-z0-9]{43}\b"),
    rule("docker-token", &["dckr_pat_", "dckr_oat_"], r"\bdckr_[op]at_[A-Za-z0-9_-]{27,}"),
    // Models.
    rule("anthropic-key", &["sk-ant-"], r"\bsk-ant-[a-z]{2,8}\d{2}-[A-Za-z0-9_-]{20,}"),
    rule("openai-key", &["sk-proj-", "sk-svcacct-", "sk-admin-"], r"\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}"),
    rule("openai-legacy-key", &["t3blbkfj"], r"\bsk-[A-Za-z0-9_-]{16,}T3BlbkFJ[A-Za-z0-9_-]{16,}"),
    rule("openrouter-key", &["sk-or-v1-"], r"\bsk-or-v1-[0-9a-f]{64}\b"),
    rule("huggingface-token", &["hf_"], r"\bhf_[A-Za-z0-9]{34}\b"),
    rule("groq-key", &["gsk_"], r"\bgsk_[A-Za-z0-9]{52}\b"),
    rule("xai-key", &["xai-"], r"\bxai-[A-Za-z0-9]{80}\b"),
    rule("replicate-token", &["r8_"], r"\br8_[A-Za-z0-9]{37}\b"),
    rule("perplexity-key", &["pplx-"], r"\bpplx-[A-Za-z0-9]{48}\b"),
    // Messages.
    rule(
        "slack-token",
        &["xoxa-", "xoxb-", "xoxe", "xoxo-", "xoxp-", "xoxr-", "xoxs-"],
        r"\bxox[abeoprs][.-][0-9A-Za-z.-]{20,}",
    ),
    rule("slack-app-token", &["xapp-"], r"\bxapp-\d-[A-Z0-9]+-\d+-[0-9a-f]{32,}"),
    rule(
        "slack-webhook",
        &["hooks.slack.com"],
        r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{40,}",
    ),
    rule("discord-webhook", &["/api/webhooks/"], r"discord(?:app)?\.com/api/webhooks/\d{17,20}/[A-Za-z0-9_-]{60,}"),
    rule("telegram-token", &[":aa"], r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b"),
    rule(
        "teams-webhook",
        &["webhook.office.com"],
        r"webhook\.office\.com/webhookb2/[0-9a-f-]{36}@[0-9a-f-]{36}/IncomingWebhook/[0-9a-f]{32}",
    ),
    rule("sendgrid-key", &["sg."], r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    rule("mailgun-key", &["key-"], r"\bkey-[0-9a-f]{32}\b"),
    rule("mailchimp-key", &["-us"], r"\b[0-9a-f]{32}-us\d{1,2}\b"),
    generic("twilio-key", &["twilio"], r"(?i)twilio.{0,40}\b((?:SK)?[0-9a-f]{32})\b", 3.0),
    // Money and commerce.
    rule("stripe-key", &["sk_live_", "sk_test_", "rk_live_", "rk_test_"], r"\b[rs]k_(?:live|test)_[0-9A-Za-z]{16,}"),
    rule("stripe-webhook-secret", &["whsec_"], r"\bwhsec_[A-Za-z0-9+/=]{32,}"),
    rule("shopify-token", &["shpat_", "shpca_", "shppa_", "shpss_"], r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b"),
    rule("square-token", &["sq0atp-", "sq0csp-"], r"\bsq0(?:atp|csp)-[0-9A-Za-z_-]{22,43}"),
    // Tools of the trade.
    rule("grafana-token", &["glsa_", "glc_eyj"], r"\b(?:glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|glc_eyJ[A-Za-z0-9+/=]{40,})"),
    rule("newrelic-key", &["nrak-"], r"\bNRAK-[A-Z0-9]{27}\b"),
    rule("sentry-token", &["sntrys_", "sntryu_"], r"\bsntry(?:u_[0-9a-f]{64}|s_eyJ[A-Za-z0-9+/=_-]{60,})"),
    rule("linear-key", &["lin_api_"], r"\blin_api_[A-Za-z0-9]{40}\b"),
    rule("notion-token", &["ntn_"], r"\bntn_\d{11}[A-Za-z0-9]{35}\b"),
    rule("figma-token", &["figd_"], r"\bfigd_[A-Za-z0-9_-]{40}"),
    rule("postman-key", &["pmak-"], r"\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}\b"),
    // Formats of no one provider.
    Rule {
        name: "private-key",
        keywords: &["private key"],
        pattern: r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----",
        entropy: 0.0,
        placeholders: Placeholders::Uniform,
    },
    Rule {
        name: "putty-key",
        keywords: &["putty-user-key-file"],
        pattern: r"PuTTY-User-Key-File-\d: ",
        entropy: 0.0,
        placeholders: Placeholders::Uniform,
    },
    rule("json-web-token", &["eyj"], r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{16,}"),
    generic(
        "password-in-url",
        &["://"],
        r#"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@'"<>]{1,64}:([^\s/:@'"<>]{8,100})@[\w-]+\.[\w.-]+"#,
        3.0,
    ),
    generic(
        "secret-in-assignment",
        &[
            "secret",
            "token",
            "passwd",
            "password",
            "apikey",
            "api_key",
            "api-key",
            "privatekey",
            "private_key",
            "access_key",
            "accesskey",
            "credential",
        ],
        r#"(?i)(?:secret|token|passwd|password|api[_-]?key|private[_-]?key|access[_-]?key|credentials?)[\w-]{0,20}["']?\s{0,4}(?:=>|:=|=|:)\s{0,4}["'`]([A-Za-z0-9+/_=.~-]{20,128})["'`]"#,
        4.0,
    ),
    generic(
        "secret-in-environment-file",
        &["secret", "token", "passwd", "password", "api_key", "apikey", "private_key", "access_key"],
        r"^\s{0,8}(?:export\s|-\s)?\s{0,4}[A-Z0-9_]{0,40}(?:SECRET|TOKEN|PASSWD|PASSWORD|API_?KEY|PRIVATE_KEY|ACCESS_KEY)[A-Z0-9_]{0,20}\s?[=:]\s?([A-Za-z0-9+/_=.~-]{20,128})\s*$",
        4.0,
    ),
];
