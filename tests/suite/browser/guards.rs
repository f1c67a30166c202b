//! The playgrounds of the guards in headless Chromium.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Visit, lab::Lab, wait_for};

/// In the order of the page's list.
const PATTERNS: [&str; 11] = [
    "manager",
    "degradation",
    "rate",
    "bulkhead",
    "adaptive",
    "retry",
    "breaker",
    "timeout",
    "health",
    "budget",
    "chaos",
];

/// The page at this address, below the server's own.
fn open<'a>(visit: &'a Visit, address: &str) -> Lab<'a> {
    // Another page in between: where only the fragment differs, nothing would be loaded.
    visit.session.go_to("about:blank");
    Lab::open(&visit.session, &format!("{}guards.html{address}", visit.server.url))
}

/// All pictures, in words.
pub(super) fn pictures(visit: &Visit) -> Vec<String> {
    let script = "return [...document.querySelectorAll('.panels [role=img]')] \
         .map(element => element.getAttribute('aria-label'))";
    serde_json::from_value(visit.session.script(script, &[])).expect("a list of texts")
}

/// Moves a slider as a hand does.
pub(super) fn turn(visit: &Visit, knob: &str, value: u32) {
    let script = "const element = document.querySelector(`[data-test='knob-${arguments[0]}']`); \
         element.value = arguments[1]; \
         element.dispatchEvent(new InputEvent('input', { bubbles: true })); \
         element.dispatchEvent(new Event('change', { bubbles: true })); return element.value";
    let shown = visit.session.script(script, &[json!(knob), json!(value)]);
    assert_eq!(shown, json!(value.to_string()), "{knob} can't be turned to {value}");
}

fn overflow(visit: &Visit) -> Value {
    let script =
        "const root = document.documentElement; return root.scrollWidth - root.clientWidth";
    visit.session.script(script, &[])
}

#[test]
fn every_playground_and_every_preset_opens_without_a_complaint_and_shows_other_numbers() {
    let visit = Visit::begin();
    let page = open(&visit, "");
    for pattern in PATTERNS {
        page.click(&format!("pattern-{pattern}"));
        let name = format!("pattern-{pattern}");
        wait_for("the chosen playground", Duration::from_secs(10), || {
            (page.attribute(&name, "aria-current") == "true").then_some(())
        });
        assert!(!page.has("refused-setting"), "{pattern}: its own setting is refused");
        let mut seen = Vec::new();
        for preset in 0.. {
            let button = format!("preset-{preset}");
            if !page.has(&button) {
                break;
            }
            page.click(&button);
            wait_for("the preset", Duration::from_secs(10), || {
                (page.attribute(&button, "aria-pressed") == "true").then_some(())
            });
            assert!(page.text("notice").ends_with('.'), "{pattern}: what is to be noticed?");
            let shown = pictures(&visit);
            assert!(shown.len() >= 2 && shown.iter().all(|it| it.len() > 20), "{shown:?}");
            assert!(!seen.contains(&shown), "{pattern}: {button} shows what another does");
            seen.push(shown);
        }
        assert!(seen.len() >= 2, "{pattern} has no presets");
        page.screenshot(&format!("guards-{pattern}"));
    }
    let strangers = visit.session.script(
        "return performance.getEntriesByType('resource').map(entry => entry.name) \
         .filter(name => !name.startsWith(location.origin))",
        &[],
    );
    assert_eq!(strangers, json!([]), "the page must fetch nothing from elsewhere");
    visit.no_complaints();
}

