//! The reference as a page: the bundle of `scalar_api_reference`, inlined.

use std::sync::LazyLock;

use serde_json::Value;

/// Our own rules: the bundle's default fonts are not loaded, so the system's are named; and colours of enough contrast
/// (WCAG AA), which some of the bundle's own are not.
const STYLE: &str = "\
:root { --scalar-font: system-ui, sans-serif; --scalar-font-code: ui-monospace, monospace; }
body { margin: 0; }
.light-mode.light-mode { --scalar-color-3: #595959; --scalar-color-orange: #a84300; --scalar-color-yellow: #7a5200;
--scalar-color-green: #00623a; --scalar-color-blue: #005a9e; --scalar-color-red: #a8123a; --scalar-color-purple: #5b3ba8; }
.dark-mode.dark-mode { --scalar-color-3: #a3a3a3; }";

/// The page.
pub(super) fn page(title: &str, policy: &str, configuration: &Value) -> String {
    let (title, policy) = (escape(title), escape(policy));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <style>\n{STYLE}\n</style>\n</head>\n<body>\n<noscript>This page needs JavaScript. The contract itself is \
         openapi.yaml.</noscript>\n<div id=\"app\"></div>\n<script>{}</script>\n\
         <script>Scalar.createApiReference('#app', {})</script>\n</body>\n</html>\n",
        *SCRIPT,
        // In JSON, `<` stands in strings only.
        configuration.to_string().replace('<', "\\u003c"),
    )
}

/// The bundle. It is checked by a test to be there.
static SCRIPT: LazyLock<String> = LazyLock::new(|| {
    let bytes = scalar_api_reference::get_asset("scalar.js").unwrap_or_default();
    in_script(&String::from_utf8_lossy(&bytes))
});

/// The bundle as it may stand in a script element: nothing in it starts or ends one. In strings and expressions the escape
/// is the character itself.
fn in_script(text: &str) -> String {
    text.replace("</script", "<\\u002fscript").replace("<script", "<\\u0073cript")
}

/// Text that may stand in an attribute or between elements.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
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
