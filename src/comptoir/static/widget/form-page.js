// The form with a script: proof of work in the background, files checked before they travel, one send at a time,
// and in a frame the page's height told to the page around it.
import { solve } from './proof.js'; // the semicolon lets the collector write the hashed name

const form = document.querySelector('[data-form]')

if (form) {
  const { bits, maxFiles, maxFile, maxTotal, wordsSending, wordsCount, wordsFile, wordsTotal } = form.dataset
  const button = form.querySelector('[type=submit]')
  const label = button.textContent
  const files = form.querySelector('[type=file]')
  const complaint = form.querySelector('[data-file-error]')
  let proof = null
  let busy = false
  // Whoever comes back by the back button sends the same form: with its one-time token it is still one message.
  if (history.state?.token) {
    form.elements.token.value = history.state.token
    form.elements.solution.value = history.state.solution
  }
  const prove = () => (proof ??= solve(form.elements.token.value, Number(bits)))

  form.addEventListener('focusin', prove, { once: true })

  function wrong() {
    const chosen = [...files.files]
    const kept = form.querySelectorAll('.kept input:not(:checked)').length
    const large = chosen.filter((file) => file.size > maxFile)
    if (chosen.length + kept > maxFiles) return wordsCount
    if (large.length) return `${wordsFile} ${large.map((file) => file.name).join(', ')}`
    return chosen.reduce((sum, file) => sum + file.size, 0) > maxTotal ? wordsTotal : ''
  }

  files.addEventListener('change', () => {
    const words = wrong()
    files.setAttribute('aria-invalid', String(Boolean(words)))
    complaint.replaceChildren()
    if (!words) return
    const line = document.createElement('p')
    line.className = 'error'
    line.textContent = words
    complaint.append(line)
  })

  form.addEventListener('submit', async (event) => {
    if (busy) return event.preventDefault()
    if (wrong()) { event.preventDefault(); files.focus(); return }
    busy = true
    button.setAttribute('aria-disabled', 'true')
    button.textContent = wordsSending
    const { token, solution } = form.elements
    if (solution.value) return
    event.preventDefault()
    solution.value = await prove()
    history.replaceState({ token: token.value, solution: solution.value }, '')
    HTMLFormElement.prototype.submit.call(form)
  })

  // The browser's back button brings the page back as it was left.
  addEventListener('pageshow', () => {
    busy = false
    button.removeAttribute('aria-disabled')
    button.textContent = label
  })
}

const bad = document.querySelector('[aria-invalid=true]')
if (bad) bad.focus()

if (parent !== window) {
  // Only the height leaves this frame, which is no secret; the loader checks from where it comes.
  const sheet = document.getElementById('sheet')
  const tell = () => parent.postMessage({ comptoirForm: Math.ceil(sheet.getBoundingClientRect().height) }, '*')
  new ResizeObserver(tell).observe(sheet)
  tell()
}
