// The inside of the chat. A message gets its id here, waits in an outbox in storage, and leaves it only when the server
// has answered that it is on disk; the server takes each id once. So neither a reload nor a lost answer loses or doubles it.
import { solve } from './proof.js'; // the semicolon lets the collector write the hashed name

const { base, token: puzzle, bits, max, language, words, status, mail } = JSON.parse(document.getElementById('settings').textContent)
const find = (name) => document.querySelector(`[data-${name}]`)
const [log, list, text, composer, ask, wrong, saved, offline, earlier] =
  ['log', 'entries', 'text', 'composer', 'ask', 'wrong', 'saved', 'offline', 'earlier'].map(find)
const sendButton = composer.querySelector('button')

// ── What is kept ── in the storage of our own origin; where the browser refuses that in a foreign page, the page around
// us keeps it (it is handed back with 'hello'), and only then does anything leave this frame.
let own
try { own = localStorage; own.setItem(`${base}?`, '1'); own.removeItem(`${base}?`) } catch { own = null }
let lent = {}
const keep = {
  get: (name) => (own ? own.getItem(base + name) : lent[name]) || '',
  set(name, value) {
    if (own) { try { return own.setItem(base + name, value) } catch { own = null } } // full: the page around may have room
    lent[name] = value
    tell('keep', { name, value })
  },
  remove(name) {
    if (own) return own.removeItem(base + name)
    delete lent[name]
    tell('keep', { name, value: null })
  },
  names: (start) => (own ? Object.keys(own).filter((n) => n.startsWith(base)).map((n) => n.slice(base.length)) : Object.keys(lent))
    .filter((name) => name.startsWith(start)),
}

// ── The page around us ──
let around = '' // its origin, known from its first word
let page = ''
let opened = parent === window
const framed = !opened

function tell(what, value) {
  if (framed && (around || what === 'ready')) parent.postMessage({ comptoirChat: what, value }, around || '*') // 'ready' says nothing
}

addEventListener('message', (event) => {
  if (!framed || event.source !== parent || (around && event.origin !== around)) return
  const { comptoirChat: what, ...more } = event.data ?? {}
  if (what === 'hello' && !around) {
    around = event.origin
    page = String(more.page ?? '').slice(0, 2000)
    if (!own) lent = { ...more.kept }
    if (more.open) show()
    begin()
  } else if (what === 'kept' && !own) { // another tab
    if (more.value === null) delete lent[more.name]
    else lent[more.name] = more.value
    if (more.name === 'token') wake()
  } else if (what === 'open') show()
  else if (what === 'close') opened = false
})

function show() {
  opened = true
  look()
  wake()
  scrollDown()
  if (matchMedia('(pointer: fine)').matches) text.focus()
  else document.querySelector('h1').focus() // without the keyboard of a phone jumping out
}

find('close').addEventListener('click', () => tell('close'))
addEventListener('keydown', (event) => {
  if (event.key === 'Escape') return tell('close')
  if (event.key !== 'Tab') return
  const stops = [...document.querySelectorAll('button, input, textarea, a[href], [tabindex="0"]')].filter((el) => el.checkVisibility())
  const [first, last] = [stops[0], stops.at(-1)]
  if (event.shiftKey ? document.activeElement === first : document.activeElement === last) {
    event.preventDefault()
    ;(event.shiftKey ? last : first).focus()
  }
})

// ── State ──
const entries = new Map() // by number: what the server has
let outbox = [] // what it has not answered yet: {id, text, at, failed?, final?}
let email = ''
let presence = status.presence
let unread = 0
let cursor = 0

function loadOutbox() {
  const known = new Map(outbox.map((item) => [item.id, item]))
  for (const name of keep.names('o:')) {
    try {
      const item = JSON.parse(keep.get(name))
      if (item.id && item.text && !known.has(item.id)) known.set(item.id, item)
    } catch { keep.remove(name) }
  }
  outbox = [...known.values()].sort((a, b) => a.at - b.at)
}

