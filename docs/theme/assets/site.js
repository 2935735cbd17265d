// What the copy button gives: what is typed or added, never prompts, output or diff signs.
for (const block of document.querySelectorAll(".language-console")) {
  const typed = [];
  for (const line of block.querySelector("code").textContent.split("\n")) {
    const found = line.match(/^(?:\$|>>>|\.\.\.) (.*)$/);
    if (found) typed.push(found[1]);
  }
  block.dataset.copy = typed.join("\n");
}
for (const block of document.querySelectorAll(".language-diff")) {
  const added = [...block.querySelectorAll(".gi")].map((line) => line.textContent.slice(1));
  block.dataset.copy = added.join("\n");
}

// On paper nothing is hidden.
window.addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});

// The other language keeps the heading.
for (const link of document.querySelectorAll(".language a")) {
  link.addEventListener("click", () => {
    link.hash = location.hash;
  });
}

// Names for those who listen to the page, which the theme leaves out.
const dialog = document.querySelector(".md-search[role=dialog]");
dialog?.setAttribute("aria-label", dialog.querySelector("input").getAttribute("aria-label"));

function mend() {
  // A wide table is scrolled with the keyboard too.
  for (const table of document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex]), div.output:not([tabindex])")) {
    table.tabIndex = 0;
  }
  for (const nav of document.querySelectorAll(".md-code__nav:not([role])")) {
    const block = nav.closest(".highlight");
    const title = block?.querySelector(".filename")?.textContent;
    const first = block?.querySelector("code")?.textContent.trim().split("\n")[0];
    nav.setAttribute("role", "presentation");
    for (const button of nav.querySelectorAll("button")) {
      button.setAttribute("aria-label", `${button.title}: ${title || first}`);
    }
  }
}
mend();
new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
