//! The lab in headless Chromium, as a visitor meets it.

mod foreign;
mod guards;
pub(crate) mod lab;
pub(crate) mod resilience;
pub(crate) mod server;
pub(crate) mod webdriver;

use std::{fs, process::Command, thread, time::Duration};

use conclave_core::sim::{self, BUILTIN, Invariant};
use serde_json::{Value, json};

use crate::cluster::real::Scratch;

use self::{
    lab::Lab,
    server::Server,
    webdriver::{Driver, Session, wait_for},
};

const DESKTOP: (u32, u32) = (1360, 900);
/// What a page does by itself, it does within this.
const SOON: Duration = Duration::from_secs(20);

/// A driver, a window and the server that the lab comes from.
struct Visit {
    // In the order in which they must end: the window before its driver.
    session: Session,
    driver: Driver,
    server: Server,
}

impl Visit {
    fn begin() -> Self {
        Self::to(Server::lab())
    }

    fn to(server: Server) -> Self {
        let driver = Driver::start();
        let session = driver.session(DESKTOP.0, DESKTOP.1);
        Self { session, driver, server }
    }

    fn lab(&self) -> Lab<'_> {
        Lab::open(&self.session, &self.server.url)
    }

    #[track_caller]
    fn no_complaints(&self) {
        let complaints = self.session.complaints();
        assert!(complaints.is_empty(), "the browser's console says: {complaints:#?}");
    }

    fn prefer(&self, feature: &str, value: &str) {
        self.session.chromium(
            "Emulation.setEmulatedMedia",
            &json!({ "features": [{ "name": feature, "value": value }] }),
        );
    }
}

impl Drop for Visit {
    /// Of a test that fails, what the window showed and said is kept.
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the browser's console says: {:#?}", self.session.complaints());
            let picture = self.session.screenshot();
            let name = thread::current().name().unwrap_or("test").replace("::", "-");
            if !picture.is_empty() {
                lab::save_picture(&format!("failed-{name}"), &picture);
            }
        }
    }
}

/// The built-in scenarios that the plain lab carries out: it is built without guards around calls.
pub(crate) fn scenarios_of_the_lab() -> impl Iterator<Item = (&'static str, sim::Scenario)> {
    let all = BUILTIN.iter().map(|known| {
        let scenario = sim::builtin(known.name).expect("the core's tests read every scenario");
        (known.name, scenario)
    });
    all.filter(|(_, scenario)| !scenario.needs_guards())
}

#[test]
fn the_lab_loads_every_scenario_without_a_complaint_and_asks_nobody_else() {
    let visit = Visit::begin();
    let lab = visit.lab();
    for (name, _) in scenarios_of_the_lab() {
        lab.choose(name);
        assert!(lab.number("steps") > 100, "{name} is hardly a run");
    }
    let strangers = visit.session.script(
        "return performance.getEntriesByType('resource').map(entry => entry.name) \
         .filter(name => !name.startsWith(location.origin))",
        &[],
    );
    assert_eq!(strangers, json!([]), "the lab must fetch nothing from elsewhere");
    visit.no_complaints();
    lab.choose("normal-case");
    lab.scrub_to(lab.number("steps") / 2);
    lab.screenshot("light");
}

#[test]
fn milestones_are_found_among_the_messages_of_a_large_cluster() {
    let visit = Visit::begin();
    let lab = visit.lab();
    lab.choose("rising-threat");
    lab.scrub_to(lab.number("steps") / 10 * 9);
    let found = visit
        .session
        .script("return document.querySelectorAll('.events .rows .milestone').length", &[]);
    assert!(found.as_u64().is_some_and(|found| found > 10), "{found}");
}

#[test]
fn every_scenario_plays_to_its_end_and_comes_out_as_its_file_expects() {
    let visit = Visit::begin();
    let lab = visit.lab();
    lab.choose_from("speed", "100");
    for (name, scenario) in scenarios_of_the_lab() {
        lab.choose(name);
        for (part, state) in lab.verdict() {
            let broken = Invariant::ALL
                .iter()
                .find(|invariant| invariant.name().replace(' ', "-") == part)
                .is_some_and(|invariant| scenario.expect.violated.contains(invariant));
            let expected = if broken { "violated" } else { "held" };
            assert_eq!(state, expected, "{name}: {part}");
        }
        // A press goes to the next marker, the last one to the end.
        let end = lab.number("steps");
        for press in 0..=scenario.narration.len() {
            let from = lab.position();
            if from == end {
                break;
            }
            lab.click("play");
            lab.wait_for_position("playing", |at| at > from);
            let at = lab.wait_for_pause();
            assert!(at > from, "{name}: press {press} didn't get on from {from}");
        }
        assert_eq!(lab.position(), end, "{name} doesn't play to its end");
        visit.no_complaints();
    }
}