function take(rows) {
  const near = atEnd
  for (const row of rows) {
    entries.set(row.n, row)
    cursor = Math.max(cursor, row.n)
    if (row.id) drop(row.id)
  }
  if (!rows.length) return
  draw()
  if (near || rows.some((row) => row.id)) scrollDown()
  look()
}

// What was not yet in front of the visitor's eyes is counted on the button, also after they have gone to another page.
function look() {
  if (opened && document.visibilityState === 'visible') {
    if (cursor > (Number(keep.get('seen')) || 0)) keep.set('seen', String(cursor))
  }
  const seen = Number(keep.get('seen')) || 0
  const count = [...entries.values()].filter((row) => !row.id && row.n > seen).length
  if (count !== unread) tell('unread', unread = count)
}

function drop(id) {
  outbox = outbox.filter((item) => item.id !== id)
  keep.remove(`o:${id}`)
}

// ── Drawing ──
const clock = new Intl.DateTimeFormat(language, { hour: 'numeric', minute: '2-digit' })
const calendar = new Intl.DateTimeFormat(language, { weekday: 'long', day: 'numeric', month: 'long' })
const moment = new Intl.DateTimeFormat(language, { weekday: 'long', hour: 'numeric', minute: '2-digit' })

function make(tag, name, content) {
  const element = document.createElement(tag)
  if (name) element.className = name
  if (content !== undefined) element.append(content)
  return element
}

function linked(content) {
  const bubble = make('div', 'bubble')
  content.split(/(https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]])/).forEach((part, i) => {
    if (i % 2 === 0) return bubble.append(part)
    const link = make('a', '', part)
    Object.assign(link, { href: part, target: '_blank', rel: 'noopener noreferrer nofollow' })
    bubble.append(link)
  })
  return bubble
}

function dayOf(date) {
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 864e5)
  return days === 0 ? words.today : days === 1 ? words.yesterday : calendar.format(date)
}

function drawEntry(row, before, last) {
  const mine = Boolean(row.id)
  const item = make('li', `entry${mine ? ' mine' : ''}`)
  const first = !before || Boolean(before.id) !== mine || before.name !== row.name
  if (first) item.classList.add('first')
  if (mine) item.append(make('span', 'sr', `${words.you}: `))
  else item.append(make('span', first ? 'who' : 'sr', row.name || document.querySelector('h1').textContent))
  item.append(linked(row.text))
  const pending = row.n === undefined
  if (pending) item.classList.add(row.failed ? 'failed' : 'waiting')
  if (row.failed) {
    const again = make('button', 'state', row.why || words.failed)
    again.type = 'button'
    again.addEventListener('click', () => retry(row))
    item.append(again)
  } else if (pending) item.append(make('span', 'state', words.sending))
  else if (mine && last) item.append(make('span', 'state', `${words.sent} ${clock.format(new Date(row.at))}`))
  else if (!mine && row.emailed) item.append(make('span', 'state', words.emailed))
  return item
}

let drawn = new Map() // keys of what stands in the list, so that a screen reader hears only what is new
function draw() {
  const rows = [...[...entries.values()].sort((a, b) => a.n - b.n), ...outbox]
  const lastMine = rows.findLast((row) => row.id && row.n !== undefined)
  const next = new Map()
  let before, day
  for (const row of rows) {
    const date = new Date(row.at)
    if (day !== date.toDateString()) {
      day = date.toDateString()
      const label = dayOf(date)
      const name = `day ${day} ${label}`
      next.set(name, drawn.get(name) ?? make('li', 'day', label))
      before = undefined
    }
    const name = [row.n === undefined ? row.id : row.n, row.failed, row.why, row === lastMine, row.emailed, before?.name, Boolean(before?.id)].join('|')
    next.set(name, drawn.get(name) ?? drawEntry(row, before, row === lastMine))
    before = row
  }
  for (const [name, element] of drawn) if (!next.has(name)) element.remove()
  let place = list.firstChild
  for (const element of next.values()) {
    if (element === place) place = place.nextSibling
    else list.insertBefore(element, place)
  }
  drawn = next
  find('greeting').hidden = rows.length > 0
  const offered = mail && rows.some((row) => row.id) // an address is asked for only once there is something to answer
  ask.hidden = !offered || Boolean(email) || (presence === 'here' && !asking)
  saved.hidden = !offered || !ask.hidden
  if (!saved.hidden) drawSaved()
}

