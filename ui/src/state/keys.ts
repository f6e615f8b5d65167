import { m } from '../paraglide/messages';

/** How this system writes its keys. */
export function isMac(): boolean {
  return /^(Mac|iP)/.test(navigator.platform);
}

const marks: Record<string, string> = { Mod: '⌘', Shift: '⇧', Enter: '↩', Esc: 'esc' };

/** What stands on keys that are named in the language of their person. */
const names: Record<string, () => string> = {
  Space: m.key_space,
  Enter: m.key_enter,
  Shift: m.key_shift,
  Home: m.key_home,
  End: m.key_end,
  'Page Up': m.key_page_up,
  'Page Down': m.key_page_down,
};

const nameOf = (key: string) => names[key]?.() ?? key;

/** Keys that are held together, as `Mod+Shift+K`; the first is Ctrl, or Cmd on macOS. */
export function keyText(keys: string, mac: boolean = isMac()): string {
  const parts = keys.split('+');
  if (mac) return parts.map((part) => marks[part] ?? nameOf(part)).join('');
  return parts.map((part) => (part === 'Mod' ? 'Ctrl' : nameOf(part))).join('+');
}

/** The same as assistive technology is told it, in English as ARIA has it. */
export function keyNames(keys: string, mac: boolean = isMac()): string {
  return keys.replace('Mod', mac ? 'Meta' : 'Control');
}

/** Whether a key types into what has the focus. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !['checkbox', 'radio', 'button'].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}
