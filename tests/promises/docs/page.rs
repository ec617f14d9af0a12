//! The documentation works where it is read: in a browser, driven over its DevTools protocol, and in a viewer of Markdown.

use std::collections::BTreeSet;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs, process, thread};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use user_status_mock::StandaloneServer;
use user_status_openapi::docs::{Page, markdown};
use user_status_openapi::{Contract, Operation};
use user_status_tests::Recorder;

/// The time to wait for a browser before it counts as stuck. The page gets half of it.
const STUCK: Duration = Duration::from_secs(120);

/// A browser with one page open.
struct Browser {
    program: Program,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: Value,
    commands: u64,
    events: Vec<Value>,
}

impl Browser {
    /// Starts the browser of this machine; `None` if it has none.
    async fn start(test: &str) -> Option<Browser> {
        let Some(file) = browser_file() else {
            assert!(env::var_os("CI").is_none(), "there is no browser to test the documentation with; CI installs one");
            // Written past the harness, which shows nothing of a test that passes.
            let _ = writeln!(io::stderr(), "SKIPPED: `{test}` needs Chromium, and there is none on this machine");
            return None;
        };
        let folder = env::temp_dir().join(format!("user-status-docs-{}-{test}", process::id()));
        let mut process = Command::new(file)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--disable-dev-shm-usage", "--window-size=1400,1000", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", folder.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(process.stderr.take().unwrap());
        let (found, address) = oneshot::channel();
        let log = thread::spawn(move || {
            let mut found = Some(found);
            for line in log.lines().map_while(Result::ok) {
                if let Some(address) = line.strip_prefix("DevTools listening on ")
                    && let Some(found) = found.take()
                {
                    let _ = found.send(address.to_owned());
                }
            }
        });
        let program = Program { process, log: Some(log), folder };
        let address = timeout(STUCK, address).await.expect("a browser that starts").expect("a browser that runs");
        let (socket, _) = connect_async(address).await.unwrap();
        let (session, events) = (Value::Null, Vec::new());
        let mut browser = Browser { program, socket, session, commands: 0, events };
        let page = browser.call("Target.createTarget", json!({ "url": "about:blank" })).await;
        let page = json!({ "targetId": page["targetId"], "flatten": true });
        browser.session = browser.call("Target.attachToTarget", page).await["sessionId"].clone();
        for domain in ["Page", "Network", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({})).await;
        }
        let workers = json!({ "autoAttach": true, "waitForDebuggerOnStart": false, "flatten": true });
        browser.call("Target.setAutoAttach", workers).await;
        browser.events.clear();
        Some(browser)
    }

    /// The result of a command.
    async fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.commands += 1;
        let mut command = json!({ "id": self.commands, "method": method, "params": parameters });
        if !self.session.is_null() {
            command["sessionId"] = self.session.clone();
        }
        self.socket.send(Message::text(command.to_string())).await.unwrap();
        loop {
            let message = self.next(&command).await;
            if message["id"] == self.commands {
                assert!(message["error"].is_null(), "{command}: {message}");
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    async fn next(&mut self, waiting_for: &Value) -> Value {
        loop {
            let message = timeout(STUCK, self.socket.next()).await;
            let message = message.unwrap_or_else(|_| panic!("nothing happens after {waiting_for}"));
            if let Message::Text(text) = message.expect("a browser that runs").unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// Loads a page, anew also if it is the one that is open.
    async fn open(&mut self, url: &str) {
        for url in ["about:blank", url] {
            let loads = self.loads();
            self.call("Page.navigate", json!({ "url": url })).await;
            while self.loads() == loads {
                let event = self.next(&format!("opening {url}").into()).await;
                self.events.push(event);
            }
        }
    }

    fn loads(&self) -> usize {
        self.of("Page.loadEventFired").count()
    }

    fn of<'a>(&'a self, method: &'a str) -> impl Iterator<Item = &'a Value> {
        self.events.iter().filter(move |event| event["method"] == method).map(|event| &event["params"])
    }

    /// The value of an expression, as soon as it is none that counts as false.
    async fn until(&mut self, expression: &str) -> Value {
        let patience = STUCK.as_millis() / 2;
        let look = format!(
            "new Promise((found, missing) => {{
                const end = Date.now() + {patience};
                const text = element => (element.textContent ?? '').replace(/[\\u200b\\s]+/g, ' ').trim();
                const seen = element => element.checkVisibility();
                const all = selector => [...document.querySelectorAll(selector)].filter(seen);
                const click = element => element && (element.click(), true);
                const look = () => {{
                    let value;
                    try {{ value = {expression}; }} catch (error) {{ return missing(error); }}
                    if (value) found(value);
                    else if (Date.now() > end) missing(new Error(document.body.innerText));
                    else setTimeout(look, 20);
                }};
                look();
            }})"
        );
        let parameters = json!({ "expression": look, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.call("Runtime.evaluate", parameters).await;
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    /// Presses a key.
    async fn press(&mut self, key: &str, code: u32) {
        for kind in ["rawKeyDown", "char", "keyUp"] {
            let text = if kind == "char" && key == "Enter" { "\r" } else { "" };
            let event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
            self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Every operation and every system is in the side bar, and the license is as it was meant.
    async fn shows_everything(&mut self) {
        for operation in Contract::embedded().operations() {
            self.until(&entry(operation)).await;
        }
        for system in ["Userdocks", "Akana", "MediConnect", "Symphony", "ClearSquare"] {
            self.until(&format!("all('aside *').some(element => text(element) === '{system}')")).await;
        }
        let text = self.until("document.body.innerText.includes('MIT OR Apache-2.0') && document.body.innerText").await;
        assert!(!text.as_str().unwrap().contains("Unspecified"), "{text}");
    }

    /// Tries an operation as its reader does. Gives the status code of the answer.
    async fn try_out(&mut self, operation: &Operation) -> u64 {
        self.until(&format!("click({})", entry(operation))).await;
        let path = path(operation);
        let line = json!(format!("({} {path})", operation.method.to_lowercase()));
        let button = format!("/Test Request/.test(text(button)) && text(button).includes({line})");
        self.until(&format!("click(all('button').find(button => {button}))")).await;
        let before = self.events.len();
        self.until("click(all('button').find(button => text(button).startsWith('Send')))").await;
        loop {
            if let Some(status) = self.answered(before, &operation.method, &path) {
                return status;
            }
            let event = self.next(&format!("sending {}", operation.id).into()).await;
            self.events.push(event);
        }
    }

    /// The status code of the answer to a request that was sent after so many events.
    fn answered(&self, before: usize, method: &str, path: &str) -> Option<u64> {
        let after = |name: &'static str| self.events[before..].iter().filter(move |event| event["method"] == name);
        let sent = after("Network.requestWillBeSent").map(|event| &event["params"]).find(|event| {
            event["request"]["method"] == method && fits(path, event["request"]["url"].as_str().unwrap_or_default())
        })?;
        let mut answers = after("Network.responseReceived").map(|event| &event["params"]);
        answers.find(|answer| answer["requestId"] == sent["requestId"])?["response"]["status"].as_u64()
    }

    /// Nothing failed, and no request left for anywhere else.
    fn asked_only(&self, allowed: &[&str]) {
        let requests: Vec<&str> =
            self.of("Network.requestWillBeSent").map(|event| event["request"]["url"].as_str().unwrap()).collect();
        assert!(!requests.is_empty());
        for url in requests.iter().filter(|url| !["blob:", "data:", "about:"].iter().any(|own| url.starts_with(own))) {
            assert!(allowed.iter().any(|root| url.starts_with(root)), "{url}");
        }
        // What these send is reported elsewhere.
        for hidden in ["Network.webSocketCreated", "Target.attachedToTarget"] {
            assert_eq!(self.of(hidden).next(), None);
        }
        assert_eq!(self.errors(), [&Value::Null; 0]);
    }

    /// Returns what was thrown or logged as an error.
    fn errors(&self) -> Vec<&Value> {
        let called = self.of("Runtime.consoleAPICalled").filter(|call| call["type"] == "error");
        let logged = self.of("Log.entryAdded").filter(|entry| entry["entry"]["level"] == "error");
        self.of("Runtime.exceptionThrown").chain(called).chain(logged).collect()
    }

    /// The page cannot reach another server, and what it tries is noticed.
    async fn reaches_no_other(&mut self) {
        let other = Recorder::answering(200, "{}").await;
        let attempt = format!("fetch({}).then(() => 'reached', () => 'refused')", json!(other.uri()));
        self.call("Runtime.evaluate", json!({ "expression": format!("{attempt}.then(what => outcome = what)") })).await;
        assert_eq!(self.until("globalThis.outcome").await, "refused");
        assert_eq!(other.connections(), 0);
        while self.errors().is_empty() {
            let event = self.next(&"a request that the page may not send".into()).await;
            self.events.push(event);
        }
    }
}

/// A running browser and its folder. Both are gone when it is dropped.
struct Program {
    process: Child,
    /// Reads what the browser and all that it started print, and so ends with the last of them.
    log: Option<thread::JoinHandle<()>>,
    folder: PathBuf,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Some(log) = self.log.take() {
            let _ = log.join();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The browser of this machine.
fn browser_file() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    names.iter().find_map(|name| env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file()))
}

fn operation(id: &str) -> &'static Operation {
    Contract::embedded().operation(id).unwrap()
}

fn summary(operation: &Operation) -> &'static Value {
    Contract::embedded().document().pointer(&format!("{}/summary", operation.pointer)).unwrap()
}

/// The entry of an operation in the side bar, as an expression of the page. Its link tells it from others of its name.
fn entry(operation: &Operation) -> String {
    let (summary, link) = (summary(operation), json!(format!("/{}{}", operation.method, path(operation))));
    format!(
        "all('aside a').find(entry => text(entry).includes({summary}) && entry.getAttribute('href').endsWith({link}))"
    )
}

/// The path of an operation as the page has it.
fn path(operation: &Operation) -> String {
    format!("{}{}", Contract::embedded().base_path(operation.system), operation.path)
}

/// Returns whether a URL is one of this path.
fn fits(path: &str, url: &str) -> bool {
    let url = url.splitn(4, '/').nth(3).unwrap_or_default();
    let (wanted, given): (Vec<&str>, Vec<&str>) = (path.split('/').skip(1).collect(), url.split('/').collect());
    wanted.len() == given.len() && wanted.iter().zip(&given).all(|(w, g)| w == g || w.starts_with('{'))
}

#[tokio::test]
async fn the_page_shows_every_operation_and_its_search_finds_them() {
    let server = StandaloneServer::start().await.unwrap();
    let Some(mut browser) = Browser::start("shows").await else { return };
    browser.open(&format!("{}/docs", server.root())).await;
    browser.shows_everything().await;

    let key = json!({ "key": "k", "code": "KeyK", "windowsVirtualKeyCode": 75, "modifiers": 2 });
    for kind in ["rawKeyDown", "keyUp"] {
        let mut event = key.clone();
        event["type"] = kind.into();
        browser.call("Input.dispatchKeyEvent", event).await;
    }
    browser.until("document.activeElement.type === 'search'").await;
    browser.call("Input.insertText", json!({ "text": "unfreeze" })).await;
    let wanted = operation("setAccessStatus");
    let (summary, path) = (summary(wanted), json!(path(wanted)));
    let found = format!("text(option).includes({summary}) && text(option).endsWith({path})");
    browser.until(&format!("click(all('[role=option]').find(option => {found}))")).await;
    browser.until(&format!("decodeURIComponent(location.hash).endsWith({path})")).await;

    browser.asked_only(&[&server.root()]);
    browser.reaches_no_other().await;
}

/// No violation of accessibility by axe-core's rules, in light and in dark, and every operation is reached by keyboard.
#[tokio::test]
async fn the_page_can_be_used_by_everybody() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/linters/node_modules/axe-core/axe.min.js");
    let Ok(rules) = std::fs::read_to_string(rules) else {
        assert!(env::var_os("CI").is_none(), "axe-core is not there; `.ci/lint-openapi` brings it");
        let _ = writeln!(io::stderr(), "SKIPPED: the accessibility of the page; `.ci/lint-openapi` brings axe-core");
        return;
    };
    let server = StandaloneServer::start().await.unwrap();
    let Some(mut browser) = Browser::start("accessible").await else { return };
    for scheme in ["light", "dark"] {
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        browser.call("Emulation.setEmulatedMedia", media).await;
        browser.open(&format!("{}/docs", server.root())).await;
        browser.shows_everything().await;
        browser.until(&format!("document.body.classList.contains('{scheme}-mode')")).await;
        browser.call("Runtime.evaluate", json!({ "expression": rules })).await;
        let run = "axe.run({ resultTypes: ['violations'] }).then(found => JSON.stringify(found.violations.map(rule => \
                   [rule.impact, rule.id, rule.nodes.map(node => node.html.slice(0, 200))])))";
        let parameters = json!({ "expression": run, "awaitPromise": true, "returnByValue": true });
        let found = browser.call("Runtime.evaluate", parameters).await;
        assert_eq!(found["result"]["value"], "[]", "{scheme}");
    }
    // Tab by tab to each entry of the side bar, and Enter opens it.
    let wanted = operation("updateUserStatus");
    let focused = format!(
        "['A', 'BUTTON'].includes(document.activeElement.tagName) && document.activeElement.textContent.includes({})",
        summary(wanted)
    );
    browser.until("(document.querySelector('aside').setAttribute('tabindex', '-1'), document.querySelector('aside').focus(), true)").await;
    for _ in 0..200 {
        let parameters = json!({ "expression": focused, "returnByValue": true });
        if browser.call("Runtime.evaluate", parameters).await["result"]["value"] == true {
            break;
        }
        browser.press("Tab", 9).await;
    }
    browser.until(&focused).await;
    browser.press("Enter", 13).await;
    browser.until(&format!("decodeURIComponent(location.hash).endsWith({})", json!(path(wanted)))).await;
}

#[tokio::test]
async fn requests_sent_from_the_page_change_accounts_of_every_system() {
    let server = StandaloneServer::start().await.unwrap();
    let Some(mut browser) = Browser::start("changes").await else { return };
    let changes = [
        "setAccessStatus",
        "changeUserStatus",
        "toggleUserStatus",
        "updateUserStatus",
        "manageUserStatus",
        "patchScimUser",
    ];
    for id in changes {
        browser.open(&format!("{}/docs", server.root())).await;
        assert_eq!(browser.try_out(operation(id)).await, 200, "{id}");
        let exchanges = server.journal();
        let exchange = exchanges.iter().find(|exchange| exchange.operation == Some(id)).unwrap();
        assert!(exchange.violations.is_empty(), "{exchange:?}");
        assert!(exchange.after.is_some() && exchange.before != exchange.after, "{exchange:?}");
        let now = server.status(exchange.system.unwrap(), exchange.user.as_deref().unwrap());
        assert_eq!(now, exchange.after, "{id}");
    }
    assert_eq!(server.total_requests(), changes.len() as u64);
    browser.asked_only(&[&server.root()]);
}

/// What `cargo contract docs` writes, here with credentials, opened without any server for the page itself.
#[tokio::test]
async fn a_page_in_a_file_asks_no_other_server_than_the_one_under_test() {
    let server = StandaloneServer::start().await.unwrap();
    let Some(mut browser) = Browser::start("file").await else { return };
    let file = browser.program.folder.join("page.html");
    let page = Page::new().server(server.root()).credentials(server.listed_credentials());
    fs::write(&file, page.html()).unwrap();
    let file = reqwest::Url::from_file_path(file).unwrap();
    browser.open(file.as_str()).await;
    browser.shows_everything().await;
    assert_eq!(server.total_requests(), 0);
    browser.asked_only(&[file.as_str()]);

    assert_eq!(browser.try_out(operation("updateUserStatus")).await, 200);
    browser.asked_only(&[file.as_str(), &server.root()]);
    browser.reaches_no_other().await;
}

#[test]
fn every_sample_is_a_part_of_an_example() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let document = Page::new().document();
    let mut seen = BTreeSet::new();
    for operation in Contract::embedded().operations() {
        let described = &document["paths"][path(operation)][operation.method.to_lowercase()];
        let samples = described["x-codeSamples"].as_array().unwrap_or_else(|| panic!("{} has samples", operation.id));
        assert_eq!(samples.len(), 4, "{}", operation.id);
        for sample in samples {
            let source = sample["source"].as_str().unwrap();
            assert!(seen.insert(source), "{}: {source} is the sample of another operation, too", operation.id);
            let example = match sample["lang"].as_str().unwrap() {
                "Rust" => "every_operation.rs",
                _ if source.contains("user-status ") => "every_operation_cli.sh",
                _ => "every_operation.sh",
            };
            let text = fs::read_to_string(examples.join(example)).unwrap();
            assert!(has_lines(&text, source), "{}: {example} has no {source}", operation.id);
        }
    }
}

/// Returns whether these lines stand in a text, all of them indented alike.
fn has_lines(text: &str, lines: &str) -> bool {
    let (text, lines): (Vec<&str>, Vec<&str>) = (text.lines().collect(), lines.lines().collect());
    text.windows(lines.len()).any(|part| {
        let indentation = part[0].strip_suffix(lines[0]).filter(|before| before.trim().is_empty());
        indentation.is_some_and(|indentation| {
            part.iter().zip(&lines).all(|(given, wanted)| {
                given == wanted && wanted.is_empty() || given.strip_prefix(indentation) == Some(*wanted)
            })
        })
    })
}

#[test]
fn the_markdown_pages_lead_to_each_other_and_leave_nothing_out() {
    let contract = Contract::embedded();
    let pages = markdown(contract);
    let mut led_to = BTreeSet::new();
    for (name, page) in &pages {
        for target in page.split("](").skip(1).map(|rest| rest.split_once(')').unwrap().0) {
            if target.contains("://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { name } else { file };
            let to = pages.get(file).unwrap_or_else(|| panic!("{name}: there is no {target}"));
            let mut headings = to.lines().filter(|line| line.starts_with('#')).map(anchor);
            assert!(heading.is_empty() || headings.any(|known| known == heading), "{name}: there is no {target}");
            led_to.insert(file.to_owned());
        }
    }
    assert!(led_to.iter().eq(pages.keys()), "pages that no other leads to: {led_to:?}");
    for operation in contract.operations() {
        let id = format!("(`{}`)", operation.id);
        let page = &pages[&format!("{}.md", operation.system)];
        let section = page.split("\n## ").find(|section| section.contains(&id));
        let section = section.unwrap_or_else(|| panic!("{} has a section", operation.id));
        for code in operation.responses.keys() {
            assert!(section.contains(&format!("**Response {code}**")), "{} {code}", operation.id);
        }
    }
}

/// Returns what leads to a heading.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    text.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
}
