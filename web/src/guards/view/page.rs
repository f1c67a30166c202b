//! Header, list of playgrounds, and everything around the charts.

use conclave_core::resilience::playground::Played;
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::{html::Scope, prelude::*};

use super::{
    chart::{self, Frame},
    controls,
    scale::nice,
    summary,
};
use crate::{
    mark::mark,
    page::{Msg, Page},
    panel::{Panel, Shown},
    patterns::PATTERNS,
};

/// The whole page, or one playground for another page's frame.
pub(crate) fn view(page: &Page, link: &Scope<Page>) -> Html {
    let alone = page.query.embed;
    html! {
        <div class={if alone { "guards alone" } else { "guards" }}>
            { chart::patterns() }
            if !alone { { top(page, link) }{ list(page, link) } }
            <main>
                { for page.broken.iter().map(|why| html! {
                    <p class="notice bad" role="alert" data-test="broken-link">{ why.clone() }</p>
                }) }
                { playground(page, link) }
            </main>
        </div>
    }
}

fn top(page: &Page, link: &Scope<Page>) -> Html {
    html! {
        <header class="top">
            <a class="brand" href="index.html" title="To the lab">
                { mark() }
                { "Conclave" }
            </a>
            <p class="tagline">{ "Guards around calls: the real ones, in a world to break" }</p>
            <div class="tools">
                <a class="tool" href="index.html">{ "The lab" }</a>
                <button class="tool" data-test="theme" onclick={link.callback(|_| Msg::NextTheme)}>
                    { format!("Theme: {}", page.theme.key()) }</button>
            </div>
        </header>
    }
}

fn list(page: &Page, link: &Scope<Page>) -> Html {
    let current = page.stand.pattern;
    html! {
        <nav class="patterns" aria-label="Playgrounds">
            <label class="choice"><span>{ "Playground" }</span>
                <select data-test="pattern-choice" onchange={link.callback(|event: Event| {
                    let select: HtmlSelectElement = event.target_unchecked_into();
                    Msg::Pick(select.selected_index().max(0) as usize)
                })}>
                    { for PATTERNS.iter().enumerate().map(|(at, it)| html! {
                        <option selected={at == current}>{ it.name }</option>
                    }) }
                </select>
            </label>
            <ol>{ for PATTERNS.iter().enumerate().map(|(at, it)| html! {
                <li><button class={classes!("scenario", (at == current).then_some("chosen"))}
                    data-test={format!("pattern-{}", it.key)} aria-current={(at == current).then_some("true")}
                    onclick={link.callback(move |_| Msg::Pick(at))}>
                    <strong>{ it.name }</strong><span>{ it.promise }</span>
                </button></li>
            }) }</ol>
            <p class="hint">{ "In the order in which a call meets them. All of it is computed here, by the code that guards real nodes." }</p>
        </nav>
    }
}

fn playground(page: &Page, link: &Scope<Page>) -> Html {
    let pattern = page.stand.pattern();
    let preset = page.stand.is_preset();
    let notice =
        preset.map_or("Your own setting. What is different now?", |it| pattern.presets[it].notice);
    let tool = |test: &'static str, name: &'static str, message: fn() -> Msg| {
        html! {
            <button class="tool" data-test={test} onclick={link.callback(move |_| message())}>{ name }</button>
        }
    };
    html! {
        <article aria-label={pattern.name}>
            <header class="head">
                <h1>{ pattern.name }</h1>
                { controls::presets(page, link) }
                <p class="say" data-test="notice">{ notice }</p>
            </header>
            <div class="board">
                <div class="pictures">
                    { summary::view(page) }
                    { for page.played.iter().enumerate().filter_map(|(at, it)| Some((at, it.as_ref().err()?))).map(|(at, why)| html! {
                        <p class="notice bad" data-test="refused-setting">{ format!("{} can't work: {why}.", if at == 0 { "A" } else { "B" }) }</p>
                    }) }
                    { panels(page, link) }
                    { moment(page, link) }
                    { summary::details(page) }
                </div>
                <aside>
                    { controls::knobs(page, link) }
                    <div class="share">
                        { tool("copy-link", "Copy link", || Msg::CopyLink) }
                        { tool("copy-embed", "Copy embed code", || Msg::CopyEmbed) }
                        if page.query.embed {
                            <a class="tool" href={format!("guards.html#{}", page.stand.link())} target="_blank">{ "Open all" }</a>
                        }
                        <p class="hint" role="status" data-test="said">{ page.said.clone().unwrap_or_default() }</p>
                    </div>
                </aside>
            </div>
        </article>
    }
}

fn panels(page: &Page, link: &Scope<Page>) -> Html {
    let sides: Vec<&Played> = page.sides().collect();
    let seconds = sides
        .first()
        .map_or(0, |it| (it.bucket_us * it.buckets.len() as u64).div_ceil(1_000_000) as u32);
    let class = if sides.len() > 1 { "panels two" } else { "panels" };
    let row = |panel: &Panel| {
        let shown: Vec<Shown> = sides.iter().map(|it| panel.of(it)).collect();
        let top = nice(shown.iter().map(chart::highest).max().unwrap_or(0));
        let name = panel.name();
        let frame = Frame { page, link, name, top, seconds };
        html! {
            <section class="row" data-test={format!("panel-{name}")}>
                <h2>{ name }</h2>
                { for shown.iter().enumerate().map(|(at, it)| {
                    let side = if at == 0 { "A" } else { "B" };
                    html! { <figure>if sides.len() > 1 { <figcaption>{ side }</figcaption> }{ chart::view(&frame, it) }</figure> }
                }) }
            </section>
        }
    };
    html! {
        <div class={class}>
            <div class="row gauge"><figure ref={page.gauge.clone()} />if sides.len() > 1 { <figure /> }</div>
            { for page.stand.pattern().panels.iter().map(row) }
        </div>
    }
}

/// The moment that is read out beside the names of the layers.
fn moment(page: &Page, link: &Scope<Page>) -> Html {
    let Some(first) = page.sides().next() else { return Html::default() };
    let last = first.buckets.len().saturating_sub(1);
    let tenths = (page.moment as u64 + 1) * first.bucket_us / 100_000;
    let words = format!("{}.{} s", tenths / 10, tenths % 10);
    let share = page.moment * 100 / last.max(1);
    html! {
        <label class="knob reading">
            <span>{ "Numbers are of" }</span><b>{ words.clone() }</b>
            <input type="range" class="scrubber" data-test="moment" min="0" max={last.to_string()}
                value={page.moment.to_string()} style={format!("--at:{share}%")} aria-valuetext={words}
                oninput={link.batch_callback(|event: InputEvent| {
                    let input: HtmlInputElement = event.target_unchecked_into();
                    Some(Msg::Moment(input.value().parse().ok()?))
                })} />
        </label>
    }
}
