// Comptoir's chat in any page: <script src="https://…/static/widget/chat.js" data-key="…" async></script>
// Optional: data-lang (fr, en), data-theme (light, dark), data-side (left, right). Only the button lives in this page;
// everything else is in a frame of our own origin, which this page cannot read and which cannot read this page.
(() => {
  const script = document.currentScript
  if (document.querySelector('comptoir-chat')) return // the tag stands twice in the page
  const { key, side = 'right' } = script.dataset
  const home = new URL(script.src).origin
  const store = `comptoir-chat:${key}:`
  const asked = (script.dataset.lang || document.documentElement.lang || navigator.language).slice(0, 2)
  const lang = asked === 'fr' ? 'fr' : 'en'
  // The only words outside the frame: the page shows the button before it loads anything else of ours.
  const words = lang === 'fr'
    ? { open: 'Ouvrir le chat', close: 'Fermer le chat', new: 'nouveau message', title: 'Chat' }
    : { open: 'Open chat', close: 'Close chat', new: 'new message', title: 'Chat' }
  const theme = ['light', 'dark'].includes(script.dataset.theme) ? script.dataset.theme : ''

  const host = document.createElement('comptoir-chat')
  const root = host.attachShadow({ mode: 'open' })
  const sheet = new CSSStyleSheet() // not an inline style: a strict Content-Security-Policy of the page allows it
  sheet.replaceSync(`
    :host { all: initial; color-scheme: ${theme || 'light dark'}; --paper: light-dark(#fbf9f4, #1c1a17); --line: light-dark(#ded9cd, #3a3733);
      --accent: light-dark(#2450b8, #9dbcf5); --ink: light-dark(#fffdf8, #10204a); --lift: 0 2px 6px #3c2d1426, 0 12px 32px #3c2d1438 }
    button, div { position: fixed; ${side === 'left' ? 'left' : 'right'}: max(20px, env(safe-area-inset-${side === 'left' ? 'left' : 'right'})); z-index: 2147483000 }
    button { bottom: max(20px, env(safe-area-inset-bottom)); width: 56px; height: 56px; padding: 0; border: 0; border-radius: 50%;
      background: var(--accent); color: var(--ink); box-shadow: var(--lift); cursor: pointer; display: grid; place-items: center; transition: transform .16s }
    button:hover { transform: translateY(-2px) }
    button:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px }
    svg { width: 26px; height: 26px; fill: none; stroke: currentColor; stroke-width: 1.9; stroke-linecap: round; stroke-linejoin: round }
    [aria-expanded=true] .say, [aria-expanded=false] .shut { display: none }
    i { position: absolute; top: -3px; right: -3px; min-width: 20px; height: 20px; padding: 0 5px; box-sizing: border-box; border-radius: 10px;
      background: #b3261e; color: #fff; font: 600 12px/20px system-ui, sans-serif; text-align: center }
    i:empty { display: none }
    div { bottom: calc(max(20px, env(safe-area-inset-bottom)) + 70px); width: 384px; height: min(640px, 100dvh - 112px); border-radius: 14px; overflow: hidden;
      background: var(--paper); border: 1px solid var(--line); box-sizing: border-box; box-shadow: var(--lift); opacity: 0; visibility: hidden;
      transform: translateY(10px); transition: opacity .16s, transform .16s, visibility 0s .16s }
    div.open { opacity: 1; visibility: visible; transform: none; transition-delay: 0s }
    iframe { display: block; width: 100%; height: 100%; border: 0; color-scheme: normal }
    @media (max-width: 480px) {
      div { inset: 0 0 auto; width: 100%; height: 100dvh; border: 0; border-radius: 0 }
      button[aria-expanded=true] { display: none }
    }
    @media (prefers-reduced-motion: reduce) { * { transition: none !important } }
    @media print { button, div { display: none } }`)
  root.adoptedStyleSheets = [sheet]
  const button = document.createElement('button')
  button.type = 'button'
  button.innerHTML = '<svg viewBox="0 0 24 24" aria-hidden="true"><g class="say"><path d="M4 5.5h16v11H10l-4.5 3.6V16.5H4z"/><path d="M8 9.5h8M8 12.5h5"/></g><path class="shut" d="m6 9.5 6 6 6-6"/></svg><i></i>'
  const badge = button.lastChild
  const panel = document.createElement('div')
  panel.setAttribute('role', 'dialog')
  panel.setAttribute('aria-label', words.title)
  root.append(panel, button)

  let frame, ready, open = false, unread = 0
  const phone = matchMedia('(max-width: 480px)')

  // A page may forbid storage; then the chat lasts as long as the page.
  const kept = () => {
    try {
      const names = Object.keys(localStorage).filter((name) => name.startsWith(store))
      return Object.fromEntries(names.map((name) => [name.slice(store.length), localStorage[name]]))
    } catch { return {} }
  }
  const keep = (name, value) => {
    try {
      if (value === null) localStorage.removeItem(store + name)
      else localStorage.setItem(store + name, value)
    } catch { /* full or forbidden */ }
  }
  const say = (what, more) => ready && frame.contentWindow.postMessage({ comptoirChat: what, ...more }, home)

  function load() {
    if (frame) return
    const address = new URL(`/c/webchat/${encodeURIComponent(key)}/?lang=${lang}${theme && `&theme=${theme}`}`, home)
    frame = document.createElement('iframe')
    frame.title = words.title
    frame.src = address
    panel.append(frame)
  }

  function draw() {
    const label = open ? words.close : words.open
    button.setAttribute('aria-expanded', String(open))
    button.setAttribute('aria-label', unread && !open ? `${label} (${unread} ${words.new})` : label)
    badge.textContent = unread && !open ? Math.min(unread, 99) : ''
    panel.classList.toggle('open', open)
    panel.setAttribute('aria-modal', String(open && phone.matches))
    document.documentElement.style.overflow = open && phone.matches ? 'hidden' : ''
    fit()
  }

  // With the keyboard of a phone out, the sheet is what remains visible above it.
  function fit() {
    const view = window.visualViewport
    const sheet = open && phone.matches && view
    panel.style.height = sheet ? `${view.height}px` : ''
    panel.style.top = sheet ? `${view.offsetTop}px` : ''
  }

  function toggle(value) {
    open = value
    load()
    draw()
    say(open ? 'open' : 'close')
    if (open) frame.focus()
    else button.focus()
  }

  button.addEventListener('click', () => toggle(!open))
  window.visualViewport?.addEventListener('resize', fit)
  window.visualViewport?.addEventListener('scroll', fit)
  phone.addEventListener('change', draw)
  addEventListener('keydown', (event) => { if (open && event.key === 'Escape') toggle(false) })
  addEventListener('storage', (event) => { // another tab of this page
    if (event.key?.startsWith(store)) say('kept', { name: event.key.slice(store.length), value: event.newValue })
  })
  addEventListener('message', (event) => {
    if (!frame || event.origin !== home || event.source !== frame.contentWindow) return
    const { comptoirChat: what, value } = event.data ?? {}
    if (what === 'ready') {
      ready = true
      say('hello', { page: location.href, kept: kept(), open })
    } else if (what === 'close') toggle(false)
    else if (what === 'unread') { unread = Number(value) || 0; draw() }
    else if (what === 'used') keep('used', '1') // here only: there is a chat; the frame keeps it by itself, …
    else if (what === 'keep' && /^(token|draft|seen|o:\w{1,40})$/.test(value?.name)) { // … unless its storage is refused
      if (value.value === null || (typeof value.value === 'string' && value.value.length < 30000)) keep(value.name, value.value)
    }
  })
  draw()
  const start = () => {
    document.body.append(host)
    if (kept().used) load() // somebody who has chatted hears of an answer without opening the chat
  }
  if (document.body) start()
  else addEventListener('DOMContentLoaded', start)
})()