#[test]
fn a_right_click_opens_the_menu_and_a_verb_in_it_takes_effect() {
    let visit = Visit::begin();
    let lab = visit.lab();
    lab.choose("normal-case");
    lab.scrub_to(lab.number("steps") / 4);
    let before = lab.moment();
    lab.right_click("node-0");
    wait_for("the focus in the menu", Duration::from_secs(5), || {
        (lab.has("menu") && lab.has_focus_in("menu")).then_some(())
    });
    lab.screenshot("menu");
    lab.click_in_menu("act-byzantine-wrong-digest");
    wait_for("the liar to show", Duration::from_secs(10), || {
        (lab.attribute("node-0", "data-state") == "byzantine").then_some(())
    });
    assert!(!lab.has("menu"), "what was asked for closes the menu");
    lab.wait_for_verdict();
    lab.click("end");
    lab.wait_for_position("the end", |at| at == lab.number("steps"));
    let after = lab.moment();
    assert_ne!(after.trace_hash, before.trace_hash, "a lie makes another run");
    for (invariant, state) in lab.verdict() {
        assert_eq!(state, "held", "{invariant} with one liar of f = 1");
    }
    visit.no_complaints();
}

#[test]
fn the_keyboard_alone_selects_a_replica_and_acts_on_it() {
    const ENTER: &str = "\u{e007}";
    const ESCAPE: &str = "\u{e00c}";
    let visit = Visit::begin();
    let lab = visit.lab();
    lab.choose("normal-case");
    lab.scrub_to(lab.number("steps") / 4);
    let in_menu = || {
        wait_for("the focus in the menu", Duration::from_secs(5), || {
            (lab.has("menu") && lab.has_focus_in("menu")).then_some(())
        });
    };
    visit.session.press("2");
    wait_for("replica 1 to have the focus", Duration::from_secs(5), || {
        lab.has_focus_in("node-1").then_some(())
    });
    visit.session.press(ENTER);
    in_menu();
    visit.session.press(ESCAPE);
    wait_for("the menu to close", Duration::from_secs(5), || (!lab.has("menu")).then_some(()));
    assert!(lab.has_focus_in("node-1"), "the focus goes back to where it came from");
    visit.session.press(ENTER);
    in_menu();
    // The first act of a replica that runs.
    visit.session.press(ENTER);
    wait_for("the crash to show", Duration::from_secs(10), || {
        (lab.attribute("node-1", "data-state") == "down").then_some(())
    });
    visit.no_complaints();
}

#[test]
fn nothing_moves_until_asked_then_it_plays_from_marker_to_marker() {
    let visit = Visit::begin();
    let lab = visit.lab();
    let start = lab.position();
    thread::sleep(Duration::from_millis(500));
    assert_eq!(lab.position(), start, "nothing may move by itself on load");

    // A marker pauses with its sentence; "now you", says the button, and it goes on from there.
    let mut from = start;
    for _ in 0..2 {
        lab.click("play");
        let marker = lab.wait_for_pause();
        assert!(marker > from, "it didn't play from {from} on");
        assert!(!lab.text("narration").is_empty());
        from = marker;
    }
    lab.click("play");
    lab.wait_for_position("the run to play on", |at| at > from);
    lab.click("play");
    assert!(lab.wait_for_pause() < lab.number("steps"));
    visit.no_complaints();
}

#[test]
fn stepping_back_shows_the_very_same_moments_again() {
    let visit = Visit::begin();
    let lab = visit.lab();
    lab.scrub_to(lab.number("steps") / 3);
    let mut moments = vec![lab.moment()];
    for _ in 0..12 {
        let next = lab.position() + 1;
        lab.click("step-forward");
        lab.wait_for_position("one step forwards", |at| at == next);
        moments.push(lab.moment());
    }
    assert!(moments.windows(2).all(|pair| pair[0].position + 1 == pair[1].position));
    while let Some(moment) = moments.pop() {
        lab.wait_for_position("one step back", |at| at == moment.position);
        assert_eq!(lab.moment(), moment);
        if !moments.is_empty() {
            lab.click("step-back");
        }
    }
    visit.no_complaints();
}