let asking = false
function drawSaved() {
  if (email) return saved.replaceChildren(words.saved.replace('{email}', email))
  const button = make('button', '', words.leaving)
  button.type = 'button'
  button.addEventListener('click', () => { asking = true; draw(); find('contact').email.focus() })
  saved.replaceChildren(button)
}

function drawStatus(now) {
  presence = now.presence
  const line = find('status')
  const when = now.opens ? moment.format(new Date(now.opens)) : ''
  const content = now.words.replace('{when}', when)
  line.dataset.presence = presence
  if (line.textContent !== content) line.textContent = content
}

// Whoever reads the newest message keeps it in view, also when a notice or the phone's keyboard takes room.
let atEnd = true
function scrollDown() { log.scrollTop = log.scrollHeight; atEnd = true }
log.addEventListener('scroll', () => { atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80 })
new ResizeObserver(() => { if (atEnd) scrollDown() }).observe(log)

let lost = false
function drawNetwork(isLost) {
  if (lost === isLost) return
  lost = isLost
  offline.textContent = isLost ? words.offline : ''
  offline.hidden = !isLost
}

// ── Requests ──
class Refused extends Error {
  constructor(code, answer, wait) { super(answer.error || ''); Object.assign(this, { code, answer, wait }) }
}

async function request(path, { body, token, seconds = 20 } = {}) {
  const url = `${base}${path}${path.includes('?') ? '&' : '?'}lang=${language}`
  const headers = { ...(token && { Authorization: `Bearer ${token}` }), ...(body && { 'Content-Type': 'application/json' }) }
  const response = await fetch(url, {
    method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(seconds * 1000),
    credentials: 'omit', cache: 'no-store',
  })
  const answer = await response.json().catch(() => ({}))
  if (!response.ok) throw new Refused(response.status, answer, Number(response.headers.get('Retry-After')) || 0)
  drawNetwork(false)
  return answer
}

const pause = (seconds) => new Promise((done) => { const timer = setTimeout(done, seconds * 1000); wakers.add(() => { clearTimeout(timer); done() }) })
const wakers = new Set()
function wake() { for (const waker of [...wakers]) { wakers.delete(waker); waker() } }
const backoff = (tries) => Math.min(30, 2 ** Math.min(tries, 5)) * (0.5 + Math.random() / 2)

addEventListener('online', wake)
addEventListener('offline', () => drawNetwork(true))
document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'visible') { look(); wake() } })

// ── The session ── started with the first message, with the proof of work done while it was typed.
let proof
let work = puzzle
const prove = () => (proof ??= solve(work, bits))
text.addEventListener('focus', prove)

let starting // one start at a time, whoever asks
const session = () => keep.get('token') || (starting ??= startSession().finally(() => { starting = undefined }))

async function startSession() {
  try {
    const { token: fresh } = await request('session', { body: { token: work, solution: await prove() } })
    const other = keep.get('token') // another tab was faster
    if (!other) keep.set('token', fresh)
    tell('used')
    wake()
    return other || fresh
  } catch (error) {
    if (error.answer?.proof) { work = error.answer.proof; proof = undefined }
    throw error
  }
}

function forget() { // the server no longer knows this chat
  keep.remove('token')
  keep.remove('seen')
  entries.clear()
  cursor = 0
}

// ── Sending ──
let flushing = false
async function flush() {
  if (flushing) return
  flushing = true
  for (let tries = 0; outbox.some((item) => !item.final);) {
    const batch = outbox.filter((item) => !item.final).slice(0, 20)
    try {
      const token = await session()
      const { accepted } = await request('messages', { token, body: { messages: batch.map(({ id, text }) => ({ id, text })), page } })
      take(accepted)
      for (const { id } of batch) drop(id)
      tries = 0
      draw()
    } catch (error) {
      if (error.code === 401) { forget(); if (tries++ < 3) continue }
      const final = [400, 404, 413, 422].includes(error.code)
      for (const item of batch) Object.assign(item, { failed: true, final, why: error.code ? error.message : '' })
      if (!error.code) drawNetwork(true)
      draw()
      if (!final) await pause(error.wait || backoff(tries++))
      for (const item of batch) if (!item.final) Object.assign(item, { failed: false, why: '' })
      draw()
    }
  }
  flushing = false
}

