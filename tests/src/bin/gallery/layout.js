// What a picture cannot tell by itself: text that is cut, things on top of one another, targets too small to hit, parts that
// nobody can reach. Gives [kind, where, what] for each. Runs in the page.
'use strict';

const WIDTH = innerWidth;
const HEIGHT = innerHeight;
const SMALLEST = 24;
const CONTROLS =
  'a[href], button, input:not([type=hidden]), select, textarea, summary, [role=option], [role^=menuitem], [role=tab], [role=gridcell][tabindex], [role=switch]';
const findings = new Map();

const styles = new Map();
const css = (element) => {
  if (!styles.has(element)) styles.set(element, getComputedStyle(element));
  return styles.get(element);
};

function note(kind, element, what) {
  const where = name(element);
  const key = `${kind} ${where}`;
  if (!findings.has(key)) findings.set(key, [kind, where, what]);
}

const name = window.galleryName;

const words = (text) => {
  const short = text.replace(/\s+/g, ' ').trim();
  return `“${short.length > 60 ? `${short.slice(0, 60)}…` : short}”`;
};

/** For people who see: neither hidden nor one of the texts that only screen readers get. */
function isSeen(element) {
  if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true })) return false;
  for (let at = element; at; at = at.parentElement) {
    const style = css(at);
    if (style.position === 'absolute' && (style.clip !== 'auto' || style.clipPath !== 'none')) return false;
  }
  return true;
}

const box = (rect) => ({ left: rect.left, top: rect.top, right: rect.right, bottom: rect.bottom });

function inner(element) {
  const rect = element.getBoundingClientRect();
  const left = rect.left + element.clientLeft;
  const top = rect.top + element.clientTop;
  return { left, top, right: left + element.clientWidth, bottom: top + element.clientHeight };
}

const cut = (a, b) => ({
  left: Math.max(a.left, b.left),
  top: Math.max(a.top, b.top),
  right: Math.min(a.right, b.right),
  bottom: Math.min(a.bottom, b.bottom),
});
const width = (a) => a.right - a.left;
const height = (a) => a.bottom - a.top;
const isEmpty = (a) => width(a) <= 0.5 || height(a) <= 0.5;

/** The ancestors that clip an element, nearest first. */
function* clipping(element) {
  let position = css(element).position;
  for (let at = element.parentElement; at && at !== document.body; at = at.parentElement) {
    if (position === 'fixed') return;
    const style = css(at);
    if (position === 'absolute' && style.position === 'static' && style.transform === 'none') continue;
    position = style.position;
    if (style.overflowX !== 'visible' || style.overflowY !== 'visible') yield at;
  }
}

const scrolls = (value) => value === 'auto' || value === 'scroll';

/** What is left to see of a box, and how it was lost: `x` and `y` name the ancestor that hides without scrolling. */
function seenOf(element, whole, boxes, slack) {
  let seen = whole;
  const lost = { x: null, y: null };
  for (const at of boxes) {
    const style = css(at);
    const edge = inner(at);
    const beyondX = seen.right > edge.right + 1 || seen.left < edge.left - 1;
    const beyondY = seen.bottom > edge.bottom + slack || seen.top < edge.top - slack;
    if (beyondX && style.overflowX !== 'visible' && !scrolls(style.overflowX)) lost.x ??= at;
    if (beyondY && style.overflowY !== 'visible' && !scrolls(style.overflowY)) lost.y ??= at;
    seen = cut(seen, edge);
    if (isEmpty(seen)) break;
  }
  return { seen, lost };
}

/** Cut with a sign that there is more, or with the whole text at hand. */
function isExcused(element, until) {
  if (element.closest('[title]')) return true;
  for (let at = element; at; at = at.parentElement) {
    const style = css(at);
    const clamp = style.webkitLineClamp !== 'none' && style.webkitLineClamp !== '';
    if ((style.textOverflow === 'ellipsis' && style.overflowX !== 'visible') || clamp) return true;
    if (at === until) return false;
  }
  return false;
}

/** What lies above the rest on purpose: parts of two such layers may cover each other. */
function layer(element) {
  for (let at = element; at; at = at.parentElement) {
    const style = css(at);
    const lifted = style.position !== 'static' && style.zIndex !== 'auto';
    if (lifted || style.position === 'fixed' || style.position === 'sticky') return at;
    if (/^(dialog|alertdialog|menu|listbox)$/.test(at.getAttribute('role') ?? '')) return at;
  }
  return document.body;
}

function pageScrolls() {
  const page = document.scrollingElement;
  if (page.scrollWidth > WIDTH + 1) note('sideways', document.body, `the page is ${page.scrollWidth} px wide in ${WIDTH}`);
  const hidden = (element) => /hidden|clip/.test(css(element).overflowY);
  return page.scrollHeight > HEIGHT && !hidden(document.body) && !hidden(document.documentElement);
}

/** A whole thing that is outside the window although nothing scrolls to it. */
function outside(element, seen, lost, what, scrollable) {
  if (lost.x || lost.y || isEmpty(seen)) return;
  if (seen.right > WIDTH + 1 || seen.left < -1) note('outside', element, `${what} ends at ${Math.round(seen.right)} of ${WIDTH} px`);
  if (!scrollable && (seen.bottom > HEIGHT + 1 || seen.top < -1)) {
    note('outside', element, `${what} ends at ${Math.round(seen.bottom)} of ${HEIGHT} px in height`);
  }
}

