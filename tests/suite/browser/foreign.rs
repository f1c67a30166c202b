//! Pages of this project in the frame of somebody else's page, which is of another site.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
    time::Duration,
};

use serde_json::json;

use super::{
    SOON, Visit,
    guards::{pictures, turn},
    lab::Lab,
    resilience, wait_for,
};

/// Serves one page, whose body is this, until the test ends. Gives its address: `localhost` is another
/// site than the `127.0.0.1` from which the program serves.
fn elsewhere(body: &str) -> String {
    // The icon, so that nobody asks for one.
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Elsewhere</title>\
         <link rel=\"icon\" href=\"data:,\"></head><body>{body}</body></html>"
    );
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{page}",
        page.len()
    );
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("its port").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let answer = answer.clone();
            // A browser may open a connection and say nothing on it.
            thread::spawn(move || {
                if stream.read(&mut [0; 4_096]).is_ok_and(|bytes| bytes > 0) {
                    let _ = stream.write_all(answer.as_bytes());
                }
            });
        }
    });
    format!("http://localhost:{port}/")
}

/// Looks into the only frame of a page elsewhere, once what is in it is ready.
fn framed<'a>(visit: &'a Visit, url: &str) -> Lab<'a> {
    visit.session.go_to(url);
    visit.session.enter_frame("iframe");
    let page = Lab::opened(&visit.session);
    page.wait_until_ready();
    let stranger = "try { return parent.document.title } catch { return 'a stranger' }";
    assert_eq!(visit.session.script(stranger, &[]), json!("a stranger"), "it is of another site");
    page
}

/// Nothing is fetched from elsewhere, nothing left behind, and the page around is as it was.
#[track_caller]
fn keeps_to_itself(visit: &Visit, url: &str) {
    let strangers = "return performance.getEntriesByType('resource').map(entry => entry.name) \
         .filter(name => !name.startsWith(location.origin))";
    assert_eq!(visit.session.script(strangers, &[]), json!([]));
    assert_eq!(visit.session.script("return document.cookie", &[]), json!(""));
    visit.session.leave_frames();
    assert_eq!(visit.session.script("return location.href", &[]), json!(url));
    visit.no_complaints();
}

#[test]
fn a_playgrounds_embed_code_works_on_a_page_of_another_site() {
    let visit = Visit::begin();
    let page = Lab::open(&visit.session, &format!("{}guards.html#breaker", visit.server.url));
    turn(&visit, "rate", 100);
    let before = pictures(&visit);
    // What would be copied, whatever the browser lets pages copy.
    visit.session.script(
        "navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve() }",
        &[],
    );
    page.click("copy-embed");
    let code = wait_for("the embed code", SOON, || {
        let copied = visit.session.script("return window.copied ?? null", &[]);
        copied.as_str().map(str::to_owned)
    });
    let url = elsewhere(&code);

    let page = framed(&visit, &url);
    assert!(!page.has("theme") && !page.has("pattern-breaker"), "a frame shows one alone");
    assert_eq!(pictures(&visit), before, "as its knobs stood: {code}");
    turn(&visit, "open", 9_000);
    wait_for("other pictures", Duration::from_secs(10), || {
        (pictures(&visit) != before).then_some(())
    });
    page.click("preset-1");
    wait_for("the preset", SOON, || {
        (page.attribute("preset-1", "aria-pressed") == "true").then_some(())
    });
    page.screenshot("guards-foreign-frame");
    keeps_to_itself(&visit, &url);
}

#[test]
fn the_lab_with_guards_works_in_the_frame_of_another_site() {
    let visit = Visit::begin();
    let src = format!("{}{}", visit.server.url, resilience::PAGE);
    let frame =
        format!("<iframe src=\"{src}\" title=\"The lab\" width=\"1300\" height=\"800\"></iframe>");
    let url = elsewhere(&frame);
    let lab = framed(&visit, &url);
    lab.choose("client-flood");
    assert!(lab.has("gates"), "it is carried out, guards and all");
    lab.click("home");
    lab.wait_for_position("the beginning", |at| at == 0);
    lab.click("play");
    lab.wait_for_position("playing", |at| at > 0);
    lab.wait_for_pause();
    lab.screenshot("resilience-foreign-frame");
    keeps_to_itself(&visit, &url);
}
