/// The style sheet of all pages. Colours are those of ``PageColours`` and no others.
enum PageStyle {
  static let sheet = """

    :root { color-scheme: light dark; \(PageColours.declarations(dark: false)) }
    @media (prefers-color-scheme: dark) { :root { \(PageColours.declarations(dark: true)) } }
    * { box-sizing: border-box }
    body { font: 16px/1.5 system-ui, sans-serif; margin: 0; background: var(--background); color: var(--text) }
    main { max-width: 72rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; overflow-wrap: break-word }
    h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; overflow-wrap: anywhere }
    h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem } h3 { font-size: 1rem; margin: 1.4rem 0 .4rem }
    p { margin: .5rem 0; max-width: 46rem } .note { color: var(--muted) }
    code, .name { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .87em }
    code { background: var(--surface); padding: .1em .3em; border-radius: 3px; overflow-wrap: anywhere }
    pre { background: var(--surface); padding: .7rem .9rem; border-radius: 6px; white-space: pre-wrap;
      overflow-wrap: anywhere; margin: .5rem 0 } pre code { padding: 0 } .word { white-space: nowrap }
    dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.2rem; margin: 1rem 0 }
    dt { color: var(--muted) } dd { margin: 0; min-width: 0; overflow-wrap: anywhere }
    .figures { display: flex; flex-wrap: wrap; gap: 1rem 2.2rem; margin: 1.2rem 0 }
    .figures b { display: block; font-size: 1.6rem; font-weight: 600; line-height: 1.2 }
    .figures span { color: var(--muted) }
    .scroll { overflow: auto; max-width: 100%; margin: .6rem 0 }
    .scroll:focus-visible, button:focus-visible, input:focus-visible, summary:focus-visible {
      outline: 2px solid var(--accent); outline-offset: 2px }
    table { border-collapse: separate; border-spacing: 0; font-variant-numeric: tabular-nums; font-size: .93rem }
    .caption { color: var(--muted); font-size: .93rem; margin: .6rem 0 .3rem }
    /* Captions are for readers of the structure: the same text is above the table, where it is not cut with it. */
    caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
    td, th { padding: .28rem .7rem; text-align: right; white-space: nowrap; vertical-align: baseline;
      border-bottom: 1px solid var(--rule); unicode-bidi: isolate }
    thead th { font-weight: 600; background: var(--surface); vertical-align: bottom }
    tbody th { font-weight: 400; text-align: left }
    tr > th:first-child { text-align: left; position: sticky; left: 0; z-index: 1;
      background: var(--background) }
    thead tr > th:first-child { background: var(--surface); z-index: 2 }
    .name { white-space: normal; overflow-wrap: anywhere; min-width: 11rem }
    td.t, th.t { text-align: left } tbody th.text { white-space: normal; overflow-wrap: anywhere; min-width: 16rem;
      max-width: 40rem; position: static }
    tr.best td, tr.best th { font-weight: 600 } .removed { color: var(--removed) } .added { color: var(--added) }
    details.part > summary { cursor: pointer; margin-top: 1.6rem }
    details.part > summary h2 { display: inline; margin: 0 } .count { color: var(--muted); font-weight: 400 }
    summary { cursor: pointer; margin: .6rem 0 }
    svg.bar { display: block; width: 14rem; height: .9rem } svg.bar rect { fill: var(--accent) }
    .plot { margin: .6rem 0; max-width: 36rem } .plot svg { display: block; width: 100%; height: auto }
    .verdicts { padding-left: 1.2rem; max-width: 46rem } .verdicts li { margin: .35rem 0 }
    button, input { font: inherit; color: inherit; background: var(--background); border: 1px solid var(--muted);
      border-radius: 4px; padding: .2rem .5rem }
    thead button { border: 0; background: none; padding: 0; font-weight: 600; cursor: pointer; text-align: inherit }
    thead button::after { content: " ↕"; color: var(--muted) }
    [aria-sort=ascending] button::after { content: " ↑" } [aria-sort=descending] button::after { content: " ↓" }
    tr.group button { border: 0; background: none; padding: 0; cursor: pointer; text-align: left; overflow-wrap: anywhere }
    tr.group button::before { content: "▸ "; color: var(--muted) } tr.group [aria-expanded=true]::before { content: "▾ " }
    tr.member.open th { padding-left: 1.6rem }
    .tools { display: flex; flex-wrap: wrap; gap: .6rem 1rem; align-items: center; position: sticky; top: 0; z-index: 4;
      background: var(--background); padding: .5rem 0; border-bottom: 1px solid var(--rule) }
    .tools input[type=search] { width: 22rem; max-width: 100% } .tools [role=status] { color: var(--muted) }
    [hidden] { display: none }
    table.grid { font-size: .78rem } table.grid td, table.grid th { padding: .12rem .3rem }
    table.grid td { text-align: center; min-width: 2.1em; border-right: 1px solid var(--rule) }
    table.grid thead th { position: sticky; top: 0; text-align: center; z-index: 1 }
    table.grid tbody th { white-space: nowrap; max-width: 15rem; min-width: 0; overflow: hidden; text-overflow: ellipsis }
    table.grid thead tr > th:first-child { text-align: left; z-index: 3 }
    table.grid .up { writing-mode: vertical-rl; text-align: left; padding: .4rem .1rem; white-space: nowrap;
      max-height: 15rem; overflow: hidden; text-overflow: ellipsis; transform: rotate(180deg) }
    table.grid td.right { outline: 1px solid var(--muted); outline-offset: -1px; font-weight: 600 }
    .scroll:has(table.grid) { max-height: 85vh; width: fit-content }
    \(PageColours.heat.enumerated().map { ".h\($0.offset + 1) { background: \($0.element.use) }" }.joined(separator: " "))
    \(PageColours.miss.enumerated().map { ".m\($0.offset + 1) { background: \($0.element.use) }" }.joined(separator: " "))
    \(PlotStyle.rules)
    @media (max-width: 40rem) {
      body { font-size: 15px } main { padding: 1rem .8rem 3rem } td, th { padding: .28rem .45rem }
      td.t { white-space: normal; min-width: 6.5rem } dl { grid-template-columns: 1fr; gap: 0 } dd { margin-bottom: .5rem }
      .name { min-width: 8.5rem } table:not(.grid) tbody th.name { max-width: 45vw }
      tbody th.text { min-width: 14rem } .name { font-size: .8em } table.grid tbody th { max-width: 7.5rem } svg.bar { width: 8rem }
      .figures { gap: .8rem 1.4rem } .figures b { font-size: 1.3rem }
    }
    @media print { .tools { display: none } .scroll { overflow: visible } }

    """
}

/// The rules for plots, on a page and in an image of its own.
enum PlotStyle {
  static let rules = """
    svg text { font: 14px system-ui, sans-serif; fill: var(--muted) }
    svg .strong { fill: var(--text) }
    svg .grid { stroke: var(--rule); stroke-width: 1 }
    svg .best { stroke: var(--best); stroke-width: 1.5; stroke-dasharray: 4 3 }
    svg .besttext { fill: var(--best) }
    svg .won { color: var(--best) } svg .train { color: var(--train) } svg .eval { color: var(--accent) }
    svg .line { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round }
    svg .dot { fill: currentColor } svg .accuracy { stroke-dasharray: 2 3 } svg .fine { stroke-dasharray: 8 4 }
    svg .point { fill: var(--accent); opacity: .6 }
    """

  /// The rules with their colours, for an image that no page surrounds.
  static let standalone =
    "svg { \(PageColours.declarations(dark: false)) }\n"
    + "@media (prefers-color-scheme: dark) { svg { \(PageColours.declarations(dark: true)) } }\n"
    + rules + "\n"
}
