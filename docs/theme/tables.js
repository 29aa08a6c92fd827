/* Tables fit any screen: paths may break at their parts, and on a narrow screen a table of three columns or more becomes
   a list, for which each cell learns the heading of its column. The style does the rest. */
for (const table of document.querySelectorAll("article table:not([class])")) {
  const headings = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent);
  if (headings.length > 2) table.dataset.wide = "";
  for (const row of table.querySelectorAll("tbody tr"))
    [...row.cells].forEach((cell, index) => cell.setAttribute("data-heading", headings[index]));
  const texts = document.createTreeWalker(table.tBodies[0], NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) found.push(texts.currentNode);
  for (const text of found) {
    const parts = text.data.split(/(?<=[/_.=])(?=[\w(])/);
    text.replaceWith(...parts.flatMap((part, index) => (index ? [document.createElement("wbr"), part] : [part])));
  }
}