#[test]
fn a_slider_changes_the_pictures_and_the_link_brings_them_back_in_another_browser() {
    let visit = Visit::begin();
    let page = open(&visit, "#breaker");
    let before = pictures(&visit);
    turn(&visit, "rate", 100);
    turn(&visit, "open", 8_000);
    let turned = wait_for("other pictures", Duration::from_secs(10), || {
        Some(pictures(&visit)).filter(|it| *it != before)
    });
    assert_eq!(turned.len(), before.len());
    page.click("copy-link");
    let link = wait_for("the link", Duration::from_secs(5), || {
        let address = visit.session.script("return location.href", &[]);
        address.as_str().filter(|it| it.contains("rate=100")).map(str::to_owned)
    });
    let elsewhere = visit.driver.session(1_000, 800);
    let there = Lab::open(&elsewhere, &link);
    let script = "return [...document.querySelectorAll('.panels [role=img]')] \
         .map(element => element.getAttribute('aria-label'))";
    let again: Vec<String> =
        serde_json::from_value(elsewhere.script(script, &[])).expect("a list of texts");
    assert_eq!(again, turned, "{link}");
    assert!(!there.has("broken-link"));
    assert!(elsewhere.complaints().is_empty());
    visit.no_complaints();
}

#[test]
fn phi_is_a_chart_whose_line_and_threshold_follow_the_sliders() {
    let visit = Visit::begin();
    let _page = open(&visit, "#health?one");
    let phi = || -> (String, String) {
        let script = "const chart = document.querySelector('svg[aria-label^=\"Phi:\"]'); \
             return [chart.getAttribute('aria-label'), chart.querySelector('path.line').getAttribute('d')]";
        serde_json::from_value(visit.session.script(script, &[])).expect("words and a line")
    };
    let (said, mut line) = phi();
    assert!(said.contains("suspected from: from 8.0 to 8.0"), "{said}");
    // The service flaps: it is gone for long enough to be far beyond the threshold.
    assert!(said.contains("to 16.0, at the end"), "{said}");
    for (knob, value) in [("threshold", 3), ("beat", 2_000), ("jitter", 100)] {
        turn(&visit, knob, value);
        let (said, other) = wait_for("another line of phi", Duration::from_secs(10), || {
            Some(phi()).filter(|it| it.1 != line)
        });
        assert!(said.contains("suspected from: from 3.0 to 3.0"), "{knob}: {said}");
        line = other;
    }
    visit.no_complaints();
}

#[test]
fn a_broken_link_to_a_playground_is_one_clear_sentence() {
    let visit = Visit::begin();
    for broken in ["#nowhere", "#retry?rate=9999999", "#retry?x", "#%%%", "?pattern=nowhere"] {
        let page = open(&visit, broken);
        let said = page.text("broken-link");
        assert!(said.starts_with("The link") && said.ends_with('.'), "{broken}: {said}");
        assert!(!pictures(&visit).is_empty(), "{broken}: and the page still works");
    }
    visit.no_complaints();
}

#[test]
fn one_playground_stands_alone_in_a_frame_and_on_a_phone_nothing_scrolls_sideways() {
    let visit = Visit::begin();
    let page = open(&visit, "?pattern=bulkhead&embed");
    assert!(!page.has("pattern-bulkhead") && !page.has("theme"), "a frame shows one alone");
    assert!(!pictures(&visit).is_empty());
    page.screenshot("guards-embed");
    visit.session.chromium(
        "Emulation.setDeviceMetricsOverride",
        &json!({ "width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true }),
    );
    for pattern in PATTERNS {
        let page = open(&visit, &format!("#{pattern}"));
        assert_eq!(overflow(&visit), json!(0), "{pattern} is wider than the phone");
        page.screenshot(&format!("guards-phone-{pattern}"));
    }
    visit.no_complaints();
}

#[test]
fn the_lab_leads_to_the_playgrounds_and_they_lead_back() {
    let visit = Visit::begin();
    let lab = visit.lab();
    lab.click("to-guards");
    wait_for("the playgrounds", Duration::from_secs(30), || {
        lab.has("pattern-breaker").then_some(())
    });
    visit.session.click(".brand");
    wait_for("the lab", Duration::from_secs(30), || lab.has("copy-command").then_some(()));
    visit.no_complaints();
}
