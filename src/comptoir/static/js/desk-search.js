// The search page completes the words of its filters; what that takes is loaded there only.
{
  if (document.querySelector("[data-search-words]")) import("./apart/search-words.js");
}
