"use strict";
const form = document.querySelector("form");
const findings = [...document.querySelectorAll(".finding")];
function choose() {
  const words = form.querySelector("[type=search]").value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const finding of findings) {
    const text = finding.textContent.toLowerCase();
    const box = form.elements[finding.dataset.severity];
    finding.hidden = !box.checked || !words.every((word) => text.includes(word));
  }
}
function open() {
  const target = document.getElementById(location.hash.slice(1));
  if (target && target.tagName === "DETAILS") target.open = true;
}
if (form) {
  form.addEventListener("input", choose);
  form.addEventListener("submit", (event) => event.preventDefault());
}
addEventListener("hashchange", open);
open();
