// Comptoir's form in any page: <script src="https://…/static/widget/form.js" data-key="…" async></script>
// The frame stands where the script stands, or in the element that data-target names.
(() => {
  const script = document.currentScript
  const { key, lang, theme, target } = script.dataset
  const home = new URL(script.src).origin
  const address = new URL(`/c/webform/${encodeURIComponent(key)}/?embed=1`, home)
  const language = lang || document.documentElement.lang.slice(0, 2)
  if (language === 'fr' || language === 'en') address.searchParams.set('lang', language)
  if (theme) address.searchParams.set('theme', theme)
  const frame = document.createElement('iframe')
  frame.src = address
  frame.title = script.dataset.title || (language === 'fr' ? 'Nous écrire' : 'Write to us')
  Object.assign(frame.style, { width: '100%', height: '640px', border: '0' })
  const place = target && document.querySelector(target)
  if (place) place.append(frame)
  else script.after(frame)
  let shown = 0
  addEventListener('message', (event) => {
    if (event.origin !== home || event.source !== frame.contentWindow) return
    const height = Number(event.data?.comptoirForm)
    if (height > 0 && height < 20000) frame.style.height = `${height}px`
  })
  frame.addEventListener('load', () => {
    // After a send the frame shows another page: bring its beginning into view.
    if (shown++ && frame.getBoundingClientRect().top < 0) frame.scrollIntoView({ block: 'start' })
  })
})()