#[test]
fn the_keyboard_steps_and_plays() {
    let visit = Visit::begin();
    let lab = visit.lab();
    lab.scrub_to(50);
    visit.session.press("...");
    lab.wait_for_position("three steps by key", |at| at == 53);
    visit.session.press(",");
    lab.wait_for_position("a step back by key", |at| at == 52);
    visit.session.press(" ");
    lab.wait_for_position("playing by key", |at| at > 60);
}

#[test]
fn crashing_the_primary_makes_the_others_change_the_view() {
    let visit = Visit::begin();
    let lab = visit.lab();
    lab.choose("normal-case");
    lab.scrub_to(lab.number("steps") / 4);
    let before = lab.moment();
    assert_eq!(lab.attribute("node-0", "data-primary"), "true");
    assert_eq!(lab.attribute("node-0", "data-view"), "0");

    lab.click("node-0");
    lab.click("act-crash");
    wait_for("the crash to show", Duration::from_secs(10), || {
        (lab.attribute("node-0", "data-state") == "down").then_some(())
    });
    lab.wait_for_verdict();
    lab.click("end");
    lab.wait_for_position("the end", |at| at == lab.number("steps"));

    let after = lab.moment();
    assert_ne!(after.trace_hash, before.trace_hash, "another run has another hash");
    let up: Vec<_> = after.replicas.iter().filter(|replica| replica[0] == "up").collect();
    assert_eq!(up.len(), 3, "{after:?}");
    for [_, view, executed, _] in &up {
        assert!(view.parse::<u64>().unwrap() >= 1, "no view change: {after:?}");
        let old: u64 = before.replicas[0][2].parse().unwrap();
        assert!(executed.parse::<u64>().unwrap() > old, "no progress after it: {after:?}");
    }
    assert!(up.iter().any(|replica| replica[3] == "true"), "no new primary: {after:?}");
    for (invariant, state) in lab.verdict() {
        assert_eq!(state, "held", "{invariant}");
    }
    lab.screenshot("crashed-primary");

    // Going back before the crash brings the primary back to life.
    lab.scrub_to(before.position);
    assert_eq!(lab.replicas("node"), before.replicas);
    visit.no_complaints();
}

#[test]
fn a_link_reproduces_the_moment_in_another_browser() {
    let visit = Visit::begin();
    let lab = visit.lab();
    lab.choose("normal-case");
    lab.scrub_to(lab.number("steps") / 5);
    lab.click("node-0");
    lab.click("act-byzantine-equivocate");
    wait_for("the liar to show", Duration::from_secs(10), || {
        (lab.attribute("node-0", "data-state") == "byzantine").then_some(())
    });
    lab.wait_for_verdict();
    lab.scrub_to(lab.number("steps") / 2);
    let moment = lab.moment();
    lab.click("copy-link");
    let link = wait_for("the link", Duration::from_secs(5), || {
        let address = visit.session.script("return location.href", &[]);
        address.as_str().filter(|address| address.contains("#r=")).map(str::to_owned)
    });
    assert!(link.len() < 4_000, "a link of {} bytes is none to send", link.len());

    let elsewhere = visit.driver.session(1000, 800);
    let there = Lab::open(&elsewhere, &link);
    there.wait_for_verdict();
    assert_eq!(there.moment(), moment);
    assert!(elsewhere.complaints().is_empty());
}

#[test]
fn a_broken_link_is_one_clear_sentence_and_the_lab_still_works() {
    let visit = Visit::begin();
    for broken in ["#r=nonsense", "#r=%%%", "#r=", "#r=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        // Another page in between: only the fragment differs, and that alone loads nothing.
        visit.session.go_to("about:blank");
        let lab = Lab::open(&visit.session, &format!("{}{broken}", visit.server.url));
        let said = lab.text("broken-link");
        assert!(said.contains("link") && said.contains('.'), "{broken}: {said}");
        lab.choose("silent-primary");
        assert!(lab.number("steps") > 100);
    }
    visit.no_complaints();
}

