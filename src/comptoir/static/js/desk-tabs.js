// On a narrow screen the tabs scroll: the current one is brought into sight.
{
  const tab = document.querySelector(".tab[aria-current]");
  const bar = tab?.closest(".tabs");
  if (bar && bar.scrollWidth > bar.clientWidth) bar.scrollLeft = tab.offsetLeft - bar.offsetLeft - 24;
}