function texts(scrollable) {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.data.trim() || !parent || parent.closest('option, textarea, script, style, svg') || !isSeen(parent)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const whole = box(range.getBoundingClientRect());
    if (isEmpty(whole)) continue;
    const own = css(parent);
    const boxes = [...(own.overflowX === 'visible' && own.overflowY === 'visible' ? [] : [parent]), ...clipping(parent)];
    const { seen, lost } = seenOf(parent, whole, own.display === 'inline' ? boxes.filter((at) => at !== parent) : boxes, 3);
    for (const at of [lost.x, lost.y]) {
      if (at && !isExcused(parent, at)) note('cut', parent, `${words(node.data)} is cut by ${name(at)}`);
    }
    outside(parent, seen, lost, words(node.data), scrollable);
    const control = parent.closest(CONTROLS);
    if (control && !lost.x && !lost.y) {
      const edge = control.getBoundingClientRect();
      if (whole.right > edge.right + 1 || whole.left < edge.left - 1 || whole.bottom > edge.bottom + 3) {
        note('sticks out', parent, `${words(node.data)} is larger than ${name(control)}`);
      }
    }
    if (!isEmpty(seen)) for (const rect of range.getClientRects()) found.push({ parent, text: node.data, seen: cut(box(rect), seen), layer: layer(parent) });
  }
  return found.filter(({ seen }) => !isEmpty(seen));
}

function overlaps(found, kind, least, describe) {
  for (let at = 0; at < found.length; at += 1) {
    for (let other = at + 1; other < found.length; other += 1) {
      const [a, b] = [found[at], found[other]];
      if (a.layer !== b.layer || a.parent === b.parent || a.parent.contains(b.parent) || b.parent.contains(a.parent)) continue;
      const both = cut(a.seen, b.seen);
      if (width(both) > least && height(both) > least) note(kind, b.parent, `${describe(b)} lies over ${describe(a)}`);
    }
  }
}

/** Where a click counts: a labelled box may be hit by its label too. */
function target(control) {
  const rects = [control, ...(control.labels ?? [])].map((part) => part.getBoundingClientRect());
  return {
    left: Math.min(...rects.map((rect) => rect.left)),
    top: Math.min(...rects.map((rect) => rect.top)),
    right: Math.max(...rects.map((rect) => rect.right)),
    bottom: Math.max(...rects.map((rect) => rect.bottom)),
  };
}

function controls(scrollable) {
  const found = [];
  for (const control of document.querySelectorAll(CONTROLS)) {
    if (!isSeen(control) || control.closest('[inert]')) continue;
    const whole = box(control.getBoundingClientRect());
    const { seen, lost } = seenOf(control, whole, clipping(control), 1);
    for (const at of [lost.x, lost.y]) if (at && isEmpty(seen)) note('unreachable', control, `is hidden by ${name(at)}`);
    outside(control, seen, lost, 'the control', scrollable);
    const area = target(control);
    const isInText = control.localName === 'a' && css(control).display === 'inline';
    if (!isInText && (width(area) < SMALLEST - 0.5 || height(area) < SMALLEST - 0.5)) {
      note('small', control, `is ${Math.round(width(area))} × ${Math.round(height(area))} px`);
    }
    if (!isEmpty(seen)) found.push({ parent: control, seen, layer: layer(control) });
  }
  return found;
}

function motion() {
  if (!matchMedia('(prefers-reduced-motion: reduce)').matches) return;
  for (const { effect } of document.getAnimations()) {
    if (effect?.target) note('moves', effect.target, 'although less motion was asked for');
  }
  for (const element of document.querySelectorAll('body *')) {
    if (css(element).transitionDuration.split(',').some((time) => parseFloat(time) > 0.011)) {
      note('moves', element, 'has a transition although less motion was asked for');
    }
  }
}

/** Names from outside are drawn with what is hidden in them named, and cut where they are endless. */
function names() {
  const HIDDEN = /[\u0000\u200b\u202a-\u202e\u2060\u2066\u2067\ufeff]/;
  const LONGEST = 1500;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (HIDDEN.test(node.data)) note('hidden', node.parentElement, `${words(node.data)} holds characters that nobody sees`);
    if (node.data.length > LONGEST) note('long', node.parentElement, `${node.data.length} characters are drawn`);
  }
  for (const element of document.querySelectorAll('[title], [aria-label]')) {
    const text = `${element.title} ${element.ariaLabel ?? ''}`;
    if (HIDDEN.test(text)) note('hidden', element, `its title or label holds characters that nobody sees: ${words(text)}`);
    if (text.length > 2 * LONGEST) note('long', element, `its title or label has ${text.length} characters`);
  }
}

const scrollable = pageScrolls();
names();
overlaps(texts(scrollable), 'over', 3, ({ text }) => words(text));
overlaps(controls(scrollable), 'over', 1, ({ parent }) => name(parent));
motion();
if (document.title !== 'Unlatch') note('run', document.documentElement, `the title became ${words(document.title)}`);
return [...findings.values()];