#[test]
fn a_scenario_that_does_not_come_is_said_in_words_and_what_was_shown_stays() {
    let visit = Visit::begin();
    let lab = visit.lab();
    let steps = lab.number("steps");
    let block = |urls: &[&str]| {
        visit.session.chromium("Network.enable", &json!({}));
        visit.session.chromium("Network.setBlockedURLs", &json!({ "urls": urls }));
    };
    block(&["*silent-primary*"]);
    lab.click("scenario-silent-primary");
    wait_for("what came of it", SOON, || lab.has("broken-link").then_some(()));
    let said = lab.text("broken-link");
    assert!(said.contains("silent-primary") && said.contains("doesn't answer"), "{said}");
    lab.wait_until_ready();
    assert_eq!(lab.number("steps"), steps, "what was shown stays");
    assert_eq!(lab.attribute("scenario-normal-case", "aria-current"), "true");
    block(&[]);
    lab.choose("silent-primary");
    assert!(lab.number("steps") != steps && !lab.has("broken-link"));
}

#[test]
fn threat_and_epochs_are_bands_that_say_why_and_lead_to_where_they_began() {
    let visit = Visit::begin();
    let lab = visit.lab();
    assert!(!lab.has("periods"), "nothing is agreed on in the normal case");
    lab.choose("rising-threat");
    lab.click("home");
    assert!(lab.text("why").contains("threat low"), "{}", lab.text("why"));
    // The last level is critical. Its band has the focus and says why before anybody goes there.
    let critical = visit.session.script(
        "const band = document.querySelector('.stretch.critical'); band.focus(); return band.dataset.test",
        &[],
    );
    let critical = critical.as_str().expect("a band").to_owned();
    wait_for("the sentence", SOON, || lab.text("why").contains("threat critical").then_some(()));
    assert_eq!(lab.position(), 0);
    let name = lab.attribute(&critical, "aria-label");
    assert!(name.contains("because"), "{name}");
    lab.click(&critical);
    lab.wait_for_position("at the band's beginning", |at| at > 0);
    assert_eq!(lab.attribute(&critical, "aria-current"), "true");
    lab.screenshot("bands");
    // Backwards, it is as it was.
    lab.click("home");
    assert_ne!(lab.attribute(&critical, "aria-current"), "true");
    visit.no_complaints();
}

#[test]
fn what_all_agreed_on_stands_beside_what_one_observer_believes() {
    let visit = Visit::begin();
    let lab = visit.lab();
    lab.choose("equivocation-proven");
    lab.click("home");
    let agreed =
        || -> Vec<String> { (0..4).map(|node| lab.text(&format!("agreed-{node}"))).collect() };
    assert_eq!(agreed(), ["–", "–", "–", "–"]);
    lab.click("end");
    wait_for("the conviction", SOON, || agreed().contains(&"convicted".to_owned()).then_some(()));
    let convicted = agreed().iter().position(|it| it == "convicted").expect("one is");
    let name = lab.attribute(&format!("node-{convicted}"), "aria-label");
    assert!(name.contains("Byzantine") && name.contains("convicted by agreement"), "{name}");
    lab.click(&format!("node-{convicted}"));
    wait_for("the decision", SOON, || lab.has("decided").then_some(()));
    assert!(lab.text("decided").contains("convicted"), "{}", lab.text("decided"));
    lab.screenshot("agreed");

    // A proof is the liar's own two statements,
    let said = visit.session.script(
        "const proof = document.querySelector('[data-test=proof]'); proof.open = true; \
         proof.scrollIntoView(); return [...proof.querySelectorAll('li b')].map(it => it.textContent)",
        &[],
    );
    let said: Vec<_> = said.as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0] != said[1] && said.iter().all(|it| it.contains("pre-prepare")), "{said:?}");
    lab.screenshot("proof");
    // and convinces whoever knows nothing but the run's keys: saved in the page,
    lab.click("save-proofs");
    let file = lab.attribute("save-proofs", "href");
    let bytes = file.strip_prefix("data:application/octet-stream,%").expect("a file").split('%');
    let bytes: Vec<u8> = bytes.map(|byte| u8::from_str_radix(byte, 16).expect("a byte")).collect();
    let scratch = Scratch::new();
    fs::write(scratch.path().join("saved.evidence"), bytes).expect("it can be written");
    let link = visit.session.script("return location.href", &[]);
    let link = link.as_str().expect("an address");
    let conclave = |arguments: &[&str]| {
        let mut command = Command::new(server::program());
        command.args(arguments).current_dir(scratch.path());
        let output = command.output().expect("the program can be started");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    // and taken out by its link, of which what stands after the mark is enough.
    let (code, printed) = conclave(&["simulate", "--link", link, "--evidence", "lab.evidence"]);
    assert_eq!(code, Some(0), "{printed}");
    let address = link.rsplit_once("#r=").expect("it leads to a run").1;
    for (file, of) in [("saved.evidence", link), ("lab.evidence", link), ("lab.evidence", address)]
    {
        let (code, printed) = conclave(&["evidence", "verify", file, "--of", of]);
        assert_eq!(code, Some(0), "{printed}");
        let proven = "PROVEN: node 0 signed two pre-prepares for one place";
        assert!(printed.contains(proven), "{printed}");
    }
    let other = ["--of", "equivocation-proven", "--seed", "7"];
    let (code, printed) = conclave(&[&["evidence", "verify", "lab.evidence"][..], &other].concat());
    assert_eq!(code, Some(1), "another run's keys: {printed}");
    visit.no_complaints();
}