function retry(item) {
  if (item.final) { // it can only be changed: back into the field
    drop(item.id)
    text.value = [item.text, text.value].filter(Boolean).join('\n')
    text.focus()
    typed()
    return draw()
  }
  wake()
  flush()
}

function newId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

composer.addEventListener('submit', (event) => {
  event.preventDefault()
  const content = text.value.trim()
  if (!content || content.length > max) return text.focus()
  const item = { id: newId(), text: content, at: Date.now() }
  outbox.push(item)
  keep.set(`o:${item.id}`, JSON.stringify(item))
  text.value = ''
  keep.remove('draft')
  typed()
  draw()
  scrollDown()
  text.focus()
  wake()
  flush()
})

function typed() {
  const content = text.value.trim()
  sendButton.setAttribute('aria-disabled', String(!content || content.length > max))
  text.setCustomValidity(content.length > max ? words.long.replace('{max}', max) : '')
  if (content.length > max) text.reportValidity()
  if (!CSS.supports('field-sizing', 'content')) {
    text.style.height = 'auto'
    text.style.height = `${text.scrollHeight}px`
  }
}
text.addEventListener('input', () => { typed(); keep.set('draft', text.value) })
text.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing || !matchMedia('(pointer: fine)').matches) return
  event.preventDefault()
  composer.requestSubmit()
})

// ── Receiving ──
async function history(before = 0) {
  const token = keep.get('token')
  if (!token) return
  const answer = await request(`history?before=${before}`, { token })
  const height = log.scrollHeight - log.scrollTop
  take(answer.entries)
  email = answer.email
  earlier.hidden = !answer.earlier
  drawStatus(answer)
  draw()
  log.scrollTop = before ? log.scrollHeight - height : log.scrollHeight
}
earlier.addEventListener('click', () => history(Math.min(...entries.keys())).catch(() => drawNetwork(true)))

async function listen() {
  for (let tries = 0, known = false; ;) {
    const token = keep.get('token')
    if (!token) { known = false; await pause(600); continue }
    try {
      if (!known) { await history(); known = true }
      const answer = await request(`poll?after=${cursor}`, { token, seconds: 40 })
      take(answer.entries)
      drawStatus(answer)
      draw()
      tries = 0
      if (!answer.wait) await pause(opened && document.visibilityState === 'visible' ? 2.5 : 15)
      else if (!answer.entries.length) await pause(0.2)
    } catch (error) {
      if (error.code === 401) { forget(); known = false; draw(); continue }
      if (error.code === 404) return
      if (!error.code && error.name !== 'TimeoutError') drawNetwork(true)
      await pause(error.wait || backoff(tries++))
    }
  }
}

// Another tab of the same visitor: the same outbox, the same session.
addEventListener('storage', (event) => {
  if (!event.key?.startsWith(base)) return
  if (event.key === `${base}token`) wake()
})

// ── Where the answer goes ──
find('contact').addEventListener('submit', async (event) => {
  event.preventDefault()
  const field = event.target.email
  try {
    const answer = await request('contact', { token: await session(), body: { email: field.value.trim() } })
    email = answer.email
    wrong.hidden = true
    asking = false
    draw()
    text.focus()
  } catch (error) {
    wrong.textContent = error.message && error.code ? error.message : words.offline
    wrong.hidden = false
    field.setAttribute('aria-invalid', 'true')
    field.focus()
  }
})

// ── Beginning ──
let begun = false
function begin() {
  if (begun) return
  begun = true
  text.value ||= keep.get('draft') // unless somebody was faster than our script
  loadOutbox()
  drawStatus(status)
  typed()
  draw()
  scrollDown()
  if (keep.get('token') || outbox.length) tell('used')
  listen()
  flush()
  setInterval(draw, 60000) // yesterday comes
}

if (framed) tell('ready')
else { begin(); show() }
