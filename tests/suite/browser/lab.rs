//! The lab as a visitor's hands and eyes meet it, by the names that the page gives its parts.

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};

use super::webdriver::{Session, wait_for};

/// Longest that the lab may take to load and to simulate a whole run.
const READY_LIMIT: Duration = Duration::from_mins(1);
/// Longest that the page may take to show what a click did.
const SHOWN_LIMIT: Duration = Duration::from_secs(15);

/// The lab in a browser window.
pub(crate) struct Lab<'a> {
    session: &'a Session,
}

/// What the picture shows at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Steps that have happened.
    pub(crate) position: u64,
    /// Every replica: state, view, last executed position, whether it is primary.
    pub(crate) replicas: Vec<[String; 4]>,
    /// The hash of the whole run.
    pub(crate) trace_hash: String,
}

impl<'a> Lab<'a> {
    /// Opens the lab and waits until its first run is complete.
    pub(crate) fn open(session: &'a Session, url: &str) -> Self {
        session.go_to(url);
        let lab = Self { session };
        lab.wait_until_ready();
        lab
    }

    /// What a window, or the frame that it looks into, shows already.
    pub(crate) fn opened(session: &'a Session) -> Self {
        Self { session }
    }

    /// Waits until the page says that it has simulated the whole run.
    pub(crate) fn wait_until_ready(&self) {
        wait_for("the run to be complete", READY_LIMIT, || {
            let ready = self.session.script("return document.body.dataset.ready", &[]);
            (ready == "true").then_some(())
        });
    }

    /// Waits until no part of the verdict is open any more: the run is simulated to its end.
    pub(crate) fn wait_for_verdict(&self) {
        wait_for("the verdict of the whole run", READY_LIMIT, || {
            let states = self.verdict();
            (!states.is_empty() && states.iter().all(|(_, state)| state != "pending")).then_some(())
        });
    }

    /// Clicks the part of this name.
    pub(crate) fn click(&self, name: &str) {
        self.session.click(&format!("[data-test='{name}']"));
    }

    /// Whether the page has a part of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        !self.look(name, "return element.tagName").is_null()
    }

    /// What a part says.
    #[track_caller]
    pub(crate) fn text(&self, name: &str) -> String {
        let text = self.look(name, "return element.textContent.trim()");
        text.as_str().unwrap_or_else(|| panic!("the page has no `{name}`")).to_owned()
    }

    /// An attribute of a part; empty if it has none.
    pub(crate) fn attribute(&self, name: &str, attribute: &str) -> String {
        let value = self.look(name, &format!("return element.getAttribute('{attribute}')"));
        value.as_str().unwrap_or_default().to_owned()
    }

    /// The number that a part shows.
    #[track_caller]
    pub(crate) fn number(&self, name: &str) -> u64 {
        let text = self.text(name);
        text.parse().unwrap_or_else(|_| panic!("`{name}` shows {text:?}, which is no number"))
    }

    /// Steps that have happened.
    #[track_caller]
    pub(crate) fn position(&self) -> u64 {
        self.number("position")
    }

    /// Moves the scrubber as a hand would.
    pub(crate) fn scrub_to(&self, position: u64) {
        self.look(
            "scrubber",
            &format!(
                "element.value = {position}; \
                 element.dispatchEvent(new InputEvent('input', {{ bubbles: true }}))"
            ),
        );
        self.wait_for_position("the scrubbed position", |at| at == position);
    }

    /// Waits until the position is as it should be.
    #[track_caller]
    pub(crate) fn wait_for_position(&self, what: &str, is: impl Fn(u64) -> bool) -> u64 {
        wait_for(what, SHOWN_LIMIT, || Some(self.position()).filter(|at| is(*at)))
    }

    /// Waits until nothing plays, and says where it stopped.
    #[track_caller]
    pub(crate) fn wait_for_pause(&self) -> u64 {
        wait_for("the run to pause", READY_LIMIT, || {
            self.attribute("play", "aria-label").starts_with("Play").then(|| self.position())
        })
    }

    /// Chooses a scenario from the gallery and waits for its whole run.
    pub(crate) fn choose(&self, scenario: &str) {
        let name = format!("scenario-{scenario}");
        self.click(&name);
        wait_for("the chosen scenario", SHOWN_LIMIT, || {
            (self.attribute(&name, "aria-current") == "true").then_some(())
        });
        // It is marked as chosen while it comes, and what was shown before stays until then.
        self.wait_until_ready();
        self.wait_for_verdict();
    }

    /// Chooses from a list as a hand would.
    pub(crate) fn choose_from(&self, list: &str, value: &str) {
        self.look(
            list,
            &format!(
                "element.value = '{value}'; \
                 element.dispatchEvent(new Event('change', {{ bubbles: true }}))"
            ),
        );
        wait_for("the choice to show", SHOWN_LIMIT, || {
            let shown = self.look(list, "return element.value");
            (shown == value).then_some(())
        });
    }

    /// Opens the menu of a part with the right mouse button.
    pub(crate) fn right_click(&self, name: &str) {
        self.session.right_click(&format!("[data-test='{name}']"));
    }

    /// Clicks a part inside the open menu.
    pub(crate) fn click_in_menu(&self, name: &str) {
        self.session.click(&format!("[data-test='menu'] [data-test='{name}']"));
    }

    /// Whether the focus is inside a part.
    pub(crate) fn has_focus_in(&self, name: &str) -> bool {
        self.look(name, "return element.contains(document.activeElement)") == true
    }

    /// Every part of the verdict and its state.
    pub(crate) fn verdict(&self) -> Vec<(String, String)> {
        let states = self.session.script(
            "return [...document.querySelectorAll(\"[data-test^='verdict-']\")] \
             .map(element => [element.dataset.test.slice(8), element.dataset.state])",
            &[],
        );
        serde_json::from_value(states).expect("pairs of texts")
    }

    /// What the picture shows now. `prefix` is `node` or `live-node`.
    pub(crate) fn replicas(&self, prefix: &str) -> Vec<[String; 4]> {
        let script = "return [...document.querySelectorAll(`[data-test^='${arguments[0]}-']`)] \
             .map(({ dataset: it }) => [it.state, it.view, it.executed, it.primary])";
        let replicas = self.session.script(script, &[json!(prefix)]);
        serde_json::from_value(replicas).expect("four texts a replica")
    }

    /// This moment.
    pub(crate) fn moment(&self) -> Moment {
        Moment {
            position: self.position(),
            replicas: self.replicas("node"),
            trace_hash: self.text("trace-hash"),
        }
    }

    /// Saves a picture of the window in `target/screenshots`.
    pub(crate) fn screenshot(&self, name: &str) {
        save_picture(name, &self.session.screenshot());
    }

    fn look(&self, name: &str, then: &str) -> Value {
        let script = format!(
            "const element = document.querySelector(\"[data-test='{name}']\"); \
             if (!element) return null; {then}"
        );
        self.session.script(&script, &[])
    }
}

/// Saves a picture in `target/screenshots`, for people to look at.
pub(crate) fn save_picture(name: &str, picture: &[u8]) {
    assert!(picture.starts_with(b"\x89PNG"), "the browser sent no picture of {name}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/screenshots");
    fs::create_dir_all(&folder).expect("the folder can be made");
    fs::write(folder.join(format!("{name}.png")), picture).expect("the picture can be written");
}
