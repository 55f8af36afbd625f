// Looks at every page of the harness: text that overlaps, is cut off or can hardly be read. The result is left in the document as text.
"use strict";
const SLACK = 1.5; // pixels that boxes of glyphs may share without their ink touching

function texts(doc) {
  const walker = doc.createTreeWalker(doc.body, NodeFilter.SHOW_TEXT);
  const found = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.textContent.trim()) continue;
    const range = doc.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects())
      if (box.width > 0 && box.height > 0) found.push({ node, box, parent: node.parentElement, text: node.textContent.trim().slice(0, 40) });
  }
  return found;
}

function overlaps(found) {
  const bad = [];
  found.sort((a, b) => a.box.top - b.box.top);
  for (let i = 0; i < found.length; i++)
    for (let j = i + 1; j < found.length && found[j].box.top < found[i].box.bottom - SLACK; j++) {
      const a = found[i].box, b = found[j].box;
      if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > SLACK && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > SLACK)
        bad.push(`overlap: ${found[i].text} | ${found[j].text}`);
    }
  return bad;
}

function inside(box, frame) {
  return box.left >= frame.left - SLACK && box.right <= frame.right + SLACK && box.top >= frame.top - SLACK && box.bottom <= frame.bottom + SLACK;
}

function cut(doc, found) {
  const bad = [];
  const page = doc.documentElement;
  if (page.scrollWidth > page.clientWidth) bad.push(`cut: the page is ${page.scrollWidth} wide, its window ${page.clientWidth}`);
  for (const svg of doc.querySelectorAll("svg")) {
    const room = svg.parentElement;
    if (svg.getClientRects().length && page.clientWidth < 760 && svg.clientWidth > room.clientWidth)
      bad.push(`cut: the drawing is ${svg.clientWidth} wide, its room ${room.clientWidth}`);
  }
  for (const { box, parent, text } of found) {
    const svg = parent.closest("svg");
    if (svg && !inside(box, svg.getBoundingClientRect())) bad.push(`cut by the drawing: ${text}`);
    const group = parent.closest("g.box");
    if (group && !inside(box, group.querySelector("rect").getBoundingClientRect())) bad.push(`out of its box: ${text}`);
    if (!svg && (box.left < 0 || box.right > page.clientWidth + SLACK)) bad.push(`cut by the window: ${text}`);
    for (let up = parent; up; up = up.parentElement) {
      const style = doc.defaultView.getComputedStyle(up);
      if ((style.overflowX === "hidden" && up.scrollWidth > up.clientWidth) || (style.overflowY === "hidden" && up.scrollHeight > up.clientHeight))
        bad.push(`hidden: ${text}`);
    }
  }
  return bad;
}

function channels(colour) {
  const parts = colour.match(/[\d.]+/g).map(Number);
  return parts.length === 4 && parts[3] === 0 ? null : parts.slice(0, 3);
}

function luminance(rgb) {
  const [r, g, b] = rgb.map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function behind(doc, parent) {
  const view = doc.defaultView;
  const frame = parent.closest("g.box")?.querySelector("rect") ?? (parent.matches(".cpu.bad") ? doc.querySelector(".contended") : null);
  const fill = frame && view.getComputedStyle(frame).fill;
  if (fill && fill !== "none") return channels(fill);
  for (let up = parent; up; up = up.parentElement) {
    const colour = channels(view.getComputedStyle(up).backgroundColor);
    if (colour) return colour;
  }
  return [255, 255, 255];
}

function faint(doc, found) {
  const bad = [];
  for (const { parent, text } of found) {
    const style = doc.defaultView.getComputedStyle(parent);
    const ink = luminance(channels(parent.closest("svg") ? style.fill : style.color));
    const paper = luminance(behind(doc, parent));
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (contrast < 4.5) bad.push(`faint: ${text}: ${contrast.toFixed(1)}`);
  }
  return bad;
}

addEventListener("load", () => {
  const result = {};
  for (const frame of document.querySelectorAll("iframe")) {
    const doc = frame.contentDocument;
    for (const folded of doc.querySelectorAll("details")) folded.open = true; // what is behind a line is read, too
    const found = texts(doc);
    result[frame.id] = {
      texts: found.length,
      lines: [...doc.querySelectorAll("svg path.line")].filter((line) => line.getClientRects().length).length,
      paper: luminance(channels(doc.defaultView.getComputedStyle(doc.body).backgroundColor)),
      bad: [...overlaps(found), ...cut(doc, found), ...faint(doc, found)],
    };
  }
  const bytes = new TextEncoder().encode(JSON.stringify(result));
  document.getElementById("result").textContent = btoa(String.fromCharCode(...bytes));
});