#[test]
fn the_detector_chart_comes_on_demand_and_names_the_command_that_made_it() {
    let visit = Visit::begin();
    let lab = visit.lab();
    let loaded =
        "return performance.getEntriesByType('resource').some(it => it.name.includes('detector'))";
    assert_eq!(visit.session.script(loaded, &[]), json!(false), "nobody asked for it yet");
    visit.session.click("[data-test='to-detector']");
    wait_for("the chart", SOON, || lab.has("command").then_some(()));
    assert!(lab.text("command").starts_with("conclave evaluate-detector --from"));
    let drawn = visit.session.script(
        "const rows = [...document.querySelectorAll('tbody tr:not(.class)')]; \
         const seen = rows.filter(row => row.querySelectorAll('svg .whisker').length > 0); \
         const hidden = document.querySelectorAll('[data-test=class-hidden] tr').length; \
         return [rows.length, seen.length, hidden, document.documentElement.scrollWidth <= innerWidth]",
        &[],
    );
    let [rows, seen, hidden, fits] = drawn.as_array().expect("an array").as_slice() else {
        panic!("{drawn}")
    };
    assert!(rows.as_u64() >= Some(20) && seen.as_u64() >= Some(10), "{drawn}");
    assert!(hidden.as_u64() >= Some(3) && *fits == json!(true), "{drawn}");
    visit.no_complaints();
}

#[test]
fn the_verdict_strip_shows_what_one_liar_too_many_breaks() {
    let visit = Visit::begin();
    let lab = visit.lab();
    lab.choose("one-liar-too-many");
    let verdict = lab.verdict();
    let state = |name: &str| verdict.iter().find(|(part, _)| part == name).map(|it| it.1.as_str());
    assert_eq!(state("agreement"), Some("violated"), "{verdict:?}");
    lab.click("verdict-agreement");
    let position = lab.wait_for_position("the moment of the violation", |at| at > 0);
    assert!(position < lab.number("steps"));
    lab.screenshot("one-liar-too-many");

    lab.choose("equivocating-primary");
    for (invariant, state) in lab.verdict() {
        assert_eq!(state, "held", "{invariant} with f liars");
    }
    visit.no_complaints();
}

