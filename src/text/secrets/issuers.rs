//! The beginnings of credentials, by issuer: those of the published rule sets of secret scanners that an LLM stack meets.

/// The characters after a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// Letters, digits and `-_./+=~`, at least one of them a digit or both cases of letters.
    Mixed,
    /// Lower-case hexadecimal digits.
    Hex,
    /// Upper-case letters and digits.
    Upper,
}

/// A prefix, its alphabet and the fewest characters after it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Issued {
    pub(super) prefix: &'static str,
    pub(super) alphabet: Alphabet,
    pub(super) min: usize,
}

const fn mixed(prefix: &'static str, min: usize) -> Issued {
    Issued { prefix, alphabet: Alphabet::Mixed, min }
}

const fn hex(prefix: &'static str, min: usize) -> Issued {
    Issued { prefix, alphabet: Alphabet::Hex, min }
}

const fn upper(prefix: &'static str, min: usize) -> Issued {
    Issued { prefix, alphabet: Alphabet::Upper, min }
}

/// All known prefixes. `eyJ`, of JSON web tokens, has a rule of its own beside.
pub(super) const ISSUED: &[Issued] = &[
    // Models: OpenAI, Anthropic, DeepSeek, OpenRouter, Langfuse and LiteLLM begin with `sk-`.
    mixed("sk-", 13),
    mixed("sess-", 36),
    mixed("gsk_", 12),
    mixed("xai-", 12),
    mixed("AIza", 12),
    mixed("ya29.", 16),
    mixed("GOCSPX-", 16),
    mixed("1//0", 24),
    mixed("nvapi-", 24),
    mixed("r8_", 24),
    mixed("pplx-", 24),
    mixed("tgp_v1_", 20),
    mixed("fw_", 20),
    mixed("csk-", 20),
    mixed("tvly-", 16),
    mixed("jina_", 24),
    mixed("hf_", 13),
    mixed("api_org_", 20),
    mixed("pcsk_", 24),
    mixed("esecret_", 20),
    mixed("flp_", 24),
    mixed("ABSK", 60),
    mixed("bedrock-api-key-", 20),
    mixed("fc-", 30),
    mixed("e2b_", 24),
    // Tracing.
    mixed("lsv2_pt_", 24),
    mixed("lsv2_sk_", 24),
    mixed("ls__", 24),
    mixed("pylf_v1_", 20),
    mixed("wandb_v1_", 20),
    mixed("glc_", 24),
    mixed("glsa_", 24),
    mixed("sntrys_", 24),
    mixed("sntryu_", 24),
    mixed("NRAK-", 20),
    mixed("dt0c01.", 24),
    // Clouds.
    upper("AKIA", 12),
    upper("ASIA", 12),
    upper("ABIA", 12),
    upper("ACCA", 12),
    hex("dop_v1_", 16),
    hex("doo_v1_", 16),
    hex("dor_v1_", 16),
    hex("dapi", 30),
    mixed("hvs.", 20),
    mixed("hvb.", 20),
    mixed("hvr.", 20),
    mixed("dp.pt.", 24),
    mixed("sbp_", 24),
    mixed("sb_secret_", 16),
    mixed("pscale_tkn_", 24),
    mixed("pscale_pw_", 24),
    mixed("pul-", 30),
    mixed("fm2_", 40),
    // Code and packages.
    mixed("ghp_", 12),
    mixed("gho_", 12),
    mixed("ghu_", 12),
    mixed("ghs_", 12),
    mixed("ghr_", 12),
    mixed("github_pat_", 12),
    mixed("glpat-", 10),
    mixed("gldt-", 16),
    mixed("glrt-", 16),
    mixed("glcbt-", 16),
    mixed("glptt-", 16),
    mixed("gloas-", 16),
    mixed("npm_", 30),
    mixed("pypi-AgE", 16),
    mixed("rubygems_", 30),
    mixed("dckr_pat_", 20),
    mixed("dckr_oat_", 20),
    mixed("ATATT3", 24),
    mixed("lin_api_", 24),
    mixed("ntn_", 30),
    mixed("PMAK-", 30),
    mixed("figd_", 24),
    // Messages and payments.
    mixed("xoxb-", 11),
    mixed("xoxp-", 11),
    mixed("xoxa-", 11),
    mixed("xoxe-", 11),
    mixed("xoxe.", 11),
    mixed("xoxr-", 11),
    mixed("xoxs-", 11),
    mixed("xapp-", 16),
    mixed("SG.", 30),
    mixed("sk_live_", 8),
    mixed("sk_test_", 8),
    mixed("rk_live_", 8),
    mixed("rk_test_", 8),
    mixed("whsec_", 20),
    mixed("sk_", 40),
    mixed("shpat_", 24),
    mixed("sq0atp-", 20),
    mixed("sq0csp-", 20),
    upper("AGE-SECRET-KEY-1", 40),
];
