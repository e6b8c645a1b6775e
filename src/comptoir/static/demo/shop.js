// The buttons of the demo shop that open the chat: they press the widget's own button.
document.addEventListener('click', (event) => {
  if (!event.target.closest('[data-open-chat]')) return
  document.querySelector('comptoir-chat')?.shadowRoot?.querySelector('button')?.click()
})
