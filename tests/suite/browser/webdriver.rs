//! A `WebDriver` client: just the commands that the browser tests need, each bounded in time.
//!
//! chromedriver is started on a port of its own choosing and every session gets a fresh profile, so
//! tests know nothing of each other. Dropping a session closes its browser; dropping the driver
//! ends it by its process id.

use std::{
    env,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// Longest that chromedriver may take to say that it listens.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How often it is started before a test gives up.
const START_ATTEMPTS: u32 = 5;
/// Longest that one command may take: starting a browser on a busy machine is the slowest.
const COMMAND_LIMIT: Duration = Duration::from_secs(90);
/// Longest that a script in the page may take.
const SCRIPT_LIMIT: Duration = Duration::from_secs(80);

/// A running chromedriver.
pub(crate) struct Driver {
    process: Child,
    url: String,
}

impl Driver {
    /// Starts one, in several attempts if need be.
    ///
    /// Told to choose its port, chromedriver takes a free one of IPv4 and then wants the same of
    /// IPv6; where that one is taken it ends at once. Another attempt gets another port.
    pub(crate) fn start() -> Self {
        let mut said = Vec::new();
        for _ in 0..START_ATTEMPTS {
            match Self::attempt() {
                Ok(driver) => return driver,
                Err(why) => said.push(why),
            }
        }
        panic!("chromedriver didn't start in {START_ATTEMPTS} attempts:\n{}", said.join("\n"))
    }

    /// Starts one; else what it said before it gave up.
    fn attempt() -> Result<Self, String> {
        let program = env::var_os("CHROMEDRIVER").unwrap_or_else(|| "chromedriver".into());
        let mut process = Command::new(&program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "can't start {} ({error}): run `cargo xtask test`, which installs it or says how",
                    program.display()
                )
            });
        let output = process.stdout.take().expect("its output was asked for");
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            // Reads on after the port is known: a full pipe would stop the driver.
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
        let mut driver = Self { process, url: String::new() };
        let until = Instant::now() + START_LIMIT;
        let mut said = String::new();
        loop {
            match told.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Some(port) = port_in(&line) {
                        driver.url = format!("http://127.0.0.1:{port}");
                        return Ok(driver);
                    }
                    said.push_str(&line);
                    said.push('\n');
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    return Err(format!("{said}(names no port within {START_LIMIT:?})"));
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    let status =
                        driver.process.wait().map_or_else(|e| e.to_string(), |s| s.to_string());
                    return Err(format!("{said}({status})"));
                }
            }
        }
    }

    /// Opens a browser window of this size with a profile of its own.
    pub(crate) fn session(&self, width: u32, height: u32) -> Session {
        let profile = fresh_folder();
        let mut options = json!({
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--disable-quic", "--no-first-run", "--disable-background-networking",
                "--disable-component-update", "--disable-sync", "--hide-scrollbars",
                format!("--window-size={width},{height}"),
                format!("--user-data-dir={}", profile.display()),
            ],
        });
        if let Some(browser) = env::var_os("CHROMIUM") {
            options["binary"] = json!(browser.to_string_lossy());
        }
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(COMMAND_LIMIT))
            .proxy(None)
            .build()
            .new_agent();
        let mut session = Session { agent, url: format!("{}/session", self.url), profile };
        let created = session.post(
            "",
            &json!({ "capabilities": { "alwaysMatch": {
                "browserName": "chrome",
                "goog:chromeOptions": options,
                "goog:loggingPrefs": { "browser": "ALL" },
                "timeouts": {
                    "script": SCRIPT_LIMIT.as_millis(), "pageLoad": 60_000, "implicit": 0,
                },
            } } }),
        );
        let id = created["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {created}"));
        session.url = format!("{}/session/{id}", self.url);
        session
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `ChromeDriver was started successfully on port 41789.`
fn port_in(line: &str) -> Option<u16> {
    let (_, after) = line.split_once("started successfully on port ")?;
    after.trim_end_matches(['.', ' ']).parse().ok()
}

fn fresh_folder() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    env::temp_dir().join(format!("conclave-browser-{}-{number}", std::process::id()))
}

/// One browser window.
pub(crate) struct Session {
    agent: ureq::Agent,
    url: String,
    profile: PathBuf,
}

