/** How this system writes its keys. */
export function isMac(): boolean {
  return /^(Mac|iP)/.test(navigator.platform);
}

const marks: Record<string, string> = { Mod: '⌘', Shift: '⇧', Enter: '↩', Esc: 'esc' };

/** Keys that are held together, as `Mod+Shift+K`; the first is Ctrl, or Cmd on macOS. */
export function keyText(keys: string, mac: boolean = isMac()): string {
  const parts = keys.split('+');
  if (mac) return parts.map((part) => marks[part] ?? part).join('');
  return parts.map((part) => (part === 'Mod' ? 'Ctrl' : part)).join('+');
}

/** The same as assistive technology is told it. */
export function keyNames(keys: string, mac: boolean = isMac()): string {
  return keys.replace('Mod', mac ? 'Meta' : 'Control');
}

/** Whether a key types into what has the focus. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !['checkbox', 'radio', 'button'].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}
