// <button data-dialog-open="id"> opens <dialog id="id">; data-dialog-close, the backdrop and Escape close it.
{
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog-open]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.dialogOpen);
      if (dialog && !dialog.open) {
        event.preventDefault();
        dialog.showModal();
      }
      return;
    }
    const dialog = event.target.closest("dialog[open]");
    if (dialog && (event.target === dialog || event.target.closest("[data-dialog-close]"))) {
      event.preventDefault();
      dialog.close();
    }
  });
}