#[test]
fn a_phone_shows_it_all_without_scrolling_sideways() {
    let visit = Visit::begin();
    visit.session.chromium(
        "Emulation.setDeviceMetricsOverride",
        &json!({ "width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true }),
    );
    let lab = visit.lab();
    lab.choose_from("scenario-choice", "equivocating-primary");
    lab.wait_for_verdict();
    assert_eq!(lab.attribute("scenario-equivocating-primary", "aria-current"), "true");
    lab.scrub_to(lab.number("steps") / 3);
    lab.click("tab-ring");
    lab.click("node-2");
    wait_for("the menu of a tap", Duration::from_secs(5), || lab.has("menu").then_some(()));
    lab.screenshot("phone-menu");
    lab.click_in_menu("look-inside");
    assert!(!lab.text("inspect-executed").is_empty());
    for tab in ["lanes", "ring", "inspect", "events"] {
        lab.click(&format!("tab-{tab}"));
        let overflow = visit.session.script(
            "const root = document.documentElement; return [root.scrollWidth, root.clientWidth]",
            &[],
        );
        assert_eq!(overflow, json!([390, 390]), "{tab} is wider than the phone");
        assert!(lab.has("play"), "{tab}: time is always at hand");
        lab.screenshot(&format!("phone-{tab}"));
    }
    visit.no_complaints();
}

#[test]
fn it_is_light_or_dark_as_the_visitor_prefers() {
    let visit = Visit::begin();
    let brightness = |scheme: &str| {
        visit.prefer("prefers-color-scheme", scheme);
        let lab = visit.lab();
        lab.scrub_to(lab.number("steps") / 2);
        lab.screenshot(scheme);
        let sum = visit.session.script(
            "const colour = document.createElement('canvas').getContext('2d'); \
             const of = [document.body, document.documentElement] \
                 .map(element => getComputedStyle(element).backgroundColor) \
                 .find(value => !/, 0\\)$|transparent/.test(value)) ?? 'white'; \
             colour.fillStyle = of; colour.fillRect(0, 0, 1, 1); \
             const [r, g, b] = colour.getImageData(0, 0, 1, 1).data; return r + g + b",
            &[],
        );
        sum.as_u64().expect("a sum of three bytes")
    };
    let (light, dark) = (brightness("light"), brightness("dark"));
    assert!(light > 600, "light's ground has brightness {light} of 765");
    assert!(dark < 165, "dark's ground has brightness {dark} of 765");
    visit.no_complaints();
}

#[test]
fn the_lab_attaches_to_a_real_cluster_and_sees_its_primary_die_and_another_epoch_begin() {
    let scratch = Scratch::new();
    let visit = Visit::to(Server::cluster(scratch.path()));
    let lab = visit.lab();
    lab.click("mode-both");
    wait_for("all four real nodes", Duration::from_secs(30), || {
        (lab.text("live-answering").starts_with("4 of 4") && lab.text("live-state") == "LIVE")
            .then_some(())
    });
    let executed = || -> Vec<u64> {
        let replicas = lab.replicas("live-node");
        replicas.iter().map(|replica| replica[2].parse().unwrap_or(0)).collect()
    };
    let before = executed();
    wait_for("the real nodes to execute requests", Duration::from_secs(30), || {
        executed().iter().zip(&before).all(|(now, before)| now > before).then_some(())
    });
    // Side by side, each has half of the stage and stays in it.
    let beyond = visit.session.script(
        "const world = document.querySelector('[data-test=world-live]'); \
         const edge = world.getBoundingClientRect().right + 1; \
         const reaches = it => it.getBoundingClientRect().right > edge; \
         const parts = ':scope > *, .live-strip *, .inspector *'; \
         return [...world.querySelectorAll(parts)].filter(reaches).map(it => it.outerHTML.slice(0, 80))",
        &[],
    );
    assert_eq!(beyond, json!([]));
    lab.screenshot("live");

    lab.click("live-kill-0");
    wait_for("the survivors to enter another view", Duration::from_mins(1), || {
        let replicas = lab.replicas("live-node");
        replicas.iter().skip(1).all(|it| it[0] == "up" && it[1] != "0").then_some(())
    });
    let before = executed();
    wait_for("the survivors to go on executing", Duration::from_secs(30), || {
        executed().iter().zip(&before).skip(1).all(|(now, before)| now > before).then_some(())
    });
    lab.screenshot("live-after-kill");

    // Another protocol, in which the one that died leads last: another epoch, and its first view.
    let switch = ["protocol", "switch", "trust-ordered-pbft", "--last", "0", "--config"];
    let mut command = Command::new(server::program());
    let output = command.args(switch).arg(scratch.path()).output().expect("it can be started");
    assert!(output.status.success(), "{output:?}");
    wait_for("the survivors to be in the new epoch's first view", SOON, || {
        let replicas = lab.replicas("live-node");
        let primary: Vec<_> = replicas.iter().map(|it| it[3] == "true").collect();
        (replicas.iter().skip(1).all(|it| it[1] == "0") && primary == [false, true, false, false])
            .then_some(())
    });
    lab.click("mode-live");
    wait_for("the epoch among the events", SOON, || {
        let text = visit.session.script("return document.body.innerText", &[]);
        text.as_str()
            .is_some_and(|text| {
                text.contains("begins epoch 1: trust-ordered PBFT of 0, 1, 2 and 3")
            })
            .then_some(())
    });
    lab.screenshot("live-after-switch");
}