impl Session {
    /// Loads a page.
    pub(crate) fn go_to(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// Runs a function body in the page and returns what it returns.
    pub(crate) fn script(&self, body: &str, arguments: &[Value]) -> Value {
        self.post("/execute/sync", &json!({ "script": body, "args": arguments }))
    }

    /// Runs the body of an `async` function in the page and returns what it comes to.
    pub(crate) fn script_async(&self, body: &str, arguments: &[Value]) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1]; \
             (async (...args) => {{ {body} }})(...[...arguments].slice(0, -1)) \
             .then(value => done({{ value }}), error => done({{ error: String(error) }}));"
        );
        let answer = self.post("/execute/async", &json!({ "script": script, "args": arguments }));
        assert!(answer["error"].is_null(), "the page says: {}", answer["error"]);
        answer["value"].clone()
    }

    /// Clicks what the selector finds, as a visitor would: it must be there, in sight and free.
    pub(crate) fn click(&self, selector: &str) {
        let (_, element) = self.element(selector);
        self.post(&format!("/element/{element}/click"), &json!({}));
    }

    /// Clicks into the middle of what the selector finds with the right button.
    pub(crate) fn right_click(&self, selector: &str) {
        let (found, _) = self.element(selector);
        let actions = json!([
            { "type": "pointerMove", "origin": found, "x": 0, "y": 0 },
            { "type": "pointerDown", "button": 2 },
            { "type": "pointerUp", "button": 2 },
        ]);
        self.post(
            "/actions",
            &json!({ "actions": [{ "type": "pointer", "id": "mouse", "actions": actions }] }),
        );
    }

    /// From now on all is about what is in the frame that the selector finds.
    pub(crate) fn enter_frame(&self, selector: &str) {
        let (frame, _) = self.element(selector);
        self.post("/frame", &json!({ "id": frame }));
    }

    /// And from now on about the page itself again.
    pub(crate) fn leave_frames(&self) {
        self.post("/frame", &json!({ "id": null }));
    }

    /// An element as the driver names it, and the name alone.
    fn element(&self, selector: &str) -> (Value, String) {
        let found = self.post("/element", &json!({ "using": "css selector", "value": selector }));
        let name = found.as_object().and_then(|object| object.values().next());
        let name = name.and_then(Value::as_str).map(str::to_owned);
        let name = name.unwrap_or_else(|| panic!("{selector} isn't an element: {found}"));
        (found, name)
    }

    /// Presses and releases keys, one after the other, wherever the focus is.
    pub(crate) fn press(&self, keys: &str) {
        let actions: Vec<_> = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key })))
            .collect();
        self.post(
            "/actions",
            &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] }),
        );
    }

    /// A picture of the window, as PNG; empty if there is none to be had.
    pub(crate) fn screenshot(&self) -> Vec<u8> {
        let picture = self.try_request("GET", "/screenshot", None).unwrap_or_default();
        decode_base64(picture.as_str().unwrap_or_default())
    }

    /// What the page and the browser complained about since the last time this was asked.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let entries = self.try_request("POST", "/se/log", Some(&json!({ "type": "browser" })));
        let entries =
            entries.unwrap_or_else(|error| json!([{ "level": "SEVERE", "message": error }]));
        let entries = entries.as_array().cloned().unwrap_or_default();
        let severe = entries.iter().filter(|entry| entry["level"] == "SEVERE");
        severe.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// A command of Chromium's own protocol.
    pub(crate) fn chromium(&self, command: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.request("POST", path, Some(body))
    }

    fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        match self.try_request(method, path, body) {
            Ok(value) => value,
            Err(error) => panic!("{method} {path}: {error}"),
        }
    }

    fn try_request(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let url = format!("{}{path}", self.url);
        let answer = match body {
            Some(body) => self.agent.post(&url).send_json(body),
            None if method == "DELETE" => self.agent.delete(&url).call(),
            None => self.agent.get(&url).call(),
        };
        let mut answer = answer.map_err(|error| error.to_string())?;
        // A full-size picture is the largest answer; ten million bytes would be no picture.
        let text = answer
            .body_mut()
            .with_config()
            .limit(20_000_000)
            .read_to_string()
            .map_err(|error| error.to_string())?;
        let mut value: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let value = value["value"].take();
        match value["error"].as_str() {
            Some(error) if !answer.status().is_success() => {
                let message = value["message"].as_str().unwrap_or_default();
                Err(format!("{error}: {}", message.lines().next().unwrap_or_default()))
            }
            _ => Ok(value),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Also while a failed test unwinds: the browser must not be left behind.
        let _ = self.try_request("DELETE", "", None);
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

/// Looks again and again until there is something to see.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(began.elapsed() < limit, "waited {limit:?} for {what}, in vain");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Standard base64, as `WebDriver` sends pictures.
fn decode_base64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for character in text.bytes() {
        let six = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    bytes
}

#[test]
fn pictures_and_ports_are_read_as_the_driver_sends_them() {
    assert_eq!(decode_base64("aMOpIQ=="), "hé!".as_bytes());
    assert_eq!(port_in("ChromeDriver was started successfully on port 41789."), Some(41789));
    assert_eq!(port_in("Starting ChromeDriver 156 on port 0"), None);
}
