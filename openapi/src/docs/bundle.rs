//! The reference as a page: the bundle of `scalar_api_reference`, inlined.

use std::sync::LazyLock;

use serde_json::Value;

/// Our own rules: the bundle's default fonts are not loaded, so the system's are named.
const STYLE: &str = "\
:root { --scalar-font: system-ui, sans-serif; --scalar-font-code: ui-monospace, monospace; }
body { margin: 0; }";

/// The page.
pub(super) fn page(title: &str, policy: &str, configuration: &Value) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <style>\n{STYLE}\n</style>\n</head>\n<body>\n<noscript>This page needs JavaScript. The contract itself is \
         openapi.yaml.</noscript>\n<div id=\"app\"></div>\n<script>{}</script>\n\
         <script>Scalar.createApiReference('#app', {})</script>\n</body>\n</html>\n",
        *SCRIPT,
        in_script(&configuration.to_string()),
    )
}

/// The bundle. It is checked by a test to be there.
static SCRIPT: LazyLock<String> = LazyLock::new(|| {
    let bytes = scalar_api_reference::get_asset("scalar.js").unwrap_or_default();
    in_script(&String::from_utf8_lossy(&bytes))
});

/// Text that may stand in a script element: nothing in it starts or ends one. In JavaScript and JSON strings the escape
/// is the character itself.
fn in_script(text: &str) -> String {
    text.replace("</script", "<\\u002fscript").replace("<script", "<\\u0073cript")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundle_is_there_and_nothing_in_it_ends_the_element() {
        assert!(SCRIPT.len() > 1_000_000);
        assert!(!SCRIPT.contains("</script") && !SCRIPT.contains("<script"));
    }
}
